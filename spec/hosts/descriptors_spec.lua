-- Descriptors of ours stay ours. A program that the host starts gets none: a
-- connection that lives on in a child is not reset when the call is given up,
-- and what was told to have failed is delivered. And none is 0, 1 or 2, where a
-- host had closed those: what it writes to its standard error would go to the
-- server.

local helper = require "helper"
local peer = require "peer"

local prelude = [[
  local trunking = require "trunking"
  local function client(transport, more)
    local options = { max_attempts = 1,
      base_url = os.getenv(transport == "TLS" and "TRUNKING_SANDBOX"
        or "TRUNKING_SANDBOX_HTTP"),
      ca_file = os.getenv "TRUNKING_SANDBOX_CA",
      account_sid = os.getenv "TRUNKING_SANDBOX_ACCOUNT_SID",
      auth_token = os.getenv "TRUNKING_SANDBOX_AUTH_TOKEN" }
    for name, value in pairs(more or {}) do options[name] = value end
    return assert(trunking.new(options))
  end
]]

local function has_proc()
  if io.open "/proc/self/stat" then return true end
  pending "no /proc here"
end

for _, transport in ipairs(helper.transports) do
  describe("over " .. transport .. " a program that the host starts", function()
    after_each(function()
      peer.tidy()
      helper.tidy()
    end)

    it("gets no descriptor of a client's", function()
      if not has_proc() then return end
      assert.equal("", helper.run(prelude .. ([[
        local function inherited()
          local pipe = io.popen "ls -l /proc/self/fd/ | grep -v /proc/"
          local text = pipe:read "*a"
          pipe:close()
          local seen = {}
          for what in text:gmatch "%%d+ %%-> (%%a[%%a_]*:%%S+)" do
            if not what:find "^pipe" then seen[what] = true end
          end
          return seen
        end
        local before = inherited()
        local one, two = client %q, client %q
        assert(one.create {})
        assert(two.async.create {}):wait()
        assert(two.fd() >= 0)
        local job = two.async.create {}
        for what in pairs(inherited()) do
          if not before[what] then print(what) end
        end
        job:wait()
      ]]):format(transport, transport)))
    end)

    it("does not keep the connection of a create that was given up", function()
      local why = helper.in_time(function(timeout)
        local server = peer.listen(transport)
        local client = peer.client(server, { timeout = timeout })
        local job = assert(client.async.create {})
        server.socket:settimeout(2 * timeout) -- it may never come
        local arrived, connection = pcall(function()
          local connection = peer.welcome(server)
          peer.request(connection)
          return connection
        end)
        local child = assert(io.popen "echo $$; exec sleep 100")
        local pid = assert(child:read "*l")
        local err = helper.error_of(job:wait(peer.LONG))
        local said
        if arrived then
          assert.equal("unknown", err.outcome)
          connection:settimeout(60) -- less than the child lives
          said = select(2, connection:receive(1))
        end
        assert.is_true(helper.succeeds("kill " .. pid)) -- it lives on
        child:close()
        return said, not arrived
      end)
      assert.equal("closed", why)
    end)

    it("and no descriptor is 0, 1 or 2 where those were closed", function()
      if not has_proc() then return end
      local script, said = os.tmpname(), os.tmpname()
      finally(function()
        os.remove(script)
        os.remove(said)
      end)
      local file = assert(io.open(script, "w"))
      file:write(prelude, ([[
        local one, two = client %q, client %q
        assert(one.create {})
        assert(two.async.create {}):wait()
        assert(two.fd() >= 0)
        local taken = {}
        for fd = 0, 2 do
          local _, why = io.open("/proc/self/fd/" .. fd)
          if not why:find "No such file" then
            taken[#taken + 1] = fd .. ": " .. why
          end
        end
        local file = io.open(arg[1], "w")
        file:write("taken: ", table.concat(taken, ", "))
        file:close()
      ]]):format(transport, transport))
      file:close()
      helper.succeeds(("%s '%s' '%s' 0<&- 1>&- 2>&-"):format(
        helper.interpreter(), script, said))
      file = assert(io.open(said))
      assert.equal("taken: ", file:read "*a")
      file:close()
    end)
  end)
end
