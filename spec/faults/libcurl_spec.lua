-- What the engine takes for granted of libcurl and was another thing in some
-- release, where no other spec shows it: who waits for a name, how often the
-- system is asked, when a connection is used again. doc/libcurl.md has the
-- whole list.

local helper = require "helper"
local peer = require "peer"

local host -- plays a host in trouble to a child: support/host.c
local version -- of libcurl

setup(function()
  host = os.tmpname()
  assert(helper.succeeds(("unset LD_PRELOAD; cc -shared -fPIC -D_GNU_SOURCE "
    .. "'%s' -o '%s' -ldl"):format(helper.path "support/host.c", host)))
  local pipe = assert(io.popen "pkg-config --modversion libcurl")
  local major, minor = pipe:read "*l":match "^(%d+)%.(%d+)"
  pipe:close()
  version = major * 100 + minor
end)

teardown(function() os.remove(host) end)

local logs = {}
after_each(function()
  for _, path in ipairs(logs) do os.remove(path) end
  logs = {}
  peer.tidy()
  helper.tidy()
end)

-- A file for the host to write to.
local function log()
  logs[#logs + 1] = os.tmpname()
  return logs[#logs]
end

-- The lines that it wrote there.
local function lines(path)
  local all = {}
  for line in io.lines(path) do all[#all + 1] = line end
  return all
end

-- How many names were asked for: newer releases ask once for each family.
local function names(path)
  local count = 0
  for _, line in ipairs(lines(path)) do
    if line == "4" then count = count + 1 end
  end
  return count
end

-- What a child says in trouble; its status too, where it must end by itself.
local function in_trouble(script, env, under)
  local before = os.getenv "LD_PRELOAD"
  env.LD_PRELOAD = (before and before .. " " or "") .. host
  return helper.run(script, env, nil, under)
end

local ends = [[sh -c 'timeout -k 5 90 "$@"; echo "status $?"' -]]

local client = [[
  local client = require "trunking".new { base_url = "https://name.shim:%d",
    account_sid = "AC" .. ("0"):rep(32), auth_token = ("0"):rep(32),
    timeout = %s, max_attempts = %d, max_in_flight = 16 }
  local function tell(trunk, err)
    print(trunk, err.kind, err.outcome, err.attempts)
  end
]]

local TEN_MINUTES = "600000"

describe("a name server that hangs", function()
  -- From 8.20 on closing the multi handle waited for each thread that asks
  -- for a name: half a minute, where the name server says nothing.
  for title, last in pairs {
    ["closing the client"] = "client.close()",
    ["the collector"] = "client = nil collectgarbage() collectgarbage()",
    ["the end of the program"] = "",
    ["a client closed amid its jobs"] =
      "for _ = 1, 4 do assert(client.async.create {}) end client.close()",
  } do
    it("does not hold up " .. title, function()
      local said = in_trouble(client:format(1, "0.3", 1) .. [[
        tell(client.create {})
        tell(assert(client.async.create {}):wait(20))
      ]] .. last .. " print 'over'", { HOST_DNS = TEN_MINUTES }, ends)
      assert.equal(("nil\ttimeout\tnot_sent\t1\n"):rep(2)
        .. "over\nstatus 0\n", said)
    end)
  end

  local rounds = [[
    for _ = 1, %d do
      local jobs = {}
      for i = 1, 16 do jobs[i] = assert(client.async.create {}) end
      for i = 1, 16 do tell(jobs[i]:wait(20)) end
    end
    client.close()
  ]]
  local late = "nil\ttimeout\tnot_sent\t1\n"

  -- From 8.20 on no more than 20 threads ask, two for each name: with that
  -- bound six of 16 calls would spend their time in a queue.
  it("is asked at once by each call that is in flight", function()
    local asked = log()
    local said = in_trouble(client:format(1, "2", 1) .. rounds:format(1),
      { HOST_DNS = TEN_MINUTES, HOST_LOOKUPS = asked })
    assert.equal(late:rep(16), said)
    assert.equal(16, names(asked))
  end)

  -- Before 8.20 each look-up has a thread, which nothing ends before its time.
  local full = "nil\tdns\tnot_sent\t1\n"

  it("has a bounded number of threads wait for it, and no deadline moves",
    function()
      local asked = log()
      local said = in_trouble(client:format(1, "0.5", 1) .. rounds:format(4),
        { HOST_DNS = TEN_MINUTES, HOST_LOOKUPS = asked })
      assert.equal(late:rep(32) .. full:rep(32), said)
      assert.equal(version < 820 and 32 or 16, names(asked))
      assert.equal(32, #lines(asked))
    end)
end)

describe("a name", function()
  -- From 8.16 on libcurl remembers for 30 s that a name was not found: the
  -- attempts that follow, and the calls, would not ask any more.
  for title, said in pairs { ["is not found"] = "none",
    ["is not found for the moment"] = "" } do
    it("that " .. title .. " is asked for at each attempt", function()
      local asked = log()
      local env = { HOST_DNS = "0", HOST_LOOKUPS = asked }
      if said ~= "" then env.HOST_NAMES = said end
      assert.equal("nil\tdns\tnot_sent\t3\n", in_trouble(
        client:format(1, "20", 3) .. "tell(client.create {})", env))
      assert.equal(3, names(asked))
    end)
  end

  it("that is found is asked for once a minute at most", function()
    local asked = log()
    assert.equal("nil\tconnect\tnot_sent\t3\n", in_trouble(
      client:format(1, "20", 3) .. "tell(client.create {})",
      { HOST_DNS = "0", HOST_NAMES = "here", HOST_LOOKUPS = asked }))
    assert.equal(1, names(asked))
  end)
end)

-- Where the last descriptors go: to the multi handle, the socket, the file of
-- CAs. Each lack of one was another error: of memory, of TLS.
describe("a lack of descriptors", function()
  for _, transport in ipairs(helper.transports) do
    for free = 0, 4 do
      it(("is said to be one: %d left, %s"):format(free, transport),
        function()
          local script = [[
            local helper = require "helper"
            local client = helper.client(%q, { max_attempts = 1 })
            local held = helper.use_up()
            for _ = 1, %d do table.remove(held):close() end
            local trunk, err = %s
            print(trunk and "created"
              or err.outcome .. " " .. err.kind .. " " .. err.message)]]
          local lack = "not_sent connect no file descriptor left for a "
            .. "connection\n"
          for _, call in ipairs { "client.create {}",
            "client.async.create({}):wait(20)" } do
            local said = helper.run(script:format(transport, free, call), {},
              "ulimit -n 160")
            assert.is_true(said == lack or free > 0 and said == "created\n",
              said)
          end
        end)
    end
  end
end)

-- 145 certificates are parsed in 20 ms or more: once, not for each connection.
describe("a file of CAs", function()
  it("is read by libcurl once, however many connections there are", function()
    if helper.tls_library ~= "OpenSSL" then
      pending(helper.tls_library .. " opens it in another way")
    end
    local file, opened = helper.sandbox "CA", log()
    local said = in_trouble([[
      local client = require "helper".client("TLS", {
        base_url = require "helper".sandbox "CLOSING" })
      local function opened()
        local count = 0
        for _ in io.lines(os.getenv "HOST_OPENED") do count = count + 1 end
        return count
      end
      assert(client.create {})
      local first = opened()
      for _ = 1, 4 do assert(client.create {}) end
      print(first > 0, opened() - first)]],
      { HOST_FILE = file, HOST_OPENED = opened })
    assert.equal("true\t0\n", said)
  end)
end)

for _, transport in ipairs(helper.transports) do
  describe("a connection of " .. transport, function()
    local params = { validate = false }
    local function serve(server, connection, job, reply)
      peer.request(connection)
      connection:send(reply)
      assert(job:wait(peer.LONG))
      return server
    end
    local function made(digit)
      return peer.reply("201 Created", { sid = helper.sid("TK", digit) })
    end
    local page = peer.reply("200 OK", { trunks = {}, meta = {
      key = "trunks", page = 0, page_size = 50 } })

    it("serves the next call, unless that writes and it was idle for long",
      function()
        local server = peer.listen(transport)
        local one = peer.client(server, params)
        local job = assert(one.async.create {})
        local connection = peer.welcome(server)
        serve(server, connection, job, made "a")
        serve(server, connection, assert(one.async.create {}), made "b")
        require "socket".sleep(4.2) -- a write takes none older than 3 s
        serve(server, connection, assert(one.async.list()), page)
        assert.is_true(peer.is_left(server))
        require "socket".sleep(4.2)
        job = assert(one.async.create {})
        server.socket:settimeout(peer.LONG)
        serve(server, peer.welcome(server), job, made "c")
      end)

    it("is kept for each call that was in flight", function()
      local server = peer.listen(transport)
      local one = peer.client(server, params)
      local connections = {}
      for _ = 1, 2 do
        local jobs = {}
        for i = 1, 8 do jobs[i] = assert(one.async.list()) end
        for i = 1, 8 do
          connections[i] = connections[i] or peer.welcome(server)
        end
        for i = 1, 8 do peer.request(connections[i]) end
        for i = 1, 8 do connections[i]:send(page) end
        for i = 1, 8 do assert(jobs[i]:wait(peer.LONG)) end
      end
      assert.is_true(peer.is_left(server))
    end)

    it("ends when its client is closed", function()
      local server = peer.listen(transport)
      local one = peer.client(server, params)
      local job = assert(one.async.create {})
      local connection = peer.welcome(server)
      serve(server, connection, job, made "a")
      one.close()
      local byte, why = connection:receive(1)
      assert.same({ "nil", "closed" }, { tostring(byte), why })
    end)
  end)
end
