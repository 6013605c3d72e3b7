-- Whatever the API, or a gateway before it, says of a request that it did not
-- do, a user reads in the same few fields; and a redirect is not followed.

local control = require "sandbox.control"
local helper = require "helper"
local socket = require "socket"

local docs = "https://www.twilio.com/docs/"

-- The bodies are in fixtures/error_bodies.json, by format.
local shapes = {
  ["legacy"] = { kind = "not_found", outcome = "refused", code = 20404,
    message = "The requested resource /Trunks/TK71 was not found",
    more_info = docs .. "errors/20404" },
  ["without code"] = { kind = "server", outcome = "unknown", code = false,
    more_info = false, says = "An error occurred; the request was sent" },
  ["with detail"] = { kind = "auth", outcome = "refused", code = 20003,
    says = "Authentication Error - No credentials provided: "
      .. "Your AccountSid or AuthToken was incorrect.",
    more_info = docs .. "errors/20003" },
  ["invalid username"] = { kind = "auth", outcome = "refused", code = 20003,
    says = "Authentication Error - invalid username" },
  ["too many requests"] = { kind = "rate_limit", outcome = "refused",
    code = 20429, says = "Too Many Requests", attempts = 1 },
  ["with details object"] = { kind = "rejected", outcome = "refused",
    code = 20001, message = "Bad request", details = { foo = "bar" } },
  ["RFC 9457"] = { kind = "rejected", outcome = "refused", code = 20001,
    message = "Invalid parameter: DomainName is not valid",
    more_info = docs .. "api/errors/20001",
    details = { { detail = "must end with pstn.twilio.com",
      pointer = "#/DomainName" } } },
  ["API Standards v1.0"] = { kind = "rejected", outcome = "refused",
    code = 20001, message = "Invalid parameter",
    details = { DomainName = "x" } },
  ["errors array"] = { kind = "not_found", outcome = "refused", code = 20404,
    message = "The resource was not found.",
    more_info = docs .. "api/errors/20404" },
  ["gateway html"] = { kind = "server", outcome = "unknown", code = false,
    says = "504 Gateway Time-out" },
  ["gateway text"] = { kind = "rejected", outcome = "refused",
    message = "451 Unavailable For Legal Reasons" },
  ["oauth token ok"] = { kind = "reply", outcome = "applied", code = false,
    says = "it was done" },
}

-- status, kind, outcome
local statuses = {
  { 200, "reply", "applied" }, { 202, "reply", "applied" },
  { 204, "reply", "applied" }, { 301, "reply", "unknown" },
  { 302, "reply", "unknown" }, { 303, "reply", "unknown" },
  { 304, "reply", "unknown" }, { 307, "reply", "unknown" },
  { 308, "reply", "unknown" }, { 400, "rejected", "refused" },
  { 401, "auth", "refused" }, { 403, "auth", "refused" },
  { 404, "not_found", "refused" }, { 405, "rejected", "refused" },
  { 408, "timeout", "unknown" }, { 409, "rejected", "refused" },
  { 413, "rejected", "refused" }, { 415, "rejected", "refused" },
  { 417, "rejected", "refused" },
  { 421, "rejected", "refused" }, { 422, "rejected", "refused" },
  { 425, "rejected", "refused" }, { 429, "rate_limit", "refused" },
  { 451, "rejected", "refused" }, { 499, "rejected", "refused" },
  { 500, "server", "unknown" }, { 502, "server", "unknown" },
  { 503, "server", "unknown" }, { 504, "server", "unknown" },
  { 599, "server", "unknown" },
  { 999, "server", "unknown" }, -- RFC 9110, 15: as if it were a 5xx
}

-- title, body, what the error says of it
local odd = {
  { "nothing", "", { says = "400", code = false } },
  { "spaces", " \r\n ", { says = "400", code = false } },
  { "a JSON string", '"no such luck"', { says = "no such luck" } },
  { "a JSON number", "42", { code = false } },
  { "JSON null", "null", { code = false } },
  { "an empty list", "[]", { says = "400", code = false } },
  { "an empty object", "{}", { says = "400", code = false } },
  { "half a JSON object", '{"code":20001,"mess', { code = false } },
  { "a code in a string", '{"code":"20001","message":"m"}',
    { code = 20001, message = "m" } },
  { "a code that is no number", '{"code":{},"message":"m"}',
    { code = false, message = "m" } },
  { "a code that is not whole", '{"code":20001.5,"message":"m"}',
    { code = false, message = "m" } },
  { "a code beyond all bounds", '{"code":1e300,"message":"m"}',
    { code = false, message = "m" } },
  { "a code that says infinity", '{"code":"1e999","message":"m"}',
    { code = false, message = "m" } },
  { "a code that says nan", '{"code":"nan","message":"m"}',
    { code = false, message = "m" } },
  { "a message that is no string", '{"code":20001,"message":{"a":1}}',
    { code = 20001, says = "400" } },
  { "errors that are no list", '{"message":"m","errors":{"a":1}}',
    { message = "m" } },
  { "errors that are strings", '{"errors":["a","b"]}',
    { message = "a", details = { "a", "b" } } },
  { "of RFC 6749", '{"error":"e","error_description":"d"}',
    { message = "e: d" } },
  { "numbers in its details", '{"message":"m","details":{"max":64}}',
    { details = { max = 64 } } },
  { "nulls all over", '{"message":null,"code":null,"details":null}',
    { says = "400", code = false, details = false } },
  { "control characters", '{"message":"a\\u0000\\u001b[31mb\\r\\nc\\u007fd"}',
    { message = "a [31mb c d" } },
  { "control characters in a text", "a\27[31mb\r\nc\127d",
    { message = "a [31mb c d" } },
  { "HTML without a title", "<html><body><h1>No</h1><p>way</body>",
    { says = "No" } },
  { "JSON of great depth", ("["):rep(5000) .. ("]"):rep(5000),
    { code = false } },
}

local function expect(got, expected, more)
  helper.check(got, expected)
  helper.check(got, more)
end

after_each(helper.tidy)

for _, transport in ipairs(helper.transports) do
  describe("over " .. transport, function()
    local client
    before_each(function()
      client = helper.client(transport, { max_attempts = 1 })
    end)

    for _, known in ipairs(helper.fixture "error_bodies") do
      it("reads a " .. known.status .. " of the shape " .. known.format,
        function()
          local body = known.body_text or helper.json(known.body)
          control.arm { status = known.status, body = body }
          local err = helper.failure(client)
          local request = helper.requests()[1]
          expect(err, shapes[known.format], {
            status = known.status, request_id = request.request_id,
            operation = "create", attempts = 1,
          })
        end)
    end

    for _, case in ipairs(statuses) do
      it("takes a " .. case[1] .. " for " .. case[3], function()
        control.arm { status = case[1], body = "" }
        helper.check(helper.failure(client),
          { status = case[1], kind = case[2], outcome = case[3] })
        assert.equal(1, #helper.requests())
      end)
    end

    it("makes the best of a body cut short", function()
      control.arm { status = 400, cut = 9, body = '{"message":"m"}' }
      helper.check(helper.failure(client), { status = 400,
        kind = "rejected", outcome = "refused" })
    end)
  end)
end

describe("an error whose body is", function()
  for _, case in ipairs(odd) do
    it(case[1] .. " still is an error of its status", function()
      control.arm { status = 400, body = case[2] }
      expect(helper.failure(helper.client "plain HTTP"), case[3],
        { status = 400, kind = "rejected", outcome = "refused" })
    end)
  end

  local endless = ("\195\188"):rep(5000)
  for title, body in pairs {
    ["endless JSON"] = helper.json { message = "x" .. endless },
    ["endless text"] = endless,
    ["endless HTML"] = "<html><title>" .. endless .. "</title>",
  } do
    it(title .. " is cut, between two characters", function()
      control.arm { status = 400, body = body }
      local message = helper.failure(helper.client "plain HTTP").message
      assert.is_true(#message < 600)
      assert.matches("^x?\195\188[\195\188]*%.%.%.$", message)
      assert.is_nil(message:find "\195[^\188]")
    end)
  end
end)

describe("a request ID", function()
  it("that could steer a terminal is not shown as it is", function()
    control.arm { raw = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n"
      .. "Twilio-Request-Id: RQ\27[31m\r\n\r\n" }
    local err = helper.failure(helper.client "plain HTTP")
    helper.check(err, { status = 400, outcome = "refused" })
  end)
end)

describe("headers", function()
  local function told(lines)
    control.arm { raw = "HTTP/1.1 429 Slow down\r\n" .. lines
      .. "\r\nContent-Length: 0\r\n\r\n" }
    return helper.failure(helper.client("plain HTTP", { max_attempts = 1 }))
  end

  it("are read whatever their letters' case, and the spaces", function()
    helper.check(told("twilio-request-id: RQ1\r\n"
      .. "retry-after: \t 7 \t\r\ndate: x"),
      { request_id = "RQ1", retry_after = 7, status = 429 })
    helper.check(told "TWILIO-REQUEST-ID:RQ2\r\nRETRY-AFTER:8\r\nDATE:x",
      { request_id = "RQ2", retry_after = 8 })
  end)

  it("are left alone when they are others, empty, or endless", function()
    for _, lines in ipairs {
      "Transfer: x\r\nRetry: 9\r\nDated: x\r\nLoc: y",
      "Twilio-Request-Id:\r\nRetry-After:", "t:\r\nr:\r\nd:\r\nl:",
      "Twilio-Request-Id: " .. ("x"):rep(64) .. "\r\nRetry-After: "
        .. ("9"):rep(48) } do
      helper.check(told(lines), { status = 429, outcome = "refused",
        request_id = false, retry_after = false })
    end
  end)

  it("of a status line are read as far as it goes", function()
    for _, line in ipairs { "HTTP/1.1 400", "HTTP/1.1 400 ",
      "HTTP/1.1 400x" } do
      control.arm { raw = line .. "\r\nContent-Length: 0\r\n\r\n" }
      local err = helper.failure(helper.client "plain HTTP")
      assert.is_true(err.outcome == "refused" or err.outcome == "unknown")
    end
  end)
end)

describe("a user", function()
  it("with a wrong token is told to check it, and not shown it", function()
    local wrong = ("9"):rep(32)
    local client = helper.client("TLS", { auth_token = wrong })
    local err = helper.failure(client)
    helper.check(err, { kind = "auth", outcome = "refused", status = 401,
      code = 20003, says = "check the account SID and the token" })
    for _, value in pairs(err) do
      assert.is_nil(tostring(value):find(wrong, 1, true))
    end
  end)

  it("whose domain is taken hears of the 30 days", function()
    local client = helper.client "TLS"
    local params = { domain_name = "taken.pstn.twilio.com" }
    assert(client.create(params))
    helper.check(helper.failure(client, params), { kind = "rejected",
      outcome = "refused", status = 400, code = 21248, says = "30 days" })
    assert.equal(1, control.ledger(0).created)
  end)
end)

describe("a handshake", function()
  for title, finish in pairs {
    ["that ends"] = function(peer) peer:shutdown() end,
    ["that is reset"] = function(peer)
      peer:setoption("linger", { on = true, timeout = 0 })
    end,
  } do
    it(title .. " may succeed the next time", function()
      local server = assert(socket.bind("127.0.0.1", 0))
      server:settimeout(helper.HANG)
      local _, port = server:getsockname()
      local job = assert(helper.client("TLS", { max_attempts = 2,
        base_url = "https://127.0.0.1:" .. port }).async.create {})
      for _ = 1, 2 do
        local peer = assert(server:accept())
        peer:settimeout(helper.HANG)
        local high, low = assert(peer:receive(5)):byte(4, 5)
        assert(peer:receive(high * 256 + low)) -- its hello, whole
        finish(peer)
        peer:close()
      end
      helper.check(helper.error_of(job:wait(helper.HANG)), { kind = "tls",
        outcome = "not_sent", attempts = 2 })
      server:close()
    end)
  end

  -- GnuTLS speaks the language of its process. In German an end was no end,
  -- and was not tried again.
  it("that ends is tried again in any language", function()
    local server = assert(socket.bind("127.0.0.1", 0))
    server:settimeout(20)
    local _, port = server:getsockname()
    local child = helper.start(([[
      os.setlocale "C.UTF-8"
      local helper = require "helper"
      local err = helper.failure(helper.client("TLS", { max_attempts = 2,
        base_url = "https://127.0.0.1:%d" }))
      print(err.kind, err.outcome, err.attempts)]]):format(port),
      { LANGUAGE = "de" })
    for _ = 1, 2 do
      local peer = assert(server:accept())
      assert(peer:receive(5))
      peer:settimeout(0.1)
      repeat until not peer:receive(1)
      peer:close()
    end
    assert.equal("tls\tnot_sent\t2\n", child:read "*a")
    child:close()
    server:close()
  end)
end)

describe("a create whose reply stops after its head", function()
  local half = { raw = "HTTP/1.1 201 Created\r\nContent-Length: 99\r\n\r\n{",
    unasked = " ", apply = true }

  it("is applied when its time is over", function()
    local err = helper.in_time(function(timeout)
      control.arm(half)
      local late = helper.failure(helper.client("plain HTTP",
        { timeout = timeout }))
      return late, late.outcome ~= "applied"
    end)
    helper.check(err, { kind = "timeout", outcome = "applied", status = 201 })
  end)

  it("is applied when it is cancelled then", function()
    local err = helper.in_time(function(timeout)
      control.arm(half)
      local job = assert(helper.client "plain HTTP".async.create {})
      assert.is_nil((job:wait(timeout)))
      job:cancel()
      local ended = helper.error_of(job:wait())
      return ended, ended.outcome ~= "applied"
    end)
    helper.check(err, { kind = "cancelled", outcome = "applied",
      status = 201 })
  end)
end)

describe("a redirect", function()
  for _, status in ipairs { 301, 302, 303, 307, 308 } do
    it(status .. " is not followed, so that no other host is asked", function()
      local other = assert(socket.bind("127.0.0.1", 0))
      other:settimeout(0)
      local _, port = other:getsockname()
      control.arm { status = status, body = "", headers = {
        Location = ("http://127.0.0.1:%d/v1/Trunks"):format(port) } }
      helper.failure(helper.client "plain HTTP")
      assert.is_nil((other:accept()))
      assert.equal(1, #helper.requests())
      other:close()
    end)
  end
end)

describe("an error", function()
  local err
  before_each(function()
    control.arm { status = 400, body = '{"message":"one\\ntwo","code":20001}' }
    err = helper.failure(helper.client "plain HTTP")
  end)

  it("reads as one line, with all that is known", function()
    assert.matches("^trunking%.create: one two %(HTTP 400, code 20001, "
      .. "rejected, refused, RQ%x+%)$", tostring(err))
  end)

  it("joins with strings on either side, and with another", function()
    local line = tostring(err)
    assert.equal("no: " .. line, "no: " .. err)
    assert.equal(line .. "!", err .. "!")
    assert.equal(line .. line, err .. err)
  end)

  it("counts the attempts", function()
    assert.equal(1, err.attempts)
  end)
end)
