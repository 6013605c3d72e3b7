-- Params become a form: order, escaping, and everything that is refused.
-- The form room alone, through the probe: no client, no request.

local null = require "cjson".null
local probe = require "probe"

local A64, E64 = ("a"):rep(64), ("\195\169"):rep(64) -- 64 characters each
local SUFFIX = ".pstn.twilio.com"

local function decoded(text)
  return (text:gsub("%%(%x%x)", function(hex)
    return string.char(tonumber(hex, 16))
  end))
end

-- What is behind "FriendlyName=" when the text is sent as that field.
local function escaped(text, validate)
  local body, why = probe.form({ friendly_name = text }, validate)
  assert(body, why)
  return (body:gsub("^FriendlyName=", "", 1))
end

local function check(row, validate)
  it((row[1] or row[3]):gsub("%z", "NUL"), function()
    local body, why = probe.form(row[2], validate)
    assert.equal(row[3], body, why)
  end)
end

describe("a form", function()
  for _, row in ipairs {
    { "is empty without params", {}, "" },
    { "holds a field by its API name", { friendly_name = "x" },
      "FriendlyName=x" },
    { "takes the API's own spelling", { FriendlyName = "x" },
      "FriendlyName=x" },
    { "is in the order of the API's table, however params were written", {
      cnam_lookup_enabled = false, secure = true, transfer_caller_id =
      "from-transferor", transfer_mode = "sip-only", DisasterRecoveryMethod =
      "POST", disaster_recovery_url = "https://e.example/a?b=c&d=%20",
      domain_name = "a-1.pstn.twilio.com", FriendlyName = "n" },
      "FriendlyName=n&DomainName=a-1.pstn.twilio.com&DisasterRecoveryUrl="
      .. "https%3A%2F%2Fe.example%2Fa%3Fb%3Dc%26d%3D%2520"
      .. "&DisasterRecoveryMethod=POST&TransferMode=sip-only&TransferCallerId="
      .. "from-transferor&Secure=true&CnamLookupEnabled=false" },
    { "clears a field given as null", { friendly_name = null },
      "FriendlyName=" },
    { "clears a field given as ''", { domain_name = "" }, "DomainName=" },
    { "clears an enum", { transfer_mode = null }, "TransferMode=" },
    { "clears a boolean", { secure = null }, "Secure=" },
    { "takes 64 characters of a byte each", { friendly_name = A64 },
      "FriendlyName=" .. A64 },
    { "takes 64 characters of two bytes each", { friendly_name = E64 },
      "FriendlyName=" .. ("%C3%A9"):rep(64) },
    { "takes a domain in capitals", { domain_name = "A.PSTN.Twilio.COM" },
      "DomainName=A.PSTN.Twilio.COM" },
    { "takes a label of 63 characters", { domain_name = ("b"):rep(63)
      .. SUFFIX }, "DomainName=" .. ("b"):rep(63) .. SUFFIX },
    { "reads params raw", setmetatable({}, { __index = function()
      return "x" end }), "" },
  } do check(row) end

  it("escapes every byte but RFC 3986's unreserved ones", function()
    for byte = 1, 255 do
      local char = string.char(byte)
      local expected = char:find "^[A-Za-z0-9._~-]$" and char
        or ("%%%02X"):format(byte)
      if byte < 128 then assert.equal(expected, escaped(char)) end
      assert.equal(expected, escaped(char, false))
    end
  end)

  it("gives back after decoding what was put in, at any length", function()
    local all = {}
    for byte = 1, 255 do all[byte] = string.char(byte) end
    local text = table.concat(all):rep(3)
    for length = 1, #text do
      local part = text:sub(1, length)
      assert.equal(part, decoded(escaped(part, false)))
    end
  end)

  for title, text in pairs {
    ["two bytes"] = "\194\128\223\191",
    ["three bytes"] = "\224\160\128\239\191\191",
    ["four bytes"] = "\240\144\128\128\244\143\191\191",
    ["both sides of the surrogates"] = "\237\159\191\238\128\128",
    ["a name"] = "Zentrale K\195\182ln \240\159\147\158 & S\195\182hne +1%",
  } do
    it("carries UTF-8 of " .. title, function()
      assert.equal(text, decoded(escaped(text)))
    end)
  end

  it("may be refused again and again (valgrind watches this)", function()
    for _ = 1, 2000 do
      assert.is_nil(probe.form { friendly_name = "x", secure = "yes" })
    end
  end)
end)

describe("a form is refused with", function()
  local function refused(title, params, field, words, kind)
    it(title, function()
      local body, message, at, rc = probe.form(params)
      assert.is_nil(body)
      assert.same({ field, kind or "invalid" }, { at, rc })
      assert.truthy(message:find(words, 1, true), message)
    end)
  end

  local SCHEME, LETTERS = "must be a URL", "may hold letters"
  local ENDS, PART = "ends with .pstn.twilio.com", "empty or too long part"
  for name, values in pairs {
    friendly_name = {
      { A64 .. "a", "has 65 characters; at most 64" },
      { E64 .. "\195\169", "has 65 characters" }, { 1, "must be a string" },
      { true, "got boolean" }, { {}, "got table" }, { print, "got function" },
      { "a\0b", "NUL" }, { "\0", "NUL" },
      { "\128", "UTF-8" }, { "\192\128", "UTF-8" }, { "\193\191", "UTF-8" },
      { "\194", "UTF-8" }, { "\194x", "UTF-8" }, { "\224\159\191", "UTF-8" },
      { "\226\130", "UTF-8" }, { "\237\160\128", "UTF-8" },
      { "\237\191\191", "UTF-8" }, { "\240\143\191\191", "UTF-8" },
      { "\244\144\128\128", "UTF-8" }, { "\245\128\128\128", "UTF-8" },
      { "\255", "UTF-8" }, { "abc\254", "UTF-8" },
    },
    domain_name = {
      { "example.com", ENDS }, { SUFFIX, ENDS }, { "pstn.twilio.com", ENDS },
      { "xpstn.twilio.com", ENDS }, { "a.pstn.twilio.com.", ENDS },
      { "a..b" .. SUFFIX, PART }, { ".a" .. SUFFIX, PART },
      { "a." .. SUFFIX, PART }, { ("b"):rep(64) .. SUFFIX, PART },
      { ("c."):rep(120) .. "c" .. SUFFIX, PART },
      { "a_b" .. SUFFIX, LETTERS }, { "a b" .. SUFFIX, LETTERS },
      { "\195\164" .. SUFFIX, LETTERS }, { "a\n" .. SUFFIX, LETTERS },
      { "https://a" .. SUFFIX, LETTERS }, { "a\0" .. SUFFIX, "NUL" },
      { 7, "must be a string" },
    },
    disaster_recovery_url = {
      { "example.com", SCHEME }, { "ftp://example.com", SCHEME },
      { "sip:a@example.com", SCHEME }, { "http://", SCHEME },
      { "https://", SCHEME }, { "https:///path", SCHEME },
      { "http://?q", SCHEME }, { "http://#f", SCHEME },
      { "https://:80", SCHEME }, { " https://e.example", SCHEME },
      { "https://e.example/a b", "percent-encode" },
      { "https://e.example/\n", "percent-encode" },
      { "https://e.example/\127", "percent-encode" },
      { "https://e.example/" .. ("p"):rep(65536), "limit of 65536 bytes" },
    },
    transfer_mode = {
      { "SIP_ONLY", "must be one of disable-all, enable-all, sip-only" },
      { "sip-only ", "got 'sip-only '" }, { "sip", "must be one of" },
      { true, "must be a string" },
    },
    transfer_caller_id = { { "from-transferred", "from-transferor" } },
    disaster_recovery_method = {
      { "get", "HEAD, GET, POST, PATCH, PUT, DELETE; got 'get'" },
      { "TRACE", "must be one of" },
    },
    secure = {
      { "true", "must be a boolean; got string" }, { 1, "got number" },
      { {}, "got table" },
    },
  } do
    for n, case in ipairs(values) do
      refused(("%s as in case %d: %s"):format(name, n, case[2]),
        { [name] = case[1] }, name, case[2])
    end
  end

  refused("a name that is misspelt", { frendly_name = "x" }, "frendly_name",
    "unknown field 'frendly_name'", "unknown")
  refused("a name in another case", { Friendly_name = "x" }, "Friendly_name",
    "unknown field", "unknown")
  refused("a read-only field", { sid = "x" }, "sid", "unknown field",
    "unknown")
  refused("both spellings of a field", { friendly_name = "x",
    FriendlyName = "x" }, "friendly_name", "are one field")
  refused("an array", { "x" }, nil, "got a number")
  refused("a boolean for a name", { [true] = "x" }, nil, "got a boolean")
  refused("a NUL in a name", { ["secure\0x"] = true }, nil, "NUL byte")
end)

describe("a form with validate = false", function()
  for _, row in ipairs {
    { "sends a value past the checks", { friendly_name = A64 .. "a" },
      "FriendlyName=" .. A64 .. "a" },
    { "sends a word that is not in the enum", { transfer_mode = "new" },
      "TransferMode=new" },
    { "sends a domain of any shape", { domain_name = "a b" },
      "DomainName=a%20b" },
    { "sends text that is not UTF-8", { friendly_name = "\255" },
      "FriendlyName=%FF" },
    { "spells an unknown name the API's way", { brand_new_field = "x y" },
      "BrandNewField=x%20y" },
    { "keeps an unknown name in the API's spelling", { BrandNew = "x" },
      "BrandNew=x" },
    { "escapes an unknown name", { ["a&b"] = "x" }, "A%26b=x" },
    { "puts unknown fields last", { aaa = "1", secure = true },
      "Secure=true&Aaa=1" },
    { "sends an unknown boolean", { aaa = false }, "Aaa=false" },
    { "sends an unknown whole number", { aaa = 10 }, "Aaa=10" },
    { "sends a whole float without its point", { aaa = 1e1 }, "Aaa=10" },
    { "sends a negative number", { aaa = -7 }, "Aaa=-7" },
    { "clears an unknown field", { aaa = null }, "Aaa=" },
  } do check(row, false) end

  for title, case in pairs {
    ["a table"] = { { aaa = {} }, "aaa", "got table" },
    ["infinity"] = { { aaa = math.huge }, "aaa", "finite" },
    ["no number"] = { { aaa = 0 / 0 }, "aaa", "finite" },
    ["a NUL"] = { { aaa = "\0" }, "aaa", "NUL" },
    ["a number for a known field"] = { { friendly_name = 1 },
      "friendly_name", "must be a string" },
    ["a word for a boolean"] = { { secure = "true" }, "secure", "a boolean" },
    ["both spellings"] = { { secure = true, Secure = true }, "secure",
      "are one field" },
    ["an array"] = { { "x" }, nil, "got a number" },
    ["more than it can carry"] = { { aaa = ("x"):rep(65536) }, "aaa",
      "limit of 65536 bytes" },
  } do
    it("still refuses " .. title, function()
      local body, message, at, rc = probe.form(case[1], false)
      assert.is_nil(body)
      assert.same({ case[2], "invalid" }, { at, rc })
      assert.truthy(message:find(case[3], 1, true), message)
    end)
  end
end)
