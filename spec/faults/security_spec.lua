-- Secrets and where they may go: nowhere but to the API's own host, over
-- verified TLS of 1.2 or newer, once each request; and into nothing that can
-- be read. What SSLKEYLOGFILE does is libcurl's and can't be turned off: the
-- README says so.

local control = require "sandbox.control"
local helper = require "helper"
local peer = require "peer"
local socket = require "socket"

after_each(function()
  peer.tidy()
  helper.tidy()
end)

-- ---- what can be read ---------------------------------------------------

-- Prints what it finds of the secret in all that Lua can reach: tables, their
-- metatables, upvalues, user values, from the registry on. The secret is held
-- in two halves, so that the search does not find itself.
local search = [[
  local helper = require "helper"
  local left, right = helper.sandbox("AUTH_TOKEN"):match "^(%w%w%w%w)(%w+)$"
  local function tells(s)
    local at = s:find(left, 1, true)
    return at and s:sub(at + 4, at + 3 + #right) == right
  end
  local base = os.getenv "CANARY_BASE64"
  local function check(where, s)
    if tells(s) or s:find(base:sub(1, 30), 1, true) and #s ~= #base then
      print("FOUND in " .. where)
    end
  end
  local function walk()
    local seen, n = {}, 0
    local function visit(value, where)
      local kind = type(value)
      if kind == "string" then n = n + 1 check(where, value) end
      if kind ~= "table" and kind ~= "function" and kind ~= "userdata" and
        kind ~= "thread" or seen[value] then return end
      seen[value] = true
      if kind == "table" then
        for k, v in next, value do
          visit(k, where .. ".key")
          visit(v, where .. "." .. tostring(type(k) == "string" and k or "?"))
        end
      elseif kind == "function" then
        for i = 1, 255 do
          local name, v = debug.getupvalue(value, i)
          if not name then break end
          visit(v, where .. "^" .. name)
        end
      elseif kind == "userdata" then
        local get = debug.getuservalue or debug.getfenv
        visit((get(value)), where .. "'s value")
      end
      visit(debug.getmetatable(value), where .. "'s metatable")
    end
    visit(debug.getregistry(), "registry")
    print(n > 500 and "walked" or "walked too little")
  end
]]

describe("a secret", function()
  local function base64(s)
    return (require "mime".b64(s))
  end

  -- What a client did in each of these ways was told: all is printed.
  local deeds = [[
    local function deeds()
      local trunking = require "trunking"
      local function on_attempt(event)
        for k, v in pairs(event) do print(k, v) end
      end
      local function fresh(transport, more)
        more = more or {}
        more.on_attempt = on_attempt
        return helper.client(transport, more)
      end
      local function show(result, err)
        print(tostring(result), tostring(err))
        for _, t in ipairs { result, err } do
          if type(t) == "table" then
            for k, v in pairs(t) do print(k, v) end
          end
        end
      end
      local clients = {}
      for _, transport in ipairs(helper.transports) do
        local client = fresh(transport)
        clients[#clients + 1] = client
        print(client)
        show(client.create { friendly_name = "a" })
        show(client.create { friendly_name = 42 })
        show(client.create { freindly_name = "a" })
        show(client.fetch("TK" .. ("0"):rep(32)))
        show(client.async.create({}):wait())
        show(pcall(client.create, 42))
        local control = require "sandbox.control"
        control.arm { { status = 401 }, { close = true }, { status = 503 },
          { status = 302, headers = { Location = "http://a:b@c.example" } },
          { garbage = true }, { cut = 10, apply = true } }
        for _ = 1, 6 do show(client.create {}) end
        clients[#clients + 1] = fresh(transport,
          { base_url = "https://127.0.0.1:1", max_attempts = 1 })
        show(clients[#clients].create {})
        show(pcall(helper.client, transport, { max_attempts = "x" }))
        show(pcall(helper.client, transport, { base_url = "ftp://x" }))
      end
      return clients
    end
    local clients = deeds()
    collectgarbage() collectgarbage()
    walk()
    for _, client in ipairs(clients) do client.close() print(client) end
    walk()
  ]]

  it("is in no output, no error, and nothing that Lua can reach", function()
    local pair = base64(helper.sandbox "ACCOUNT_SID" .. ":"
      .. helper.sandbox "AUTH_TOKEN")
    local said = helper.run(search .. deeds, { CANARY_BASE64 = pair })
    assert.matches("walked\n", said)
    assert.matches("trunking.client%(AC", said)
    assert.is_nil(said:find "too little")
    assert.is_nil(said:match "FOUND[^\n]*")
    assert.is_nil(said:find(helper.sandbox "AUTH_TOKEN", 1, true))
    assert.is_nil(said:find(pair:sub(-30), 1, true))
    assert.is_nil(said:find "a:b@")
  end)

  it("is found by that search, where a script keeps it", function()
    local said = helper.run(search .. [[
      local kept = { options = { auth_token = helper.sandbox "AUTH_TOKEN" } }
      package.loaded.mine = function() return kept end
      walk()]], { CANARY_BASE64 = ("x"):rep(99) })
    assert.matches("FOUND", said)
  end)

  it("is wiped from the client's own memory when it is closed", function()
    if not io.open "/proc/self/mem" then pending "no /proc/self/mem" return end
    if os.getenv "TRUNKING_SLOW" then pending "too slow here" return end
    local said = helper.run([[
      local helper = require "helper"
      -- The end of the line that a client sends: how often it is in memory.
      local needle = require "mime".b64(helper.sandbox "ACCOUNT_SID" .. ":"
        .. helper.sandbox "AUTH_TOKEN"):sub(-24):reverse()
      local function copies()
        collectgarbage() collectgarbage()
        local want, n = needle:reverse(), 0
        for line in io.lines "/proc/self/maps" do
          local from, to = line:match "^(%x+)-(%x+) rw"
          if from and not line:find "%[v" then
            local mem = io.open("/proc/self/mem", "rb")
            mem:setvbuf "no"
            if mem:seek("set", tonumber(from, 16)) then
              local all = mem:read(tonumber(to, 16) - tonumber(from, 16)) or ""
              local at = all:find("Basic ", 1, true)
              while at do
                local stop = all:find("[^%w+/=]", at + 6) or #all
                local rest = all:sub(at + 6, stop - 1)
                if #rest > 60 and rest:sub(-24) == want then n = n + 1 end
                at = all:find("Basic ", at + 6, true)
              end
            end
            mem:close()
          end
        end
        return n
      end
      local client = helper.client "plain HTTP"
      print("before", copies())
      client.close()
      print("after", copies())
    ]])
    assert.matches("^before\t[1-9]%d*\nafter\t0\n$", said)
  end)
end)

-- ---- what goes over the wire --------------------------------------------

-- The head of a job's request, read by a server that answers with `reply`.
local function received(client, server, reply)
  local job = assert(client.async.create { friendly_name = "x" })
  local connection = peer.accept(server)
  local _, body, lines = peer.request(connection)
  assert.equal("FriendlyName=x", body)
  connection:send(reply)
  connection:close()
  job:wait(peer.LONG)
  return lines
end

describe("a request", function()
  it("holds the headers it must, and none besides", function()
    local server = peer.listen "plain HTTP"
    local client = peer.client(server)
    local reply = "HTTP/1.1 400 Bad\r\nSet-Cookie: a=b\r\n"
      .. "Alt-Svc: h2=\":443\"\r\nStrict-Transport-Security: max-age=9\r\n"
      .. "Content-Length: 0\r\nConnection: close\r\n\r\n"
    for _ = 1, 2 do
      local lines = received(client, server, reply)
      local names = {}
      assert.equal("POST /v1/Trunks HTTP/1.1", table.remove(lines, 1))
      table.remove(lines)
      for i, line in ipairs(lines) do names[i] = line:match "^[^:]+" end
      table.sort(names)
      assert.same({ "Accept", "Accept-Encoding", "Authorization",
        "Content-Length", "Content-Type", "Host", "User-Agent" }, names)
    end
  end)

  it("goes to the loopback address of IPv6 too, in plain words", function()
    local listener = socket.tcp6 and socket.tcp6()
    if not listener or not listener:bind("::1", 0) then
      pending "no IPv6 here"
      return
    end
    assert(listener:listen(9))
    listener:settimeout(helper.HANG)
    local _, port = listener:getsockname()
    local client = helper.client("plain HTTP",
      { base_url = ("http://[::1]:%d"):format(port), max_attempts = 1 })
    local reply = "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n"
    assert.equal("Host: [::1]:" .. port,
      received(client, { socket = listener }, reply)[2])
    listener:close()
    helper.check(helper.failure(client), { kind = "connect",
      outcome = "not_sent" })
  end)

  it("is not decompressed", function()
    control.arm { status = 201, body = "\31\139\8\0",
      headers = { ["Content-Encoding"] = "gzip" } }
    helper.check(helper.failure(helper.client "TLS"), { kind = "reply",
      outcome = "applied" })
  end)

  it("has its credentials from no netrc", function()
    local home = os.tmpname()
    os.remove(home)
    assert(helper.succeeds(("mkdir '%s' && echo 'default login ACnetrc "
      .. "password n' > '%s/.netrc'"):format(home, home)))
    local said = helper.run([[
      local client = require "helper".client "TLS"
      print(client.create {} and "created")]], { HOME = home, NETRC = home
        .. "/.netrc" })
    os.execute(("rm -r '%s'"):format(home))
    assert.equal("created\n", said)
    assert.equal(helper.sandbox "ACCOUNT_SID", helper.requests()[1].user)
  end)

  for title, text in pairs { CRLF = "a\r\nX-Evil: b", LF = "a\nb",
    NUL = "a\0b", ["a header's end"] = "\r\n\r\nGET / HTTP/1.1\r\n\r\n" } do
    it("is not split by " .. title .. " in a value", function()
      local client = helper.client("TLS", { validate = false })
      if title == "NUL" then
        helper.check(helper.failure(client, { friendly_name = text }),
          { kind = "invalid", outcome = "not_sent" })
        return
      end
      assert(client.create { friendly_name = text })
      assert.same({ FriendlyName = text }, helper.only_form())
    end)

    it("is not split by " .. title .. " in a SID", function()
      local sid = "TK" .. (text .. ("a"):rep(32)):sub(1, 32)
      for _, client in ipairs { helper.client "TLS",
        helper.client("TLS", { validate = false }) } do
        local _, err = client.fetch(sid)
        helper.check(err, { kind = "invalid", outcome = "not_sent" })
      end
      assert.equal(0, control.ledger(0).count)
    end)

    it("is not split by " .. title .. " in a User-Agent", function()
      local ok, client, err = pcall(require "trunking".new, {
        account_sid = helper.sandbox "ACCOUNT_SID", user_agent = text,
        auth_token = helper.sandbox "AUTH_TOKEN" })
      assert.is_true(ok)
      assert.is_nil(client)
      helper.check(err, { kind = "config", outcome = "not_sent",
        field = "user_agent" })
    end)
  end
end)

-- ---- a redirect ---------------------------------------------------------

describe("a redirect's error", function()
  for location, host in pairs {
    ["https://user:secret@evil.example:99/path?query"] = "evil.example",
    ["//evil.example/secret"] = "evil.example",
    ["HTTP://Evil.Example"] = "Evil.Example",
    ["https://evil-host.example/secret@"] = "evil-host.example",
    ["https://evil.example\\@secret/"] = "evil.example",
    ["https://192.0.2.7#secret"] = "192.0.2.7",
  } do
    it("names the host alone: " .. location, function()
      for _, status in ipairs { 301, 302, 303, 307, 308 } do
        control.arm { status = status, body = status == 308 and "" or
          '{"message":"secret no more"}', headers = { Location = location } }
        local err = helper.failure(helper.client "TLS")
        helper.check(err, { status = status, outcome = "unknown",
          kind = "reply",
          says = "it redirects to " .. host .. ", which is not followed" })
        for _, value in pairs(err) do
          assert.is_nil(tostring(value):find("secret[@/]", 1))
          assert.is_nil(tostring(value):find("query", 1, true))
        end
      end
    end)
  end

  for _, location in ipairs { "/v1/secret", "secret", "https://bad_host;x/",
    "https://bad!host/", "https://bad{host/", "/x", "https://",
    "https://" .. ("a"):rep(200) .. ".example/", "/",
    "https://[::1]:9/" } do
    it("names none where there is none to name: " .. location:sub(1, 20),
      function()
        control.arm { raw = "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n"
          .. "Location: " .. location .. "\r\n\r\n" }
        local err = helper.failure(helper.client "plain HTTP")
        helper.check(err, { status = 302, says = "the server answered 302" })
      end)
  end
end)

-- ---- TLS ----------------------------------------------------------------

describe("a server", function()
  local dir
  setup(function()
    dir = os.tmpname()
    os.remove(dir)
    assert(helper.succeeds(([[set -e; mkdir '%s'; cd '%s'; exec >log 2>&1
      ca=$TRUNKING_SANDBOX_DIR
      printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' >good.ext
      printf 'subjectAltName=DNS:other.example\n' >other.ext
      openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
        -subj /CN=localhost -keyout key.pem -out request.pem
      sign() {
        openssl x509 -req -in request.pem -CA "$ca/ca.pem" -CAkey "$ca/ca.key" \
          -set_serial "$1" -days 9 -extfile "$2.ext" -out "$3.pem"
      }
      sign 12 other host
      sign 13 good old
      openssl x509 -req -in request.pem -signkey key.pem -days 9 \
        -extfile good.ext -out self.pem
      # x509 takes a time that is over in some releases of OpenSSL, ca in all.
      printf '%%s\n' '[ca]' 'default_ca = own' '[own]' 'database = index' \
        'new_certs_dir = .' 'default_md = sha256' 'policy = any' \
        'rand_serial = yes' '[any]' 'commonName = supplied' >ca.cnf
      : >index
      openssl ca -batch -notext -config ca.cnf -cert "$ca/ca.pem" \
        -keyfile "$ca/ca.key" -startdate 20200101000000Z \
        -enddate 20200201000000Z -extfile good.ext -in request.pem \
        -out expired.pem]]):format(dir, dir)))
  end)
  teardown(function() os.execute(("rm -r '%s'"):format(dir)) end)

  -- Runs openssl's server for one test: its port, and how to end it, which
  -- gives all that it was sent.
  local function serve(certificate, more)
    local listener = assert(socket.bind("127.0.0.1", 0))
    local _, port = listener:getsockname()
    listener:close()
    local pipe = assert(io.popen(("cd '%s' && exec 3>&1 && { openssl s_server "
      .. "-accept 127.0.0.1:%d -cert %s.pem -key key.pem -quiet %s "
      .. "</dev/null >got 2>&1 3>&- & echo $! >&3; }"):format(dir, port,
      certificate, more or "")))
    local pid = pipe:read "*l"
    local up
    for _ = 1, 200 do
      up = socket.connect("127.0.0.1", port)
      if up then break end
      socket.sleep(0.05)
    end
    assert(up, "no openssl s_server"):close()
    return "https://127.0.0.1:" .. port, function()
      os.execute("kill " .. pid)
      pipe:close()
      local file = assert(io.open(dir .. "/got", "rb"))
      local got = file:read "*a"
      file:close()
      return got
    end
  end

  for title, case in pairs {
    ["an expired certificate"] = { "expired", "", "expired" },
    ["a certificate of another host"] = { "host", "", "127.0.0.1" },
    ["a certificate signed by itself"] = { "self", "", "self%-signed" },
    ["nothing newer than TLS 1.1"] = { "old",
      "-tls1_1 -cipher ALL:@SECLEVEL=0", "version" },
  } do
    it("with " .. title .. " is sent nothing, and the error says why",
      function()
        local origin, stop = serve(case[1], case[2])
        local client = helper.client("TLS", { base_url = origin })
        local err = helper.failure(client)
        local got = stop()
        helper.check(err, { kind = "tls", outcome = "not_sent",
          attempts = 1, status = false })
        assert.matches(case[3], err.message)
        assert.is_nil(got:find("POST", 1, true))
        assert.is_nil(got:find("Authorization", 1, true))
      end)
  end

  -- What a create says in a process with OpenSSL's settings in a file.
  local function told(origin, ca, settings)
    local conf = dir .. "/openssl.cnf"
    local file = assert(io.open(conf, "w"))
    file:write("openssl_conf = init\n[init]\nssl_conf = ssl\n[ssl]\n"
      .. "system_default = all\n[all]\n", settings, "\n")
    file:close()
    return helper.run(([[
      local client = require "helper".client("TLS", { base_url = %q,
        ca_file = %q, max_attempts = 1, timeout = 20 })
      local _, err = client.create {}
      print(err.kind, err.outcome)]]):format(origin, ca),
      { OPENSSL_CONF = conf })
  end

  local function needs_openssl()
    if helper.tls_library == "OpenSSL" then return false end
    pending "another TLS library than OpenSSL"
    return true
  end

  it("is chosen by the file of OPENSSL_CONF too, as the page says", function()
    if needs_openssl() then return end
    local origin, stop = serve("old", "-tls1_3 -ciphersuites "
      .. "TLS_AES_128_GCM_SHA256")
    assert.equal("tls\tnot_sent\n", told(origin, (helper.sandbox "CA"),
      "Ciphersuites = TLS_CHACHA20_POLY1305_SHA256"))
    stop()
  end)

  it("that is too old or not trusted is not, whatever is in that file",
    function()
      if needs_openssl() then return end
      local loose = "MinProtocol = TLSv1\nCipherString = ALL:@SECLEVEL=0\n"
        .. "VerifyMode = Request"
      local origin, stop = serve("old", "-tls1_1 -cipher ALL:@SECLEVEL=0")
      assert.equal("tls\tnot_sent\n", told(origin, (helper.sandbox "CA"),
        loose))
      assert.is_nil(stop():find("POST", 1, true))
      origin, stop = serve("self", "-cipher ALL:@SECLEVEL=0")
      assert.equal("tls\tnot_sent\n", told(origin, (helper.sandbox "CA"),
        loose))
      assert.is_nil(stop():find("POST", 1, true))
    end)

  it("of the same kind, in order, is sent it", function()
    local origin, stop = serve("old", "-www")
    local err = helper.in_time(function(timeout)
      local late = helper.failure(helper.client("TLS", { base_url = origin,
        timeout = timeout }))
      return late, late.kind == "timeout" and late.outcome == "not_sent"
    end)
    stop()
    assert.not_equal("tls", err.kind)
    assert.not_equal("not_sent", err.outcome)
  end)

  it("that speaks plain HTTP on the port of TLS is sent nothing", function()
    local client = helper.client("TLS", { base_url = helper.origin
      "plain HTTP":gsub("^http:", "https:"), max_attempts = 1 })
    helper.check(helper.failure(client), { kind = "tls",
      outcome = "not_sent", attempts = 1 })
    assert.equal(0, control.ledger(0).count)
  end)
end)

-- ---- a proxy ------------------------------------------------------------

describe("a proxy", function()
  -- A proxy that does this with each CONNECT, as many times.
  local function proxied(answer, times, options, user)
    local server = peer.listen "plain HTTP"
    options.proxy = (server.origin:gsub("//", "//" .. (user or "")))
    local client = helper.client("TLS", options)
    local job = assert(client.async.create {})
    local served, why = pcall(function()
      for _ = 1, times do
        local connection = peer.accept(server)
        local head = table.concat(peer.head(connection), "\n")
        assert.matches("^CONNECT 127%.0%.0%.1:%d+ HTTP", head)
        assert.is_nil(head:find("\nAuthorization", 1, true))
        answer(connection)
      end
    end)
    local err = helper.error_of(job:wait(peer.LONG))
    if not served and err.kind == "timeout" then return err, true end
    assert(served, why)
    assert.is_true(peer.is_left(server))
    assert.equal(0, control.ledger(0).count)
    return err
  end

  local function says(text)
    return function(connection)
      connection:send(text)
      connection:close()
    end
  end

  for status, times in pairs { [407] = 1, [403] = 1, [502] = 3, [503] = 3 } do
    it("that answers " .. status .. " is not sent the request", function()
      local err = proxied(says(("HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n")
        :format(status)), times, {})
      helper.check(err, { kind = "connect", outcome = "not_sent",
        attempts = times, says = tostring(status), status = false })
    end)
  end

  it("that refuses its password is asked once, and told no other secret",
    function()
      local err = proxied(says("HTTP/1.1 407 No\r\nProxy-Authenticate: "
        .. "Basic realm=x\r\nContent-Length: 0\r\n\r\n"), 1, {},
        "user:wrong@")
      helper.check(err, { kind = "connect", outcome = "not_sent",
        attempts = 1, says = "407", status = false })
      assert.is_nil(tostring(err):find("wrong", 1, true))
    end)

  for title, answer in pairs { ["nothing"] = "", ["garbage"] = "\1\2\3\r\n\r\n",
    ["half an answer"] = "HTTP/1.1 2" } do
    it("that answers " .. title .. " is not sent the request", function()
      local err = proxied(says(answer), 1, { max_attempts = 1 })
      helper.check(err, { kind = "connect", outcome = "not_sent",
        attempts = 1, status = false })
    end)
  end

  -- libcurl would quote a proxy's URL that it cannot read, password and all.
  it("of the environment that cannot be read is not quoted", function()
    local said = helper.run([[
      local client, err = require "trunking".new { proxy = "env",
        account_sid = "AC" .. ("0"):rep(32), auth_token = ("0"):rep(32) }
      print(client, err.kind, err.outcome, err.field, err)]],
      { https_proxy = "http://user:hunt#er2@127.0.0.1:1" })
    assert.matches("^nil\tconfig\tnot_sent\tproxy\t.*percent%-encode", said)
    assert.is_nil(said:find("er2", 1, true))
  end)

  it("that resets is tried again, and not sent the request", function()
    helper.check(proxied(peer.reset, 3, {}), { kind = "connect",
      outcome = "not_sent", attempts = 3, status = false })
  end)

  -- A reset is told as one of any read by some libcurls on GnuTLS: it was taken
  -- for the proxy's.
  for title, finish in pairs { ["ends"] = function(c) c:close() end,
    ["is reset"] = peer.reset } do
    it("behind which a handshake " .. title .. " is an error of TLS", function()
      local err = proxied(function(connection)
        connection:send "HTTP/1.1 200 OK\r\n\r\n"
        peer.await(connection)
        finish(connection)
      end, 2, { max_attempts = 2 })
      helper.check(err, { kind = "tls", outcome = "not_sent", attempts = 2,
        status = false })
    end)
  end

  it("that hangs is tried again, and not sent the request", function()
    helper.check(helper.in_time(function(timeout)
      peer.tidy()
      return proxied(function() end, 2, { connect_timeout = timeout,
        max_attempts = 2 })
    end), { kind = "timeout", outcome = "not_sent", attempts = 2,
      status = false })
  end)
end)
