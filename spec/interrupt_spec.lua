-- Ctrl-C in the standard interpreter while a create waits for its reply. The
-- signal is sent once the sandbox has the request, so that nothing here
-- depends on time; and a create that could not be interrupted would succeed.

local control = require "sandbox.control"
local helper = require "helper"

-- A shell's $PPID is the interpreter that started it.
local prelude = [[
  local control = require "sandbox.control"
  local helper = require "helper"
  local client = helper.client "%s"
  control.arm { apply = true, delay = 10 }
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
