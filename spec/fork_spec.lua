-- A client that was used, and then a fork: parent and child would share one
-- TLS connection, and the child's clean-up would speak on it. The child is
-- told, and touches nothing. LuaJIT's ffi is the fork at hand.

local control = require "sandbox.control"
local helper = require "helper"

local in_child = helper.in_child()
if not in_child then return end

after_each(helper.tidy)

for _, transport in ipairs(helper.transports) do
  describe("a client over " .. transport .. " and a fork", function()
    it("says so in the child and works on in the parent", function()
      local c = helper.client(transport)
      assert(c.create {})
      assert.is_true(in_child(function()
        local trunk, err = c.create {}
        return trunk == nil and err.kind == "config" and
          err.outcome == "not_sent" and err.message:find("fork", 1, true)
      end))
      assert(c.create {})
      assert.equal(2, control.ledger().count)
    end)

    it("is not harmed by being closed in the child", function()
      local c = helper.client(transport)
      assert(c.create {})
      assert.is_true(in_child(function() c.close() return true end))
      assert(c.create {})
      assert.equal(2, control.ledger().count)
    end)

    it("works in the child when it was only made before", function()
      local c = helper.client(transport)
      assert.is_true(in_child(function() return c.create {} ~= nil end))
      assert(c.create {})
      assert.equal(2, control.ledger().created)
    end)
  end)
end
