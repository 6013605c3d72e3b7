-- Jobs: calls that a client's thread runs while Lua goes on. Every operation,
-- what a job says of itself at each time, and its end, of itself or cancelled.
-- (With its client, its Lua state, the process: job_end_spec.)

local control = require "sandbox.control"
local core = require "trunking.core"
local helper = require "helper"

local unpack = table.unpack or unpack
local socket = require "socket"

-- Where all is slow: fewer of the many.
local slow = os.getenv "TRUNKING_SLOW"
local LONG = helper.HANG

local wait_until, received = helper.wait_until, helper.received

local function finish(job)
  wait_until(function() return job:done() end)
  return job
end

after_each(helper.tidy)

-- ---- every operation --------------------------------------------------

local prefixes = { credential_lists = "CL", phone_numbers = "PN",
  ip_access_control_lists = "AL" }
local serial = 0

-- What creates one of a resource.
local function params_of(resource)
  serial = serial + 1
  local prefix = prefixes[resource]
  if prefix then return prefix .. ("%032x"):format(serial) end
  if resource == "" then return { friendly_name = "n" .. serial } end
  return { sip_url = "sip:a.example.com", friendly_name = "n" .. serial,
    weight = 10, priority = 20, enabled = true }
end

-- The arguments of an operation, with a record made for it if it needs one.
local function arguments(client, trunk, operation)
  local at, args = operation.resource, {}
  if at ~= "" then args[1] = trunk.sid end
  if at == "recording" then
    if operation.name == "update" then args[2] = { trim = "trim-silence" } end
    return args
  end
  if operation.name == "create" then
    args[#args + 1] = params_of(at)
  elseif operation.name ~= "list" then
    local home = at == "" and client or client[at]
    local made = at == "" and home.create(params_of(at))
      or home.create(trunk.sid, params_of(at))
    args[#args + 1] = assert(made).sid
    if operation.name == "update" then
      args[#args + 1] = { friendly_name = "updated" }
    end
  end
  return args
end

local name_of, home_of = helper.name_of, helper.home_of

for _, transport in ipairs(helper.transports) do
  describe("a job over " .. transport, function()
    local client, other
    before_each(function()
      client, other = helper.client(transport), helper.client "plain HTTP"
    end)

    for _, operation in ipairs(core.operations()) do
      local name = operation.name
      it("does " .. name_of(operation), function()
        local trunk = assert(other.create {})
        local args = arguments(other, trunk, operation)
        local job = assert(home_of(client.async, operation)[name](
          unpack(args)))
        assert.matches("^trunking%.job%(" .. name_of(operation):gsub("%.",
          "%%.") .. ", ", tostring(job))
        local result, meta = job:wait()
        assert.truthy(result, meta)
        assert.equal(operation.status, meta.status)
        assert.equal(1, meta.attempts)
        if name == "delete" then
          assert.is_true(result)
          assert.is_nil((home_of(other, operation).fetch(unpack(args))))
        elseif name == "list" then
          local page = home_of(other, operation).list(unpack(args))
          assert.same({ #page, page.meta.key }, { #result, result.meta.key })
        elseif operation.resource == "recording" then
          assert.same(other.recording.fetch(trunk), result)
        else
          if name == "create" then args[#args] = result.sid end
          if name == "update" then args[#args] = nil end
          local fetched = home_of(other, operation).fetch(unpack(args))
          fetched.url, fetched.links = result.url, result.links
          assert.same(fetched, result)
        end
      end)
    end

    it("is not done, and then it is", function()
      control.arm { apply = true, hold = true }
      local job = assert(client.async.create { friendly_name = "x" })
      received(1)
      assert.is_false(job:done())
      assert.equal("trunking.job(create, in flight)", tostring(job))
      assert.equal(1, client.in_flight())
      control.release()
      finish(job)
      assert.equal("trunking.job(create, done)", tostring(job))
      assert.equal(0, client.in_flight())
      assert.equal("x", job:result().friendly_name)
    end)

    it("goes on when a wait gives up", function()
      control.arm { apply = true, hold = true }
      local job = assert(client.async.create {})
      received(1)
      for _, seconds in ipairs { 0, 0.05 } do
        helper.check(helper.error_of(job:wait(seconds)), { kind = "timeout",
          operation = "create", outcome = "unknown", says = "goes on" })
      end
      helper.check(helper.error_of(job:result()), { kind = "timeout",
        operation = "create", says = "not done yet" })
      control.release()
      assert.matches("^TK", assert(job:wait(LONG)).sid)
      assert.equal(1, control.ledger(0).count)
    end)

    it("gives the same results however often it is asked", function()
      local job = assert(client.async.create {})
      local trunk, meta = job:wait()
      local again, more = job:result()
      assert.equal(trunk, again)
      assert.equal(meta, more)
      assert.equal(trunk, (job:wait(0)))
      control.arm { status = 400 }
      job = assert(client.async.create {})
      local _, err = job:wait()
      assert.equal(err, (select(2, job:result())))
      helper.check(err, { kind = "rejected", outcome = "refused" })
    end)

    it("keeps its results while others use what it was made of", function()
      control.arm { status = 400, body = '{"message":"the first"}' }
      local first = assert(client.async.create { friendly_name = "first" })
      local _, err = first:wait(LONG)
      local jobs = {}
      for i = 1, 40 do
        jobs[i] = assert(client.async.create { friendly_name = "n" .. i })
      end
      for i = 40, 1, -1 do
        local trunk, meta = jobs[i]:wait(LONG)
        assert.same({ "n" .. i, 201, 1 },
          { trunk.friendly_name, meta.status, meta.attempts })
      end
      assert.equal(err, select(2, first:result()))
      helper.check(err, { message = "the first", status = 400, attempts = 1 })
      assert.equal("n40", jobs[40]:result().friendly_name)
      local job = assert(client.async.create {})
      client.close()
      local trunk, what = job:result()
      local again, more = job:result()
      assert.equal(trunk, again)
      assert.equal(what, more)
    end)

    it("tries again what is safe", function()
      control.arm { { status = 429, headers = { ["Retry-After"] = "0" } },
        { close = true, method = "GET" } }
      local trunk, meta = client.async.create({}):wait()
      assert.truthy(trunk)
      assert.equal(2, meta.attempts)
      assert.equal(2, select(2, client.async.fetch(trunk):wait()).attempts)
    end)

    it("is not sent twice when nobody knows what became of it", function()
      control.arm { apply = true, close = true }
      helper.check(helper.error_of(client.async.create({}):wait()),
        { outcome = "unknown", operation = "create" })
      assert.same({ 1, 1 }, { control.ledger(0).count,
        control.ledger(0).created })
    end)

    it("for another page is what next of a job's page gives", function()
      for _ = 1, 3 do assert(other.create {}) end
      local page = assert(client.async.list({ page_size = 2 }):wait())
      local job = assert(page.next())
      assert.matches("^trunking%.job%(list, ", tostring(job))
      local second = assert(job:wait())
      assert.same({ 2, 1 }, { #page, #second })
      assert.is_nil(second.next())
      assert.equal(page[1].sid, assert(second.previous()):wait()[1].sid)
    end)
  end)
end

-- ---- what is wrong ----------------------------------------------------

describe("a job that cannot be begun", function()
  it("gives nil and an error at once, and nothing is sent", function()
    local client = helper.client "plain HTTP"
    helper.check(helper.error_of(client.async.create { freindly_name = "x" }),
      { kind = "invalid", outcome = "not_sent", operation = "create",
        field = "freindly_name", says = "did you mean 'friendly_name'" })
    helper.check(helper.error_of(client.async.fetch "TKx"),
      { kind = "invalid", outcome = "not_sent", operation = "fetch" })
    helper.check(helper.error_of(client.async.recording.update(
      helper.sid("TK", "1"), { mode = "x" })), { kind = "invalid",
      operation = "recording.update", field = "mode" })
    assert.equal(0, client.in_flight())
    assert.is_nil(client.poll())
    assert.equal(0, control.ledger(0).count)
  end)

  it("raises at the caller's line for what is of a wrong type", function()
    local client = helper.client "plain HTTP"
    local line = debug.getinfo(1, "l").currentline
    for _, call in ipairs {
      function() local _ = client.async.create() end,
      function() local _ = client.async.create(42) end,
      function() local _ = client.async.fetch(nil) end,
      function() local _ = client.async.recording.update({}, 1) end,
    } do
      line = line + 1
      local ok, why = pcall(call)
      assert.is_false(ok)
      assert.matches("job_spec.lua:" .. line + 1 .. ": bad argument #", why,
        1, true)
    end
    assert.equal(0, control.ledger(0).count)
  end)

  it("of a closed client says so", function()
    local client = helper.client "plain HTTP"
    client.close()
    helper.check(helper.error_of(client.async.create {}), { kind = "config",
      outcome = "not_sent", operation = "create", says = "closed" })
    helper.check(helper.error_of(client.fd()), { kind = "config" })
    assert.is_nil(client.poll())
    assert.equal(0, client.in_flight())
  end)
end)

describe("a job's methods", function()
  it("raise for what is no time and no job", function()
    local job = assert(helper.client("plain HTTP").async.list())
    for _, bad in ipairs { "x", -1, 0 / 0, {} } do
      local ok, why = pcall(function() local _ = job:wait(bad) end)
      assert.is_false(ok)
      assert.matches("job_spec.lua:%d+: .*bad argument #1", why)
    end
    for _, name in ipairs { "done", "wait", "result", "cancel" } do
      assert.is_false(pcall(job[name]))
      assert.is_false(pcall(job[name], {}))
    end
    assert.truthy(job:wait(1e300))
    assert.is_false(getmetatable(job))
  end)
end)

-- ---- cancelling -------------------------------------------------------

-- What cancel says once the thread has let the request go, which it may say at
-- once.
local function outcome_of_cancel(job)
  return helper.wait_until(function() return job:cancel() end)
end

for _, transport in ipairs(helper.transports) do
  describe("a job over " .. transport .. " that is cancelled", function()
    local client
    before_each(function()
      client = helper.client(transport, { max_in_flight = 1 })
    end)

    it("in the queue was not sent", function()
      control.arm { apply = true, hold = true }
      local first = assert(client.async.create {})
      local second = assert(client.async.create {})
      assert.equal("not_sent", outcome_of_cancel(second))
      helper.check(helper.error_of(second:wait()), { kind = "cancelled",
        outcome = "not_sent", operation = "create" })
      received(1)
      control.release()
      assert.truthy(first:wait())
      assert.equal(1, control.ledger(0).count)
    end)

    it("when it was sent is unknown", function()
      control.arm { apply = true, hold = true }
      local job = assert(client.async.create {})
      received(1)
      assert.equal("unknown", outcome_of_cancel(job))
      assert.equal("unknown", job:cancel())
      assert.equal(job, client.poll()) -- it is poll's to give, as before
      helper.check(helper.error_of(job:wait()), { kind = "cancelled",
        outcome = "unknown", operation = "create", attempts = 1,
        says = "may or may not" })
      assert.truthy(client.async.create({}):wait())
    end)

    it("when it is done stays as it was", function()
      local job = finish(assert(client.async.create {}))
      assert.equal("done", job:cancel())
      local trunk = assert(job:result())
      assert.equal("done", job:cancel())
      assert.equal(trunk, (job:result()))
      control.arm { status = 400 }
      job = finish(assert(client.async.create {}))
      assert.equal("refused", job:cancel())
    end)
  end)
end

-- ---- poll and fd ------------------------------------------------------

describe("a job whose results a debug hook cut short", function()
  it("gives them to the next who asks", function()
    local client = helper.client "plain HTTP"
    local job = assert(client.async.list {})
    wait_until(function() return client.in_flight() == 0 end)
    debug.sethook(function()
      if debug.getinfo(2, "S").short_src:find "pages" then error "cut" end
    end, "c")
    local ok, why = pcall(job.result, job)
    debug.sethook()
    assert.is_false(ok)
    assert.matches("cut", why)
    assert.equal(job, client.poll())
    assert.equal("trunks", assert(job:result()).meta.key)
    client.close()
  end)
end)

describe("client.poll", function()
  it("gives each job once, as they are done, but those asked for",
    function()
      local client = helper.client("plain HTTP", { max_in_flight = 1 })
      local jobs, order = {}, {}
      for i = 1, 5 do
        jobs[i] = assert(client.async.create { friendly_name = "n" .. i })
      end
      assert.truthy(jobs[2]:wait())
      finish(jobs[4])
      wait_until(function() return client.in_flight() == 0 end)
      for job in client.poll do order[#order + 1] = job end
      assert.same({ 3, true, true, true }, { #order, order[1] == jobs[1],
        order[2] == jobs[3], order[3] == jobs[5] })
      assert.is_nil(client.poll())
      for i = 1, 5 do
        assert.equal("n" .. i, jobs[i]:result().friendly_name)
      end
      assert.is_nil(client.poll())
    end)

  it("gives jobs that nobody else holds", function()
    local client = helper.client "TLS"
    for i = 1, 3 do client.async.create { friendly_name = "n" .. i } end
    local names = {}
    wait_until(function()
      collectgarbage()
      for job in client.poll do
        names[#names + 1] = job:result().friendly_name
      end
      return #names == 3
    end)
    table.sort(names)
    assert.same({ "n1", "n2", "n3" }, names)
  end)
end)

describe("client.fd", function()
  local client

  -- Whether the descriptor is readable within so many seconds.
  local function readable(seconds)
    local fd = assert(client.fd())
    local object = { getfd = function() return fd end,
      dirty = function() return false end }
    return socket.select({ object }, nil, seconds)[1] == object
  end

  before_each(function() client = helper.client "plain HTTP" end)

  it("tells of a job that was taken by itself, once, until poll has looked",
    function()
      assert(client.fd())
      assert.truthy(client.async.create({}):wait())
      assert.is_true(readable(0))
      assert.is_nil(client.poll())
      assert.is_false(readable(0))
    end)

  it("is a number that does not change", function()
    local fd = assert(client.fd())
    assert.is_number(fd)
    assert.truthy(client.async.create({}):wait())
    assert.equal(fd, client.fd())
  end)

  it("is readable as long as a job waits to be asked for", function()
    assert.is_false(readable(0))
    control.arm { apply = true, hold = true }
    local first = assert(client.async.create {})
    received(1)
    assert.is_false(readable(0))
    control.release()
    assert.is_true(readable(LONG))
    assert.is_true(readable(0))
    assert.equal(first, client.poll())
    assert.is_false(readable(0))
    assert(client.async.create {})
    assert(client.async.create {})
    assert.is_true(readable(LONG))
    local got = 0
    wait_until(function()
      for _ in client.poll do got = got + 1 end
      return got == 2
    end)
    assert.is_false(readable(0))
  end)

end)

-- ---- many -------------------------------------------------------------

describe("many jobs", function()
  local MANY = slow and 200 or 10000

  it(("(%d) at 16 at once all finish, each once"):format(MANY), function()
    control.reset { keep = MANY }
    local client = helper.client("plain HTTP", { max_in_flight = 16 })
    for i = 1, MANY do
      assert(client.async.create { friendly_name = "n" .. i,
        domain_name = "many-" .. i .. ".pstn.twilio.com" })
    end
    local sids, distinct = {}, 0
    wait_until(function()
      local idle = client.in_flight() == 0
      for job in client.poll do
        local sid = assert(job:result()).sid
        if not sids[sid] then sids[sid], distinct = true, distinct + 1 end
      end
      return idle
    end)
    assert.equal(MANY, distinct)
    local ledger = control.ledger(0)
    assert.same({ MANY, MANY, MANY },
      { ledger.count, ledger.created, ledger.trunks })
  end)

  it("are all in flight where as many may be", function()
    local client = helper.client("plain HTTP", { max_in_flight = 100 })
    control.arm { apply = true, hold = true, times = 100 }
    local jobs = {}
    for i = 1, 100 do jobs[i] = assert(client.async.create {}) end
    received(100)
    control.release()
    for _, job in ipairs(jobs) do assert(job:wait(LONG)) end
  end)

  it("begin in their order", function()
    local client = helper.client("plain HTTP", { max_in_flight = 1 })
    local last
    for i = 1, 20 do
      last = assert(client.async.create { friendly_name = "n" .. i })
    end
    assert.truthy(last:wait())
    for i, request in ipairs(helper.requests()) do
      assert.equal("n" .. i, request.form.FriendlyName)
    end
  end)

  it("lose no time of theirs in the queue", function()
    assert.equal("none was late", helper.in_time(function(timeout)
      local client = helper.client("plain HTTP", { max_in_flight = 1,
        timeout = timeout })
      control.arm { apply = true, delay = timeout * 0.3, times = 5 }
      local jobs, said = {}, "none was late"
      for i = 1, 5 do jobs[i] = assert(client.async.create {}) end
      for _, job in ipairs(jobs) do
        local trunk, err = job:wait()
        if not trunk then said = tostring(err) end
      end
      client.close()
      return said, said ~= "none was late"
    end))
  end)
end)

describe("a call without a wire", function()
  local client, own
  after_each(function() client.close() end)

  local function with_one_wire(timeout)
    client, own = require("trunking")._new { max_in_flight = 1,
      timeout = timeout, base_url = helper.origin "plain HTTP",
      account_sid = helper.sandbox "ACCOUNT_SID",
      auth_token = helper.sandbox "AUTH_TOKEN" }
  end

  -- A client with one wire, on which a call was refused and another waits for
  -- its reply: both jobs, and whether the second had the wire in time. What
  -- comes between them is begun by `between`.
  local function occupied(timeout, retry_after, between)
    with_one_wire(timeout)
    control.arm { { status = 429,
        headers = { ["Retry-After"] = tostring(retry_after) } },
      { apply = true, hold = true } }
    local late = assert(client.async.create { friendly_name = "late" })
    received(1)
    if between then between() end
    local slow_one = assert(client.async.create { friendly_name = "slow" })
    received(2)
    return late, slow_one,
      helper.requests()[2].form.FriendlyName == "slow"
  end

  -- It went out when the wire was free, its time over, with a millisecond
  -- left: what had been refused was "unknown" then.
  it("is not made when its time was over before a wire was free", function()
    local late, slow_one, in_order
    for retry_after = 1, 16, 5 do
      late, slow_one, in_order = occupied(retry_after + 1.2, retry_after)
      if in_order then break end
      client.close()
      control.reset()
    end
    helper.check(helper.error_of(late:wait()), { status = 429,
      kind = "rate_limit", outcome = "refused" })
    helper.check(helper.error_of(slow_one:wait()), { kind = "timeout",
      outcome = "unknown" })
    assert.equal(2, control.ledger(0).count)
  end)

  -- A pause stood behind the calls in the queue, and lasted until they had a
  -- wire: a search paused for longer than it had time.
  it("holds up no pause that is begun after it", function()
    with_one_wire(LONG)
    control.arm { apply = true, hold = true }
    local held = assert(client.async.create {})
    received(1)
    local queued = assert(client.async.create {})
    local pause = assert(own.async_pause(0.01))
    assert(pause:wait(LONG / 2))
    assert.is_false(held:done())
    assert.is_false(queued:done())
    control.release()
    assert(held:wait(LONG))
    assert(queued:wait(LONG))
  end)

  it("stands in no pause's way while it waits for a wire", function()
    local pause
    local late, slow_one = occupied(LONG, 1, function()
      pause = assert(own.async_pause(1.5))
    end)
    assert(pause:wait(LONG / 2))
    assert.is_false(slow_one:done())
    assert.is_false(late:done())
  end)
end)

-- ---- blocking calls beside jobs -----------------------------------------

for _, transport in ipairs(helper.transports) do
  describe("a blocking call over " .. transport .. " beside jobs", function()
    it("works, and tries again", function()
      local client = helper.client(transport)
      control.arm { apply = true, hold = true }
      local job = assert(client.async.create { friendly_name = "job" })
      received(1)
      control.arm { status = 429, headers = { ["Retry-After"] = "0" } }
      local trunk, meta = client.create { friendly_name = "call" }
      assert.equal("call", assert(trunk).friendly_name)
      assert.equal(2, meta.attempts)
      assert.is_false(job:done())
      control.release()
      assert.equal("job", assert(job:wait()).friendly_name)
      assert.is_nil(client.poll())
    end)

    it("is interrupted by Ctrl-C", function()
      local said = helper.run(([[
        local control = require "sandbox.control"
        local helper = require "helper"
        local client = helper.client "%s"
        assert(client.async.create({}):wait())
        control.reset()
        control.arm { apply = true, hold = true }
        os.execute("{ " .. helper.interpreter() .. [=[ -e '
          local control = require "sandbox.control"
          local socket = require "socket"
          repeat socket.sleep(0.02) until control.ledger(0).count > 0' &&
          kill -INT $PPID; } >/dev/null 2>&1 &]=])
        print(pcall(%s))
        print(client.create { friendly_name = "second" }.friendly_name)]])
        :format(transport, "client.create, {}"))
      assert.matches("^false\t[^\n]*interrupted! [^\n]*may have been "
        .. "applied%)\nsecond\n$", said)
      assert.equal(2, control.ledger(0).count)
    end)
  end)
end

describe("Ctrl-C while a job is waited for", function()
  it("ends the wait and not the job", function()
    local said = helper.run(([[
      local control = require "sandbox.control"
      local helper = require "helper"
      local client = helper.client "plain HTTP"
      control.arm { apply = true, hold = true }
      local job = client.async.create { friendly_name = "job" }
      helper.received(1)
      print(pcall(function()
        os.execute "{ sleep 0.2; kill -INT $PPID; } >/dev/null 2>&1 &"
        return job:wait()
      end))
      control.release()
      print(job:wait().friendly_name)]]))
    assert.matches("^false\t[^\n]*interrupted![^\n]*\njob\n$", said)
    assert.equal(1, control.ledger(0).count)
  end)
end)

-- ---- on_attempt ---------------------------------------------------------

for _, transport in ipairs(helper.transports) do
  describe("on_attempt of jobs over " .. transport, function()
    local events, client, act
    before_each(function()
      events, act = {}, nil
      client = helper.client(transport, { on_attempt = function(event)
        events[#events + 1] = event
        if act then act(event) end
      end })
      control.arm { status = 429, headers = { ["Retry-After"] = "0" } }
    end)

    it("is told of each attempt when the job is seen to be done", function()
      local job = assert(client.async.create {})
      wait_until(function() return control.ledger(0).count == 2 end)
      assert.same({}, events)
      assert.truthy(job:wait())
      local requests = helper.requests()
      for i, outcome in ipairs { "refused", "done" } do
        assert.same({ "create", "POST", i, outcome, requests[i].request_id },
          { events[i].operation, events[i].method, events[i].attempt,
            events[i].outcome, events[i].request_id })
      end
      assert.equal(2, #events)
    end)

    it("is told what the reply makes of the outcome", function()
      control.arm { apply = true, status = 201, body = "{" }
      local job = assert(client.async.create {})
      helper.check(helper.error_of(job:wait()), { outcome = "applied" })
      assert.same({ 2, "applied" }, { #events, events[2].outcome })
    end)

    it("may ask for the job it is told of, and drop it", function()
      local sid
      act = function()
        local job = client.poll()
        if job then sid = job:result().sid end
        for _ = 1, 2 do collectgarbage() end
      end
      client.async.create {}
      wait_until(function() return client.poll() or sid end)
      assert.matches("^TK", sid)
      assert.equal(2, #events)
    end)

    it("may ask for it more than once", function()
      local told, again
      act = function()
        told = told or client.poll()
        assert(told:done() and told:done())
        again = again or client.poll()
      end
      local job = assert(client.async.create {})
      wait_until(function() return job:done() end)
      assert.same({ nil, 2 }, { again, #events })
      assert.is_nil(client.poll())
      assert.truthy(told == job and job:result())
    end)

    it("is not told of a job that nobody asks for", function()
      client.async.create {}
      wait_until(function() return client.in_flight() == 0 end)
      client.close()
      client = nil
      for _ = 1, 4 do collectgarbage() end
      assert.same({}, events)
    end)

    it("may start another", function()
      local more
      act = function() more = more or client.async.create {} end
      assert.truthy(client.async.create({}):wait())
      assert.truthy(more:wait())
      assert.equal(3, #events)
    end)

    it("cannot close the client meanwhile", function()
      local ok, why
      act = function() ok, why = pcall(client.close) end
      local job = client.async.create {}
      assert.truthy(job:wait())
      assert.is_false(ok)
      assert.matches("can't be closed during its own call", why, 1, true)
      client.close()
      assert.truthy(job:result())
    end)
  end)
end
