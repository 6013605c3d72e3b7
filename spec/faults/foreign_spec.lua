-- Replies that answer another request than the one that was made, as one left
-- over on a connection would: none is believed, whatever its status.

local control = require "sandbox.control"
local helper = require "helper"

local TK, OU, CL, AL, PN = helper.sid("TK", "a"), helper.sid("OU", "a"),
  helper.sid("CL", "a"), helper.sid("AL", "a"), helper.sid("PN", "a")
local OTHER = { TK = helper.sid("TK", "b"), OU = helper.sid("OU", "b"),
  CL = helper.sid("CL", "b"), AL = helper.sid("AL", "b"),
  PN = helper.sid("PN", "b"), AC = helper.sid("AC", "b") }
local URL = { sip_url = "sip:a", friendly_name = "n", weight = 1,
  priority = 1, enabled = true }

-- Each operation that gives a record: its call, its SID and status.
local records = {
  { "fetch", function(c) return c.fetch(TK) end, TK },
  { "update", function(c) return c.update(TK, {}) end, TK },
  { "origination_urls.fetch",
    function(c) return c.origination_urls.fetch(TK, OU) end, OU },
  { "origination_urls.update",
    function(c) return c.origination_urls.update(TK, OU, {}) end, OU },
  { "credential_lists.create",
    function(c) return c.credential_lists.create(TK, CL) end, CL, 201 },
  { "credential_lists.fetch",
    function(c) return c.credential_lists.fetch(TK, CL) end, CL },
  { "ip_access_control_lists.create",
    function(c) return c.ip_access_control_lists.create(TK, AL) end, AL, 201 },
  { "ip_access_control_lists.fetch",
    function(c) return c.ip_access_control_lists.fetch(TK, AL) end, AL },
  { "phone_numbers.create",
    function(c) return c.phone_numbers.create(TK, PN) end, PN, 201 },
  { "phone_numbers.fetch",
    function(c) return c.phone_numbers.fetch(TK, PN) end, PN },
}

-- A create makes a SID of its own: only whose it is can be told.
local makes = {
  { "create", function(c) return c.create {} end, TK, 201 },
  { "origination_urls.create",
    function(c) return c.origination_urls.create(TK, URL) end, OU, 201 },
}

local lists = {
  { "list", function(c) return c.list() end, TK, "trunks" },
  { "origination_urls.list",
    function(c) return c.origination_urls.list(TK) end, OU,
    "origination_urls" },
  { "credential_lists.list",
    function(c) return c.credential_lists.list(TK) end, CL,
    "credential_lists" },
  { "ip_access_control_lists.list",
    function(c) return c.ip_access_control_lists.list(TK) end, AL,
    "ip_access_control_lists" },
  { "phone_numbers.list", function(c) return c.phone_numbers.list(TK) end,
    PN, "phone_numbers" },
}

local function is_below(case)
  return case[1]:find(".", 1, true) ~= nil
end

-- The record that fits a case, with changes.
local function record_of(case, changes)
  local record = { sid = case[3], account_sid = helper.sandbox "ACCOUNT_SID",
    trunk_sid = is_below(case) and TK or nil }
  for name, value in pairs(changes or {}) do record[name] = value end
  return record
end

after_each(helper.tidy)

local function answer(case, body)
  control.arm { status = case[4] or 200, body = body }
end

local function is_foreign(client, case)
  local err = helper.error_of(case[2](client))
  helper.check(err, { kind = "reply", outcome = "unknown", attempts = 1,
    status = case[4] or 200, operation = case[1],
    request_id = helper.requests()[1].request_id,
    says = "answers another request" })
  assert.equal(1, control.ledger(0).count)
end

-- The answer, but another account's: the key is that one's. What was made, was
-- made there. It is certain, and nothing is asked again.
local function is_elsewhere(client, case, account)
  local err = helper.error_of(case[2](client))
  local writes = helper.requests()[1].method == "POST"
  helper.check(err, { kind = "config", attempts = 1, operation = case[1],
    outcome = writes and "applied" or "unknown", status = case[4] or 200,
    answered_by = account or OTHER.AC, says = "the account "
      .. (account or OTHER.AC) .. " answered, and the client's is AC" })
  if writes then
    helper.check(err, { sid = case[3],
      says = ("it was done there (%s)"):format(case[3]) })
  end
  assert.equal(1, control.ledger(0).count)
end

for _, transport in ipairs(helper.transports) do
  describe("over " .. transport, function()
    local client
    before_each(function() client = helper.client(transport) end)

    local function specs(case)
      it(case[1] .. " believes what fits", function()
        answer(case, helper.json(record_of(case)))
        assert.same(record_of(case), (assert(case[2](client))))
      end)

      it(case[1] .. " says which account answered", function()
        answer(case, helper.json(record_of(case, { account_sid = OTHER.AC })))
        is_elsewhere(client, case)
      end)

      it(case[1] .. " does not believe a part of the account", function()
        local account = helper.sandbox "ACCOUNT_SID"
        for _, near in ipairs { account:sub(1, 33), account .. "0" } do
          control.reset()
          answer(case, helper.json(record_of(case, { account_sid = near })))
          is_foreign(client, case)
        end
      end)

      if is_below(case) then
        it(case[1] .. " does not believe a part of its trunk", function()
          answer(case, helper.json(record_of(case,
            { trunk_sid = TK:sub(1, 33) })))
          is_foreign(client, case)
        end)

        it(case[1] .. " does not believe another trunk", function()
          answer(case, helper.json(record_of(case, { trunk_sid = OTHER.TK })))
          is_foreign(client, case)
        end)
      end
    end

    for _, case in ipairs(records) do
      specs(case)

      it(case[1] .. " does not believe another SID", function()
        answer(case, helper.json(record_of(case,
          { sid = OTHER[case[3]:sub(1, 2)] })))
        is_foreign(client, case)
      end)

      it(case[1] .. " believes a SID in other letters' case", function()
        local shouted = case[3]:sub(1, 2) .. case[3]:sub(3):upper()
        answer(case, helper.json(record_of(case, { sid = shouted,
          trunk_sid = is_below(case) and TK:sub(1, 2) .. TK:sub(3):upper()
            or nil })))
        assert.equal(shouted, assert(case[2](client)).sid)
      end)

      it(case[1] .. " believes who does not say whose", function()
        answer(case, helper.json { sid = case[3] })
        assert.same({ sid = case[3] }, (assert(case[2](client))))
      end)
    end

    for _, case in ipairs(makes) do specs(case) end
  end)
end

describe("a page", function()
  local client
  before_each(function() client = helper.client "plain HTTP" end)

  local function page_of(case, changes)
    return ('{"%s":[%s],"meta":{"key":"%s"}}'):format(case[4],
      helper.json(record_of(case, changes)), case[4])
  end

  local function as_list(case) return { case[1], case[2], case[3], 200 } end

  for _, case in ipairs(lists) do
    it(case[1] .. " believes what fits", function()
      answer(as_list(case), page_of(case))
      assert.same({ record_of(case) }, { assert(case[2](client))[1] })
    end)

    it(case[1] .. " says which account answered", function()
      answer(as_list(case), page_of(case, { account_sid = OTHER.AC }))
      is_elsewhere(client, as_list(case))
    end)

    if is_below(case) then
      it(case[1] .. " does not believe another trunk", function()
        answer(as_list(case), page_of(case, { trunk_sid = OTHER.TK }))
        is_foreign(client, as_list(case))
      end)
    end

    it(case[1] .. " does not believe records of another kind", function()
      answer(as_list(case), page_of(case, { sid = case[3] == CL and PN
        or CL }))
      helper.check(helper.error_of(case[2](client)), { kind = "reply",
        outcome = "unknown", status = 200, operation = case[1] })
    end)
  end

  it("that was linked is not believed either", function()
    control.arm { { status = 200, body = ('{"trunks":[],"meta":{"key":'
      .. '"trunks","next_page_url":"/v1/Trunks?Page=1"}}') },
      { status = 200, body = page_of(lists[1], { account_sid = OTHER.AC }) } }
    helper.check(helper.error_of(assert(client.list()).next()), {
      kind = "config", outcome = "unknown", operation = "list",
      says = OTHER.AC .. " answered" })
  end)
end)

describe("a domain", function()
  local client
  before_each(function() client = helper.client "plain HTTP" end)

  local asked = { domain_name = "a.pstn.twilio.com" }

  for name, case in pairs {
    create = { "create", function(c) return c.create(asked) end, TK, 201 },
    update = { "update", function(c) return c.update(TK, asked) end, TK },
    ["update in the API's spelling"] = { "update", function(c)
      return c.update(TK, { DomainName = asked.domain_name }) end, TK },
  } do
    it("that was not asked for is not believed: " .. name, function()
      answer(case, helper.json(record_of(case,
        { domain_name = "b.pstn.twilio.com" })))
      is_foreign(client, case)
    end)

    it("is the same in other letters' case: " .. name, function()
      answer(case, helper.json(record_of(case,
        { domain_name = "A.PSTN.twilio.com" })))
      assert.is_table((case[2](client)))
    end)
  end
end)

describe("a trunk", function()
  it("is believed whatever trunk it says it is below", function()
    answer(records[1], helper.json(record_of(records[1],
      { trunk_sid = OTHER.TK })))
    assert.equal(TK, assert(helper.client "plain HTTP".fetch(TK)).sid)
  end)

  it("keeps numbers of any size as they are", function()
    for _, number in ipairs { "-1e300", "1e300", "-0.5", "7" } do
      answer(records[1], ('{"sid":"%s","weight":%s}'):format(TK, number))
      assert.equal(tonumber(number),
        assert(helper.client "plain HTTP".fetch(TK)).weight)
    end
  end)
end)

describe("what was not checked", function()
  local client
  before_each(function()
    client = helper.client("plain HTTP", { validate = false })
  end)

  it("of a domain is believed in the server's words", function()
    for _, sent in ipairs { "", "a b" } do
      answer(records[2], helper.json(record_of(records[2],
        { domain_name = "b.pstn.twilio.com" })))
      assert.is_table((client.update(TK, { domain_name = sent })))
    end
  end)

  it("of a SID is believed too", function()
    for _, sent in ipairs { {}, { unknown = ("x"):rep(99) } } do
      answer(records[5], helper.json(record_of(records[5])))
      assert.equal(CL, assert(client.credential_lists.create(TK, sent)).sid)
    end
  end)
end)

describe("a client with an API key", function()
  local function with_key(account)
    return helper.client("plain HTTP", { auth_token = false,
      account_sid = account, api_key = helper.sandbox "API_KEY",
      api_secret = helper.sandbox "API_SECRET" })
  end

  it("believes any account if it was not told its own", function()
    answer(records[1], helper.json(record_of(records[1],
      { account_sid = OTHER.AC })))
    assert.equal(TK, assert(with_key(false).fetch(TK)).sid)
  end)

  it("believes its own account only if it was told", function()
    answer(records[1], helper.json(record_of(records[1])))
    is_elsewhere(with_key(OTHER.AC), records[1],
      helper.sandbox "ACCOUNT_SID")
  end)
end)

describe("recording's settings", function()
  local client
  before_each(function() client = helper.client "plain HTTP" end)

  for title, body in pairs {
    ["a trunk"] = helper.json { sid = TK }, ["no mode"] =
      '{"trim":"do-not-trim"}', ["a mode that is no text"] = '{"mode":1}',
    ["nothing"] = "", ["a list"] = "[]",
  } do
    it("are not read from " .. title, function()
      control.arm { { status = 200, body = body },
        { status = 200, body = body } }
      helper.check(helper.error_of(client.recording.fetch(TK)), {
        kind = "reply", outcome = "unknown", status = 200,
        operation = "recording.fetch" })
      helper.check(helper.error_of(client.recording.update(TK, {})), {
        kind = "reply", outcome = "applied", status = 200,
        operation = "recording.update", says = "fetch it to see" })
      assert.equal(2, control.ledger(0).count)
    end)
  end
end)

describe("what was attached", function()
  it("is not another list, and the error says to look", function()
    local client = helper.client "plain HTTP"
    control.arm { status = 201, body = helper.json { sid = OTHER.CL,
      trunk_sid = TK } }
    local err = helper.error_of(client.credential_lists.create(TK, CL))
    helper.check(err, { says = "the request was sent, and may or may not "
      .. "have been applied" })
  end)
end)
