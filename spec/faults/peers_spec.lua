-- Servers that no sandbox plays: which end, break or say nothing before TLS
-- stands, before and amid the request, and amid the reply; and packets that
-- are lost on their way. Each row says what a create is told. No row's server
-- is asked once more than it says: a request that may have been applied is
-- never sent again, and one that was not sent is.
--
-- The server is this thread, the client's calls are jobs.

local helper = require "helper"
local peer = require "peer"
local socket = require "socket"
local trouble = require "trouble"

local params = { friendly_name = "x" }
local large = { friendly_name = ("x"):rep(60000) } -- with validate = false

local function trunk(digit)
  return { sid = helper.sid("TK", digit or "a"),
    account_sid = helper.sandbox "ACCOUNT_SID", friendly_name = "x" }
end

local function created(digit)
  return peer.reply("201 Created", trunk(digit))
end

-- Serves so many attempts of a row.
local function serve(case, server, job)
  for _ = 1, case.served or case.attempts or 1 do
    if case.act then case.act(server, job) end
  end
end

-- What a request has come to, the further the more.
local progress = { not_sent = 1, unknown = 2, applied = 3, refused = 3 }

-- Plays a row with a client: its server, the error, and whether the client's
-- time was over before the server had done its part, or before that was seen.
local function play(case, transport, options)
  local server = peer.listen(transport, case.listen)
  if case.before then case.before(server) end
  local client = peer.client(server, options)
  local job = assert(client.async.create(case.params or params))
  local served, why = pcall(serve, case, server, job)
  local err = helper.error_of(job:wait(peer.LONG))
  client.close()
  local too_early = err.kind == "timeout"
    and (not served or progress[err.outcome] < progress[case.outcome])
  if not served and not too_early then error(why, 0) end
  return server, err, too_early and tostring(why or err)
end

-- The same, where the client has an option that says how long it waits: with
-- more time, as long as that was too short.
local function play_in_time(case, transport)
  if not case.waits then return play(case, transport, case.options) end
  local server, err, too_early
  helper.in_time(function(seconds)
    peer.tidy()
    local options = { [case.waits] = seconds }
    for name, value in pairs(case.options or {}) do options[name] = value end
    server, err, too_early = play(case, transport, options)
    return err, too_early
  end)
  return server, err, too_early
end

-- Runs one row: its server does what it does to each of so many attempts.
local function run(case, transport)
  local server, err, too_early = play_in_time(case, transport)
  assert.falsy(too_early)
  helper.check(err, { kind = case.kind, outcome = case.outcome,
    status = case.status or false, attempts = case.attempts or 1,
    says = case.says or "" })
  assert.is_true(case.before == peer.fill or peer.is_left(server))
  if case.after then case.after() end
end

local function each_row(rows, transports)
  for _, transport in ipairs(transports) do
    for _, case in ipairs(rows) do
      it(case[1] .. " over " .. transport .. " is " .. case.outcome,
        function()
          if case.needs and not trouble[case.needs] then
            pending("no filters for sockets in this kernel")
          end
          run(case, transport)
        end)
    end
  end
end

after_each(function()
  peer.tidy()
  helper.tidy()
end)

-- ---- before the request -------------------------------------------------

describe("a server that cannot be reached:", function()
  each_row({
    { "one whose queue is full", kind = "timeout", outcome = "not_sent",
      listen = { backlog = 0 }, before = peer.fill, attempts = 2, served = 0,
      waits = "connect_timeout", options = { max_attempts = 2 } },
    { "one whose packets are all dropped", kind = "timeout", needs = "lose",
      outcome = "not_sent", attempts = 2, served = 0,
      before = function(server)
        trouble.lose(server.socket:getfd(), "all")
      end,
      waits = "connect_timeout", options = { max_attempts = 2 } },
  }, helper.transports)
end)

-- A server that does this to a connection once it has the client's hello.
local function on_hello(f)
  return function(server)
    local connection = peer.accept(server)
    peer.await(connection)
    f(connection)
  end
end

local function says(bytes)
  return on_hello(function(connection)
    assert(connection:receive(5))
    connection:send(bytes)
    connection:shutdown "send"
  end)
end

-- A fatal alert of TLS 1.2.
local function alert(n)
  return says("\21\3\3\0\2\2" .. string.char(n))
end

-- What an alert is called: GnuTLS gives its name alone.
local function named(by_openssl, by_gnutls)
  return helper.tls_library == "GnuTLS" and by_gnutls or by_openssl
end

describe("a handshake with a server:", function()
  local three = { max_attempts = 3 }
  each_row({
    { "one that resets it", kind = "tls", outcome = "not_sent",
      attempts = 3, options = three, act = on_hello(peer.reset) },
    { "one that ends it", kind = "tls", outcome = "not_sent",
      attempts = 3, options = three, act = says "" },
    { "one that ends it amid its hello", kind = "tls", outcome = "not_sent",
      attempts = 3, options = three, act = says "\22\3\3\0\90\2\0" },
    { "one that hangs", kind = "timeout", outcome = "not_sent",
      attempts = 2, act = peer.accept,
      waits = "connect_timeout", options = { max_attempts = 2 } },
    { "one that finds no cipher", kind = "tls", outcome = "not_sent",
      options = three, act = alert(40),
      says = named("alert handshake failure", "Handshake failed") },
    { "one that speaks no such version", kind = "tls", outcome = "not_sent",
      options = three, act = alert(70),
      says = named("alert protocol version", "Error in protocol version") },
    { "one that has no HTTP/1.1", kind = "tls", outcome = "not_sent",
      options = three, act = alert(120),
      says = named("alert no application protocol",
        "No supported application protocol") },
    { "one that speaks plain words", kind = "tls", outcome = "not_sent",
      options = three, act = says(created()) },
    { "one that speaks HTTP/2 at once", kind = "tls", outcome = "not_sent",
      options = three, act = says "\0\0\0\4\0\0\0\0\0" },
  }, { "TLS" })

  -- A real one of each, that speaks HTTP/2 alone: spec/support/h2.js.
  it("that has HTTP/2 alone ends in no second request", function()
    if not helper.succeeds "command -v node >/dev/null" then
      pending "no node here, which has a server of HTTP/2"
      return
    end
    local pipe = assert(io.popen(("unset LD_PRELOAD; "
      .. "exec node '%s' </dev/null"):format(helper.path "support/h2.js")))
    local pid, tls, plain = pipe:read "*l", pipe:read "*l", pipe:read "*l"
    assert.truthy(plain, "it did not start")
    local err = helper.failure(helper.client("TLS", { base_url = tls }))
    helper.check(err, { kind = "tls", outcome = "not_sent", attempts = 1 })
    err = helper.failure(helper.client("plain HTTP", { base_url = plain }))
    os.execute("kill " .. pid)
    assert.equal("sessions\t1\tstreams\t0\n", pipe:read "*a")
    pipe:close()
    helper.check(err, { kind = "reply", outcome = "unknown", attempts = 1 })
  end)

  it("asks for HTTP/1.1 alone, so that no stream can be refused", function()
    local server = peer.listen "TLS"
    local job = assert(peer.client(server).async.create(params))
    local connection = peer.accept(server)
    local _, high, low = assert(connection:receive(5)):byte(3, 5)
    local hello = assert(connection:receive(high * 256 + low))
    peer.reset(connection)
    assert.truthy(hello:find("\0\16\0\11\0\9\8http/1.1", 1, true))
    helper.check(helper.error_of(job:wait(peer.LONG)), { kind = "tls",
      outcome = "not_sent" })
  end)
end)

-- ---- around sending -----------------------------------------------------

-- A server that does this to a connection that stands and has been sent to.
local function on_request(f)
  return function(server)
    local connection = peer.welcome(server)
    peer.await(connection)
    f(connection)
  end
end

-- The same, when the head has been read, and not all of a large body.
local function amid_body(f)
  return on_request(function(connection)
    peer.head(connection)
    assert(connection:receive(1000))
    f(connection)
  end)
end

local function close(connection) connection:close() end

local unvalidated = { validate = false }

describe("a request to a server:", function()
  local kept -- the connection of the row
  local function nothing_arrives()
    local text, why = kept:receive(1)
    assert.is_nil(text)
    assert.not_equal("timeout", why)
  end

  each_row({
    { "one that resets before it reads", kind = "network",
      outcome = "unknown", act = on_request(peer.reset) },
    { "one that resets amid the body", kind = "network", outcome = "unknown",
      params = large, options = unvalidated, act = amid_body(peer.reset) },
    { "one that closes amid the body", kind = "network", outcome = "unknown",
      params = large, options = unvalidated, act = amid_body(close) },
    { "one that never reads", kind = "timeout", outcome = "unknown",
      params = large, options = unvalidated, listen = { buffer = 2048 },
      waits = "timeout", act = peer.welcome },
    { "one that reads, and says nothing", kind = "timeout",
      outcome = "unknown", waits = "timeout", act = on_request(peer.request) },
    { "one that refuses it before it has the body", kind = "rejected",
      outcome = "refused", status = 413, params = large,
      options = unvalidated, act = on_request(function(connection)
        peer.head(connection)
        connection:send(peer.reply("413 Content Too Large", {}))
      end) },
    { "one that does not expect what was not said", kind = "rejected",
      outcome = "refused", status = 417, params = large,
      options = unvalidated, act = on_request(function(connection)
        local _, _, lines = peer.request(connection)
        assert.is_nil(table.concat(lines, "\n"):find "\n[Ee]xpect:")
        connection:send(peer.reply("417 Expectation Failed", {}))
      end) },
    { "one that it never reaches, nor later", kind = "timeout",
      outcome = "unknown", waits = "timeout", needs = "lose",
      before = function(server)
        trouble.lose(server.socket:getfd(),
          server.transport == "TLS" and "tls" or "data")
      end,
      act = function(server, job)
        kept = peer.welcome(server)
        job:wait(peer.LONG)
        trouble.lose(kept:getfd(), "none")
      end, after = nothing_arrives },
    { "one whose reply is lost", kind = "timeout", outcome = "unknown",
      waits = "timeout", needs = "lose",
      act = on_request(function(connection)
        assert.equal("POST /v1/Trunks HTTP/1.1", (peer.request(connection)))
        trouble.lose(trouble.other_end(connection:getfd()), "data")
        connection:send(created())
      end) },
  }, helper.transports)

  -- Without this the row above would prove nothing.
  it("that never reached it does, later, where it is left to the kernel",
    function()
      if not trouble.lose then
        pending "no filters for sockets in this kernel"
      end
      local server = peer.listen "plain HTTP"
      trouble.lose(server.socket:getfd(), "data")
      local caller = assert(socket.connect("127.0.0.1", server.port))
      caller:send "POST"
      local connection = peer.accept(server)
      caller:close()
      connection:settimeout(0.1)
      assert.equal("timeout", select(2, connection:receive(4)))
      trouble.lose(connection:getfd(), "none")
      connection:settimeout(peer.LONG)
      assert.equal("POST", connection:receive(4))
    end)
end)

-- ---- the reply ----------------------------------------------------------

-- A server that has read the request, and answers like this.
local function answers(f)
  return on_request(function(connection)
    peer.request(connection)
    f(connection)
  end)
end

-- All but this many bytes of a reply, and then.
local function sends(less, f)
  return answers(function(connection)
    connection:send(created():sub(1, -less - 1))
    if f then f(connection) end
  end)
end

-- So slowly that it would never end.
local function drips(text)
  return function(server, job)
    local connection = peer.welcome(server)
    peer.request(connection)
    connection:send(text)
    for _ = 1, 1000 do
      if job:done() then return end
      connection:send "x"
      socket.sleep(0.02)
    end
  end
end

describe("a reply of a server:", function()
  local head = "HTTP/1.1 201 Created\r\n"
  each_row({
    { "one that resets amid the head", kind = "reply", outcome = "applied",
      status = 201, act = answers(function(connection)
        connection:send(head .. "Content-Le")
        peer.reset(connection)
      end) },
    { "one that resets amid the body", kind = "reply", outcome = "applied",
      status = 201, act = sends(9, peer.reset) },
    { "one that resets amid the status line", kind = "network",
      outcome = "unknown", act = answers(function(connection)
        connection:send "HTTP/1.1 20"
        peer.reset(connection)
      end) },
    { "one that stops amid the body", kind = "timeout", outcome = "applied",
      status = 201, waits = "timeout", act = sends(9) },
    { "one that drips a status line", kind = "timeout", outcome = "unknown",
      waits = "timeout", act = drips "HTTP/1.1 201 " },
    { "one that drips a head", kind = "timeout", outcome = "applied",
      status = 201, waits = "timeout", act = drips(head .. "X-Slow: ") },
    { "one that drips a body", kind = "timeout", outcome = "applied",
      status = 201, waits = "timeout",
      act = drips(head .. 'Content-Length: 9999\r\n\r\n{"sid":"') },
    { "one that drips a refusal", kind = "rejected", outcome = "refused",
      status = 400, waits = "timeout",
      act = drips "HTTP/1.1 400 Bad Request\r\n\r\n" },
  }, helper.transports)
end)

-- ---- a kept connection --------------------------------------------------

describe("a kept connection", function()
  local function warm(transport)
    local server = peer.listen(transport)
    local client = peer.client(server)
    local job = assert(client.async.create {})
    local connection = peer.welcome(server)
    peer.request(connection)
    connection:send(created "b")
    assert(job:wait(peer.LONG))
    return server, client, connection
  end

  for _, transport in ipairs(helper.transports) do
    for title, finish in pairs { ["ended"] = close,
      ["was reset"] = peer.reset } do
      it(("of %s that %s before the next request is not used"):format(
        transport, title), function()
          local server, client, connection = warm(transport)
          finish(connection)
          local job = assert(client.async.create(params))
          local fresh = peer.welcome(server)
          assert.equal("POST /v1/Trunks HTTP/1.1", (peer.request(fresh)))
          fresh:send(created())
          local made, meta = assert(job:wait(peer.LONG))
          assert.same({ helper.sid("TK", "a"), 1 },
            { made.sid, meta.attempts })
          assert.is_true(peer.is_left(server))
        end)
    end

    it("of " .. transport .. " that ends after an interim reply is unknown",
      function()
        local server, client, connection = warm(transport)
        local job = assert(client.async.create(params))
        peer.request(connection)
        connection:send "HTTP/1.1 100 Continue\r\n\r\n"
        connection:close()
        helper.check(helper.error_of(job:wait(peer.LONG)), {
          kind = "network", outcome = "unknown", attempts = 1 })
        assert.is_true(peer.is_left(server))
      end)
  end
end)
