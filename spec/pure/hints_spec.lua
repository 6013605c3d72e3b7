-- What is said of values as they come: from a CSV or the environment, where
-- all is text; with a domain in its own script; from a record of the API's.

local probe = require "probe"

local CREATE = "origination_urls.create"
local URL = { sip_url = "sip:a.example", friendly_name = "n", priority = 1,
  weight = 2, enabled = true }

-- What is said of one value of an origination URL, or of another operation.
local function said_of(field, value, operation)
  local params = {}
  if not operation then
    for name, given in pairs(URL) do params[name] = given end
  end
  params[field] = value
  local body, message, where, kind = probe.form(params, true,
    operation or CREATE)
  assert.is_nil(body)
  assert.same({ field, "invalid" }, { where, kind })
  return message
end

describe("a value that is", function()
  -- value, what is said of a number, of a boolean, of a text
  for _, case in ipairs {
    { "10", "; tonumber makes one of it", "" },
    { " 7 ", "; tonumber makes one of it", "" },
    { "1.5", "; tonumber makes one of it", "" },
    { "ten", "", "" }, { "10 ms", "", "" },
    { "true", "", '; text == "true" makes one of it' },
    { "false", "", '; text == "true" makes one of it' },
    { "TRUE", "", "" }, { "yes", "", "" }, -- the remedy would be wrong
  } do
    it("the text '" .. case[1] .. "'", function()
      for _, field in ipairs { "priority", "weight" } do
        assert.equal(field .. " must be a whole number; got string" .. case[2],
          said_of(field, case[1]))
      end
      assert.equal("enabled must be a boolean; got string" .. case[3],
        said_of("enabled", case[1]))
      assert.equal("page_size must be a whole number; got string" .. case[2],
        said_of("page_size", case[1], "list"))
      assert.equal("secure must be a boolean; got string" .. case[3],
        said_of("secure", case[1], "create"))
    end)
  end

  it("a number, where a text is wanted", function()
    for _, field in ipairs { "friendly_name", "domain_name", "transfer_mode",
      "disaster_recovery_url" } do
      assert.equal(field .. " must be a string; got number; "
        .. "tostring makes one of it", said_of(field, 7, "create"))
    end
    assert.equal("friendly_name must be a string; got boolean",
      said_of("friendly_name", true, "create"))
  end)

  it("a number or a table, where true or false is wanted", function()
    assert.equal("secure must be a boolean; got number",
      said_of("secure", 1, "create"))
    assert.equal("secure must be a boolean; got table",
      said_of("secure", {}, "create"))
  end)
end)

describe("a weight of 0", function()
  it("is taken, as the API takes and gives it", function()
    for operation, params in pairs { [CREATE] = { sip_url = "sip:a.example",
      friendly_name = "n", priority = 0, weight = 0, enabled = true },
      ["origination_urls.update"] = { weight = 0 } } do
      local body = assert(probe.form(params, true, operation))
      assert.truthy(("&" .. body):find("&Weight=0", 1, true))
    end
  end)
end)

describe("a SIP URL with a domain beyond ASCII", function()
  local WORDS = "sip_url has a domain beyond ASCII; write it in its ASCII "
    .. "form (punycode): m\195\188nchen.de is xn--mnchen-3ya.de"

  for _, url in ipairs { "sip:m\195\188nchen.de", "sip:a@m\195\188nchen.de",
    "sip://m\195\188nchen.de", "sip:m\195\188nchen.de:5060;transport=tls",
    "SIP:M\195\156NCHEN.DE", "sip:\227\129\130.example",
    "sip:m\252nchen.de", -- as a CSV in Latin-1 has it
    "sip:m\195\188nchen.de;x=\195\188" } do
    it("is told how to write it: " .. url:gsub("[\128-\255]", "."), function()
      assert.equal(WORDS, said_of("sip_url", url))
    end)
  end

  it("is taken in the form that is told", function()
    for _, url in ipairs { "sip:xn--mnchen-3ya.de",
      "sip:a@xn--mnchen-3ya.de:5060;transport=tcp" } do
      assert(probe.form({ sip_url = url }, true, "origination_urls.update"))
    end
  end)

  it("is not meant where a user or a parameter is", function()
    for _, url in ipairs { "sip:m\195\188ller@a.example",
      "sip:a.example;x=\195\188", "sip:a.example?x=\195\188",
      "sip:a.example/\195\188" } do
      assert.truthy(said_of("sip_url", url):find("percent-encode it", 1, true))
    end
  end)
end)
