-- The error object: its one line, and the words for every shape in which the
-- API, or a gateway before it, refuses.

local errors = require "trunking.error"

local UNKNOWN = "; the request was sent, and may or may not have been applied"

-- An error as C makes it from a refusal.
local function refusal(status, decoded, body)
  return errors.make { status = status, outcome = "refused",
    operation = "create", decoded = decoded, body = body }
end

describe("an error", function()
  for line, fields in pairs {
    ["trunking: x (config, not_sent)"] =
      { kind = "config", outcome = "not_sent", message = "x" },
    ["trunking.create: x (HTTP 400, code 21248, rejected, refused)"] =
      { operation = "create", status = 400, code = 21248, kind = "rejected",
        outcome = "refused", message = "x" },
    ["trunking.recording.update: x (HTTP 503, server, unknown, RQ1)"] =
      { operation = "recording.update", status = 503, kind = "server",
        outcome = "unknown", request_id = "RQ1", message = "x" },
    ["trunking: a b c (reply, applied)"] =
      { kind = "reply", outcome = "applied", message = "a\n b\r\n\tc" },
    ["trunking: nil (nil, nil)"] = {},
  } do
    it("is one line as text: " .. line, function()
      assert.equal(line, tostring(errors.new(fields)))
    end)
  end

  it("joins with text on either side, and with another error", function()
    local e = errors.new { kind = "dns", outcome = "not_sent", message = "x" }
    local line = "trunking: x (dns, not_sent)"
    assert.same({ "a " .. line, line .. " b", line .. line },
      { "a " .. e, e .. " b", e .. e })
  end)

  it("keeps the documented fields and drops all others", function()
    local fields = { kind = "a", outcome = "b", operation = "c", message = "d",
      field = "e", status = 1, code = 2, more_info = "f", request_id = "g",
      details = {}, attempts = 3, retry_after = 4 }
    local given = { body = "secret", decoded = {}, choices = {}, nonsense = 1 }
    for name, value in pairs(fields) do given[name] = value end
    local kept = {}
    for name, value in pairs(errors.new(given)) do kept[name] = value end
    assert.same(fields, kept)
  end)

  it("is told from any other table", function()
    assert.is_true(errors.is(errors.new {}))
    assert.is_true(errors.is(errors.make { kind = "dns" }))
    for _, value in ipairs { {}, "x", 1, true } do
      assert.is_false(errors.is(value))
    end
    assert.is_false(errors.is(nil))
  end)

  it("says which name was meant, or which there are", function()
    local choices = { "friendly_name", "secure" }
    for field, ending in pairs { frendly_name = "; did you mean "
      .. "'friendly_name'?", weight = "; known are friendly_name, secure" } do
      local e = errors.make { kind = "invalid", outcome = "not_sent",
        field = field, message = "unknown field", choices = choices }
      assert.equal("unknown field" .. ending, e.message)
      assert.same({ "invalid", field }, { e.kind, e.field })
    end
  end)
end)

describe("a status", function()
  for status, kind in pairs {
    [200] = "reply", [204] = "reply", [301] = "reply", [304] = "reply",
    [400] = "rejected", [401] = "auth", [403] = "auth", [404] = "not_found",
    [405] = "rejected", [408] = "timeout", [409] = "rejected",
    [422] = "rejected", [429] = "rate_limit", [499] = "rejected",
    [500] = "server", [503] = "server", [599] = "server", [999] = "server",
  } do
    it(("%d is of kind %s"):format(status, kind), function()
      local e = refusal(status, { code = 1, message = "m" })
      assert.same({ kind, status, "m" }, { e.kind, e.status, e.message })
    end)
  end

  for status, words in pairs {
    [301] = "moved", [401] = "the credentials were refused",
    [403] = "not allowed", [404] = "not found", [429] = "too many requests",
    [418] = "the server answered 418", [500] = "the server answered 500",
  } do
    it(("%d without a body says: %s"):format(status, words), function()
      assert.equal(words, refusal(status).message)
      assert.equal(words, refusal(status, nil, "").message)
    end)
  end

  for code, words in pairs { [20003] = "check the account SID",
    [21248] = "reserved for up to 30 days", [20429] = "concurrent requests" } do
    it(("with code %d brings a hint"):format(code), function()
      local e = refusal(400, { code = code, message = "m" })
      assert.equal("m; ", e.message:sub(1, 3))
      assert.truthy(e.message:find(words, 1, true))
    end)
  end
end)

local INFO, LIST = "https://e.example/1", { { message = "a", code = 7 } }

describe("an error body", function()
  for title, case in pairs {
    -- decoded, then code, message, more_info, details
    ["of Twilio's own shape"] = { { code = 20404, message = "m", more_info =
      INFO, status = 404 }, 20404, "m", INFO },
    ["with details"] = { { code = 1, message = "m", details = { a = 1 } }, 1,
      "m", nil, { a = 1 } },
    ["without a code"] = { { message = "m" }, nil, "m" },
    ["with its code as text"] = { { code = "20001", message = "m" }, 20001,
      "m" },
    ["with a code that is no number"] = { { code = "bad", message = "m" },
      nil, "m" },
    ["of RFC 9457"] = { { type = INFO, title = "t", detail = "d",
      status = 400 }, nil, "t: d", INFO },
    ["of RFC 9457 that says a thing twice"] = { { title = "t", detail = "t" },
      nil, "t" },
    ["of RFC 9457 with errors"] = { { title = "t", errors = LIST }, nil, "a",
      nil, LIST, 7 },
    ["with params"] = { { code = 2, message = "m", params = { x = "y" } }, 2,
      "m", nil, { x = "y" } },
    ["that is a list of errors"] = { { errors = LIST }, 7, "a", nil, LIST },
    ["with infoUrl"] = { { message = "m", infoUrl = INFO }, nil, "m", INFO },
    ["of the wrong types"] = { { code = {}, message = {}, more_info = 1,
      details = "x", errors = "y" }, nil, "the server answered 400" },
    ["with errors that are texts"] = { { errors = { "x" } }, nil, "x", nil,
      { "x" } },
    ["with errors of the wrong type"] = { { errors = { 1, {} } }, nil,
      "the server answered 400", nil, { 1, {} } },
    ["of RFC 6749"] = { { error = "e", error_description = "d" }, nil,
      "e: d" },
    ["with an error in it"] = { { error = { code = 7, message = "m" } }, 7,
      "m" },
    ["that is a list"] = { { { code = 7, message = "m" } }, 7, "m" },
    ["with a message of the wrong type"] = { { message = {}, title = "t" },
      nil, "t" },
    ["that is empty"] = { {}, nil, "the server answered 400" },
  } do
    it(title .. " is read", function()
      local e = refusal(400, case[1])
      assert.same({ case[6] or case[2], case[3], case[4], case[5] },
        { e.code, e.message, e.more_info, e.details })
    end)
  end

  for body, words in pairs {
    ["<html><head><title>502 Bad\nGateway</title></head></html>"] =
      "502 Bad Gateway",
    ["<HTML><TITLE id='a'>Oops</TITLE>"] = "Oops",
    ["<h1>No <b>way</b></h1>"] = "No way",
    ["upstream connect error"] = "upstream connect error",
    ["<title></title><p>gone"] = "gone", ["<p></p>"] =
      "the server answered 502", ["\0\1\127"] = "the server answered 502",
  } do
    it(("in plain text or HTML says: %s"):format(words), function()
      assert.equal(words, refusal(502, nil, body).message)
    end)
  end

  it("can put no control character into the message", function()
    local e = refusal(400, { message = " a\27[2J\r\nb\0c\127 " })
    assert.equal("a [2J b c", e.message)
  end)

  it("can not turn the line round", function()
    local e = refusal(400, { message = "a\226\128\174b\226\128\142c"
      .. "\226\129\166d\226\129\169e\216\156f\226\128\168g"
      .. "\226\130\172\216\157" })
    assert.equal("abcdef g\226\130\172\216\157", e.message)
  end)

  it("is cut at 512 bytes, between two characters", function()
    for shift = 0, 2 do
      local text = ("x"):rep(shift) .. ("\226\130\172"):rep(400)
      local message = refusal(400, { message = text }).message
      assert.is_true(#message <= 515 and #message > 500)
      assert.truthy(message:find "^x*[\226\130\172]+%.%.%.$")
      assert.equal(0, (#message - 3 - shift) % 3)
    end
  end)

  it("with a hostile code still makes a line", function()
    for _, code in ipairs { 1.5, 1e300, -1e300, 1 / 0, 0 / 0, "1.5", "1e400",
      "nan", "inf" } do
      local line = tostring(refusal(400, { code = code, message = "m" }))
      assert.truthy(line:find("^trunking%.create: m %(HTTP 400, "), line)
      assert.is_nil(line:find("92233720368547758", 1, true), line)
    end
  end)

  -- A search that begins anew at each of n spaces takes n * n steps.
  it("is read in a time that grows with its length alone", function()
    local function cost(spaces)
      local gap, least = "x" .. (" "):rep(spaces) .. "x", math.huge
      for _ = 1, 5 do
        local start = os.clock()
        refusal(400, { message = gap })
        refusal(502, nil, gap)
        least = math.min(least, os.clock() - start)
      end
      return least
    end
    assert.is_true(cost(30000) < 40 * math.max(cost(3000), 5e-5))
  end)
end)

describe("a failure without a refusal", function()
  for title, case in pairs {
    ["the cause's words"] = { { kind = "connect", outcome = "not_sent",
      message = "refused" }, "refused" },
    ["no words of libcurl"] = { { kind = "network", outcome = "not_sent" },
      "no reply came" },
    ["an unknown outcome"] = { { kind = "timeout", outcome = "unknown",
      message = "late" }, "late" .. UNKNOWN },
    ["an expired certificate"] = { { kind = "tls", outcome = "not_sent",
      message = "it has expired" }, "it has expired; check this machine's "
      .. "clock" },
    ["a certificate that is early"] = { { kind = "tls", outcome = "not_sent",
      message = "not yet valid" },
      "not yet valid; check this machine's clock" },
    ["another certificate fault"] = { { kind = "tls", outcome = "not_sent",
      message = "self-signed" }, "self-signed" },
    ["a reply that could not be read, applied"] = { { kind = "reply",
      outcome = "applied", status = 201 }, "it was done, but the reply could "
      .. "not be read; look for it in the list before you try "
      .. "again" },
    ["the reason why it could not"] = { { kind = "reply", outcome = "applied",
      status = 201, message = "cut" }, "it was done, but the reply could not "
      .. "be read (cut); look for it in the list before you try "
      .. "again" },
    ["another's reply"] = { { kind = "reply", outcome = "unknown",
      status = 201, message = "foreign" }, "foreign" .. UNKNOWN },
    ["a reply nobody can read"] = { { kind = "reply", outcome = "refused" },
      "the reply could not be read" },
    ["a 503"] = { { status = 503, outcome = "unknown" },
      "the server answered 503" .. UNKNOWN },
  } do
    it("words " .. title, function()
      local e = errors.make(case[1])
      assert.same({ case[2], case[1].outcome, case[1].status },
        { e.message, e.outcome, e.status })
    end)
  end

  it("for want of memory still tells the outcome", function()
    for _, outcome in ipairs { "done", "unknown", "refused" } do
      local e = errors.no_memory(outcome)
      assert.same({ "memory", outcome }, { e.kind, e.outcome })
    end
  end)
end)
