-- The module with nothing but its environment. Without credentials there, what
-- is wrong with a request itself is told first, as it is where there are some.

local control = require "sandbox.control"
local helper = require "helper"

-- What a script prints, line by line, in a process without credentials.
local function says(script)
  local lines = {}
  for line in helper.run(script):gmatch "[^\n]+" do lines[#lines + 1] = line end
  return lines
end

-- kind and outcome of the error that an expression gives.
local function error_of(expression)
  return says(([[
    local trunking = require "trunking"
    local SID = "TK" .. ("0"):rep(32)
    local result, err = %s
    assert(result == nil)
    print(err.kind, err.outcome, err.field, tostring(trunking))]])
    :format(expression))
end

describe("without credentials", function()
  for expression, field in pairs {
    ["trunking.create { freindly_name = 'Head office' }"] = "freindly_name",
    ["trunking.create { secure = 'yes' }"] = "secure",
    ["trunking.async.create { secure = 'yes' }"] = "secure",
    ["trunking.fetch 'x'"] = "sid",
    ["trunking.delete 'x'"] = "sid",
    ["trunking.list { page_size = 0 }"] = "page_size",
    ["trunking.list { cursor = '//evil.example/v1/Trunks?x' }"] = "cursor",
    ["trunking.origination_urls.create(SID, {})"] = "sip_url",
    ["trunking.ensure { domainname = 'x' }"] = "domainname",
    ["trunking.intent { domainname = 'x' }"] = "domainname",
  } do
    it("a wrong request is invalid: " .. expression, function()
      assert.same({ "invalid\tnot_sent\t" .. field
        .. "\ttrunking.client(default)" }, error_of(expression))
    end)
  end

  for _, expression in ipairs { "trunking.create {}", "trunking.fetch(SID)",
    "trunking.async.create { friendly_name = 'x' }", "trunking.list()",
    "trunking.list { cursor = '/v1/Trunks?Page=1' }",
    "trunking.ensure { domain_name = 'x.pstn.twilio.com' }" } do
    it("a right one is config: " .. expression, function()
      assert.same({ "config\tnot_sent\taccount_sid"
        .. "\ttrunking.client(default)" }, error_of(expression))
    end)
  end

  it("the README's example of an error is invalid", function()
    local file = assert(io.open("README.md", "rb"))
    local code = file:read "*a":match "\n## Errors.-\n```lua\n(.-)\n```"
    file:close()
    local lines = says(code)
    assert.matches("did you mean 'friendly_name'? (invalid, not_sent)",
      lines[1], 1, true)
    assert.equal("freindly_name", lines[2])
  end)

  it("the README's first lines run with the sandbox's environment", function()
    local file = assert(io.open("README.md", "rb"))
    local code = file:read "*a":match "\n## Ten lines.-\n```lua\n(.-)\n```"
    file:close()
    local said = helper.run(code, { TRUNKING_BASE_URL = helper.origin "TLS",
      TRUNKING_CA_FILE = helper.sandbox "CA",
      TWILIO_ACCOUNT_SID = helper.sandbox "ACCOUNT_SID",
      TWILIO_AUTH_TOKEN = helper.sandbox "AUTH_TOKEN" })
    assert.matches("^TK%x+\t", said)
    assert.equal(1, control.ledger(0).created)
    control.reset()
  end)

  it("a client that is closed says so first", function()
    local lines = says [[
      local trunking = require "trunking"
      local client = trunking.new { account_sid = "AC" .. ("0"):rep(32),
        auth_token = "x" }
      client.close()
      print((select(2, client.create { freindly_name = "x" })).kind)]]
    assert.same({ "config" }, lines)
  end)
end)
