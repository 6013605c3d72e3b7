-- What a client refuses by itself: each comes back as nil and an error that
-- names the field, and nothing goes over the wire.

local control = require "sandbox.control"
local helper = require "helper"

local words = "disable-all, enable-all, sip-only"
local domain_end = ".pstn.twilio.com"
local long_url = "https://example.com/" .. ("a"):rep(64 * 1024)

-- title, params, field, part of the message
local cases = {
  { "a misspelt name", { friendly_nam = "x" }, "friendly_nam",
    "did you mean 'friendly_name'?" },
  { "a misspelt name in the API's spelling", { FreindlyName = "x" },
    "FreindlyName", "did you mean 'friendly_name'?" },
  { "a name like none", { colour = "red" }, "colour", "friendly_name" },
  { "a name in another case", { Friendly_Name = "x" }, "Friendly_Name",
    "did you mean 'friendly_name'?" },
  { "an empty name", { [""] = "x" }, "", "unknown field ''" },
  { "a field that can only be read", { sid = "x" }, "sid", "unknown field" },
  { "both spellings", { friendly_name = "a", FriendlyName = "a" },
    "friendly_name", "FriendlyName" },
  { "a number for a boolean", { secure = 1 }, "secure",
    "must be a boolean; got number" },
  { "a string for a boolean", { cnam_lookup_enabled = "true" },
    "cnam_lookup_enabled", "must be a boolean; got string" },
  { "a table for a string", { friendly_name = {} }, "friendly_name",
    "must be a string; got table" },
  { "a number for a string", { friendly_name = 42 }, "friendly_name",
    "must be a string; got number" },
  { "a boolean for a string", { domain_name = true }, "domain_name",
    "must be a string; got boolean" },
  { "a boolean for a word", { transfer_mode = false }, "transfer_mode",
    "must be a string; got boolean" },
  { "a function", { disaster_recovery_url = print }, "disaster_recovery_url",
    "must be a string; got function" },
  { "a word that is none", { transfer_mode = "sip" }, "transfer_mode", words },
  { "a word in another case", { transfer_mode = "SIP-ONLY" },
    "transfer_mode", words },
  { "a word of another enum", { transfer_caller_id = "sip-only" },
    "transfer_caller_id", "from-transferee, from-transferor" },
  { "a method that is none", { disaster_recovery_method = "BREW" },
    "disaster_recovery_method", "HEAD, GET, POST, PATCH, PUT, DELETE" },
  { "65 characters", { friendly_name = ("x"):rep(65) }, "friendly_name",
    "has 65 characters; at most 64" },
  { "65 characters of two bytes", { friendly_name = ("\195\188"):rep(65) },
    "friendly_name", "has 65 characters; at most 64" },
  { "a foreign domain", { domain_name = "example.com" }, "domain_name",
    "pstn.twilio.com" },
  { "a domain without a name", { domain_name = domain_end }, "domain_name",
    "pstn.twilio.com" },
  { "a domain with an underscore", { domain_name = "a_b" .. domain_end },
    "domain_name", "letters, digits" },
  { "a domain with an empty part", { domain_name = "a." .. domain_end },
    "domain_name", "empty" },
  { "a domain with a space", { domain_name = "a b" .. domain_end },
    "domain_name", "letters, digits" },
  { "a URL without a scheme", { disaster_recovery_url = "example.com" },
    "disaster_recovery_url", "https://" },
  { "a URL of another scheme", { disaster_recovery_url = "ftp://a.example" },
    "disaster_recovery_url", "https://" },
  { "a URL without a host", { disaster_recovery_url = "https:///x" },
    "disaster_recovery_url", "https://" },
  { "a URL without an end of its host", { disaster_recovery_url =
    "https://[zzz" }, "disaster_recovery_url", "https://" },
  { "a URL with too high a port", { disaster_recovery_url =
    "https://a:99999/x" }, "disaster_recovery_url", "https://" },
  { "a URL with a bad host", { disaster_recovery_url = "https://a\\b/" },
    "disaster_recovery_url", "https://" },
  { "a URL with two users", { disaster_recovery_url = "https://a@b@/" },
    "disaster_recovery_url", "https://" },
  { "a URL with a space", { disaster_recovery_url = "https://a.example/ b" },
    "disaster_recovery_url", "space" },
  { "a URL that is not UTF-8",
    { disaster_recovery_url = "https://a.example/\255" },
    "disaster_recovery_url", "UTF-8" },
  { "a NUL in a text", { friendly_name = "a\0b" }, "friendly_name", "NUL" },
  { "a NUL in a domain", { domain_name = "a" .. domain_end .. "\0" },
    "domain_name", "NUL" },
  { "a NUL in a word", { transfer_mode = "sip-only\0" }, "transfer_mode",
    "NUL" },
  { "a NUL in a URL", { disaster_recovery_url = "https://a.example/\0" },
    "disaster_recovery_url", "NUL" },
  { "a NUL in a name", { ["friendly_name\0"] = "x" }, nil, "NUL" },
  { "a stray byte", { friendly_name = "\255" }, "friendly_name", "UTF-8" },
  { "half a character", { friendly_name = "\240\159\152" }, "friendly_name",
    "UTF-8" },
  { "an overlong character", { friendly_name = "\192\128" },
    "friendly_name", "UTF-8" },
  { "a surrogate", { friendly_name = "\237\160\128" }, "friendly_name",
    "UTF-8" },
  { "what lies beyond Unicode", { friendly_name = "\244\144\128\128" },
    "friendly_name", "UTF-8" },
  { "a list", { "x" }, nil, "field names are strings; got a number" },
  { "a boolean for a name", { [true] = "x" }, nil, "got a boolean" },
  { "too large a request", { disaster_recovery_url = long_url },
    "disaster_recovery_url", "65536 bytes" },
}

-- Fields that only their metatable would give.
local hiding = {
  { "a table with __index", setmetatable({ friendly_name = "n" },
    { __index = { secure = true } }), nil, "a plain one" },
  { "a table with __pairs", setmetatable({}, { __pairs = next }), nil,
    "a plain one" },
  { "an enum", require("trunking").transfer_mode, nil, "a plain one" },
}
for _, case in ipairs(hiding) do cases[#cases + 1] = case end

-- The same with validate = false: what no form can carry stays refused.
local always = {
  { "a string for a boolean", { secure = "yes" }, "secure", "boolean" },
  { "a table for a string", { friendly_name = {} }, "friendly_name",
    "string" },
  { "a table for an unknown field", { new_field = {} }, "new_field",
    "string" },
  { "both spellings", { secure = true, Secure = true }, "secure", "Secure" },
  { "a field in a third spelling", { friendly_name = "a",
    Friendly_name = "b" }, "Friendly_name", "FriendlyName is given twice" },
  { "a table with __index", setmetatable({}, { __index = { a = "b" } }), nil,
    "a plain one" },
  { "a NUL", { friendly_name = "a\0b" }, "friendly_name", "NUL" },
  { "a NUL in an unknown field", { new_field = "a\0b" }, "new_field", "NUL" },
  { "a list", { "x" }, nil, "field names are strings" },
  { "too large a request", { new_field = ("x"):rep(65536) }, "new_field",
    "65536 bytes" },
}

after_each(helper.tidy)

local function refuses(client_of, case)
  it("refuses " .. case[1], function()
    local err = helper.failure(client_of(), case[2])
    helper.check(err, {
      kind = "invalid", outcome = "not_sent", operation = "create",
      field = case[3] or false, says = case[4], status = false,
    })
    assert.equal(0, control.ledger(0).count)
  end)
end

describe("a client that validates", function()
  local client
  before_each(function() client = helper.client "plain HTTP" end)

  for _, case in ipairs(cases) do
    refuses(function() return client end, case)
  end

  it("takes what is just within bounds", function()
    assert(client.create { friendly_name = ("\195\188"):rep(64) })
    assert(client.create { domain_name = "A-1.b.PSTN.Twilio.com" })
    assert(client.create { disaster_recovery_url = "HTTP://[::1]:8080/?a" })
    assert(client.create {
      disaster_recovery_url = "https://u:p@a.example:65535?x=a@b" })
    assert(client.create { disaster_recovery_url = "https://b\195\188.de/" })
    assert(client.create(setmetatable({ secure = true }, { __name = "t" })))
  end)

  it("sends whole what it sends after a refusal", function()
    helper.failure(client, { secure = true, transfer_mode = "sip" })
    assert(client.create { friendly_name = "next" })
    assert.same({ FriendlyName = "next" }, helper.only_form())
  end)
end)

describe("a client with validate = false", function()
  local client
  before_each(function()
    client = helper.client("plain HTTP", { validate = false })
  end)

  for _, case in ipairs(always) do
    refuses(function() return client end, case)
  end

  it("sends fields of which one's name begins with another's", function()
    assert(client.create { domain_name = "a.pstn.twilio.com", domain = "x",
      domain_name_too = "y" })
    local form = helper.only_form()
    assert.same({ "a.pstn.twilio.com", "x", "y" }, { form.DomainName,
      form.Domain, form.DomainNameToo })
  end)

  it("sends fields that it does not know, as the API spells them", function()
    assert(client.create { friendly_name = "x", brand_new_field = "a b",
      AnotherOne = true, how_many = 10 })
    assert.same({ FriendlyName = "x", BrandNewField = "a b",
      AnotherOne = "true", HowMany = "10" }, helper.only_form())
  end)

  it("leaves values to the server's judgement", function()
    local err = helper.failure(client, { transfer_mode = "brand-new" })
    helper.check(err, { kind = "rejected", outcome = "refused", status = 400,
      code = 20001, field = false, says = "TransferMode" })
    assert.same({ TransferMode = "brand-new" }, helper.only_form())
  end)
end)
