-- The sandbox as a pure function: no server, no clock, no chance.

local cjson = require("cjson").new()
local sandbox = require "trunking.sandbox"

local null = cjson.null
local GOOD = "Basic " .. "QUM1YTVhNWE1YTVhNWE1YTVhNWE1YTVhNWE1YTVhNWE1YTo1ZWMy"
  .. "ZTc1ZWMyZTc1ZWMyZTc1ZWMyZTc1ZWMyZTcwMA=="
local KEY = "Basic " .. "U0s1YjViNWI1YjViNWI1YjViNWI1YjViNWI1YjViNWI1YjpTYW5k"
  .. "Ym94U2VjcmV0U2FuZGJveFNlY3JldDAwMDAwMA=="
local WRONG = "Basic QUM1YTVhNWE1YTVhNWE1YTVhNWE1YTVhNWE1YTVhNWE1YTpubw=="
local FORM = "application/x-www-form-urlencoded"
local START = 1420197825 -- 2015-01-02T11:23:45Z
local DAY = 24 * 3600

local CL, AL, PN = "CL" .. ("c"):rep(32), "AL" .. ("a"):rep(32),
  "PN" .. ("b"):rep(32)

describe("the sandbox", function()
  local store, clock

  local function ask(method, target, body, more)
    local path, query = target:match "^([^?]*)%??(.*)$"
    local request = {
      method = method, path = path, query = query, body = body,
      headers = { authorization = GOOD, ["content-type"] = body and FORM },
    }
    for name, value in pairs(more or {}) do request.headers[name] = value end
    local reply = sandbox.handle(store, request)
    local ok, json = pcall(cjson.decode, reply.body)
    return reply.status, ok and json or nil, reply
  end

  local function make(body, under)
    local status, made = ask("POST", "/v1/Trunks" .. (under or ""), body or "")
    assert.equal(201, status)
    return made, "/v1/Trunks/" .. made.sid
  end

  before_each(function()
    clock = START
    store = sandbox.new { now = function() return clock end }
  end)

  describe("credentials", function()
    local cases = {
      { "takes the account's SID and token", GOOD, 200 },
      { "takes an API key and its secret", KEY, 200 },
      { "takes the scheme in any case", GOOD:gsub("Basic", "bASIC"), 200 },
      { "refuses none", false, 401, "No credentials provided" },
      { "refuses a wrong token", WRONG, 401, "Authenticate" },
      { "refuses an unknown user", "Basic eDp5", 401, "invalid username" },
      { "refuses another scheme", "Bearer eDp5", 401, "No credentials" },
      { "refuses what is not base64", "Basic !!", 401, "No credentials" },
    }
    for _, case in ipairs(cases) do
      local title, header, expected, words = case[1], case[2], case[3], case[4]
      it(title, function()
        local status, body, reply =
          ask("GET", "/v1/Trunks", nil, { authorization = header })
        assert.equal(expected, status)
        if words then
          assert.equal(20003, body.code)
          assert.truthy(body.message:find(words, 1, true))
          assert.truthy(reply.headers["WWW-Authenticate"])
        end
      end)
    end

    for title, options in pairs {
      ["an option it does not know"] = { keeps = 1 },
      ["an option of the wrong type"] = { keep = "1" },
    } do
      it("cannot be had with " .. title, function()
        assert.has_error(function() sandbox.new(options) end)
      end)
    end

    it("takes those it was made with", function()
      store = sandbox.new { account_sid = "x", auth_token = "y", keys = {} }
      assert.equal(200,
        (ask("GET", "/v1/Trunks", nil, { authorization = "Basic eDp5" })))
      assert.equal(401, (ask("GET", "/v1/Trunks", nil, { authorization = KEY })))
    end)
  end)

  describe("a new trunk", function()
    it("has every field of the API's description", function()
      local trunk = make "FriendlyName=Head+office"
      assert.truthy(trunk.sid:find("^TK" .. ("%x"):rep(32) .. "$"))
      local url = "https://trunking.twilio.com/v1/Trunks/" .. trunk.sid
      trunk.sid = nil
      assert.same({
        account_sid = sandbox.account_sid, friendly_name = "Head office",
        domain_name = null, disaster_recovery_method = null,
        disaster_recovery_url = null, secure = false,
        cnam_lookup_enabled = false, symmetric_rtp_enabled = false,
        recording = { mode = "do-not-record", trim = "do-not-trim" },
        transfer_mode = "disable-all", transfer_caller_id = "from-transferee",
        auth_type = "", auth_type_set = {}, url = url,
        date_created = "2015-01-02T11:23:45Z",
        date_updated = "2015-01-02T11:23:45Z",
        links = {
          origination_urls = url .. "/OriginationUrls",
          credential_lists = url .. "/CredentialLists",
          ip_access_control_lists = url .. "/IpAccessControlLists",
          phone_numbers = url .. "/PhoneNumbers",
        },
      }, trunk)
    end)

    it("writes an empty auth_type_set as an array", function()
      local _, _, reply = ask("POST", "/v1/Trunks", "")
      assert.truthy(reply.body:find('"auth_type_set":[]', 1, true))
    end)

    it("comes with the API's headers", function()
      local _, _, reply = ask("POST", "/v1/Trunks", "")
      assert.equal("application/json", reply.headers["Content-Type"])
      assert.equal("1", reply.headers["Twilio-Concurrent-Requests"])
      assert.truthy(reply.headers["Twilio-Request-Id"]:find "^RQ%x+$")
      assert.equal(34, #reply.headers["Twilio-Request-Id"])
    end)

    it("has URLs at the origin it was asked at", function()
      local _, trunk = ask("POST", "/v1/Trunks", "", { host = "localhost:1" })
      assert.equal("https://localhost:1/v1/Trunks/" .. trunk.sid, trunk.url)
      store.origin = "http://here"
      assert.equal("http://here/v1/Trunks/",
        make().links.phone_numbers:sub(1, 22))
    end)

    it("never has another's SID, however poor the randomness", function()
      store = sandbox.new { random = function(n) return ("0"):rep(n) end }
      local seen = {}
      for _ = 1, 1000 do
        local sid = make().sid
        assert.is_nil(seen[sid])
        seen[sid] = true
      end
    end)
  end)

  describe("the form", function()
    local values = {
      { "percent-encoding and +", "FriendlyName=a%20b+c%2Bd%26", "a b c+d&" },
      { "UTF-8", "FriendlyName=Z%C3%BCrich+%F0%9F%93%9E",
        "Z\195\188rich \240\159\147\158" },
      { "the last of repeated keys", "FriendlyName=a&FriendlyName=b", "b" },
      { "an encoded key", "Friendly%4eame=a", "a" },
      { "quotes and backslashes", "FriendlyName=%22%5C%0A", '"\\\n' },
      { "64 characters of 2 bytes", "FriendlyName=" .. ("%C3%A9"):rep(64),
        ("\195\169"):rep(64) },
      { "an empty value as none", "FriendlyName=", null },
      { "nothing from parameters it does not know", "Friendlyname=a&X=1", null },
    }
    for _, case in ipairs(values) do
      it("takes " .. case[1], function()
        assert.equal(case[3], make(case[2]).friendly_name)
      end)
    end

    local refused = {
      { "TransferMode", "sip_only" }, { "TransferCallerId", "me" },
      { "Secure", "yes" }, { "CnamLookupEnabled", "1" },
      { "FriendlyName", ("x"):rep(65) },
      { "FriendlyName", ("%C3%A9"):rep(65) }, { "FriendlyName", "%FF" },
      { "FriendlyName", "%C0%80" }, { "FriendlyName", "%ED%A0%80" },
      { "DomainName", "x.example.com" }, { "DomainName", "pstn.twilio.com" },
      { "DomainName", "a_b.pstn.twilio.com" },
      { "DomainName", "a..b.pstn.twilio.com" },
      { "DomainName", "xpstn.twilio.com" },
      { "DisasterRecoveryUrl", "ftp://x" }, { "DisasterRecoveryUrl", "x" },
      { "DisasterRecoveryUrl", "http://a b" },
      { "DisasterRecoveryMethod", "get" }, { "DisasterRecoveryMethod", "TRACE" },
    }
    for _, case in ipairs(refused) do
      it("refuses " .. case[1] .. "=" .. case[2]:sub(1, 24), function()
        local status, body = ask("POST", "/v1/Trunks", case[1] .. "=" .. case[2])
        assert.equal("400 20001 400", table.concat(
          { status, ("%d"):format(body.code), ("%d"):format(body.status) }, " "))
        assert.truthy(body.message:find(case[1], 1, true))
        assert.equal(0, sandbox.ledger(store).created)
      end)
    end

    for _, method in ipairs { "HEAD", "GET", "POST", "PATCH", "PUT", "DELETE" } do
      it("takes " .. method .. " as the disaster recovery method", function()
        assert.equal(method, make("DisasterRecoveryMethod=" .. method)
          .disaster_recovery_method)
      end)
    end

    it("is the only body there is", function()
      assert.equal(415, (ask("POST", "/v1/Trunks", "{}",
        { ["content-type"] = "application/json" })))
      assert.equal(201, (ask("POST", "/v1/Trunks", "a=b",
        { ["content-type"] = FORM .. "; charset=utf-8" })))
    end)
  end)

  describe("a domain", function()
    local function taken(body, path)
      local status, reply = ask("POST", path or "/v1/Trunks", body)
      return status == 400 and reply.code == 21248
        and reply.message == "Trunk Domain already taken"
    end

    it("has one owner, whatever the case of its letters", function()
      make "DomainName=Head-Office.pstn.twilio.com"
      assert.is_true(taken "DomainName=head-office.PSTN.twilio.com")
    end)

    it("stays its owner's in an update", function()
      local _, path = make "DomainName=a.pstn.twilio.com"
      assert.is_false(taken("DomainName=A.pstn.twilio.com", path))
    end)

    it("cannot be taken by another's update", function()
      local _, path = make()
      make "DomainName=a.pstn.twilio.com"
      assert.is_true(taken("DomainName=a.pstn.twilio.com", path))
    end)

    it("is free after a rename, and after it was cleared", function()
      local _, path = make "DomainName=a.pstn.twilio.com"
      ask("POST", path, "DomainName=b.pstn.twilio.com")
      assert.is_false(taken "DomainName=a.pstn.twilio.com")
      ask("POST", path, "DomainName=")
      assert.is_false(taken "DomainName=b.pstn.twilio.com")
    end)

    it("stays reserved for 30 days after a delete", function()
      local _, path = make "DomainName=a.pstn.twilio.com"
      ask("DELETE", path)
      clock = START + 30 * DAY - 1
      assert.is_true(taken "DomainName=a.pstn.twilio.com")
      clock = START + 30 * DAY
      assert.is_false(taken "DomainName=a.pstn.twilio.com")
    end)

    it("is not remembered without bound", function()
      store = sandbox.new { keep = 2, now = function() return clock end }
      for i = 1, 3 do
        local _, path = make("DomainName=d" .. i .. ".pstn.twilio.com")
        ask("DELETE", path)
      end
      assert.is_false(taken "DomainName=d1.pstn.twilio.com")
      assert.is_true(taken "DomainName=d2.pstn.twilio.com")
    end)
  end)

  describe("a trunk", function()
    it("is fetched as it was made", function()
      local trunk, path = make "Secure=true&TransferMode=sip-only"
      local status, found = ask("GET", path)
      assert.equal(200, status)
      assert.same(trunk, found)
    end)

    it("is updated in what was sent, and nothing else", function()
      local trunk, path = make "FriendlyName=a&Secure=true"
      clock = START + 5
      local status, after = ask("POST", path, "FriendlyName=b")
      trunk.friendly_name, trunk.date_updated = "b", "2015-01-02T11:23:50Z"
      assert.equal(200, status)
      assert.same(trunk, after)
    end)

    it("gets a field's default back when it is cleared", function()
      local _, path = make "FriendlyName=a&Secure=true&TransferMode=sip-only"
      local _, after = ask("POST", path, "FriendlyName=&Secure=&TransferMode=")
      assert.same({ null, false, "disable-all" },
        { after.friendly_name, after.secure, after.transfer_mode })
    end)

    it("is not changed by a refused update", function()
      local trunk, path = make "FriendlyName=a"
      assert.equal(400, (ask("POST", path, "FriendlyName=b&Secure=maybe")))
      assert.same(trunk, (select(2, ask("GET", path))))
    end)

    it("is gone when it is deleted, with all that was its own", function()
      local trunk, path = make()
      make("PhoneNumberSid=" .. PN, "/" .. trunk.sid .. "/PhoneNumbers")
      local status, _, reply = ask("DELETE", path)
      assert.equal(204, status)
      assert.equal("", reply.body)
      assert.is_nil(reply.headers["Content-Type"])
      assert.equal(404, (ask("GET", path)))
      assert.equal(404, (ask("DELETE", path)))
      assert.equal(404, (ask("GET", path .. "/PhoneNumbers")))
      assert.same({}, store.numbers)
    end)

    it("gives way when more are made than are kept", function()
      store = sandbox.new { keep = 2 }
      local _, first = make "DomainName=a.pstn.twilio.com"
      local _, second = make()
      make "DomainName=b.pstn.twilio.com"
      assert.equal(404, (ask("GET", first)))
      assert.equal(200, (ask("GET", second)))
      make "DomainName=a.pstn.twilio.com"
      assert.equal(4, sandbox.ledger(store).created)
      assert.equal(2, sandbox.ledger(store).trunks)
    end)
  end)

  describe("a path", function()
    local TK = "TK" .. ("0"):rep(32)
    local cases = {
      { "GET", "/v1/Trunks/" .. TK, 404 }, { "GET", "/v1/Trunks/", 404 },
      { "GET", "/v1/Trunks/x", 404 }, { "GET", "/", 404 },
      { "GET", "/v2/Trunks", 404 }, { "DELETE", "/v1/Trunks/" .. TK, 404 },
      { "POST", "/v1/Trunks/" .. TK, 404 },
      { "GET", "/v1/Trunks/" .. TK .. "/Recording", 404 },
      { "POST", "/v1/Trunks/" .. TK .. "/PhoneNumbers", 404 },
      { "PUT", "/v1/Trunks", 405 }, { "DELETE", "/v1/Trunks", 405 },
      { "PATCH", "/v1/Trunks/" .. TK, 405 }, { "HEAD", "/v1/Trunks", 405 },
    }
    for _, case in ipairs(cases) do
      it("gives " .. case[3] .. " for " .. case[1] .. " " .. case[2], function()
        local status, body = ask(case[1], case[2])
        assert.equal(case[3], status)
        assert.equal(status == 404 and 20404 or 20004, body.code)
      end)
    end

    it("is named in the message when nothing is there", function()
      local _, body = ask("GET", "/v1/Trunks/" .. TK)
      assert.equal("The requested resource /Trunks/" .. TK .. " was not found",
        body.message)
      assert.equal("https://www.twilio.com/docs/errors/20404", body.more_info)
    end)

    it("under a trunk leads only to what is there", function()
      local _, path = make()
      for _, rest in ipairs { "/", "/Nothing", "/Trunks", "/PhoneNumbers/",
        "/Recording/x", "/CredentialLists/" .. CL, "/PhoneNumbers/x/y" } do
        assert.equal(404, (ask("GET", path .. rest)))
      end
      assert.equal(405, (ask("POST", path .. "/PhoneNumbers/" .. PN, "")))
      assert.equal(405, (ask("DELETE", path .. "/Recording")))
    end)
  end)

  describe("an origination URL", function()
    local ALL = "Weight=1&Priority=2&Enabled=true&FriendlyName=n&SipUrl="

    it("is made, fetched, updated and deleted", function()
      local trunk, path = make()
      local under = "/" .. trunk.sid .. "/OriginationUrls"
      local made = make(ALL .. "sip%3Aa.example%3A5060", under)
      assert.equal(path:gsub("^", "https://trunking.twilio.com")
        .. "/OriginationUrls/" .. made.sid, made.url)
      assert.truthy(made.sid:find "^OU%x+$")
      made.date_created, made.date_updated, made.url = nil, nil, nil
      local item = "/v1/Trunks" .. under .. "/" .. made.sid
      made.sid = nil
      assert.same({ weight = 1, priority = 2, enabled = true,
        friendly_name = "n", sip_url = "sip:a.example:5060",
        trunk_sid = trunk.sid, account_sid = sandbox.account_sid }, made)
      local status, after = ask("POST", item, "Weight=65535&Enabled=false")
      assert.same({ 200, 65535, false, 2 },
        { status, after.weight, after.enabled, after.priority })
      status, after = ask("POST", item, "Weight=0")
      assert.same({ 200, 0 }, { status, after.weight })
      assert.equal(204, (ask("DELETE", item)))
      assert.equal(404, (ask("GET", item)))
    end)

    local refused = {
      { "Weight", "-1" }, { "Weight", "65536" }, { "Weight", "1.5" },
      { "Weight", "1e3" }, { "Weight", "0x10" }, { "Priority", "-1" },
      { "Priority", "65536" }, { "Enabled", "on" }, { "SipUrl", "sips:a" },
      { "SipUrl", "http://a" }, { "SipUrl", "sip:" }, { "FriendlyName", "" },
      { "FriendlyName", ("x"):rep(65) }, { "SipUrl", "" },
    }
    for _, case in ipairs(refused) do
      it("refuses " .. case[1] .. "=" .. case[2]:sub(1, 20), function()
        local _, path = make()
        local status, body = ask("POST", path .. "/OriginationUrls",
          ALL .. "sip:a&" .. case[1] .. "=" .. case[2])
        assert.equal(400, status)
        assert.equal(20001, body.code)
        assert.truthy(body.message:find(case[1], 1, true))
      end)
    end

    it("needs all its parameters", function()
      local _, path = make()
      local status, body = ask("POST", path .. "/OriginationUrls", "Weight=1")
      assert.equal(400, status)
      assert.equal("Missing required parameter Priority in the post body",
        body.message)
    end)
  end)

  describe("a list that is attached", function()
    local kinds = {
      { "CredentialLists", "CredentialListSid", CL, "CREDENTIAL_LIST" },
      { "IpAccessControlLists", "IpAccessControlListSid", AL, "IP_ACL" },
    }
    for _, kind in ipairs(kinds) do
      local name, form, sid, word = kind[1], kind[2], kind[3], kind[4]
      it("shows in " .. name .. " and in the trunk's auth_type", function()
        local trunk, path = make()
        local made = make(form .. "=" .. sid, "/" .. trunk.sid .. "/" .. name)
        assert.same({ sid, trunk.sid, sandbox.account_sid },
          { made.sid, made.trunk_sid, made.account_sid })
        local _, after = ask("GET", path)
        assert.equal(word, after.auth_type)
        assert.same({ word }, after.auth_type_set)
        assert.equal(200, (ask("GET", path .. "/" .. name .. "/" .. sid)))
        assert.equal(204, (ask("DELETE", path .. "/" .. name .. "/" .. sid)))
        assert.equal("", select(2, ask("GET", path)).auth_type)
      end)

      it("is refused by " .. name .. " when it is there already", function()
        local trunk, path = make()
        make(form .. "=" .. sid, "/" .. trunk.sid .. "/" .. name)
        local status, body = ask("POST", path .. "/" .. name, form .. "=" .. sid)
        assert.equal(400, status)
        assert.equal(21245, body.code)
      end)

      it("needs a SID of its kind in " .. name, function()
        local _, path = make()
        for _, text in ipairs { "", form .. "=" .. PN, form .. "=x" } do
          local status, body = ask("POST", path .. "/" .. name, text)
          assert.equal(400, status)
          assert.truthy(body.message:find(form, 1, true))
        end
      end)
    end
  end)

  describe("a phone number", function()
    it("has the shape of the API's example", function()
      local trunk = make()
      local made = make("PhoneNumberSid=" .. PN,
        "/" .. trunk.sid .. "/PhoneNumbers")
      assert.truthy(made.phone_number:find "^%+1415%d%d%d%d%d%d%d$")
      assert.same({ voice = true, sms = true, mms = true }, made.capabilities)
      assert.equal("https://api.twilio.com/2010-04-01/Accounts/"
        .. sandbox.account_sid .. "/IncomingPhoneNumbers/" .. PN,
        made.links.phone_number)
    end)

    it("moves to the trunk it is attached to last", function()
      local one, first = make()
      local two, second = make()
      make("PhoneNumberSid=" .. PN, "/" .. one.sid .. "/PhoneNumbers")
      make("PhoneNumberSid=" .. PN, "/" .. two.sid .. "/PhoneNumbers")
      assert.equal(404, (ask("GET", first .. "/PhoneNumbers/" .. PN)))
      local _, found = ask("GET", second .. "/PhoneNumbers/" .. PN)
      assert.equal(two.sid, found.trunk_sid)
      assert.same({}, select(2, ask("GET", first .. "/PhoneNumbers")).phone_numbers)
    end)
  end)

  describe("recording", function()
    it("is fetched and updated, and shows in the trunk", function()
      local _, path = make()
      local status, body = ask("POST", path .. "/Recording",
        "Mode=record-from-answer-dual")
      local expected =
        { mode = "record-from-answer-dual", trim = "do-not-trim" }
      assert.equal(200, status)
      assert.same(expected, body)
      assert.same(expected, (select(2, ask("GET", path .. "/Recording"))))
      assert.same(expected, select(2, ask("GET", path)).recording)
    end)

    it("refuses a word it does not know", function()
      local _, path = make()
      local status, body = ask("POST", path .. "/Recording", "Trim=a-bit")
      assert.equal(400, status)
      assert.truthy(body.message:find("Trim", 1, true))
    end)
  end)

  describe("a page", function()
    local function numbered(count)
      for i = 1, count do make("FriendlyName=" .. i) end
    end

    local function names(body)
      local list = {}
      for i, trunk in ipairs(body.trunks) do list[i] = trunk.friendly_name end
      return table.concat(list, " ")
    end

    local function follow(link)
      return select(2, ask("GET", (link:gsub("^https://[^/]*", ""))))
    end

    it("of nothing is an empty array", function()
      local _, body, reply = ask("GET", "/v1/Trunks")
      local url = "https://trunking.twilio.com/v1/Trunks?PageSize=50&Page=0"
      assert.truthy(reply.body:find('"trunks":[]', 1, true))
      assert.same({ key = "trunks", page = 0, page_size = 50, url = url,
        first_page_url = url, next_page_url = null, previous_page_url = null },
        body.meta)
    end)

    it("leads to the next and back, newest first", function()
      numbered(5)
      local one = follow "/v1/Trunks?PageSize=2"
      local two = follow(one.meta.next_page_url)
      local three = follow(two.meta.next_page_url)
      assert.same({ "5 4", "3 2", "1" }, { names(one), names(two), names(three) })
      assert.equal(null, three.meta.next_page_url)
      assert.equal("3 2", names(follow(three.meta.previous_page_url)))
      assert.equal("5 4", names(follow(two.meta.previous_page_url)))
      assert.equal("5 4", names(follow(three.meta.first_page_url)))
    end)

    it("neither repeats nor skips while others add and delete", function()
      numbered(6)
      local one = follow "/v1/Trunks?PageSize=2"
      make "FriendlyName=new"
      ask("DELETE", "/v1/Trunks/" .. one.trunks[2].sid)
      assert.equal("4 3", names(follow(one.meta.next_page_url)))
    end)

    it("is found by its number too", function()
      numbered(5)
      assert.equal("3 2", names(follow "/v1/Trunks?PageSize=2&Page=1"))
      assert.equal("", names(follow "/v1/Trunks?PageSize=2&Page=9"))
    end)

    for _, query in ipairs { "PageSize=0", "PageSize=1001", "PageSize=x",
      "PageSize=", "Page=-1", "PageToken=x",
      "PageToken=PA0000000001000000" } do
      it("refuses " .. query, function()
        local status, body = ask("GET", "/v1/Trunks?" .. query)
        assert.equal(400, status)
        assert.truthy(body.message:find(query:match "^%a+", 1, true))
      end)
    end

    it("exists for each list under a trunk", function()
      local trunk, path = make()
      for name, form in pairs { CredentialLists = "CredentialListSid=CL",
        IpAccessControlLists = "IpAccessControlListSid=AL",
        PhoneNumbers = "PhoneNumberSid=PN" } do
        for i = 1, 3 do
          make(form .. ("%032x"):format(i), "/" .. trunk.sid .. "/" .. name)
        end
        local body = follow(path .. "/" .. name .. "?PageSize=2")
        assert.equal(2, #body[body.meta.key])
        assert.equal(1, #follow(body.meta.next_page_url)[body.meta.key])
      end
    end)
  end)

  describe("the ledger", function()
    it("writes down every request, and never a secret", function()
      local _, trunk = ask("POST", "/v1/Trunks", "FriendlyName=a+b",
        { ["user-agent"] = "spec" })
      ask("GET", "/v1/Trunks?Page=0", nil, { authorization = WRONG })
      local ledger = sandbox.ledger(store)
      local one, two = ledger.requests[1], ledger.requests[2]
      one.request_id = nil
      assert.same({ n = 1, method = "POST", path = "/v1/Trunks", query = "",
        form = { FriendlyName = "a b" }, body = "FriendlyName=a+b",
        status = 201, sid = trunk.sid, user = sandbox.account_sid,
        user_agent = "spec", time = START }, one)
      assert.same({ 2, "Page=0", 401, sandbox.account_sid },
        { two.n, two.query, two.status, two.user })
      assert.same({ 2, 1 }, { ledger.count, ledger.created })
    end)

    it("counts all and remembers the last", function()
      store = sandbox.new { remember = 3 }
      for _ = 1, 5 do ask("GET", "/v1/Trunks") end
      local ledger = sandbox.ledger(store)
      assert.same({ 5, 3, 3, 5 }, { ledger.count, #ledger.requests,
        ledger.requests[1].n, ledger.requests[3].n })
      assert.equal(5, sandbox.ledger(store, 1).requests[1].n)
      assert.same({}, sandbox.ledger(store, 0).requests)
    end)
  end)

  describe("a fault", function()
    local function statuses(count)
      local seen = {}
      for i = 1, count do
        local status, _, reply = ask("POST", "/v1/Trunks", "")
        seen[i] = reply.fault and reply.fault.name .. status or status
      end
      return table.concat(seen, " ")
    end

    it("keeps a request from taking effect", function()
      sandbox.arm(store, { { status = 503, headers = { ["Retry-After"] = "2" } } })
      local status, body, reply = ask("POST", "/v1/Trunks", "")
      assert.same({ 503, 20503, "2" },
        { status, body.code, reply.headers["Retry-After"] })
      assert.same({ 1, 0 }, { sandbox.ledger(store).count,
        sandbox.ledger(store).created })
    end)

    it("may let it take effect first", function()
      sandbox.arm(store, { { apply = true, cut = 20 },
        { apply = true, status = 500 }, { apply = true, delay = 1 },
        { apply = true, hold = true } })
      assert.equal("cut201 status500 delay201 hold201", statuses(4))
      assert.equal(4, sandbox.ledger(store).created)
    end)

    it("lasts as many times, after as many others, as it says", function()
      sandbox.arm(store, { { reset = true, skip = 1, times = 2 },
        { status = 429 } })
      assert.equal("201 reset503 reset503 status429 201", statuses(5))
    end)

    it("meets only the method and path it is for", function()
      sandbox.arm(store, { { status = 500, method = "GET" },
        { status = 502, path = "/v1/Trunks/TK" } })
      assert.equal("201", statuses(1))
      assert.equal(500, (ask("GET", "/v1/Trunks")))
      assert.equal(502, (ask("GET", "/v1/Trunks/TKx")))
    end)

    it("may say anything", function()
      sandbox.arm(store, { status = 504, body = "<html>",
        headers = { ["Content-Type"] = "text/html" } })
      local status, _, reply = ask("POST", "/v1/Trunks", "")
      assert.same({ 504, "<html>", "text/html" },
        { status, reply.body, reply.headers["Content-Type"] })
    end)

    it("stands in the ledger, without a status when none was sent", function()
      sandbox.arm(store, { { name = "mine", close = true, apply = true } })
      local made = select(2, ask("POST", "/v1/Trunks", ""))
      local entry = sandbox.ledger(store).requests[1]
      assert.same({ "mine", made.sid }, { entry.fault, entry.sid })
      assert.is_nil(entry.status)
    end)

    it("may let it take effect late, and then once", function()
      sandbox.arm(store, { late = 2, close = true })
      local status, _, reply = ask("POST", "/v1/Trunks", "FriendlyName=x")
      assert.same({ 503, "late" }, { status, reply.fault.name })
      assert.same({ 0, 0 },
        { sandbox.ledger(store).created, sandbox.ledger(store).trunks })
      reply.later()
      local ledger = sandbox.ledger(store)
      assert.same({ 1, 1 }, { ledger.created, ledger.trunks })
      assert.truthy(ledger.requests[1].sid:find "^TK")
    end)

    it("that is late may find its domain taken", function()
      sandbox.arm(store, { late = 2 })
      local body = "DomainName=a.pstn.twilio.com"
      local _, _, reply = ask("POST", "/v1/Trunks", body)
      make(body)
      reply.later()
      assert.same({ 1, 1 },
        { sandbox.ledger(store).created, sandbox.ledger(store).trunks })
    end)

    it("may make a list stale", function()
      make "FriendlyName=old"
      clock = clock + 10
      make "FriendlyName=new"
      sandbox.arm(store, { { stale = 1 }, { stale = 20 }, { stale = 1 } })
      local function names()
        local _, body = ask("GET", "/v1/Trunks")
        local list = {}
        for i, trunk in ipairs(body.trunks) do list[i] = trunk.friendly_name end
        return table.concat(list, " ")
      end
      assert.equal("old", names())
      assert.equal("", names())
      clock = clock + 1
      assert.equal("new old", names())
      assert.equal("new old", names())
    end)

    it("may be a matter of chance, which its seed decides", function()
      local function row(seed)
        store = sandbox.new { seed = seed }
        sandbox.arm(store, { { chance = 0.25, status = 500, times = 1000 },
          { chance = 0.5, status = 502, times = 1000 } })
        local seen, counts = {}, { [201] = 0, [500] = 0, [502] = 0 }
        for i = 1, 400 do
          seen[i] = ask("POST", "/v1/Trunks", "")
          counts[seen[i]] = counts[seen[i]] + 1
        end
        return table.concat(seen, " "), counts
      end
      local first, counts = row(7)
      assert.equal(first, (row(7)))
      assert.are_not.equal(first, (row(8)))
      for status, expected in pairs { [201] = 150, [500] = 100, [502] = 150 } do
        assert.is_true(math.abs(counts[status] - expected) < 50)
      end
    end)

    it("can be taken back", function()
      sandbox.arm(store, { status = 500, times = 9 })
      assert.equal("status500", statuses(1))
      sandbox.disarm(store)
      assert.equal("201", statuses(1))
    end)

    for title, list in pairs {
      ["both late and applied at once"] = { { late = 1, apply = true } },
      ["a field it does not know"] = { { status = 500 }, { statsu = 500 } },
      ["a value of the wrong type"] = { { status = 500 }, { cut = "20" } },
      ["what is not a table"] = { { status = 500 }, "reset" },
    } do
      it("is refused with " .. title .. ", and all with it", function()
        assert.has_error(function() sandbox.arm(store, list) end)
        assert.equal("201", statuses(1))
      end)
    end
  end)
end)
