-- Through the proxy that was asked for, or not at all: real proxies (relay.lua
-- of spec/support) of every kind, a libcurl that goes around one, and one that
-- lacks memory while it reads a proxy's URL.

local control = require "sandbox.control"
local helper = require "helper"
local peer = require "peer"

local read = helper.read

after_each(function()
  peer.tidy()
  helper.tidy()
end)

-- Starts a proxy: its port, and a function that ends it and gives its log.
local function relay(stem)
  local base = os.tmpname()
  os.remove(base)
  local pipe = assert(io.popen(("exec %s '%s' '%s.port' '%s.log' %s 2>&1")
    :format(helper.interpreter(), helper.path "support/relay.lua", base, base,
      stem or ""), "w"))
  local port = helper.wait_until(function() return read(base .. ".port") end)
  return tonumber(port), function()
    pipe:close()
    local log = read(base .. ".log")
    os.remove(base .. ".port")
    os.remove(base .. ".log")
    return log
  end
end

local function origin_port()
  return helper.origin "TLS":match ":(%d+)$"
end

local pair = "user:p%40s%2Fs" -- its password is p@s/s

describe("a proxy", function()
  local plain = require "mime".b64 "user:p@s/s"

  for _, case in ipairs {
    { "http", "CONNECT", plain }, { "socks5", "SOCKS5", "user:p@s/s" },
    { "socks5h", "SOCKS5", "user:p@s/s" }, { "socks4", "SOCKS4", "user" },
    { "socks4a", "SOCKS4", "user" },
  } do
    for _, host in ipairs { "127.0.0.1", "localhost" } do
      it(("of %s at %s is gone through, with its user and password")
        :format(case[1], host), function()
          local port, stop = relay()
          local client = helper.client("TLS", { proxy = ("%s://%s@%s:%d")
            :format(case[1], pair, host, port) })
          local first, err = client.create { friendly_name = "a" }
          assert(first, tostring(err))
          assert(client.fetch(first))
          assert(client.async.create {}):wait(helper.HANG)
          client.close()
          local log = stop()
          assert.equal(3, control.ledger(0).count)
          assert.equal(("%s 127.0.0.1 %s %s\n"):format(case[2], origin_port(),
            case[3]), log:match "^[^\n]*\n")
        end)
    end
  end

  it("whose host comes without a scheme is one of http, whatever its name",
    function()
      local port, stop = relay()
      local client = helper.client("TLS", { proxy = "localhost:" .. port })
      assert(client.create {})
      client.close()
      assert.matches("^CONNECT 127%.0%.0%.1 %d+ %-\n", stop())
    end)
end)

-- ---- around it ------------------------------------------------------------

local function library(source)
  local out = os.tmpname()
  assert(helper.succeeds(("unset LD_PRELOAD; cc -shared -fPIC -D_GNU_SOURCE "
    .. "-Wl,--no-as-needed $(pkg-config --cflags libcurl) '%s' -o '%s' -lcurl "
    .. "-ldl"):format(helper.path("support/" .. source), out)))
  return out
end

describe("a libcurl", function()
  local shim, port, stop
  setup(function() shim = library "shim.c" end)
  teardown(function() os.remove(shim) end)
  before_each(function() port, stop = relay() end)

  local function created(proxy, env, more)
    local before = os.getenv "LD_PRELOAD"
    env.LD_PRELOAD = (before and before .. " " or "") .. shim
    return helper.run(([[
      local client = require "helper".client("TLS", { proxy = %q,
        max_attempts = 1 %s })
      local trunk, err = client.create {}
      print(trunk and "created" or table.concat({ err.kind, err.outcome,
        err.attempts, err.message }, " "))
      local job = assert(client.async.create {})
      trunk, err = job:wait()
      print(trunk and "created" or err.outcome)]]):format(proxy, more or ""),
      env)
  end

  local around = "connect not_sent 1 the connection went around the proxy; "
    .. "nothing was sent on it\nnot_sent\n"

  it("that goes to another address than the proxy's sends nothing", function()
    assert.equal(around, created("http://127.0.0.1:" .. port,
      { SHIM_PEER = "192.0.2.7" }))
    stop()
    assert.equal(0, control.ledger(0).count)
  end)

  it("that goes to another port than the proxy's sends nothing", function()
    assert.equal(around, created("http://localhost:" .. port,
      { SHIM_PEER_PORT = "443" }))
    stop()
    assert.equal(0, control.ledger(0).count)
  end)

  for _, scheme in ipairs { "http", "socks5h" } do
    it("that forgets a proxy of " .. scheme .. " sends nothing", function()
      assert.equal(around, created(scheme .. "://localhost:" .. port,
        { SHIM_NO_PROXY = "1" }))
      assert.equal("", stop())
      assert.equal(0, control.ledger(0).count)
    end)
  end

  it("that forgets one at the origin's own port sends nothing", function()
    assert.equal(around, created("http://localhost:" .. origin_port(),
      { SHIM_NO_PROXY = "1" }))
    stop()
    assert.equal(0, control.ledger(0).count)
  end)

  -- Nobody listens where the proxy should be: what is created went around it.
  it("that is refused any one allocation sends nothing but through it",
    function()
      stop()
      if os.getenv "TRUNKING_SLOW" == "asan" then
        pending "beside the sanitizer such a child hangs at its exit"
        return
      end
      local said = helper.run(([[
        local client = require "helper".client("TLS", { max_attempts = 1,
          proxy = "http://user:password@127.0.0.1:9" })
        local outcomes = {}
        for n = 1, 300 do
          local trunk, err = client.create { friendly_name = "x" }
          local told = trunk and "created" or err.outcome
          outcomes[told] = (outcomes[told] or 0) + 1
        end
        for told, n in pairs(outcomes) do print(told, n) end]]),
        { SHIM_STARVE = "1", LD_PRELOAD = (os.getenv "LD_PRELOAD" or "") .. " "
          .. shim })
      assert.equal("not_sent\t300\n", said)
      assert.equal(0, control.ledger(0).count)
    end)

  it("that takes the address for IPv6's form of it is believed", function()
    assert.equal("created\ncreated\n", created("http://127.0.0.1:" .. port,
      { SHIM_PEER = "::ffff:127.0.0.1" }))
    stop()
  end)
end)

-- ---- the environment ------------------------------------------------------

describe("the environment's proxy", function()
  local function ask(env, options)
    local vars = { https_proxy = "", HTTPS_PROXY = "", all_proxy = "",
      ALL_PROXY = "", no_proxy = "", NO_PROXY = "" }
    for name, value in pairs(env) do vars[name] = value end
    return helper.run(([[
      local client, why = require "trunking".new { proxy = "env",
        max_attempts = 1, timeout = 60, base_url = %q, ca_file = %q,
        account_sid = %q, auth_token = %q %s }
      if not client then print(why.kind, why.outcome, why) return end
      local trunk, err = client.create {}
      print(trunk and "created" or err.kind .. " " .. err.outcome)]]):format(
      helper.origin "TLS", helper.sandbox "CA", helper.sandbox "ACCOUNT_SID",
      helper.sandbox "AUTH_TOKEN", options or ""), vars)
  end

  for _, name in ipairs { "https_proxy", "HTTPS_PROXY", "all_proxy",
    "ALL_PROXY" } do
    it("is that of " .. name, function()
      local port, stop = relay()
      assert.equal("created\n", ask { [name] = "http://" .. pair
        .. "@localhost:" .. port })
      assert.matches("^CONNECT 127", stop())
    end)
  end

  it("is none where no_proxy names the host", function()
    for _, name in ipairs { "no_proxy", "NO_PROXY" } do
      assert.equal("created\n", ask { https_proxy = "http://127.0.0.1:9",
        [name] = "a.example, 127.0.0.0/8" })
    end
    assert.equal("connect not_sent\n", ask { no_proxy = "a.example",
      https_proxy = "http://127.0.0.1:9" })
  end)

  it("that cannot be read is refused when the client is made, by its name, and "
    .. "not quoted", function()
      for _, url in ipairs { "http://user:hunt#er2@127.0.0.1:1",
        "http://user:hunter2%0D%0A@127.0.0.1:1",
        "ftp://user:hunter2@127.0.0.1:1" } do
        local said = ask { ALL_PROXY = url }
        assert.matches("^config\tnot_sent\t.*ALL_PROXY", said)
        assert.is_nil(said:find("er2", 1, true))
      end
      assert.equal(0, control.ledger(0).count)
    end)
end)

-- ---- a proxy of https -----------------------------------------------------

describe("a proxy of https", function()
  local dir
  setup(function()
    dir = os.tmpname()
    os.remove(dir)
    assert(helper.succeeds(([[set -e; mkdir '%s'; cd '%s'; exec >log 2>&1
      ca=$TRUNKING_SANDBOX_DIR
      printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' >ext
      key() {
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
          -subj "/CN=$2" -keyout "$1.key" -out "$1.csr"
      }
      openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
        -nodes -subj /CN=other -days 9 -keyout ca.key -out ca.pem
      key own localhost
      openssl x509 -req -in own.csr -CA ca.pem -CAkey ca.key -set_serial 1 \
        -days 9 -extfile ext -out own.pem
      key named "$TRUNKING_SANDBOX_AUTH_TOKEN"
      openssl x509 -req -in named.csr -CA ca.pem -CAkey ca.key -set_serial 2 \
        -days 9 -out named.pem
      cat "$ca/ca.pem" ca.pem >both.pem]]):format(dir, dir)))
  end)
  teardown(function() os.execute(("rm -r '%s'"):format(dir)) end)

  local function through(stem, ca)
    local port, stop = relay(stem)
    local client = helper.client("TLS", { ca_file = ca, max_attempts = 1,
      timeout = helper.tls_library == "GnuTLS" and 5 or nil,
      proxy = ("https://%s@localhost:%d"):format(pair, port) })
    local trunk, err = client.create {}
    client.close()
    return trunk, err, stop()
  end

  -- libcurl 7.88.1 on GnuTLS may not see a reply behind such a proxy.
  local function is_blind(err)
    if helper.tls_library ~= "GnuTLS" or not err or err.kind ~= "timeout" then
      return false
    end
    pending "a reply that this libcurl does not see"
    return true
  end

  local asked = "^CONNECT 127%.0%.0%.1 %d+ "
    .. require "mime".b64 "user:p@s/s":gsub("%p", "%%%0") .. "\n$"

  it("is trusted by ca_file", function()
    local trunk, err, log = through(helper.sandbox "DIR" .. "/server",
      helper.sandbox "CA")
    if is_blind(err) then return end
    assert(trunk, tostring(err))
    assert.matches(asked, log)
  end)

  it("may have an authority of its own, which stands in ca_file too",
    function()
      local trunk, err, log = through(dir .. "/own", dir .. "/both.pem")
      if is_blind(err) then return end
      assert(trunk, tostring(err))
      assert.matches(asked, log)
    end)

  it("that is not trusted is sent nothing, and the error says that it is the "
    .. "proxy", function()
      local trunk, err, log = through(dir .. "/own", helper.sandbox "CA")
      assert.is_nil(trunk)
      helper.check(err, { kind = "tls", outcome = "not_sent", attempts = 1,
        status = false, says = "proxy" })
      assert.is_nil(log:find("CONNECT", 1, true))
      assert.equal(0, control.ledger(0).count)
    end)

  it("that has another name is sent nothing, and its certificate's words are "
    .. "masked", function()
      local _, err = through(dir .. "/named", dir .. "/both.pem")
      helper.check(err, { kind = "tls", outcome = "not_sent",
        says = "proxy" })
      assert.is_nil(tostring(err):find(helper.sandbox "AUTH_TOKEN", 1, true))
    end)

  it("is not blamed for the server behind it", function()
    local trunk, err, log = through(dir .. "/own", dir .. "/ca.pem")
    assert.is_nil(trunk)
    helper.check(err, { kind = "tls", outcome = "not_sent" })
    assert.is_nil(err.message:find("proxy", 1, true))
    assert.matches(asked, log)
    assert.equal(0, control.ledger(0).count)
  end)

  it("that speaks no TLS is sent nothing", function()
    local server = peer.listen "plain HTTP"
    local client = helper.client("TLS", { max_attempts = 1,
      proxy = "https://localhost:" .. server.port })
    local job = assert(client.async.create {})
    local connection = peer.accept(server)
    connection:send "HTTP/1.1 200 OK\r\n\r\n"
    helper.check(helper.error_of(job:wait(peer.LONG)), { kind = "tls",
      outcome = "not_sent", says = "at the proxy: " })
    assert.equal(0, control.ledger(0).count)
  end)
end)
