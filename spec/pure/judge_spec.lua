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
    { sid = TK, account_sid = OTHERS }, {}, "foreign" },
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
    { sid = TK2, account_sid = OTHERS }, {}, "foreign" },
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

  it("another account's is good where the account is not known", function()
    assert.equal("good", probe.judge("create", {}, "",
      { sid = TK, account_sid = OTHERS }))
  end)
end)
