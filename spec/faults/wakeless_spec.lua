-- A thread that starts while no descriptor is left for its wake-up.

local helper = require "helper"

after_each(helper.tidy)

local silent = [[
  local helper = require "helper"
  local socket = require "socket"
  local server = assert(socket.bind("127.0.0.1", 0))
  local _, port = server:getsockname()
  local client = helper.client("plain HTTP", { max_attempts = 1,
    connect_timeout = 300, timeout = 300,
    base_url = "http://127.0.0.1:" .. port })
]]

-- The thread starts while no descriptor is left for its wake-up; later there
-- are some again. Whoever told it something waited for the timeout then.
describe("a thread that started without a wake-up", function()
  it("is woken once there are descriptors again", function()
    local said = helper.run(silent .. [[
      local held = helper.use_up()
      local _, err = assert(client.async.create {}):wait(20)
      print(err.kind, err.outcome)
      for _, file in ipairs(held) do file:close() end
      local first = assert(client.async.create {})
      assert(server:accept()):receive "*l" -- it waits for the reply now
      socket.sleep(1) -- libcurl wakes by itself until then
      first:cancel()
      _, err = first:wait(20)
      print(err.kind)
      first = assert(client.async.create {})
      local connection = assert(server:accept())
      connection:receive "*l"
      socket.sleep(1)
      local second = assert(client.async.create {})
      server:settimeout(20)
      print(server:accept() and "both sent")
      client.close()
      _, err = second:wait(20)
      print(err.kind)]], {}, "ulimit -n 160")
    assert.equal("connect\tnot_sent\ncancelled\nboth sent\ncancelled\n", said)
  end)

  it("looks by itself while there are none", function()
    local said = helper.run([[
      local helper = require "helper"
      local client = helper.client("plain HTTP", { max_attempts = 1 })
      local held = helper.use_up()
      for _ = 1, 3 do
        local _, err = assert(client.async.create {}):wait(20)
        print(err.kind, err.outcome)
      end
      client.close()
      print "closed"]], {}, "ulimit -n 160")
    assert.equal(("connect\tnot_sent\n"):rep(3) .. "closed\n", said)
  end)
end)
