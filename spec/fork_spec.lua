-- A client that was used, and then a fork: parent and child would share one
-- TLS connection, and the child's clean-up would speak on it. The child is
-- told, and touches nothing. LuaJIT's ffi is the fork at hand.

local has_ffi, ffi = pcall(require, "ffi")
if not has_ffi then return end

local control = require "sandbox.control"
local helper = require "helper"

ffi.cdef [[
  int fork(void);
  int waitpid(int pid, int *status, int options);
  void _exit(int status);
]]

-- Runs f in a child; true when it returned true.
local function in_child(f)
  local pid = ffi.C.fork()
  assert(pid >= 0)
  if pid == 0 then
    local ok, result = pcall(f)
    ffi.C._exit(ok and result and 0 or 1)
  end
  local status = ffi.new "int[1]"
  assert(ffi.C.waitpid(pid, status, 0) == pid)
  return status[0] == 0
end

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
