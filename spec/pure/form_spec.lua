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
      { true, "must be a string" }, { ("x"):rep(61), "sip-only" },
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

  if debug.upvalueid then -- a light userdata, and not null
    refused("an address", { friendly_name = debug.upvalueid(refused, 1) },
      "friendly_name", "must be a string; got userdata")
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
    { "escapes an unknown name", { ["a&b_{"] = "x" }, "A%26b%7B=x" },
    { "puts unknown fields last", { aaa = "1", secure = true },
      "Secure=true&Aaa=1" },
    { "sends an unknown boolean", { aaa = false }, "Aaa=false" },
    { "sends an unknown whole number", { aaa = 10 }, "Aaa=10" },
    { "sends a whole float without its point", { aaa = 1e1 }, "Aaa=10" },
    { "sends a negative number", { aaa = -7 }, "Aaa=-7" },
    { "sends nought without a sign", { aaa = -1 / math.huge }, "Aaa=0" },
    { "sends all digits of an integer that no double can hold",
      { aaa = math.maxinteger or 10 },
      "Aaa=" .. (math.maxinteger and "9223372036854775807" or "10") },
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
    ["an empty name"] = { { [""] = "x" }, nil, "name is empty" },
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

-- ---- the forms of the other operations ---------------------------------

local CL, AL, PN = "CL" .. ("c"):rep(32), "AL" .. ("a"):rep(32),
  "PN" .. ("b"):rep(32)

local function url(more)
  local params = { sip_url = "sip:a.example", friendly_name = "n",
    priority = 1, weight = 2, enabled = true }
  for name, value in pairs(more or {}) do params[name] = value end
  return params
end

-- A form's field, decoded; or the refusal.
local function field_of(params, form, operation)
  local body, message, field, kind = probe.form(params, true, operation)
  if not body then return nil, message, field, kind end
  return decoded(("&" .. body):match("&" .. form .. "=([^&]*)"))
end

describe("the form of", function()
  for _, row in ipairs {
    { "origination_urls.create", url(), "SipUrl=sip%3Aa.example&"
      .. "FriendlyName=n&Priority=1&Weight=2&Enabled=true" },
    { "origination_urls.update", {}, "" },
    { "origination_urls.update", { weight = 1e1 }, "Weight=10" },
    { "origination_urls.update", { Priority = 65535, enabled = false },
      "Priority=65535&Enabled=false" },
    { "credential_lists.create", CL, "CredentialListSid=" .. CL },
    { "credential_lists.create", { sid = CL, sip_url = 1 },
      "CredentialListSid=" .. CL },
    { "credential_lists.create", { credential_list_sid = CL },
      "CredentialListSid=" .. CL },
    { "ip_access_control_lists.create", AL, "IpAccessControlListSid=" .. AL },
    { "phone_numbers.create", { PhoneNumberSid = PN },
      "PhoneNumberSid=" .. PN },
    { "recording.update", {}, "" },
    { "recording.update", { trim = "do-not-trim", Mode =
      "record-from-answer-dual" }, "Mode=record-from-answer-dual&Trim="
      .. "do-not-trim" },
    { "update", { secure = false }, "Secure=false" },
    { "list", {}, "" },
    { "list", { page_token = "PA1&=", page = 2, page_size = 1000 },
      "PageSize=1000&Page=2&PageToken=PA1%26%3D" },
    { "phone_numbers.list", { PageSize = 1 }, "PageSize=1" },
    { "list", { page = -1 / math.huge }, "Page=0" },
    { "list", { page = 0 }, "Page=0" },
    { "list", { page = 2147483647 }, "Page=2147483647" },
    { "list", { page_token = ("t"):rep(2000) }, "PageToken="
      .. ("t"):rep(2000) },
  } do
    it(("%s is %s"):format(row[1], row[3]:sub(1, 60)), function()
      local body, why = probe.form(row[2], true, row[1])
      assert.equal(row[3], body, why)
    end)
  end

  local missing = { "sip_url", "friendly_name", "priority", "weight",
    "enabled" }

  for mask = 1, 31 do
    local params, lacks = url(), {}
    for i, name in ipairs(missing) do
      if mask % 2 ^ i >= 2 ^ (i - 1) then
        lacks[#lacks + 1] = name
        params[name] = nil
      end
    end
    local title = table.concat(lacks, ", ")
    it("an origination URL that lacks " .. title .. " names it all",
      function()
        local body, message, field, kind =
          probe.form(params, true, "origination_urls.create")
        assert.is_nil(body)
        assert.same({ title .. (lacks[2] and " are" or " is") .. " missing",
          lacks[1], "invalid" }, { message, field, kind })
      end)
  end

  it("a create lacks a required field that is cleared", function()
    for _, name in ipairs(missing) do
      for _, nothing in ipairs { null, "" } do
        local body, message, field = probe.form(url { [name] = nothing }, true,
          "origination_urls.create")
        assert.same({ nil, name .. " is missing", name },
          { body, message, field })
      end
    end
  end)

  it("an update lacks nothing, and clears what is cleared", function()
    assert.equal("FriendlyName=&Weight=", (probe.form({ weight = null,
      friendly_name = "" }, true, "origination_urls.update")))
  end)

  for operation, prefix in pairs { credential_lists = "CL",
    ip_access_control_lists = "AL", phone_numbers = "PN" } do
    local name = operation:sub(1, -2) .. "_sid"
    for _, nothing in ipairs { "", {}, { [name] = "" }, { [name] = null } } do
      it(operation .. ".create lacks its SID when given nothing", function()
        local body, message, field = probe.form(nothing, true,
          operation .. ".create")
        assert.same({ nil, name .. " is missing", name },
          { body, message, field })
      end)
    end

    local other = prefix == "PN" and CL or PN
    for _, wrong in ipairs { other, "..", prefix, prefix .. ("g"):rep(32),
      prefix .. ("a"):rep(33), { sid = other }, { sid = "" .. prefix },
      { [name] = other } } do
      it(operation .. ".create takes no other SID than its own", function()
        local body, message, field = probe.form(wrong, true,
          operation .. ".create")
        assert.same({ nil, name }, { body, field })
        assert.truthy(message:find(prefix, 1, true), message)
      end)
    end
  end

  it("of a list takes its own field before the sid of a record", function()
    local own = "CL" .. ("1"):rep(32)
    assert.equal("CredentialListSid=" .. own, (probe.form({ sid = "CL"
      .. ("2"):rep(32), credential_list_sid = own }, false,
      "credential_lists.create")):match "CredentialListSid=%w+")
  end)

  for _, good in ipairs { "sip:a", "sip:pbx.example.com",
    "sip:pbx.example.com:5060;transport=tcp;edge=dublin", "SIP:a.example",
    "sip:user@a.example", "sip:user:secret@a.example:1",
    "sip:+14155550100@a.example:65535;user=phone?Subject=x&Priority=y",
    "sip:a.example.", "sip:192.0.2.1", "sip:[2001:db8::1]",
    "sip:[::1]:5061;lr", "sip:a_b.c-d",
    "sip://sip-box.com:1234", "sip:a.example?Subject=x",
    "sip:a;x=%20", "sip:" .. ("b"):rep(63) .. ".example" } do
    it("an origination URL takes " .. good, function()
      assert.equal(good, (field_of(url { sip_url = good }, "SipUrl",
        "origination_urls.create")))
    end)
  end

  -- operation, field, value, part of the message
  local AT, HOST, PORT = "origination_urls.create", "no valid host",
    "no valid port"
  for _, case in ipairs {
    { AT, "sip_url", "sips:a.example", "must begin with sip:" },
    { AT, "sip_url", "a.example", "must begin with sip:" },
    { AT, "sip_url", "sip", "must begin with sip:" },
    { AT, "sip_url", "https://a.example", "must begin with sip:" },
    { AT, "sip_url", "sip:", HOST }, { AT, "sip_url", "sip:@", HOST },
    { AT, "sip_url", "sip:@a.example", "one '@'" },
    { AT, "sip_url", "sip:a@b?X=sip:q@c", "one '@'" },
    { AT, "sip_url", "sip:a..", HOST },
    { AT, "sip_url", "sip:user@", HOST }, { AT, "sip_url", "sip:;a=b", HOST },
    { AT, "sip_url", "sip:a..b", HOST }, { AT, "sip_url", "sip:.a", HOST },
    { AT, "sip_url", "sip:[::1", HOST }, { AT, "sip_url", "sip:[]", HOST },
    { AT, "sip_url", "sip:" .. ("b"):rep(64), HOST },
    { AT, "sip_url", "sip:" .. ("b."):rep(127) .. "b", HOST },
    { AT, "sip_url", "sip:/a", HOST },
    { AT, "sip_url", "sip:a:", PORT }, { AT, "sip_url", "sip:a:0", PORT },
    { AT, "sip_url", "sip:a:65536", PORT },
    { AT, "sip_url", "sip:a:99999999999999999999", "sip_url" },
    { AT, "sip_url", "sip:a:-1", PORT },
    { AT, "sip_url", "sip:a:5060/x", "must be like sip:" },
    { AT, "sip_url", "sip:a,b", "must be like sip:" },
    { AT, "sip_url", "sip:a b", "percent-encode" },
    { AT, "sip_url", "sip:a\127", "percent-encode" },
    { AT, "sip_url", "sip:a\r\nX: y", "percent-encode" },
    { AT, "sip_url", "sip:a;x=\195\188", "percent-encode" },
    { AT, "sip_url", "sip:a\0", "NUL" },
    { AT, "sip_url", 1, "must be a string; got number" },
    { AT, "weight", 65536, "a whole number from 0 to 65535; got 65536" },
    { AT, "weight", -1, "from 0 to 65535; got -1" },
    { AT, "weight", 1.5, "from 0 to 65535; got 1.5" },
    { AT, "weight", 2 ^ 53, "from 0 to 65535" },
    { AT, "weight", 0 / 0, "finite" }, { AT, "weight", 1 / 0, "finite" },
    { AT, "weight", -1 / 0, "finite" },
    { AT, "weight", "10", "must be a whole number; got string" },
    { AT, "weight", true, "must be a whole number; got boolean" },
    { AT, "priority", -1, "a whole number from 0 to 65535; got -1" },
    { AT, "priority", 65536, "from 0 to 65535; got 65536" },
    { AT, "priority", 0.5, "from 0 to 65535; got 0.5" },
    { AT, "enabled", "true", "must be a boolean; got string" },
    { AT, "friendly_name", A64 .. "a", "has 65 characters" },
    { "origination_urls.update", "weight", -1, "from 0 to 65535" },
    { "origination_urls.update", "sip_url", "sips:a", "must begin with sip:" },
    { "recording.update", "mode", "dual", "do-not-record, record-from-ringing,"
      .. " record-from-answer, record-from-ringing-dual, "
      .. "record-from-answer-dual; got 'dual'" },
    { "recording.update", "trim", "trim", "trim-silence, do-not-trim" },
    { "recording.update", "mode", true, "must be a string" },
    { "list", "page_size", 0, "from 1 to 1000; got 0" },
    { "list", "page_size", 1001, "from 1 to 1000; got 1001" },
    { "list", "page_size", "50", "must be a whole number" },
    { "list", "page", -1, "from 0 to 2147483647" },
    { "list", "page_token", ("t"):rep(2001), "at most 2000" },
    { "list", "page_token", 7, "must be a string" },
  } do
    local shown = tostring(case[3]):gsub("[%c%z\128-\255]", "."):sub(1, 30)
    it(("%s refuses %s = %s (%s)"):format(case[1], case[2], shown,
      type(case[3])), function()
      local params = case[1] == AT and url() or {}
      params[case[2]] = case[3]
      local body, message, field, kind = probe.form(params, true, case[1])
      assert.is_nil(body)
      assert.same({ case[2], "invalid" }, { field, kind })
      assert.truthy(message:find(case[4], 1, true), message)
      if case[4]:find "got [%d.-]+$" then -- 0, and not 0.0
        assert.equal(case[4], message:sub(-#case[4]))
      end
    end)
  end

  for _, case in ipairs { { "recording.update", "mod" },
    { "origination_urls.create", "sip_uri" }, { "list", "pagesize" },
    { "credential_lists.create", "credential_sid" },
    { "update", "weight" }, { "recording.update", "secure" } } do
    it(case[1] .. " knows no field " .. case[2], function()
      local body, message, field, kind = probe.form({ [case[2]] = "x" }, true,
        case[1])
      assert.same({ nil, "unknown field '" .. case[2] .. "'", case[2],
        "unknown" }, { body, message, field, kind })
    end)
  end

  it("a create with validate = false may lack what is required", function()
    assert.equal("", (probe.form({}, false, "origination_urls.create")))
    assert.equal("Weight=0", (probe.form({ weight = 0 }, false,
      "origination_urls.create")))
    assert.equal("Weight=1.5", (probe.form({ weight = 1.5 }, false,
      "origination_urls.create")))
  end)
end)
