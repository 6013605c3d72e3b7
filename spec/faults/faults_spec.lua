-- Faults of the wire, of the reply and of the way there: what a create says of
-- itself, and when it is tried again.

local control = require "sandbox.control"
local helper = require "helper"
local socket = require "socket"

local trunk_json = '{"sid":"TK' .. ("ab"):rep(16) .. '"}'
local created = "HTTP/1.1 201 Created\r\n"
-- The same with one more member, or what is put there.
local function with(more)
  return (trunk_json:gsub("}", function() return more .. "}" end))
end
local many_headers = ("X-Filler: " .. ("x"):rep(1000) .. "\r\n"):rep(80)

-- title, fault, outcome, part of the message
local faults = {
  { "a body cut short", { cut = 40 }, "applied" },
  { "a body cut to nothing", { cut = 0 }, "applied" },
  { "headers cut short", { cut_headers = true }, "applied" },
  { "an empty body", { body = "" }, "applied" },
  { "a page of HTML", { body = "<html><h1>Created</h1>" }, "applied" },
  { "JSON that is cut", { body = '{"sid":"TK' }, "applied" },
  { "JSON that is a list", { body = "[]" }, "applied" },
  { "JSON that is a word", { body = '"created"' }, "applied" },
  { "JSON that is null", { body = "null" }, "applied" },
  { "JSON that is a number", { body = "123" }, "applied" },
  { "JSON of UTF-16", { body = trunk_json:gsub(".", "%0\0") }, "applied" },
  { "JSON with a comment", { body = with "/* so */" }, "applied" },
  { "JSON with a comma too many", { body = with "," }, "applied" },
  { "JSON without a sid", { body = '{"friendly_name":"x"}' }, "applied" },
  { "a sid that is null", { body = '{"sid":null}' }, "applied" },
  { "a sid that is a number", { body = '{"sid":42}' }, "applied" },
  { "a sid of another kind", { body = trunk_json:gsub("TK", "AC") },
    "applied" },
  { "a sid too short", { body = '{"sid":"TKabab"}' }, "applied" },
  { "a sid of other letters", { body = trunk_json:gsub("ab", "xy") },
    "applied" },
  { "a sid with a NUL", { body = trunk_json:gsub('"}', '\\u0000"}') },
    "applied" },
  { "a NUL after the JSON", { body = trunk_json .. "\0x" }, "applied" },
  { "NaN, which JSON lacks", { body = with ',"x":NaN' }, "applied" },
  { "infinity, which JSON lacks", { body = with ',"x":-Infinity' },
    "applied" },
  { "a number of base 16", { body = with ',"x":0x10' }, "applied" },
  { "a number of base 8", { body = with ',"x":010' }, "applied" },
  { "JSON of great depth",
    { body = trunk_json:gsub("}", ',"x":' .. ("["):rep(99) .. ("]"):rep(99)
      .. "}") }, "applied" },
  { "a body over 1 MiB", { body = ("x"):rep(2 ^ 20 + 1) }, "applied",
    "limit" },
  { "a chunked body over 1 MiB",
    { body = ("x"):rep(2 ^ 20 + 1), chunked = true }, "applied", "limit" },
  { "headers over 64 KiB",
    { raw = created .. many_headers .. "Content-Length: 0\r\n\r\n" },
    "applied", "64 KiB" },
  { "a header over 64 KiB", { headers = { ["X-Long"] = ("x"):rep(70000) } },
    "applied", "64 KiB" },
  { "a header over 100 KiB", { headers = { ["X-Long"] = ("x"):rep(200000) } },
    "applied", "64 KiB" },
  { "interim replies without end",
    { raw = ("HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"):rep(9999) },
    "unknown" },
  { "another account's trunk",
    { body = trunk_json:gsub("}", ',"account_sid":"AC' .. ("0"):rep(32)
      .. '"}') }, "applied", "answered, and the client's is", "config" },
  { "another domain's trunk",
    { body = trunk_json:gsub("}", ',"domain_name":"b.pstn.twilio.com"}') },
    "unknown", "another request" },
  { "a length that is too small",
    { raw = created .. "Content-Length: 5\r\n\r\n" .. trunk_json },
    "applied" },
  { "two lengths", { raw = created .. "Content-Length: 43\r\n"
    .. "Content-Length: 5\r\n\r\n" .. trunk_json }, "applied" },
  { "a length below nothing",
    { raw = created .. "Content-Length: -5\r\n\r\n" .. trunk_json },
    "applied" },
  { "a chunk of no size", { raw = created
    .. "Transfer-Encoding: chunked\r\n\r\nzz\r\n" .. trunk_json },
    "applied" },
  { "a length and chunks at once, of which neither holds", { raw = created
    .. "Content-Length: 43\r\nTransfer-Encoding: chunked\r\n\r\n"
    .. trunk_json }, "applied" },
  { "chunks that break off", { raw = created
    .. "Transfer-Encoding: chunked\r\n\r\n2b\r\n" .. trunk_json:sub(1, 20) },
    "applied" },
  { "a NUL in a header", { raw = created .. "X-A: a\0b\r\n"
    .. "Content-Length: 2\r\n\r\n{}" }, "applied" },
  { "a coding that was not asked for", { body = trunk_json:gsub("%w", "\31"),
    headers = { ["Content-Encoding"] = "br, gzip" } }, "applied" },
  { "a 204 with a body", { raw = "HTTP/1.1 204 No Content\r\n"
    .. "Content-Length: 43\r\n\r\n" .. trunk_json }, "applied" },
  { "a status of naught", { raw = "HTTP/1.1 000 What\r\n\r\n" }, "unknown" },
  { "HTTP/0.9", { raw = trunk_json }, "unknown" },
  { "garbage", { garbage = true }, "unknown" },
  { "a banner of SSH", { raw = "SSH-2.0-OpenSSH_9.2\r\n" }, "unknown" },
  { "an HTTP version that is none", { raw = "HTTP/9.9 201 Created\r\n\r\n" },
    "unknown" },
}

-- The connection dies before a status is known: kind network.
local deaths = {
  { "closed at once", { close = true } },
  { "reset at once", { reset = true } },
  { "closed within the status line", { raw = "HTTP/1.1 20" } },
  { "closed after it switched protocols",
    { raw = "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n" } },
  { "closed after an interim reply",
    { raw = "HTTP/1.1 100 Continue\r\n\r\n" } },
}

local params = { friendly_name = "x", domain_name = "a.pstn.twilio.com" }
local form = { FriendlyName = "x", DomainName = "a.pstn.twilio.com" }

local function arm(fault)
  local own = { apply = true }
  for name, value in pairs(fault) do own[name] = value end
  control.arm(own)
end

-- The forms of all requests, which are POSTs.
local function forms()
  local all = {}
  for i, request in ipairs(helper.requests()) do
    assert.equal("POST", request.method)
    all[i] = request.form
  end
  return all
end

after_each(helper.tidy)

for _, transport in ipairs(helper.transports) do
  describe("a create over " .. transport, function()
    local client
    before_each(function() client = helper.client(transport) end)

    for _, case in ipairs(faults) do
      it("answered with " .. case[1] .. " is " .. case[3], function()
        arm(case[2])
        local err = helper.failure(client, params)
        helper.check(err, { kind = case[5] or "reply", outcome = case[3],
          says = case[4] or "", attempts = 1 })
        assert.same({ form }, forms())
        assert(client.create {})
      end)
    end

    for _, case in ipairs(deaths) do
      it(case[1] .. " is unknown, and not sent again", function()
        arm(case[2])
        helper.check(helper.failure(client, params), { kind = "network",
          outcome = "unknown", status = false, attempts = 1 })
        assert.same({ form }, forms())
        assert(client.create {})
      end)
    end

    it("takes an interim reply for no reply", function()
      arm { early = true }
      assert.equal("x", assert(client.create(params)).friendly_name)
    end)

    for title, head in pairs {
      ["a folded header"] = "X-A: a\r\n b\r\n",
      ["bare line feeds"] = "X-A: a\n",
      ["a length past all bounds"] = "Content-Length: 1" .. ("0"):rep(22)
        .. "\r\n",
      ["a length that is not kept"] = "Content-Length: 5000000000\r\n",
    } do
      it("believes a whole reply with " .. title, function()
        arm { raw = created .. head .. "\r\n" .. trunk_json }
        assert.matches("^TK", assert(client.create(params)).sid)
      end)
    end

    it("believes a whole reply in chunks without the last one", function()
      arm { raw = created .. ("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n")
        :format(#trunk_json, trunk_json) }
      assert.matches("^TK", assert(client.create(params)).sid)
    end)

    for title, case in pairs {
      ["names that come twice"] = { '"n":1,"n":2', "n", 2 },
      ["a number too large for any"] = { '"n":1e400', "n", 1 / 0 },
      ["a NUL in a text"] = { '"n":"a\\u0000b"', "n", "a\0b" },
      ["control characters"] = { '"n":"a\1b"', "n", "a\1b" },
      ["texts that are no UTF-8"] = { '"n":"\255\192"', "n", "\255\192" },
    } do
      it("believes JSON with " .. title, function()
        arm { body = with("," .. case[1]) }
        local trunk = assert(client.create(params))
        assert.matches("^TK", trunk.sid)
        assert.equal(case[3], trunk[case[2]])
      end)
    end

    it("believes a reply without a length that ends with the connection",
      function()
        arm { raw = created .. "\r\n" .. trunk_json }
        assert.matches("^TK", assert(client.create(params)).sid)
      end)

    it("that takes too long is unknown, and not sent again", function()
      local err = helper.in_time(function(timeout)
        local hasty = helper.client(transport, { timeout = timeout })
        arm { hold = true }
        local late = helper.failure(hasty, params)
        local made, why = hasty.create {}
        return made and late or why,
          late.outcome == "not_sent" or not made and why.kind == "timeout"
      end)
      helper.check(err, { kind = "timeout", outcome = "unknown",
        status = false, attempts = 1 })
      assert.same({ form, {} }, forms())
    end)

    for _, status in ipairs { 500, 502, 503, 504 } do
      it("is not sent again after a " .. status, function()
        control.arm { status = status, headers = { ["Retry-After"] = "0" } }
        helper.check(helper.failure(client, params), { kind = "server",
          outcome = "unknown", status = status, attempts = 1 })
        assert.same({ form }, forms())
      end)
    end

    it("is sent again after a 429, when the server said", function()
      control.arm { status = 429, headers = { ["Retry-After"] = "1" } }
      assert.equal("x", assert(client.create(params)).friendly_name)
      assert.same({ form, form }, forms())
    end)

    it("gives up after as many 429s as it was told", function()
      control.arm { status = 429, times = 9,
        headers = { ["Retry-After"] = "1" } }
      local patient = helper.client(transport, { max_attempts = 2 })
      helper.check(helper.failure(patient, params), { kind = "rate_limit",
        outcome = "refused", attempts = 2, retry_after = 1, status = 429 })
      assert.same({ form, form }, forms())
    end)
  end)
end

describe("a create that is refused for being too many", function()
  it("is tried four times", function()
    control.arm { status = 429, times = 9 }
    helper.check(helper.failure(helper.client "TLS", params),
      { kind = "rate_limit", outcome = "refused", attempts = 4 })
    assert.same({ form, form, form, form }, forms())
  end)

  it("comes back at once when there is no time to wait", function()
    control.arm { status = 429, headers = { ["Retry-After"] = "3600" } }
    helper.check(helper.failure(helper.client "TLS", params), { attempts = 1,
      kind = "rate_limit", outcome = "refused", retry_after = 3600 })
  end)
end)

-- ---- the way there ----------------------------------------------------

-- A port of this machine that nobody listens on.
local function closed_port()
  local listener = assert(socket.bind("127.0.0.1", 0))
  local _, port = listener:getsockname()
  listener:close()
  return port
end

local function foreign_ca()
  local path = os.tmpname()
  os.execute(("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:"
    .. "prime256v1 -nodes -days 2 -subj /CN=foreign -keyout /dev/null "
    .. "-out '%s' 2>/dev/null"):format(path))
  finally(function() os.remove(path) end)
  return path
end

local function at(scheme, transport, host)
  return (helper.origin(transport):gsub("^%a+://[%d.]+", scheme .. "://"
    .. (host or "127.0.0.1")))
end

-- title, options, kind, attempts, part of the message
local ways = {
  { "a port that is closed", function()
    return { base_url = "https://127.0.0.1:" .. closed_port() }
  end, "connect", 3 },
  { "a port that is closed, and one attempt", function()
    return { base_url = "http://127.0.0.1:" .. closed_port(),
      max_attempts = 1 }
  end, "connect", 1 },
  { "a name that does not resolve", function()
    return { base_url = "https://nowhere..invalid", max_attempts = 1 }
  end, "dns", 1 },
  { "a proxy whose name does not resolve", function()
    return { proxy = "http://nowhere..invalid", max_attempts = 1 }
  end, "dns", 1 },
  { "a proxy that is closed", function()
    return { proxy = "http://127.0.0.1:" .. closed_port(), max_attempts = 1 }
  end, "connect", 1 },
  { "a certificate of an unknown CA", function()
    return { ca_file = foreign_ca() }
  end, "tls", 1, "certificate" },
  { "a certificate of a CA that only this machine lacks", function()
    return { ca_file = false }
  end, "tls", 1 },
  { "a certificate of another name", function()
    return { base_url = at("https", "TLS", "other.localhost") }
  end, "tls", 1, "other.localhost" },
  { "a server that speaks no TLS", function()
    return { base_url = at("https", "plain HTTP") }
  end, "tls", 1 },
}

describe("a create that does not get through", function()
  for _, case in ipairs(ways) do
    it("for " .. case[1] .. " is not sent", function()
      local err = helper.failure(helper.client("TLS", case[2]()), params)
      helper.check(err, { kind = case[3], outcome = "not_sent",
        attempts = case[4], says = case[5] or "", status = false })
      assert.equal(0, control.ledger(0).count)
    end)
  end

  it("in plain words, to a server that speaks TLS, is refused", function()
    local plain = helper.client("TLS", { base_url = at("http", "TLS") })
    helper.check(helper.failure(plain, params), { kind = "rejected",
      outcome = "refused", status = 400, attempts = 1 })
    assert.equal(0, control.ledger(0).count)
  end)
end)
