-- A client that was used, and then a fork: parent and child would share one
-- TLS connection, and the child's clean-up would speak on it. The child is
-- told, and touches nothing; clients of its own work as anywhere.

local control = require "sandbox.control"
local helper = require "helper"

local in_child = helper.in_child

after_each(helper.tidy)

-- A process whose client's thread has just begun, and a child of it that makes
-- a client of its own: what became of the child's call.
local script = [[
  local socket, trouble = require "socket", require "trouble"
  local trunking = require "trunking"
  local function make()
    return assert(trunking.new { base_url = os.getenv "ORIGIN",
      ca_file = os.getenv "TRUNKING_SANDBOX_CA", max_attempts = 1,
      account_sid = os.getenv "TRUNKING_SANDBOX_ACCOUNT_SID",
      auth_token = os.getenv "TRUNKING_SANDBOX_AUTH_TOKEN" })
  end
  local job = make().async.create {}
  socket.sleep(%d / 1e6)
  local pid = trouble.fork()
  if pid == 0 then
    local trunk, err = make().async.create {}:wait(60)
    print(trunk and "created" or err)
    if trunk then os.exit(0, true) end
    io.stdout:flush()
    trouble.exit(1)
  end
  assert(trouble.wait(pid))
  assert(job:wait())
]]

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

    -- The child got locks of libcurl's and OpenSSL's as the thread had them,
    -- and its calls, and its exit, waited for ever: one child in three.
    it("finds the thread at rest, so that others work in the child", function()
      -- What the thread held is lost to a child that has it not: no leak.
      local env = { ORIGIN = helper.origin(transport),
        ASAN_OPTIONS = (os.getenv "ASAN_OPTIONS" or "") .. ":detect_leaks=0" }
      for delay = 0, 2200, 100 do
        assert.equal("created\n", helper.run(script:format(delay), env))
      end
      assert.equal(46, control.ledger().created)
    end)
  end)
end
