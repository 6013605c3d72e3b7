-- Debug hooks that raise where least expected: the error comes through, with a
-- word on the request, and the client and its jobs are as good as before.
-- SPDX-License-Identifier: MIT
-- luacheck: globals jit

local control = require "sandbox.control"
local helper = require "helper"
local socket = require "socket"

local tick = require "trunking.error".tick

local function in_file(name)
  return function()
    local info = debug.getinfo(4, "Sf")
    return info.func ~= tick and info.source:find(name, 1, true) ~= nil
  end
end

-- Where calls of Lua's look whether a hook raises.
local function in_tick() return debug.getinfo(4, "f").func == tick end

-- Calls act once, as soon as Lua's execution is where `is_there` says.
local function once(is_there, act)
  local function hook()
    if not is_there() then return end
    debug.sethook()
    act()
  end
  debug.sethook(function() hook() end, "", 1)
end

local function stop() error("stopped", 0) end

local function raised(f, ...)
  local ok, why = pcall(f, ...)
  debug.sethook()
  assert.is_false(ok, "nothing was raised")
  return why
end

for _, transport in ipairs(helper.transports) do
  describe("a debug hook that raises over " .. transport, function()
    local client, act
    before_each(function()
      if jit then jit.off() end -- compiled code calls no hook
      act = nil
      client = helper.client(transport, { on_attempt = function(event)
        if act then act(event) end
      end })
      assert(client.list {}) -- what a first call makes is made
      control.reset()
    end)
    after_each(function()
      debug.sethook()
      if jit then jit.on() end
      client.close()
      helper.tidy()
    end)

    local function tell_after_attempt() once(in_file "hook.lua", stop) end

    it("while an error is made ends the call", function()
      control.arm { status = 500 }
      once(in_file "error.lua", stop)
      assert.equal("stopped (trunking.create: the request was sent and may "
        .. "have been applied)", raised(client.create, {}))
      assert.truthy(client.create {})
    end)

    it("between two attempts ends the call", function()
      control.arm { status = 429, headers = { ["Retry-After"] = "0" } }
      act = tell_after_attempt
      assert.matches("^stopped %(trunking.create: ",
        raised(client.create, {}))
      act = nil
      assert.truthy(client.create {})
      assert.equal(1, control.ledger(0).created)
    end)

    it("after the last attempt says that it had been applied", function()
      act = tell_after_attempt
      assert.equal("stopped (trunking.create: the request had been applied)",
        raised(client.create, {}))
      assert.equal(1, control.ledger(0).created)
    end)

    it("while a job is read or told of loses no result", function()
      for i, case in ipairs {
        { begin = function() once(in_file "error.lua", stop) end },
        { act = tell_after_attempt },
      } do
        control.arm { status = 500 }
        local job = assert(client.async.create {})
        act = case.act
        if case.begin then case.begin() end
        assert.equal("stopped", raised(job.wait, job))
        act = nil
        helper.check(helper.error_of(job:wait()), { status = 500,
          outcome = "unknown" })
        assert.equal(i, control.ledger(0).count)
      end
    end)

    it("while the results of a job are made loses none", function()
      local plain = helper.client(transport)
      control.arm { status = 500 }
      local job = assert(plain.async.create {})
      once(in_file "error.lua", stop)
      assert.equal("stopped", raised(job.wait, job))
      helper.check(helper.error_of(job:wait()), { status = 500 })
    end)

    it("comes through as it is when it is no text", function()
      local what = {}
      control.arm { apply = true, hold = true }
      once(in_tick, function() error(what) end)
      assert.equal(what, raised(client.create, {}))
    end)

    it("in a pause has nothing to say of a request", function()
      once(in_tick, stop)
      control.arm { status = 500, times = 9 }
      local ok, why = pcall(client.reconcile, { operation = "create",
        form = "FriendlyName=x", account_sid = helper.sandbox "ACCOUNT_SID" },
        { settle = 1 })
      debug.sethook()
      assert.is_true(ok or why == "stopped", tostring(why))
    end)

    it("and one that does not: the call goes on", function()
      control.arm { apply = true, hold = true, times = 3 }
      local ticks, calls = 0, 0
      local function count()
        if not in_tick() then return end
        ticks = ticks + 1
        if control.ledger(0).count > calls then
          calls = calls + 1
          control.release()
        end
      end
      debug.sethook(function() count() end, "", 1)
      local trunk = client.create {}
      local job = client.async.create {}
      local other = job:wait()
      local beside = client.create {}
      debug.sethook()
      assert.equal(3, calls)
      assert.is_true(ticks >= 3)
      for _, made in ipairs { trunk, other, beside } do
        assert.matches("^TK", made.sid)
      end
    end)

    it("and one that polls: a blocking call stays the caller's", function()
      local fd = assert(client.fd())
      local watched = { getfd = function() return fd end,
        dirty = function() return false end }
      control.arm { apply = true, hold = true }
      local polled = "not yet"
      once(in_tick, function()
        helper.received(1)
        control.release()
        socket.select({ watched }, nil, helper.HANG)
        polled = client.poll()
      end)
      assert.matches("^TK", assert(client.create {}).sid)
      assert.is_nil(polled)
    end)
  end)
end
