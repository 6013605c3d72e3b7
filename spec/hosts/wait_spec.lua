-- The option wait: every call of such a client waits by calling it. The
-- scheduler is 20 lines of coroutines, as a host would have.

local control = require "sandbox.control"
local helper = require "helper"
local socket = require "socket"
local trunking = require "trunking"

local SID = "^TK%x+$"

-- Runs functions as coroutines until all are over, a tick at a time: what each
-- returned.
local function run(...)
  local threads, results = {}, {}
  for i, f in ipairs { ... } do threads[i] = coroutine.create(f) end
  local left, latest = #threads, socket.gettime() + helper.HANG
  while left > 0 do
    assert(socket.gettime() < latest, "it takes too long")
    for i = 1, #threads do
      if coroutine.status(threads[i]) == "suspended" then
        local ok, result = coroutine.resume(threads[i])
        if coroutine.status(threads[i]) == "dead" then
          left = left - 1
          results[i] = { ok, result }
        end
      end
    end
    socket.sleep(0.005)
  end
  return results
end

local function yield() coroutine.yield() end

-- Whether a yield may cross the for of a generic loop.
local is_puc51 = _VERSION == "Lua 5.1" and not rawget(_G, "jit")

after_each(helper.tidy)

for _, transport in ipairs(helper.transports) do
  describe("a client with wait, over " .. transport, function()
    local client
    before_each(function()
      client = helper.client(transport, { wait = yield, max_in_flight = 20 })
    end)
    after_each(function() client.close() end)

    it("lets others run while 20 calls are made at once", function()
      local calls = {}
      for i = 1, 20 do
        calls[i] = function()
          return assert(client.create { friendly_name = "n" .. i })
            .friendly_name
        end
      end
      control.arm { apply = true, hold = true, times = 20 }
      local others = 0
      calls[21] = function()
        repeat
          others = others + 1
          coroutine.yield()
        until control.ledger(0).count == 20
        assert.equal(20, client.in_flight())
        control.release()
      end
      local results = run((table.unpack or unpack)(calls))
      for i = 1, 20 do assert.same({ true, "n" .. i }, results[i]) end
      assert.same({ true }, results[21])
      assert.is_true(others > 0)
      assert.equal(20, control.ledger(0).created)
      assert.equal(0, client.in_flight())
    end)

    it("makes every operation wait, those of a trunk's parts too", function()
      local results = run(function()
        local sid = assert(client.create {}).sid
        local url = assert(client.origination_urls.create(sid, {
          sip_url = "sip:a@example.com", friendly_name = "u", priority = 1,
          weight = 1, enabled = true }))
        assert(client.origination_urls.fetch(sid, url.sid))
        assert(client.recording.update(sid, { mode = "do-not-record" }))
        assert(client.update(sid, { secure = true }))
        return select("#", client.delete(sid)) >= 1
          and helper.error_of(client.fetch(sid)).kind
      end)
      assert.same({ { true, "not_found" } }, results)
    end)

    it("goes from page to page, and over all records", function()
      local results = run(function()
        for i = 1, 5 do assert(client.create { friendly_name = "n" .. i }) end
        local page = assert(client.list { page_size = 2 })
        local second = assert(page.next())
        local last = assert(second.next())
        assert.equal(1, #last)
        assert.equal(1, select("#", last.next()))
        assert.is_nil((last.next()))
        assert.equal(page[1].sid, assert(second.previous())[1].sid)
        local names, next_trunk = {}, client.each { page_size = 2, limit = 4 }
        local trunk = next_trunk()
        while trunk do
          names[#names + 1] = trunk.friendly_name
          trunk = next_trunk()
        end
        assert.is_nil(next(client.async.list {}:wait().next() or {}))
        return table.concat(names, " ")
      end)
      assert.is_true(results[1][1], tostring(results[1][2]))
      assert.equal(4, select(2, results[1][2]:gsub("n%d", "")))
    end)

    it("makes what is composed of calls wait, and its pauses too", function()
      control.arm { method = "POST", close = true, apply = true }
      local others = 0
      local results = run(function()
        local trunk, what = client.ensure({ friendly_name = "e",
          domain_name = "wait.pstn.twilio.com" }, { settle = { 0.3 } })
        return assert(trunk, what).friendly_name .. " " .. what
      end, function()
        for _ = 1, 30 do
          others = others + 1
          coroutine.yield()
        end
      end)
      assert.same({ true, "e adopted" }, results[1])
      assert.equal(30, others)
      assert.equal(1, control.ledger(0).created)
    end)

    if not is_puc51 then
      it("waits inside a for loop", function()
        local results = run(function()
          for _ = 1, 3 do assert(client.create {}) end
          local n = 0
          for _ in client.each { page_size = 1 } do n = n + 1 end
          return n
        end)
        assert.same({ { true, 3 } }, results)
      end)
    end
  end)
end

describe("wait", function()
  local function client(wait)
    return helper.client("plain HTTP", { wait = wait })
  end

  it("must be a function", function()
    local made, err = trunking.new { wait = 42 }
    assert.is_nil(made)
    helper.check(err, { kind = "config", field = "wait",
      says = "option wait must be a function" })
  end)

  it("is given the job, and called until that is done", function()
    control.arm { apply = true, hold = true }
    local calls, given = 0, nil
    local c = client(function(job)
      calls, given = calls + 1, job
      if calls == 3 then
        helper.received(1)
        control.release()
      elseif calls > 3 then
        socket.sleep(0.01)
      end
    end)
    local trunk = assert(c.create {})
    assert.truthy(trunk.sid:find(SID))
    assert.is_true(calls >= 3)
    assert.is_true(given:done())
    assert.equal(trunk, (given:result()))
    assert.is_nil(c.poll())
  end)

  it("is not called for what is refused before it begins", function()
    local c = client(error)
    helper.check(helper.failure(c, { freindly_name = "x" }),
      { kind = "invalid", field = "freindly_name" })
    assert.equal(0, #helper.requests())
  end)

  it("may block, as job:wait does", function()
    assert(client(function(job) job:wait() end).create {})
  end)

  it("leaves the job to poll when it raises where it could yield", function()
    if not is_puc51 then
      return pending "only PUC Lua 5.1 cannot catch what may yield"
    end
    control.arm { apply = true, hold = true }
    local c = client(function() error("enough", 0) end)
    local thread = coroutine.create(function() return c.create {} end)
    assert.same({ false, "enough" }, { coroutine.resume(thread) })
    helper.received(1)
    assert.equal(1, c.in_flight())
    control.release()
    local job = helper.wait_until(c.poll)
    assert.truthy(assert(job:result()).sid)
    assert.equal(0, c.in_flight())
    c.close()
  end)

  it("has no part in errors of type, raised at the caller's line", function()
    local c, line = client(error), debug.getinfo(1, "l").currentline
    for name, call in pairs {
      create = function() local t = c.create(42) return t end,
      fetch = function() local t = c.fetch() return t end,
      update = function() local t = c.origination_urls.update({}, {}) return t
      end,
      each = function() local t = c.each(42) return t end,
      list = function() local t = c.phone_numbers.list(42) return t end,
    } do
      local ok, why = pcall(call)
      assert.is_false(ok)
      local at, said = why:match "wait_spec%.lua:(%d+): bad argument (.*)"
      assert.truthy(at, why)
      assert.is_true(tonumber(at) > line and tonumber(at) < line + 9, why)
      assert.truthy(said:find("to '" .. name .. "'", 1, true), why)
    end
  end)

  it("takes each's limit amiss in the same way", function()
    local ok, err = pcall(client(error).each, { limit = -1 })
    assert.is_false(ok)
    helper.check(err, { kind = "invalid", field = "limit" })
  end)

  it("ends with the client", function()
    control.arm { apply = true, hold = true }
    local c
    c = client(function() c.close() end)
    helper.check(helper.failure(c), { kind = "cancelled" })
    helper.check(helper.failure(c), { kind = "config", says = "closed" })
  end)
end)

describe("a job", function()
  it("that is done is told by fd until it is asked for", function()
    local c = helper.client "plain HTTP"
    local first = assert(c.async.create {})
    local second = assert(c.async.create {})
    local number = assert(c.fd())
    local readable = { getfd = function() return number end,
      dirty = function() return false end }
    local function is_lit()
      return #socket.select({ readable }, nil, 0) == 1
    end
    first:wait()
    while c.in_flight() > 0 do socket.sleep(0.001) end
    assert.is_true(first:done()) -- says nothing of the second
    assert.is_true(is_lit())
    assert.equal(0, c.in_flight())
    assert.is_true(is_lit())
    assert.equal(second, c.poll())
    assert.is_false(is_lit())
    assert.is_nil(c.poll())
    c.close()
  end)
end)
