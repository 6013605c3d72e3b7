-- trunking.reconcile: what became of a create, from its intent, in another
-- process and later; and how sure that is.

local cjson = require("cjson").new()
local control = require "sandbox.control"
local helper = require "helper"

local DOMAIN = "head-office.pstn.twilio.com"
local params = { friendly_name = "Head office", domain_name = DOMAIN,
  secure = true }
local named = { friendly_name = "n", secure = true }
local quick = { settle = { 0.01, 0.02 } }
local url = { sip_url = "sip:a.example", friendly_name = "a", priority = 0,
  weight = 10, enabled = true }

-- A create that is lost: its intent, as a file would give it back.
local function lose(create, fault)
  fault.method = "POST"
  control.arm(fault)
  local record, err = create()
  assert.is_nil(record)
  return cjson.decode(cjson.encode(err.intent))
end

-- What more adds; null takes away.
local function with(intent, more)
  local all = {}
  for name, value in pairs(intent) do all[name] = value end
  for name, value in pairs(more) do
    if value == cjson.null then all[name] = nil else all[name] = value end
  end
  return all
end

after_each(helper.tidy)

for _, transport in ipairs(helper.transports) do
  describe("reconcile over " .. transport, function()
    local client, later
    before_each(function()
      client, later = helper.client(transport), helper.client(transport)
      assert(client.list())
    end)

    local function lost(given, fault)
      return lose(function() return client.create(given) end, fault)
    end
    local done, not_done = { close = true, apply = true }, { close = true }

    local function only()
      local page = assert(client.list())
      assert.equal(1, #page)
      return page[1].sid
    end

    local function expect(intent, sid, matched, differs)
      local trunk, how, what = later.reconcile(intent, quick)
      assert.same({ sid, matched, differs },
        { assert(trunk, how).sid, how, what })
    end

    local function expect_not(intent, sure, candidates, options)
      local trunk, how, sids = later.reconcile(intent, options or quick)
      assert.same({ false, sure }, { trunk, how })
      assert.same(candidates, sids)
    end

    it("finds a trunk by its domain", function()
      local intent = lost(params, done)
      expect(intent, only(), "domain_name", nil)
    end)

    it("tells what is not as it was sent", function()
      local intent = lost(params, done)
      assert(client.update(only(), { secure = false, friendly_name = "b" }))
      expect(intent, only(), "domain_name", { "friendly_name", "secure" })
    end)

    it("says absent of a domain that no list shows", function()
      for _ = 1, 3 do assert(client.create {}) end
      local intent = lost(params, not_done)
      expect_not(intent, "absent", nil, { settle = 0, page_size = 2 })
    end)

    it("finds a trunk by its name, time and fields", function()
      assert(client.create { friendly_name = "n" })
      assert(client.create { friendly_name = "m", secure = true })
      local intent = lost(named, not_done)
      local trunk = assert(client.create(named))
      expect(intent, trunk.sid, "friendly_name", nil)
    end)

    it("takes no trunk that is older than the create", function()
      assert(client.create(named))
      local intent = lost(named, not_done)
      expect_not(with(intent, { since = intent.since + 4 }), "absent")
    end)

    it("is not sure of one of two", function()
      local intent = lost(named, done)
      local first = only()
      local second = assert(client.create(named)).sid
      expect_not(intent, "ambiguous", { second, first })
    end)

    it("is not sure of one that was changed", function()
      local intent = lost(named, done)
      assert(client.update(only(), { secure = false }))
      expect_not(intent, "ambiguous", { only() })
    end)

    it("is not sure of one beside another that was changed", function()
      local intent = lost(named, done)
      local ours = only()
      os.execute "sleep 1.1" -- dates are in seconds
      assert(client.update(ours, { secure = false }))
      local other = assert(client.create(named)).sid
      expect_not(intent, "ambiguous", { other, ours })
    end)

    it("is not sure of one that was made much later", function()
      local intent = lost(named, not_done)
      assert(client.create(named))
      expect_not(with(intent, { since = intent.since - 700 }), "ambiguous",
        { only() })
    end)

    it("takes no trunk with the domain that is older", function()
      assert(client.create(params))
      local intent = lost(named, not_done)
      expect_not({ operation = "create", since = intent.since + 60,
        params = params }, "ambiguous", { only() })
    end)

    it("is not sure without the time of the create", function()
      local intent = with(lost(named, done), { since = cjson.null })
      expect_not(intent, "ambiguous", { only() })
      intent.params.secure = false
      expect_not(intent, "absent")
    end)

    it("is not sure without a name", function()
      expect_not(lost({ secure = true }, done), "ambiguous", { only() })
      expect_not(lost({ friendly_name = "" }, not_done), "ambiguous",
        { only() })
    end)

    it("waits for what is applied late", function()
      local intent, looks = lost(named, { close = true, late = 3600 }), 0
      later = helper.client(transport, { on_attempt = function()
        looks = looks + 1
        if looks == 2 then control.release() end -- after a look that saw none
      end })
      local trunk, how = later.reconcile(intent,
        { settle = { 0.01, 0.01, 0.01 } })
      assert.same({ only(), "friendly_name" }, { assert(trunk).sid, how })
    end)

    it("waits for a list that lags", function()
      local intent = lost(params, done)
      control.arm { stale = 3600, times = 2 }
      local trunk = later.reconcile(intent, quick)
      assert.same(only(), trunk.sid)
    end)

    it("does not wait for what has settled", function()
      local intent = lost(params, not_done)
      local before = control.ledger(0).count
      -- also by a client that had not met the server before
      for _, any in ipairs { later, client } do
        local trunk, how = any.reconcile(with(intent,
          { since = intent.since - 120 }))
        assert.same({ false, "absent" }, { trunk, how })
      end
      assert.equal(before + 2, control.ledger(0).count) -- one look each
    end)

    it("says when it could not look", function()
      for _ = 1, 3 do assert(client.create {}) end
      local intent = lost(params, done)
      control.arm { skip = 1, status = 403, times = 99 }
      local trunk, err = later.reconcile(intent,
        { settle = quick.settle, page_size = 2 })
      assert.equal("Head office", assert(trunk, err).friendly_name)
      intent.params.domain_name = "b.pstn.twilio.com"
      trunk, err = later.reconcile(intent, quick)
      assert.is_nil(trunk)
      helper.check(err, { kind = "auth", status = 403, outcome = "unknown",
        operation = "reconcile" })
    end)

    it("takes a list with a page that failed for void", function()
      for _ = 1, 3 do assert(client.create {}) end
      local intent = lost(params, not_done)
      control.arm { skip = 1, status = 400, times = 99 }
      local trunk, err = later.reconcile(intent,
        { settle = quick.settle, page_size = 2 })
      assert.is_nil(trunk)
      helper.check(err, { kind = "rejected", outcome = "unknown" })
    end)

    it("does not forget what it saw when a later look fails", function()
      local intent = lost(params, not_done)
      control.arm { skip = 1, status = 403, times = 99 }
      expect_not(intent, "absent")
    end)

    it("looks again after a page that may be well later", function()
      local intent = lost(params, done)
      local sid = only()
      control.arm { apply = true, body = "{" }
      expect(intent, sid, "domain_name", nil)
    end)

    it("calls nothing absent while its last look was in vain", function()
      local intent = lost(params, done)
      local sid = only()
      control.arm { { method = "GET", stale = 3600 },
        { method = "GET", body = "<html>", apply = true, times = 5 } }
      local record, how = client.reconcile(intent, { settle = { 0.01, 0.01 } })
      assert.equal(sid, record and record.sid, tostring(how))
    end)

    it("takes an intent that was written by hand", function()
      local sid = assert(client.create(params)).sid
      expect({ operation = "create", params = { DomainName = DOMAIN:upper() } },
        sid, "domain_name", nil)
    end)

    it("takes an intent made before the call", function()
      local intent = assert(client.intent(named))
      local sid = assert(client.create(named)).sid
      expect(intent, sid, "friendly_name", nil)
    end)

    it("knows a cleared field for what it is", function()
      local intent = lost({ domain_name = DOMAIN, secure = cjson.null,
        friendly_name = cjson.null }, done)
      expect(intent, only(), "domain_name", nil)
    end)
  end)
end

describe("reconcile below a trunk", function()
  local client, trunk
  before_each(function()
    client = helper.client "TLS"
    trunk = assert(client.create {})
  end)

  local function lost(resource, given, fault)
    return lose(function()
      return client[resource].create(trunk, given)
    end, fault)
  end

  for resource, sid in pairs {
    credential_lists = "CL" .. ("c"):rep(32),
    ip_access_control_lists = "AL" .. ("a"):rep(32),
    phone_numbers = "PN" .. ("b"):rep(32),
  } do
    it("tells by its SID whether it is in " .. resource, function()
      local intent = lost(resource, sid, { close = true, apply = true })
      local record, how = client.reconcile(intent, quick)
      assert.same({ sid, "sid" }, { record.sid, how })
      assert(client[resource].delete(trunk, sid))
      assert.same({ false, "absent" }, { client.reconcile(intent, quick) })
      control.arm { status = 403 }
      local _, err = client.reconcile(intent, quick)
      helper.check(err, { kind = "auth", outcome = "unknown" })
    end)
  end

  it("finds an origination URL by all its fields", function()
    local intent = lost("origination_urls", url, { close = true })
    local urls = helper.client("TLS").origination_urls -- somebody else's
    assert.same({ false, "absent" }, { client.reconcile(intent, quick) })
    for name, value in pairs { sip_url = "sip:b.example", friendly_name = "b",
      priority = 1, weight = 11, enabled = false } do
      assert(urls.create(trunk, with(url, { [name] = value })))
    end
    local sid = assert(urls.create(trunk, url)).sid
    local record, how = client.reconcile(intent, quick)
    assert.same({ sid, "sip_url" }, { record and record.sid, how })
    local second = assert(urls.create(trunk, url)).sid
    assert.same({ false, "ambiguous", { second, sid } },
      { client.reconcile(intent, quick) })
  end)

  it("is not sure of an origination URL without the time", function()
    local intent = lost("origination_urls", url, { close = true, apply = true })
    intent.since = nil
    local record, how = client.reconcile(intent, quick)
    assert.same({ false, "ambiguous" }, { record, how })
  end)

  it("says absent of what was below a trunk that is gone", function()
    local intents = { lost("origination_urls", url, { close = true }),
      lost("phone_numbers", "PN" .. ("b"):rep(32), { close = true }) }
    assert(client.delete(trunk))
    for _, intent in ipairs(intents) do
      assert.same({ false, "absent" }, { client.reconcile(intent, quick) })
    end
  end)
end)

describe("an intent", function()
  local client
  before_each(function() client = helper.client "TLS" end)
  local other = "AC" .. ("0"):rep(32)

  -- title, intent, field
  local bad = {
    { "without an operation", { params = {} }, "operation" },
    { "of no operation", { operation = "crate", params = {} }, "operation" },
    { "of an update", { operation = "update", params = {} }, "operation" },
    { "of a number", { operation = 1, params = {} }, "operation" },
    { "without params", { operation = "create" }, "params" },
    { "with bad params", { operation = "create", params = { secure = 1 } },
      "secure" },
    { "with unknown params", { operation = "create", params = { x = 1 } },
      "x" },
    { "without its trunk", { operation = "phone_numbers.create",
      params = { phone_number_sid = "PN" .. ("b"):rep(32) } }, "trunk_sid" },
    { "with what is no trunk", { operation = "phone_numbers.create",
      params = { phone_number_sid = "PN" .. ("b"):rep(32) },
      trunk_sid = "../x" }, "trunk_sid" },
    { "with a time that is a text", { operation = "create", params = {},
      since = "2015" }, "since" },
    { "of another account", { operation = "create", params = {},
      account_sid = other }, "account_sid" },
  }
  it("of a client that does not validate needs none that does not",
    function()
      local lax = helper.client("TLS", { validate = false })
      local intent = lose(function()
        return lax.create { domain_name = DOMAIN, new_field = "x" }
      end, { close = true, apply = true })
      assert.equal("x", intent.params.new_field)
      for _, any in ipairs { client, lax } do
        assert.equal("domain_name", select(2, any.reconcile(intent, quick)))
      end
    end)

  for _, case in ipairs(bad) do
    it(case[1] .. " is refused", function()
      local trunk, err = client.reconcile(case[2], { settle = 0 })
      assert.is_nil(trunk)
      helper.check(err, { kind = "invalid", field = case[3],
        outcome = "not_sent", operation = "reconcile" })
      assert.equal(0, #helper.requests())
    end)
  end

  it("of another account is known by the records, if by nothing else",
    function()
      assert(client.create {})
      local keyed = helper.client("TLS", { account_sid = false,
        auth_token = false, api_key = helper.sandbox "API_KEY",
        api_secret = helper.sandbox "API_SECRET" })
      for _, given in ipairs { params, named } do
        local trunk, err = keyed.reconcile({ operation = "create",
          params = given, account_sid = other }, quick)
        assert.is_nil(trunk)
        helper.check(err, { kind = "invalid", field = "account_sid" })
      end
    end)

  it("of this account is taken in any case of letters", function()
    assert.same({ false, "absent" }, { client.reconcile({
      operation = "create", params = params,
      account_sid = helper.sandbox "ACCOUNT_SID":upper() }, quick) })
  end)

  it("with an unknown option is refused", function()
    local _, err = client.reconcile({ operation = "create", params = {} },
      { by = "sid" })
    helper.check(err, { kind = "invalid", field = "by" })
  end)
end)
