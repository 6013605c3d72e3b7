-- Ctrl-C in the standard interpreter while a create waits for its reply. The
-- signal is sent once the sandbox has the request, so that nothing here
-- depends on time; and a create that could not be interrupted would succeed.
--
-- And signals that mean nothing to us, one every 2 ms: they interrupt each wait
-- there is, and change nothing.

local control = require "sandbox.control"
local helper = require "helper"
local trouble = require "trouble"

-- A shell's $PPID is the interpreter that started it.
local prelude = [[
  local control = require "sandbox.control"
  local helper = require "helper"
  local client = helper.client "%s"
  control.arm { apply = true, hold = true }
  os.execute("{ " .. helper.interpreter() .. [=[ -e '
    local control, socket = require "sandbox.control", require "socket"
    repeat socket.sleep(0.02) until control.ledger(0).count > 0' &&
    kill -INT $PPID; } >/dev/null 2>&1 &]=])
]]

after_each(helper.tidy)

for _, transport in ipairs(helper.transports) do
  describe("Ctrl-C during a create over " .. transport, function()
    local begin = prelude:format(transport)

    it("ends the script, and tells what became of the request", function()
      local said = helper.run(begin .. [[
        print(client.create { friendly_name = "first" })
        print "not reached"]])
      assert.matches("interrupted! (trunking.create: the request was sent "
        .. "and may have been applied)", said, 1, true)
      assert.is_nil(said:find("not reached", 1, true))
      assert.equal(1, control.ledger(0).count)
    end)

    it("is caught by pcall, and leaves the client as good as before",
      function()
        local said = helper.run(begin .. [[
          print(pcall(client.create, { friendly_name = "first" }))
          print(client.create { friendly_name = "second" }.friendly_name)]])
        assert.matches("^false\t[^\n]*interrupted! [^\n]*may have been "
          .. "applied%)\nsecond\n$", said)
        local requests = helper.requests()
        assert.equal(2, #requests)
        assert.equal("second", requests[2].form.FriendlyName)
      end)
  end)
end

describe("signals without end", function()
  local EVERY = os.getenv "TRUNKING_SLOW" and 20 or 2 -- milliseconds

  -- What f returns while they come, and some must have come.
  local function among(f)
    trouble.signals(EVERY)
    local ok, result, err = pcall(f)
    assert.is_true(trouble.signals(0) > 0)
    assert(ok, result)
    return result, err
  end

  for _, transport in ipairs(helper.transports) do
    it("end no create, nor a job: " .. transport, function()
      control.arm { delay = 0.4, apply = true, times = 2 }
      local client = helper.client(transport)
      assert(among(function() return client.create {} end))
      assert(among(function()
        return assert(client.async.create {}):wait(helper.HANG)
      end))
      assert.equal(2, control.ledger(0).created)
    end)

    it("move no deadline: " .. transport, function()
      for _, call in ipairs {
        function(client) return client.create {} end,
        function(client)
          return assert(client.async.create {}):wait(helper.HANG)
        end,
      } do
        control.reset()
        helper.check(helper.timed_out(transport, { hold = true, apply = true },
          function(client)
            return among(function() return call(client) end)
          end), { kind = "timeout", outcome = "unknown", attempts = 1 })
        assert.equal(1, control.ledger(0).count)
      end
    end)
  end

  it("end no wait between two attempts", function()
    control.arm { status = 429, headers = { ["Retry-After"] = "1" } }
    local made, meta = among(function()
      return helper.client "plain HTTP".create {}
    end)
    assert.is_truthy(made)
    assert.equal(2, meta.attempts)
  end)
end)
