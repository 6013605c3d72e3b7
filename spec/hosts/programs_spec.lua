-- Programs that others wrote, with Lua inside, each with the example that is
-- for it: Kamailio, HAProxy, LOVE and Minetest. The sandbox's ledger has as
-- many creates as trunks were told of, and each ends in good order while calls
-- are on their way. TRUNKING_HOSTS_TIMES=10: ten times as many.

local control = require "sandbox.control"
local helper = require "helper"
local program = require "program"
local socket = require "socket"

local times = tonumber(os.getenv "TRUNKING_HOSTS_TIMES") or 1
local host -- the one that the test has started

local function tidy()
  if host then host:clean() end
  host = nil
  helper.tidy()
end

-- A test that is skipped, with its reason, where the program is not here.
local function on(name, path, abi)
  local why = program.lacks(name, path, abi)
  return function(title, f)
    it(title, function()
      if why then pending(why) end
      f()
    end)
  end
end

-- As many POSTs as trunks were told of, and nothing else.
local function check_ledger(told)
  local ledger = control.ledger(0)
  assert.same({ told, told, told }, { told, ledger.created, ledger.count })
end

local function count(text, pattern)
  return (select(2, text:gsub(pattern, "")))
end

-- All that is on its way waits for its reply, until the account is new.
local function hold()
  control.arm { hold = true, apply = true, times = 99999 }
end

-- The end of a program sends nothing again, and not what waited for a place.
local function check_unanswered()
  local ledger = control.ledger(0)
  assert.is_true(ledger.count >= 8 and ledger.count <= 16) -- max_in_flight
end

-- ---- Kamailio ----------------------------------------------------------

local kamailio = program.find "kamailio"
local modules = "/usr/lib/*/kamailio/modules/app_lua.so"
local sip_abi = kamailio
  and helper.sh("ldd " .. modules):match "liblua(5%.%d)" or kamailio
  and helper.sh("ldd " .. modules):match "libluajit" and "5.1"

local OPTIONS = ("OPTIONS sip:Office-%d@127.0.0.1:%d SIP/2.0\r\n"
  .. "Via: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%d.%d;rport\r\n"
  .. "From: <sip:spec@127.0.0.1>;tag=1\r\nTo: <sip:office@127.0.0.1>\r\n"
  .. "Call-ID: spec.%d\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n"
  .. "Content-Length: 0\r\n\r\n")

-- A telephone: send(n), and receive(n) -> replies by their Call-ID.
local function phone(port)
  local udp = assert(socket.udp())
  assert(udp:setsockname("127.0.0.1", 0))
  local _, own = udp:getsockname()
  udp:settimeout(helper.HANG)
  local self = {}
  function self.send(n)
    udp:sendto(OPTIONS:format(n, port, own, own, n, n), "127.0.0.1", port)
  end
  function self.receive(n)
    local replies, left = {}, n
    while left > 0 do
      local text = assert(udp:receive())
      local id, status = text:match "Call%-ID: (%S+)",
        tonumber(text:match "^SIP/2.0 (%d+)")
      if status >= 200 and not replies[id] then
        replies[id], left = text, left - 1
      end
    end
    return replies
  end
  function self.close() udp:close() end
  return self
end

local function start_kamailio(env)
  host = program.new("kamailio", sip_abi)
  local port = program.port()
  host:change("kamailio.cfg", "listen=udp:127.0.0.1:5060",
    "listen=udp:127.0.0.1:" .. port)
  host:start(([[kamailio -f kamailio.cfg -DD -E -w "$PWD" -Y "$PWD" ]]
    .. [[-P "$PWD/kamailio.pid"]]), env)
  -- It serves once its workers answer: what it does not make is refused.
  local caller = phone(port)
  local probe = assert(socket.udp())
  probe:settimeout(0.2)
  helper.wait_until(function()
    assert(not host:status(), host:log())
    probe:sendto((OPTIONS:format(0, port, 1, 0, 0, 0):gsub("OPTIONS", "INFO")),
      "127.0.0.1", port)
    return (probe:receive() or ""):find "405"
  end)
  probe:close()
  return caller
end

describe("examples/kamailio", function()
  local test = on("Kamailio with app_lua", sip_abi and kamailio, sip_abi)
  after_each(tidy)

  test("makes one trunk for each request, which comes twice", function()
    local caller, n = start_kamailio(), 20 * times
    for i = 1, n do
      caller.send(i)
      caller.send(i)
    end
    local sids, told = {}, 0
    for _, reply in pairs(caller.receive(n)) do
      local sid = reply:match "X%-Trunk: (TK%x+)"
      assert.truthy(sid, reply)
      assert.is_nil(sids[sid])
      sids[sid], told = true, told + 1
    end
    caller.close()
    check_ledger(told)
    assert.equal(n, told)
    assert.same({ 0, 0 }, { host:stop() })
  end)

  test("says what became of a trunk that the API refuses", function()
    local caller = start_kamailio()
    control.arm { status = 400 }
    caller.send(1)
    local _, reply = next(caller.receive(1))
    assert.truthy(reply:find("SIP/2.0 500 No trunk: refused", 1, true), reply)
    caller.close()
  end)

  test("ends while its workers are in calls", function()
    local caller = start_kamailio()
    hold()
    for i = 1, 4 do caller.send(i) end
    helper.received(4)
    assert.equal(0, select(2, host:stop()))
    caller.close()
    assert.equal(4, control.ledger(0).count)
  end)
end)

-- ---- HAProxy -----------------------------------------------------------

local haproxy = program.find "haproxy"
local http_abi = haproxy
  and helper.sh(haproxy .. " -vv"):match "Built with Lua version : Lua (5%.%d)"

local function start_haproxy()
  host = program.new("haproxy", http_abi)
  local port = program.port()
  host:change("haproxy.cfg", "bind 127.0.0.1:8080",
    "bind 127.0.0.1:" .. port)
  host:start "haproxy -f haproxy.cfg"
  helper.wait_until(function()
    assert(not host:status(), host:log())
    local tcp = socket.connect("127.0.0.1", port)
    if tcp then tcp:close() end
    return tcp
  end)
  return function(name) -- sends a request, and gives what reads its reply
    local tcp = assert(socket.connect("127.0.0.1", port))
    tcp:settimeout(helper.HANG)
    assert(tcp:send(("POST /trunks?name=%s HTTP/1.1\r\nHost: localhost\r\n"
      .. "Connection: close\r\nContent-Length: 0\r\n\r\n"):format(name)))
    return function()
      local text = tcp:receive "*a"
      tcp:close()
      return text or ""
    end
  end
end

describe("examples/haproxy", function()
  local test = on("HAProxy with Lua", haproxy, http_abi)
  after_each(tidy)

  test("makes a trunk for each of 400 requests, 32 at once", function()
    local ask, told = start_haproxy(), 0
    for first = 1, 400 * times, 32 do
      local replies = {}
      for i = first, math.min(first + 31, 400 * times) do
        replies[#replies + 1] = ask("Office-" .. i)
      end
      for _, reply in ipairs(replies) do
        local text = reply()
        assert.truthy(text:find "^HTTP/1.1 201.*\r\n\r\nTK%x+\n$", text)
        told = told + 1
      end
    end
    assert.equal(400 * times, told)
    check_ledger(told)
  end)

  test("serves others while a call is on its way", function()
    local ask = start_haproxy()
    control.arm { hold = true, apply = true, times = 8 }
    local held = {}
    for i = 1, 8 do held[i] = ask("Held-" .. i) end
    helper.received(8)
    assert.truthy(ask "Quick" ():find "^HTTP/1.1 201")
    control.release()
    for _, reply in ipairs(held) do
      assert.truthy(reply():find "^HTTP/1.1 201")
    end
    check_ledger(9)
  end)

  test("says what became of a trunk that the API refuses", function()
    local ask = start_haproxy()
    control.arm { status = 400 }
    local text = ask "Office" ()
    assert.truthy(text:find "^HTTP/1.1 502.*\r\n\r\nrefused\n$", text)
  end)

  test("answers what is on its way, told to end by USR1", function()
    local ask = start_haproxy()
    control.arm { hold = true, apply = true, times = 8 }
    local held = {}
    for i = 1, 8 do held[i] = ask("Held-" .. i) end
    helper.received(8)
    helper.sh("kill -USR1 " .. host.pid)
    control.release()
    for _, reply in ipairs(held) do
      assert.truthy(reply():find "^HTTP/1.1 201")
    end
    assert.equal(0, host:wait())
    check_ledger(8)
  end)

  test("ends while calls are on their way", function()
    local ask = start_haproxy()
    hold()
    local held = {}
    for i = 1, 32 do held[i] = ask("Held-" .. i) end
    helper.received(32)
    assert.same({ 143, 0 }, { host:stop() })
    for _, reply in ipairs(held) do assert.is_nil(reply():find "TK") end
    assert.equal(32, control.ledger(0).count)
  end)
end)

-- ---- LOVE --------------------------------------------------------------

local love = program.find "love"

local function start_love(env)
  host = program.new("love", "5.1")
  env.HEADLESS, env.SDL_VIDEODRIVER = "1", "dummy"
  env.SDL_AUDIODRIVER = "dummy"
  host:start("love .", env)
end

describe("examples/love", function()
  local test = on("LOVE", love, "5.1")
  after_each(tidy)

  test("opens 50 halls in a second, each with a trunk", function()
    local n = 50 * times
    start_love { HALLS = n }
    assert.equal(0, host:wait(), host:log())
    assert.truthy(host:log():find(("%d begun, %d made, 0 failed, 0 on")
      :format(n, n), 1, true), host:log())
    check_ledger(n)
  end)

  test("counts what the API refuses", function()
    control.arm { status = 400 }
    start_love { HALLS = 3 }
    assert.equal(1, host:wait(), host:log())
    assert.truthy(host:log():find("3 begun, 2 made, 1 failed", 1, true),
      host:log())
    assert.equal(2, control.ledger(0).created)
  end)

  test("ends while calls are on their way", function()
    hold()
    start_love { HALLS = 20, QUIT = "no" }
    helper.received(8)
    assert.same({ 0, 0 }, { host:stop() })
    assert.truthy(host:log():find "(%d+) begun, 0 made, 0 failed, %1 on their",
      host:log())
    check_unanswered()
  end)
end)

-- ---- Minetest ------------------------------------------------------------

local minetest = program.find("minetestserver", "luantiserver")

-- A world with the mod alone.
local function start_minetest(rehearse, is_trusted)
  host = program.new("minetest", "5.1")
  local dir = host.dir
  helper.sh(("cd %s && mkdir -p world/worldmods games/tiny/mods && "
    .. "mv trunks world/worldmods/"):format(dir))
  program.write(dir .. "/games/tiny/game.conf", "title = Tiny\n")
  program.write(dir .. "/world/world.mt", "gameid = tiny\nbackend = sqlite3\n"
    .. "player_backend = sqlite3\nauth_backend = sqlite3\n"
    .. "mod_storage_backend = sqlite3\n")
  program.write(dir .. "/server.conf", ("%s\nbind_address = 127.0.0.1\n"
    .. "port = %d\nmg_name = singlenode\nserver_announce = false\n"
    .. "trunks.rehearse = %d\n"):format(is_trusted == false and ""
    or "secure.trusted_mods = trunks", program.port(), rehearse))
  host:start(minetest .. " --world world --gameid tiny --config server.conf "
    .. "--logfile server.log", { MINETEST_SUBGAME_PATH = dir .. "/games" })
end

describe("examples/minetest", function()
  local test = on("Minetest server", minetest, "5.1")
  after_each(tidy)

  test("founds 60 towns from a mod, each with a trunk", function()
    local n = 60 * times
    start_minetest(n)
    assert.equal(0, host:wait(), host:log())
    assert.truthy(host:log():find(("%d asked for, %d made, 0 failed, 0 on")
      :format(n, n), 1, true), host:log())
    assert.equal(0, count(host:log(), "require%(%) is disabled"))
    check_ledger(n)
  end)

  test("tells of what is refused and of what may exist", function()
    control.arm { { status = 400 }, { close = true, apply = true } }
    start_minetest(4)
    assert.equal(0, host:wait(), host:log())
    assert.truthy(host:log():find("4 asked for, 2 made, 2 failed", 1, true),
      host:log())
    assert.equal(3, control.ledger(0).created)
  end)

  test("ends while calls are on their way", function()
    hold()
    start_minetest(20)
    helper.received(8)
    assert.same({ 0, 0 }, { host:stop() })
    assert.truthy(host:log():find "(%d+) asked for, 0 made, 0 failed, %1 on",
      host:log())
    check_unanswered()
  end)

  test("says how to trust the mod, where nobody did", function()
    start_minetest(1, false)
    assert.not_equal(0, host:wait())
    assert.truthy(host:log():find("add it to secure.trusted_mods", 1, true),
      host:log())
    assert.equal(0, control.ledger(0).count)
  end)
end)
