-- What is composed of several calls, as one job: async.ensure and its like. A
-- job like the others: asked, waited for, given by poll, cancelled; and nothing
-- but wait blocks.

local control = require "sandbox.control"
local core = require "trunking.core"
local helper = require "helper"
local trunking = require "trunking"

local DOMAIN = "head-office.pstn.twilio.com"
local params = { domain_name = DOMAIN, friendly_name = "Head office" }
local quick = { settle = { 0.01, 0.02 } }
local PN = "PN" .. ("b"):rep(32)

local function trunks() return control.ledger(0).trunks end

-- Waits until a job is done, by asking it.
local function asked(job)
  helper.wait_until(function() return job:done() end)
  return job
end

-- What poll gives next.
local function polled(client)
  return helper.wait_until(client.poll)
end

after_each(helper.tidy)

for _, transport in ipairs(helper.transports) do
  describe("async.ensure over " .. transport, function()
    local client
    before_each(function() client = helper.client(transport) end)

    it("gives a job, and sends the rest as it is asked", function()
      local job = assert(client.async.ensure(params, quick))
      assert.equal("trunking.job(ensure, in flight)", tostring(job))
      local trunk, did = asked(job):result()
      assert.same({ DOMAIN, "created" }, { trunk.domain_name, did })
      assert.equal("trunking.job(ensure, done)", tostring(job))
      assert.equal(trunk, (job:result()))
      assert.equal(trunk, (job:wait(0)))
      assert.is_nil(client.poll())
    end)

    it("is waited for", function()
      local trunk, did = assert(client.async.ensure(params, quick)):wait()
      assert.same({ DOMAIN, "created" }, { trunk.domain_name, did })
      assert.equal("unchanged", select(2,
        assert(client.async.ensure(params, quick)):wait(helper.HANG)))
    end)

    it("is given by poll, once, and none of its calls is", function()
      local job = assert(client.async.ensure(params, quick))
      local other = assert(client.async.list())
      local given = { [polled(client)] = true, [polled(client)] = true }
      assert.is_true(given[job])
      assert.is_true(given[other])
      assert.is_nil(client.poll())
      assert.equal(0, client.in_flight())
      assert.equal("created", select(2, job:result()))
    end)

    it("goes on by poll while the loop waits for fd alone", function()
      assert(client.fd())
      local jobs = {}
      for i = 1, 8 do
        jobs[i] = assert(client.async.ensure({ friendly_name = "n" .. i },
          { by = "friendly_name", settle = quick.settle }))
      end
      local n = 0
      helper.wait_until(function()
        while client.poll() do n = n + 1 end
        return n == 8
      end)
      for _, job in ipairs(jobs) do
        assert.equal("created", select(2, job:result()))
      end
      assert.equal(8, trunks())
    end)

    it("goes on after a wait that was too short", function()
      control.arm { method = "GET", hold = true, apply = true }
      local job = assert(client.async.ensure(params, quick))
      local trunk, err = job:wait(0.01)
      assert.is_nil(trunk)
      helper.check(err, { kind = "timeout", operation = "ensure",
        says = "not done yet" })
      helper.check(helper.error_of(job:result()), { kind = "timeout" })
      assert.is_false(job:done())
      helper.received(1)
      control.release()
      assert.equal("created", select(2, job:wait()))
    end)

    it("settles what was lost", function()
      control.arm { method = "POST", close = true, apply = true }
      assert.equal("adopted", select(2,
        assert(client.async.ensure(params, quick)):wait()))
      assert.equal(1, trunks())
    end)

    it("has its errors as the call has them", function()
      control.arm { method = "POST", status = 400, body = '{"code":20001}' }
      helper.check(helper.error_of(assert(client.async.ensure(params, quick))
        :wait()), { kind = "rejected", outcome = "refused", code = 20001,
          operation = "ensure" })
      helper.check(helper.error_of(client.async.ensure { secuer = true }),
        { kind = "invalid", field = "secuer", outcome = "not_sent" })
      helper.check(helper.error_of(client.async.ensure {}),
        { kind = "invalid", field = "domain_name" })
    end)

    it("is cancelled before it has sent a change", function()
      control.arm { method = "GET", hold = true, apply = true, times = 9 }
      local job = assert(client.async.ensure(params, quick))
      helper.received(1)
      assert.equal("not_sent",
        helper.wait_until(function() return job:cancel() end))
      helper.check(helper.error_of(job:wait()), { kind = "cancelled",
        outcome = "not_sent", operation = "ensure",
        says = "nothing was changed" })
      assert.is_nil(client.poll()) -- it was waited for
      assert.equal(0, trunks())
    end)

    it("is given by poll when it was cancelled, too", function()
      control.arm { method = "GET", hold = true, apply = true, times = 9 }
      local job = assert(client.async.ensure(params, quick))
      helper.received(1)
      job:cancel()
      assert.equal(job, polled(client))
      assert.is_nil(client.poll())
      assert.equal("cancelled", select(2, job:result()).kind)
    end)

    -- A job whose create has been sent, and is not answered yet.
    local function with_create_held()
      control.arm { method = "POST", hold = true, apply = true }
      local job = assert(client.async.ensure(params, quick))
      helper.wait_until(function()
        job:done()
        return control.ledger(0).count == 2
      end)
      return job
    end

    it("is cancelled with a create under way", function()
      local job = with_create_held()
      assert.equal("unknown",
        helper.wait_until(function() return job:cancel() end))
      local err = helper.error_of(job:wait())
      helper.check(err, { kind = "cancelled", outcome = "unknown" })
      assert.equal(DOMAIN, err.intent.params.domain_name)
      control.release()
      assert.equal(2, control.ledger(0).count)
    end)

    it("stays what it is when it is cancelled too late", function()
      local job = asked(assert(client.async.ensure(params, quick)))
      assert.equal("done", job:cancel())
      assert.equal("created", select(2, job:result()))
    end)

    it("ends when its client is closed", function()
      local job = with_create_held()
      client.close()
      helper.check(helper.error_of(asked(job):result()),
        { kind = "cancelled", outcome = "unknown" })
      control.release()
    end)
  end)
end

describe("what is composed, under async,", function()
  local client
  before_each(function() client = helper.client "TLS" end)

  it("is all that a client composes", function()
    local trunk = assert(client.create(params))
    local url = { sip_url = "sip:a.example", friendly_name = "n",
      priority = 1, weight = 1, enabled = true }
    local intent = assert(assert(client.async.intent(params)):wait())
    assert.same(params, intent.params)
    local async = client.async
    local cases = {
      { async.find { domain_name = DOMAIN }, trunk.sid },
      { async.reconcile(intent, quick), trunk.sid, "domain_name" },
      { async.origination_urls.ensure(trunk, url, quick), nil, "created" },
      { async.credential_lists.ensure(trunk, "CL" .. ("c"):rep(32), quick),
        "CL" .. ("c"):rep(32), "created" },
      { async.ip_access_control_lists.ensure(trunk, "AL" .. ("a"):rep(32),
        quick), "AL" .. ("a"):rep(32), "created" },
      { async.phone_numbers.ensure(trunk, PN, { move = true }), PN,
        "created" },
      { async.recording.ensure(trunk, { trim = "trim-silence" }, quick), nil,
        "updated" },
    }
    for _, case in ipairs(cases) do
      local record, how = assert(case[1]):wait()
      assert(record, how)
      if case[2] then assert.equal(case[2], record.sid) end
      assert.equal(case[3], how)
    end
    assert.equal("recording.ensure", tostring(cases[7][1]):match "%((.-),")
  end)

  it("gives 'absent' as what it is, false", function()
    local record, how = assert(client.async.reconcile({ operation = "create",
      params = params }, quick)):wait()
    assert.same({ false, "absent" }, { record, how })
  end)

  it("raises for a wrong argument at the caller's line", function()
    local line = debug.getinfo(1, "l").currentline
    local calls = {
      function() local _ = client.async.ensure(42) end,
      function() local _ = client.async.ensure({}, 42) end,
      function() local _ = client.async.phone_numbers.ensure(42, PN) end,
      function() local _ = client.async.recording.ensure("x", 42) end,
      function() local _ = client.async.reconcile "x" end,
      function() local _ = client.async.find() end,
    }
    for i, call in ipairs(calls) do
      local ok, why = pcall(call)
      assert.is_false(ok)
      assert.matches("composed_spec.lua:" .. line + 1 + i
        .. ": bad argument #", why, 1, true)
    end
    local job = assert(client.async.ensure(params, quick))
    for _, bad in ipairs { -1, 0 / 0, "x" } do
      assert.is_false(pcall(job.wait, job, bad))
    end
    for _, name in ipairs { "done", "wait", "result", "cancel" } do
      assert.is_false(pcall(job[name]))
      assert.is_false(pcall(job[name], {}))
    end
    assert.is_false(getmetatable(job))
    assert(job:wait())
  end)

  -- It gave its results instead of a job.
  it("is a job where the thread is quicker than this one", function()
    for _, given in ipairs { params, params, false } do
      local mine, own = trunking._new {
        base_url = helper.origin "TLS", ca_file = helper.sandbox "CA",
        account_sid = helper.sandbox "ACCOUNT_SID",
        auth_token = helper.sandbox "AUTH_TOKEN" }
      for _, name in ipairs { "async_within", "async_pause" } do
        local start = own[name]
        own[name] = function(...)
          local part, why = start(...)
          if part then part:wait() end
          return part, why
        end
      end
      local job = assert(mine.async.ensure(given
        or { sid = "TK" .. ("0"):rep(32) }, quick))
      assert.is_true(job:done())
      local trunk, how = job:result()
      assert.equal(given and DOMAIN or nil, trunk and trunk.domain_name)
      assert.truthy(how)
    end
  end)

  it("may be asked within its own on_attempt", function()
    for _, name in ipairs { "done", "result", "wait", "cancel" } do
      local job, raised
      local watching = helper.client("TLS", { on_attempt = function()
        local ok, why = pcall(function()
          if job then job[name](job, name == "wait" and 0 or nil) end
        end)
        raised = raised or not ok and why
      end })
      -- No attempt ends before on_attempt has the job.
      local before = #helper.requests()
      control.arm { method = "GET", hold = true, apply = true }
      job = assert(watching.async.ensure({ domain_name = name .. DOMAIN },
        quick))
      helper.received(before + 1)
      control.release()
      local trunk, how = asked(job):result()
      assert.is_falsy(raised)
      if name == "cancel" then assert.equal("cancelled", how.kind)
      else assert.equal("created", trunk and how) end
    end
  end)

  it("is no leak when it is let go", function()
    local client_ref = setmetatable({}, { __mode = "v" })
    do
      local mine = helper.client "TLS"
      client_ref[1] = mine
      control.arm { method = "GET", hold = true, apply = true }
      local job = assert(mine.async.ensure(params, quick))
      client_ref[2] = job
      helper.received(1)
    end
    for _ = 1, 4 do collectgarbage() end
    assert.is_nil(client_ref[1])
    assert.is_nil(client_ref[2])
    control.release()
  end)

  it("ends in its time", function()
    local mine = helper.client("TLS", { timeout = helper.HANG })
    control.arm { method = "GET", delay = helper.HANG, times = 9 }
    local start = core.clock()
    local job = assert(mine.async.ensure(params, { timeout = 0.3,
      settle = 0 }))
    helper.check(helper.error_of(job:wait()), { kind = "timeout",
      outcome = "not_sent" })
    assert.is_true(core.clock() - start < helper.HANG / 2)
  end)

  it("is there on a client that waits by a function", function()
    local waits = 0
    local mine = helper.client("TLS", { wait = function(job)
      waits = waits + 1
      job:wait(0.01)
    end })
    local job = assert(mine.async.ensure(params, quick))
    assert.equal(0, waits)
    assert.equal("created", select(2, asked(job):result()))
    assert.equal(0, waits)
    -- late, for nobody waits for a job that is done at once
    control.arm { method = "GET", delay = 0.3, apply = true }
    assert.equal("unchanged", select(2, mine.ensure(params, quick)))
    assert.is_true(waits > 0)
  end)

  it("says what the default client lacks", function()
    local said = helper.run [[
      local trunking = require "trunking"
      local job, err = trunking.async.ensure {
        domain_name = "a.pstn.twilio.com" }
      print(job, err.kind, err.outcome, err.operation)
    ]]
    assert.equal("nil\tconfig\tnot_sent\tensure\n", said)
    assert.is_function(trunking.async.recording.ensure)
  end)
end)
