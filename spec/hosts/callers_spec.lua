-- A host with threads of its own, each with a Lua state whose calls block: the
-- process exits, or forks, while they are within the TLS library. exit() cleans
-- that up, and whoever is in a handshake crashes; a child has the locks that
-- they held, and hangs in them. Who calls is kept out until that is over.
-- Each thread has loaded its libraries before: glibc starts one a second time
-- where it is loaded amid an exit.

local helper = require "helper"

local caller = [[
  local trunking = require "trunking"
  while true do -- a handshake for each call
    local client = assert(trunking.new { max_attempts = 1,
      base_url = os.getenv "TRUNKING_SANDBOX",
      ca_file = os.getenv "TRUNKING_SANDBOX_CA",
      account_sid = os.getenv "TRUNKING_SANDBOX_ACCOUNT_SID",
      auth_token = os.getenv "TRUNKING_SANDBOX_AUTH_TOKEN" })
    assert(client.list { page_size = 1 })
    client.close()
    if loaded then -- a file: a call is done, and all libraries are loaded
      local file = io.open(loaded, "a")
      file:write "."
      file:close()
      loaded = nil
    end
  end
]]

local prelude = "local caller = [==[\n" .. caller .. "]==]\n" .. [[
  local socket, trouble = require "socket", require "trouble"
  require "trunking" -- here too: a child must not have to load anything
  local loaded = os.tmpname()
  trouble.threads(4, ("loaded = %q "):format(loaded) .. caller)
  local function size()
    local file = io.open(loaded)
    local bytes = file:seek "end"
    file:close()
    return bytes
  end
  while size() < 4 do socket.sleep(0.001) end
  os.remove(loaded)
]]

-- Runs a script in a process of its own: what it says, and its end.
local function run(script)
  return helper.run(prelude .. script, nil, nil,
    helper.bounded "sh -c '\"$@\"; echo \"status $?\"' sh")
end

describe("with calls that block in four threads", function()
  after_each(helper.tidy)

  for _, ms in ipairs { 5, 20, 40, 60, 90, 120 } do
    it(("an exit after %d ms is one"):format(ms), function()
      assert.equal("status 3\n", run(([[
        socket.sleep(%d / 1000)
        os.exit(3)
      ]]):format(ms)))
    end)
  end

  it("the end of the script is its end", function()
    assert.equal("status 0\n", run "socket.sleep(0.07)")
  end)

  it("a child makes calls of its own, and the threads go on", function()
    if os.getenv "TRUNKING_SLOW" == "asan" then
      pending "the sanitizer's allocator may be locked in such a child"
      return
    end
    assert.equal("status 0\n", run([[
      local once = caller:gsub("while true do", "for _ = 1, 2 do")
      for _ = 1, 8 do
        local pid = trouble.fork()
        if pid == 0 then
          assert((loadstring or load)(once))()
          trouble.exit(0)
        end
        assert(trouble.wait(pid), "a child failed")
        socket.sleep(0.01)
      end
      os.exit(0)
    ]]))
  end)
end)

describe("a child without a fork that the C library knows of", function()
  after_each(helper.tidy)

  -- As one in a PID namespace of its own may even have its parent's pid, no
  -- pid tells.
  it("is told that the client was its parent's", function()
    local trouble = require "trouble"
    if not trouble.clone then
      pending "no clone() here"
      return
    end
    local client = helper.client "TLS"
    assert(client.create {})
    local pid = trouble.clone()
    if pid == 0 then
      local made, err = client.create {}
      trouble.exit(made == nil and err.kind == "config"
        and err.outcome == "not_sent" and 0 or 1)
    end
    assert.is_true(trouble.wait(pid))
    assert(client.create {})
  end)
end)
