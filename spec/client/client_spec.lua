-- What create sends, and what it gives back: fields in, a trunk out, and
-- nothing on the wire that was not asked for.

local cjson = require("cjson").new()
local control = require "sandbox.control"
local helper = require "helper"
local trunking = require "trunking"

local every_field = helper.every_field
local on_the_wire = {
  FriendlyName = every_field.friendly_name,
  DomainName = every_field.domain_name,
  DisasterRecoveryUrl = every_field.disaster_recovery_url,
  DisasterRecoveryMethod = "HEAD", TransferMode = "sip-only",
  TransferCallerId = "from-transferor", Secure = "true",
  CnamLookupEnabled = "false",
}

-- The names of every field, in Lua and in the form.
local form_names = {}
for _, operation in ipairs(require "trunking.core".operations()) do
  if operation.resource == "" and operation.name == "create" then
    for _, field in ipairs(operation.fields) do
      form_names[field.name] = field.form
    end
  end
end

local function in_api_spelling()
  local params = {}
  for name, form in pairs(form_names) do params[form] = every_field[name] end
  return params
end

local function expected_trunk(trunk)
  local url = trunk.url:match "^https?://127%.0%.0%.1:%d+/v1/Trunks/TK%x+$"
  local expected = {
    sid = url:match "TK%x+$", url = url,
    account_sid = helper.sandbox "ACCOUNT_SID",
    symmetric_rtp_enabled = false, auth_type = "", auth_type_set = {},
    recording = { mode = "do-not-record", trim = "do-not-trim" },
    date_created = trunk.date_created, date_updated = trunk.date_created,
    links = {
      origination_urls = url .. "/OriginationUrls",
      credential_lists = url .. "/CredentialLists",
      ip_access_control_lists = url .. "/IpAccessControlLists",
      phone_numbers = url .. "/PhoneNumbers",
    },
  }
  for name, value in pairs(every_field) do expected[name] = value end
  return expected
end

after_each(helper.tidy)

for _, transport in ipairs(helper.transports) do
  describe("create over " .. transport, function()
    local client
    before_each(function() client = helper.client(transport) end)

    it("takes every field and gives back every field", function()
      local trunk = assert(client.create(every_field))
      assert.same(expected_trunk(trunk), trunk)
      assert.equal(34, #trunk.sid)
      assert.is_number(trunking.time(trunk.date_created))
      assert.same(on_the_wire, helper.only_form())
    end)

    it("needs no field, and leaves out what is null", function()
      local trunk = assert(client.create {})
      assert.same({}, helper.only_form())
      for name in pairs { domain_name = 1, friendly_name = 1,
        disaster_recovery_method = 1, disaster_recovery_url = 1 } do
        assert.is_nil(trunk[name])
      end
      assert.is_false(trunk.secure)
    end)

    it("takes the API's own spelling of every field", function()
      local trunk = assert(client.create(in_api_spelling()))
      assert.same(expected_trunk(trunk), trunk)
      assert.same(on_the_wire, helper.only_form())
    end)

    local texts = {
      { "64 characters of four bytes", ("\240\159\152\128"):rep(64) },
      { "what a form is made of", "a=b&c=d;e %41 + \"'<>#?/\\" },
      { "spaces at both ends", "  x  " },
      { "line ends and tabs", "one\r\ntwo\tthree" },
      { "the last character of Unicode", "\244\143\191\191" },
      { "a combining accent", "e\204\129" },
    }
    for _, case in ipairs(texts) do
      it("brings over " .. case[1] .. " unchanged", function()
        local trunk = assert(client.create { friendly_name = case[2] })
        assert.equal(case[2], trunk.friendly_name)
        assert.same({ FriendlyName = case[2] }, helper.only_form())
      end)
    end

    it("clears every field that is given as trunking.null", function()
      local params, cleared = {}, {}
      for name, form in pairs(form_names) do
        params[name], cleared[form] = trunking.null, ""
      end
      assert(client.create(params))
      assert.same(cleared, helper.only_form())
    end)

    it("clears text, words, domains and URLs given as ''", function()
      local params, cleared = {}, {}
      for name, value in pairs(every_field) do
        if type(value) == "string" then
          params[name], cleared[form_names[name]] = "", ""
        end
      end
      assert(client.create(params))
      assert.same(cleared, helper.only_form())
    end)

    it("takes an API key and its secret", function()
      local other = helper.client(transport, {
        account_sid = false, auth_token = false,
        api_key = helper.sandbox "API_KEY",
        api_secret = helper.sandbox "API_SECRET",
      })
      assert(other.create {})
      assert.equal(helper.sandbox "API_KEY", helper.requests()[1].user)
    end)

    it("names itself, after what the caller names", function()
      assert(helper.client(transport, { user_agent = "pbx/2" }).create {})
      assert.matches("^pbx/2 trunking%-lua/%d", helper.requests()[1].user_agent)
    end)

    it("goes on after errors of every origin", function()
      control.arm { { status = 500 }, { close = true }, { status = 400 } }
      for _ = 1, 3 do helper.failure(client) end
      helper.failure(client, { domain_name = "no" })
      assert.equal("again", assert(client.create { friendly_name = "again" })
        .friendly_name)
      assert.equal(4, #helper.requests())
    end)

    it("sends one POST for each call, and no more", function()
      for i = 1, 20 do assert(client.create { friendly_name = "n" .. i }) end
      for i, request in ipairs(helper.requests()) do
        assert.same({ FriendlyName = "n" .. i }, request.form)
      end
      assert.equal(20, control.ledger(0).created)
    end)
  end)
end

describe("the words of an enum", function()
  local fields = { transfer_mode = "transfer_mode",
    transfer_caller_id = "transfer_caller_id",
    disaster_recovery_method = "http_method" }

  for field, enum in pairs(fields) do
    it("are all taken, by NAME or as they are: " .. field, function()
      local client = helper.client "plain HTTP"
      for _, word in ipairs(require "trunking.core".enums[enum]) do
        local name = word:upper():gsub("%W", "_")
        local params = { [field] = trunking[enum][name] }
        assert.equal(word, assert(client.create(params))[field])
        assert.equal(word, assert(client.create { [field] = word })[field])
      end
    end)
  end
end)

describe("trunking.null", function()
  it("is cjson's null", function()
    assert.equal(cjson.null, trunking.null)
  end)
end)
