-- create() against Twilio's own description of the API, served strictly: every
-- field, every word of every enum, and that the server would notice a slip.

local core = require "trunking.core"
local trunking = require "trunking"

local BASE = os.getenv "TRUNKING_CONTRACT"

-- What Twilio's page on the Trunk resource lists and its description does not.
local BEYOND = { http_method = { HEAD = true, PATCH = true, PUT = true,
  DELETE = true } }

local SAMPLES = {
  text = { "Head office", "K\195\182ln & S\195\182hne: 100 % +1 =?", "0" },
  boolean = { true, false },
  domain = { "contract-1.pstn.twilio.com" },
  url = { "https://example.com/a?b=c&d=e%20f#g" },
}

-- The values to try for a field: those the description knows, or the others.
local function values(field, beyond)
  if not field.enum then return beyond and {} or SAMPLES[field.type] end
  local list, outside = {}, BEYOND[field.enum] or {}
  for _, word in ipairs(core.enums[field.enum]) do
    if (outside[word] or false) == (beyond or false) then
      list[#list + 1] = word
    end
  end
  return list
end

local create
for _, operation in ipairs(core.operations()) do
  if operation.resource == "" and operation.name == "create" then
    create = operation
  end
end

describe("create, by the contract,", function()
  if not BASE then
    pending("TRUNKING_CONTRACT is not set: run under spec/contract/run")
    return
  end

  local function client(more)
    local options = { account_sid = "AC" .. ("0"):rep(32), auth_token = "any",
      base_url = BASE }
    for name, value in pairs(more or {}) do options[name] = value end
    return assert(trunking.new(options))
  end

  local strict = client()

  local function echoes(params)
    local trunk, err = strict.create(params)
    assert(trunk, tostring(err))
    assert.truthy(trunk.sid:find "^TK%x+$")
    for name, value in pairs(params) do
      assert.equal(value, trunk[name], name)
    end
  end

  it("passes without params", function() echoes {} end)

  for _, field in ipairs(create.fields) do
    for _, value in ipairs(values(field)) do
      it(("passes with %s = %s alone, and has it back"):format(field.name,
        tostring(value)), function()
        echoes { [field.name] = value }
      end)

      it(("passes as well by the name %s = %s"):format(field.form,
        tostring(value)), function()
        local trunk = assert(strict.create { [field.form] = value })
        assert.equal(value, trunk[field.name])
      end)
    end

    for _, word in ipairs(values(field, true)) do
      it(("is refused %s = %s, which the description lacks"):format(field.name,
        word), function()
        local trunk, err = strict.create { [field.name] = word }
        assert.is_nil(trunk)
        assert.same({ "rejected", 400, "refused" },
          { err.kind, err.status, err.outcome })
        assert.truthy(err.message:find(field.form, 1, true), err.message)
      end)
    end
  end

  it("passes with all fields together, in every pairing of words", function()
    for n = 1, 6 do
      local params = {}
      for _, field in ipairs(create.fields) do
        local list = values(field)
        params[field.name] = list[(n - 1) % #list + 1]
      end
      echoes(params)
    end
  end)

  for title, params in pairs {
    ["a misspelt field"] = { FrendlyName = "x" },
    ["a misspelt field beside a good one"] = { friendly_name = "x",
      secur = true },
    ["a field of another operation"] = { SipUrl = "sip:a@example.com" },
    ["a word that no enum has"] = { transfer_mode = "sip" },
    ["a URL that is none"] = { disaster_recovery_url = "no url" },
  } do
    it("is refused by the server with " .. title, function()
      local trunk, err = client({ validate = false }).create(params)
      assert.is_nil(trunk)
      assert.same({ "rejected", 400, 20001 },
        { err.kind, err.status, err.code })
    end)
  end
end)
