-- A libcurl, and a host, that this machine does not have: shim.c and host.c of
-- spec/support play them to a child: an old library, a clock that is wrong, a
-- name server that hangs. Rows that can't be played here say so.

local control = require "sandbox.control"
local helper = require "helper"
local peer = require "peer"

local old_library, odd_host

setup(function()
  local build = "unset LD_PRELOAD; cc -shared -fPIC -D_GNU_SOURCE "
    .. "-Wl,--no-as-needed $(pkg-config --cflags libcurl) "
    .. "'%s' -o '%s' %s -ldl"
  old_library, odd_host = os.tmpname(), os.tmpname()
  assert(helper.succeeds(build:format(helper.path "support/shim.c",
    old_library, "-lcurl")))
  assert(helper.succeeds(build:format(helper.path "support/host.c",
    odd_host, "")))
end)

teardown(function()
  os.remove(old_library)
  os.remove(odd_host)
end)
after_each(function()
  peer.tidy()
  helper.tidy()
end)

-- What a script says in a child that this library plays to.
local function beside(library, script, env)
  local before = os.getenv "LD_PRELOAD"
  env.LD_PRELOAD = (before and before .. " " or "") .. library
  return helper.run(script, env)
end

local function played(script, env)
  return beside(old_library, script, env)
end

local function in_trouble(script, env)
  return beside(odd_host, script, env)
end

-- Without helper: luasocket, which it needs, has SIGPIPE ignored.
local create = [[
  local client = assert(require "trunking".new { max_attempts = 1,
    base_url = "%s", ca_file = os.getenv "TRUNKING_SANDBOX_CA",
    account_sid = os.getenv "TRUNKING_SANDBOX_ACCOUNT_SID",
    auth_token = os.getenv "TRUNKING_SANDBOX_AUTH_TOKEN" })
  for _ = 1, 2 do
    local trunk, err = client.create { friendly_name = "x" }
    print(trunk and "created" or err.kind .. " " .. err.outcome)
  end
  local job = assert(client.async.create {})
  print(job:wait() and "created" or "lost")
  client.close()
]]

local all = ("created\n"):rep(3)

describe("libcurl", function()
  it("that is too old is refused when the module is loaded", function()
    local said = played("print(pcall(require, 'trunking'))",
      { SHIM_VERSION = "074f01" })
    assert.matches("^false\t.*trunking needs libcurl 7.80 or newer at run "
      .. "time; got 7.79.1\n$", said)
  end)

  it("without TLS is refused too", function()
    assert.matches("^false\t.*a libcurl that was built with TLS",
      played("print(pcall(require, 'trunking'))", { SHIM_NO_TLS = "1" }))
  end)

  it("without a bundle of CAs is left to its own store", function()
    local said = played([[
      local client = require "helper".client("TLS", { ca_file = false })
      local trunk, err = client.create {}
      print(trunk, err.kind, err.outcome)]], { SHIM_NO_BUNDLE = "1" })
    assert.equal("nil\ttls\tnot_sent\n", said)
  end)

  it("that raises SIGPIPE ends the host, if it is said to be newer",
    function()
      assert.equal("before\n", played("print 'before' io.stdout:flush()"
        .. create:format(helper.origin "TLS"), { SHIM_VERSION = "075800",
        SHIM_SIGPIPE = "1" }))
    end)

  for _, transport in ipairs(helper.transports) do
    it("that raises SIGPIPE does not end the host: " .. transport, function()
      assert.equal(all, played(create:format(helper.origin(transport)),
        { SHIM_VERSION = "075000", SHIM_SIGPIPE = "1" }))
    end)
  end

  -- Without luasocket in the child, which would ignore the signal.
  for _, transport in ipairs(helper.transports) do
    it("meets a reset amid a body, and no signal: " .. transport, function()
      local server = peer.listen(transport)
      local child = helper.start(([[
        local client = require "trunking".new { base_url = %q, ca_file = %s,
          account_sid = "AC" .. ("0"):rep(32), auth_token = ("0"):rep(32),
          validate = false, timeout = %d, connect_timeout = %d }
        local _, err = client.create { FriendlyName = ("x"):rep(60000) }
        print(err.kind, err.outcome, err.attempts)]]):format(server.origin,
        transport == "TLS" and ("%q"):format(helper.sandbox "CA") or "nil",
        helper.HANG, helper.HANG))
      local connection = peer.welcome(server)
      peer.head(connection)
      peer.reset(connection)
      assert.equal("network\tunknown\t1\n", child:read "*a")
      child:close()
    end)
  end

  it("has no SIGPIPE taken from it that was pending before", function()
    local said = played(create:format(helper.origin "TLS") .. [[
      local status = io.open "/proc/self/status"
      print(status and status:read "*a":match "SigPnd:%s*(%x+)")
    ]], { SHIM_VERSION = "075000", SHIM_PENDING = "1" })
    assert.equal(all, said:sub(1, #all))
    local pending_there = said:sub(#all + 1)
    if pending_there == "nil\n" then pending "no /proc, which tells of it" end
    assert.matches("^%x*1%x%x%x\n$", pending_there)
  end)
end)

describe("plain HTTP", function()
  it("is not spoken to a localhost that is another machine", function()
    local said = played([[
      local client = require "helper".client("plain HTTP")
      local trunk, err = client.create {}
      print(trunk, err.kind, err.outcome, err.attempts)
      print(err.message)]], { SHIM_PEER = "192.0.2.7" })
    assert.matches("^nil\tconfig\tnot_sent\t1\nhttp:// is for this machine "
      .. "only", said)
    assert.equal(0, control.ledger(0).count)
  end)

  for _, host in ipairs { "127.0.0.1.nip.io", "sandbox.localtest.me",
    "0.0.0.0", "10.0.0.1", "[::ffff:127.0.0.1]", "127.0.0.1.", "0x7f.1" } do
    it("is not spoken to " .. host .. ", wherever that leads", function()
      local client, err = require "trunking".new { base_url = "http://"
        .. host .. ":1", account_sid = helper.sandbox "ACCOUNT_SID",
        auth_token = helper.sandbox "AUTH_TOKEN" }
      if client then client, err = client.create {} end
      assert.is_nil(client)
      helper.check(err, { kind = "config", outcome = "not_sent" })
    end)
  end
end)

-- ---- the clock ----------------------------------------------------------

describe("a wall clock", function()
  local years = 10 * 365 * 86400

  for _, row in ipairs { { "behind", -years, "not yet valid" },
    { "ahead", years, "expired" } } do
    it("ten years " .. row[1] .. " is hinted at by an error of TLS, and of no "
      .. "matter without it", function()
        local script = [[
          local client = require "helper".client("%s")
          local trunk, err = client.create {}
          print(trunk and "created"
            or table.concat({ err.kind, err.outcome, err.attempts }, " "))
          print(err and err.message)]]
        local env = { HOST_CLOCK = tostring(row[2]) }
        local said = in_trouble(script:format "TLS", env)
        assert.matches("^tls not_sent 1\n[^\n]*" .. row[3]
          .. "[^\n]*; check this machine's clock\n$", said)
        assert.equal("created\nnil\n",
          in_trouble(script:format "plain HTTP", env))
        assert.equal(1, control.ledger(0).count)
      end)
  end

  for _, transport in ipairs(helper.transports) do
    it("that jumps all the time moves no deadline: " .. transport, function()
      control.arm { skip = 3, hold = true, times = 99 }
      -- The child asks nothing of the sandbox: luasocket goes by that clock.
      local said = in_trouble((create .. [[
        local helper = require "helper"
        for _ = 1, 2 do
          local err
          for _, timeout in ipairs(helper.patience) do
            err = helper.failure(helper.client(%q, { timeout = timeout }))
            if err.outcome ~= "not_sent" then break end
          end
          print(err.kind, err.outcome, err.attempts)
        end]]):format(helper.origin(transport), transport),
        { HOST_CLOCK = "86400", HOST_JUMP = "1" })
      assert.equal(all .. ("timeout\tunknown\t1\n"):rep(2), said)
    end)
  end
end)

-- ---- a decimal comma ------------------------------------------------------

describe("a locale", function()
  it("with a decimal comma is not seen on the wire, nor in a reply", function()
    local dir = os.tmpname()
    os.remove(dir)
    finally(function() os.execute(("rm -rf '%s'"):format(dir)) end)
    os.execute(("mkdir '%s' && localedef -i de_DE -f UTF-8 '%s/de_DE.UTF-8' "
      .. ">/dev/null 2>&1"):format(dir, dir))
    control.arm { body = ('{"sid":"%s","whole":10,"half":2.5}')
      :format(helper.sid("TK", "a")), apply = true }
    local said = helper.run([[
      if not os.setlocale "de_DE.UTF-8" then print "none" return end
      local helper = require "helper"
      local client = helper.client("plain HTTP", { validate = false })
      local trunk = assert(client.create {})
      print(trunk.whole == 10, trunk.half == 2.5)
      for _, weight in ipairs { 10, 1.5, 1e-7, -1.25e300 } do
        client.origination_urls.create(trunk, { sip_url = "sip:a.example",
          friendly_name = "x", priority = 1, enabled = true,
          weight = weight })
      end]], { LOCPATH = dir })
    if said == "none\n" then pending "no localedef with de_DE here" return end
    local weights = {}
    for i, request in ipairs(helper.requests()) do
      weights[i - 1] = request.form.Weight
    end
    assert.same({ "10", "1.5", "1e-07", "-1.25e+300" }, weights)
    -- A sanitizer may say more: glibc itself never frees what LOCPATH held.
    assert.matches("^true\ttrue\n", said)
  end)
end)

-- ---- a name server that hangs -------------------------------------------

-- Of a name server that answers so late that nobody waited for it.
local hangs = [[
  local trunking = require "trunking"
  local client = trunking.new { base_url = "https://hangs.%s",
    account_sid = "AC" .. ("0"):rep(32), auth_token = ("0"):rep(32),
    timeout = %s, connect_timeout = %s, max_attempts = %d }
  local start = os.time()
  local _, err = client.create {}
  print(err.kind, err.outcome, err.attempts)
  local job = assert(client.async.create {})
  _, err = job:wait()
  print(err.kind, err.outcome, err.attempts)
  client.close()
  print(os.time() - start < 60 and "in time" or "too late")
]]

describe("a name server", function()
  local timeout = "timeout\tnot_sent\t1\n"

  it("that hangs moves no deadline", function()
    assert.equal(timeout:rep(2) .. "in time\n",
      in_trouble(hangs:format("shim", "0.3", "5", 1), { HOST_DNS = "90000" }))
  end)

  it("that hangs is asked again, if there is time", function()
    assert.equal(timeout:gsub("1", "2"):rep(2) .. "in time\n",
      in_trouble(hangs:format("shim", "9", "0.1", 2), { HOST_DNS = "90000" }))
  end)

  it("that has no answer is asked again", function()
    local said = in_trouble([[
      local client = require "helper".client("TLS", {
        base_url = "https://none.shim" })
      local _, err = client.create {}
      print(err.kind, err.outcome, err.attempts)]], { HOST_DNS = "0" })
    assert.equal("dns\tnot_sent\t3\n", said)
  end)

  it("may answer when the Lua state that asked is closed", function()
    local said = in_trouble(([[
      require "trouble".state %q
      print "closed"
      require "socket".sleep(1)
      print "still here"]]):format(hangs:format("shim", "0.3", "5", 1)),
      { HOST_DNS = "1000" })
    assert.equal(timeout:rep(2) .. "in time\nclosed\nstill here\n", said)
  end)

  -- A network of its own, where the one name server is the script.
  local apart = [[unshare -rmn sh -c 'ip link set lo up && mount --bind "$1" ]]
    .. [[/etc/resolv.conf && shift && exec "$@"' - %s]]
  local resolv
  before_each(function()
    resolv = os.tmpname()
    local file = assert(io.open(resolv, "w"))
    file:write "nameserver 127.0.0.1\noptions timeout:30 attempts:5\n"
    file:close()
  end)
  after_each(function() os.remove(resolv) end)

  local function alone(script)
    local under = apart:format(resolv)
    if helper.run("print 'here'", {}, nil, under) ~= "here\n" then
      pending "no network namespace here (unshare, ip, mount, the right)"
      return nil
    end
    return helper.run(script, {}, nil, under)
  end

  it("that says nothing to the system's own resolver is no different",
    function()
      local said = alone([[
        local sink = assert(require "socket".udp4())
        assert(sink:setsockname("127.0.0.1", 53))
      ]] .. hangs:format("example", "0.3", "5", 1) .. [[
        sink:settimeout(0)
        print(sink:receive() and "asked")]])
      if said then
        assert.equal(timeout:rep(2) .. "in time\nasked\n", said)
      end
    end)

  it("that is not there is an error of dns, and a network an error of connect",
    function()
      local said = alone [[
        for _, host in ipairs { "none.example", "192.0.2.7" } do
          local client = require "trunking".new { max_attempts = 1,
            base_url = "https://" .. host, account_sid = "AC" ..
            ("0"):rep(32), auth_token = ("0"):rep(32) }
          local _, err = client.create {}
          print(err.kind, err.outcome, err.attempts)
        end]]
      if said then
        assert.equal("dns\tnot_sent\t1\nconnect\tnot_sent\t1\n", said)
      end
    end)
end)

-- ---- descriptors ----------------------------------------------------------

describe("descriptors", function()
  for _, transport in ipairs(helper.transports) do
    it("that are used up are said to be, and nothing is sent: " .. transport,
      function()
        local said = helper.run(([[
          local helper = require "helper"
          local client = helper.client("%s", { max_attempts = 1 })
          local held = helper.use_up()
          local trunk, err = client.create {}
          print(trunk, err.outcome, err.kind)
          print(err.message)
          for _ = 1, 12 do table.remove(held):close() end
          print(client.create {} and "created")
          local job, why = client.async.create {}
          print(job and job:wait() and "created" or why)
        ]]):format(transport), {}, "ulimit -n 160")
        assert.matches("^nil\tnot_sent\tconnect\n", said)
        assert.matches("no file descriptor left", said)
        assert.matches("\ncreated\ncreated\n$", said)
        assert.equal(2, control.ledger(0).count)
      end)
  end

  it("that are used up leave no fd, but jobs on kept connections", function()
    local said = helper.run([[
      local helper = require "helper"
      local client = helper.client "TLS"
      assert(client.create {})
      local held = helper.use_up()
      local job, err = client.async.create {}
      print(assert(job, err):wait() and "created")
      local fd, why = client.fd()
      print(fd, why and why.kind)
    ]], {}, "ulimit -n 160")
    assert.matches("^created\nnil\tconfig\n$", said)
  end)
end)
