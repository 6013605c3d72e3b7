-- Whether a record of a reply answers the request (law L12): every row by
-- itself, without a server.

local probe = require "probe"
local unpack = table.unpack or unpack

local function sid(prefix, digit) return prefix .. digit:rep(32) end

local OURS, OTHERS = sid("AC", "a"), sid("AC", "b")
local TK, TK2, CL, CL2 = sid("TK", "1"), sid("TK", "2"), sid("CL", "1"),
  sid("CL", "2")
local DOMAIN = "A.pstn.twilio.com"

-- title, operation, params, record, SIDs in the path, verdict
local cases = {
  { "a new trunk", "create", {}, { sid = TK }, {}, "good" },
  { "a new trunk of this account", "create", {},
    { sid = TK, account_sid = OURS }, {}, "good" },
  { "one of another account", "create", {},
    { sid = TK, account_sid = OTHERS }, {}, "elsewhere" },
  { "one of another account that is not the answer either", "create",
    { friendly_name = "a" },
    { sid = TK, account_sid = OTHERS, friendly_name = "b" }, {}, "foreign" },
  { "one of an account with no SID", "create", {},
    { sid = TK, account_sid = "AC1" }, {}, "foreign" },
  { "one without a SID", "create", {}, { account_sid = OURS }, {}, "bad" },
  { "one whose SID is another's kind", "create", {}, { sid = CL }, {}, "bad" },
  { "one whose SID only begins alike", "create", {}, { sid = sid("TX", "1") },
    {}, "bad" },
  { "one whose SID is too short", "create", {}, { sid = "TK1" }, {}, "bad" },
  { "the domain that was asked for", "create", { domain_name = DOMAIN },
    { sid = TK, domain_name = DOMAIN:lower() }, {}, "good" },
  { "another domain", "create", { domain_name = DOMAIN },
    { sid = TK, domain_name = "b.pstn.twilio.com" }, {}, "foreign" },
  { "no word on the domain", "create", { domain_name = DOMAIN },
    { sid = TK }, {}, "good" },
  { "a domain where none was asked for", "create", {},
    { sid = TK, domain_name = DOMAIN }, {}, "good" },
  { "a domain that was cleared", "update", { domain_name = "" },
    { sid = TK, domain_name = DOMAIN }, { TK }, "good" },
  { "the trunk that was asked for", "fetch", nil, { sid = TK }, { TK },
    "good" },
  { "its SID in capitals", "fetch", nil, { sid = sid("TK", "A") },
    { sid("TK", "a") }, "good" },
  { "another trunk", "fetch", nil, { sid = TK2 }, { TK }, "foreign" },
  { "another trunk, updated", "update", { secure = true }, { sid = TK2 },
    { TK }, "foreign" },
  { "the list that was given", "credential_lists.create",
    { credential_list_sid = CL }, { sid = CL, trunk_sid = TK }, { TK },
    "good" },
  { "another list", "credential_lists.create", { credential_list_sid = CL },
    { sid = CL2, trunk_sid = TK }, { TK }, "foreign" },
  { "the list, at another trunk", "credential_lists.create",
    { credential_list_sid = CL }, { sid = CL, trunk_sid = TK2 }, { TK },
    "foreign" },
  { "the list, with no word on its trunk", "credential_lists.create",
    { credential_list_sid = CL }, { sid = CL }, { TK }, "good" },
  { "a fetched list", "credential_lists.fetch", nil,
    { sid = CL, trunk_sid = TK }, { TK, CL }, "good" },
  { "another fetched list", "credential_lists.fetch", nil,
    { sid = CL2, trunk_sid = TK }, { TK, CL }, "foreign" },
  { "a fetched list of another trunk", "credential_lists.fetch", nil,
    { sid = CL, trunk_sid = TK2 }, { TK, CL }, "foreign" },
  { "the first of a page", "list", {}, { sid = TK2, account_sid = OURS }, {},
    "good" },
  { "the first of another account's page", "list", {},
    { sid = TK2, account_sid = OTHERS }, {}, "elsewhere" },
  { "the first of a trunk's page", "credential_lists.list", {},
    { sid = CL, trunk_sid = TK }, { TK }, "good" },
  { "the first of another trunk's page", "credential_lists.list", {},
    { sid = CL, trunk_sid = TK2 }, { TK }, "foreign" },
  { "the first of a page without a SID", "list", {}, {}, {}, "bad" },
}

describe("a record that is", function()
  for _, case in ipairs(cases) do
    local title, operation, params, record, sids, expected = unpack(case, 1, 6)
    it(title .. " is " .. expected, function()
      assert.equal(expected, probe.judge(operation, params, OURS, record,
        unpack(sids)))
    end)
  end

  -- What was sent is held against what comes back.
  local URL = "sip:Pbx@Example.com;transport=tls"
  for _, case in ipairs {
    -- title, operation, a field that was sent, its echo, verdict
    { "a name", "create", "friendly_name", "a", "a", "good" },
    { "another name", "create", "friendly_name", "a", "b", "foreign" },
    { "a longer name", "create", "friendly_name", "a", "ab", "foreign" },
    { "a name, trimmed", "create", "friendly_name", " a\t", "a", "good" },
    { "a name in capitals", "create", "friendly_name", "a", "A", "good" },
    { "a name of nothing but blanks", "create", "friendly_name", " ", "",
      "good" },
    { "no word on the name", "create", "friendly_name", "a", nil, "good" },
    { "a name that was cleared", "update", "friendly_name", "", "a", "good" },
    { "a boolean", "create", "secure", true, true, "good" },
    { "another boolean", "create", "secure", true, false, "foreign" },
    { "false for true", "create", "secure", false, true, "foreign" },
    { "a boolean as text", "create", "secure", true, "True", "good" },
    { "another boolean as text", "create", "secure", true, "false",
      "foreign" },
    { "a boolean as a number", "create", "secure", true, 1, "good" },
    { "a word", "create", "transfer_mode", "sip-only", "sip-only", "good" },
    { "another word", "create", "transfer_mode", "sip-only", "enable-all",
      "foreign" },
    { "a word in capitals", "create", "transfer_mode", "sip-only",
      "SIP-ONLY", "foreign" },
    { "a URL, its host in small letters", "origination_urls.update",
      "sip_url", URL, URL:lower(), "good" },
    { "another URL", "origination_urls.update", "sip_url", URL,
      "sip:b@example.com", "foreign" },
    { "a number", "origination_urls.update", "weight", 10, 10, "good" },
    { "another number", "origination_urls.update", "weight", 10, 11,
      "foreign" },
    { "a number as text", "origination_urls.update", "weight", 10, "10",
      "good" },
    { "another number as text", "origination_urls.update", "weight", 10,
      "1", "foreign" },
    { "the settings", "recording.update", "mode", "do-not-record",
      "do-not-record", "good" },
    { "other settings", "recording.update", "mode", "do-not-record",
      "record-from-answer", "foreign" },
  } do
    local title, operation, field, sent, echo, expected = unpack(case, 1, 6)
    it(title .. " is " .. expected, function()
      local OU = sid("OU", "1")
      local urls = operation == "origination_urls.update"
      local record = { sid = urls and OU or TK, mode = "do-not-record",
        [field] = echo }
      if operation == "recording.update" then record.sid = nil end
      local sids = operation == "create" and {} or { TK, urls and OU or nil }
      assert.equal(expected, probe.judge(operation, { [field] = sent }, OURS,
        record, unpack(sids)))
    end)
  end

  it("one whose SID came before is no new one", function()
    assert.equal("foreign", probe.judge("create", {}, OURS,
      { sid = TK, known = TK }))
    assert.equal("good", probe.judge("create", {}, OURS,
      { sid = TK, known = TK2 }))
    assert.equal("good", probe.judge("update", {}, OURS,
      { sid = TK, known = TK }, TK))
    assert.equal("good", probe.judge("credential_lists.create",
      { credential_list_sid = CL }, OURS, { sid = CL, known = CL }, TK))
  end)

  it("another account's is good where the account is not known", function()
    assert.equal("good", probe.judge("create", {}, "",
      { sid = TK, account_sid = OTHERS }))
  end)
end)
