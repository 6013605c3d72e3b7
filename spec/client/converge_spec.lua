-- What ensure, find and reconcile owe to a server that lags, rewrites, answers
-- late or not at all, and to others who write to the same account.

local cjson = require("cjson").new()
local control = require "sandbox.control"
local core = require "trunking.core"
local helper = require "helper"
local trunking = require "trunking"

local ACCOUNT = helper.sandbox "ACCOUNT_SID"
local DOMAIN = "head-office.pstn.twilio.com"
local params = { domain_name = DOMAIN, friendly_name = "Head office",
  secure = true }
local named = { friendly_name = "n", secure = true }
local quick = { settle = { 0.01, 0.02 } }
local by_name = { settle = quick.settle, by = "friendly_name" }
local NOWHERE = "TK" .. ("0"):rep(32)
local PN = "PN" .. ("b"):rep(32)

-- "GET POST": what was asked, in order.
local function methods()
  local list = {}
  for i, request in ipairs(helper.requests()) do list[i] = request.method end
  return table.concat(list, " ")
end

local function posts()
  local n = 0
  for _, request in ipairs(helper.requests()) do
    n = n + (request.method == "POST" and 1 or 0)
  end
  return n
end

-- A list that shows these trunks and no other, whatever there is.
local function shows(...)
  return { method = "GET", status = 200, body = cjson.encode { trunks = { ... },
    meta = { key = "trunks", next_page_url = cjson.null } } }
end

local function copy(from, more)
  local to = {}
  for name, value in pairs(from) do to[name] = value end
  for name, value in pairs(more or {}) do to[name] = value end
  return to
end

after_each(helper.tidy)

-- ---- the deadline -------------------------------------------------------

for _, transport in ipairs(helper.transports) do
  describe("the time of a search over " .. transport, function()
    local client, trunk
    before_each(function()
      client = helper.client(transport, { timeout = helper.HANG })
      trunk = assert(client.create {})
    end)

    -- title, what is armed, the call, the outcome
    local short = { timeout = 0.3, settle = 0 }
    local silent = { method = "GET", delay = helper.HANG, times = 99 }
    local url = { sip_url = "sip:a.example", friendly_name = "n",
      priority = 1, weight = 1, enabled = true }
    local cases = {
      { "a look", silent,
        function(c) return c.ensure(params, short) end, "not_sent" },
      { "a look at one", silent, function(c, t)
        return c.ensure({ sid = t.sid, secure = true }, short)
      end, "not_sent" },
      { "a create", { method = "POST", delay = helper.HANG, times = 99 },
        function(c) return c.ensure(params, short) end, "unknown" },
      { "an update", { method = "POST", delay = helper.HANG, times = 99 },
        function(c, t)
          return c.ensure({ sid = t.sid, secure = true }, short)
        end, "unknown" },
      { "a page after the first", { method = "GET", delay = helper.HANG,
        skip = 1, times = 99 }, function(c)
          return c.ensure(params, { timeout = 0.3, page_size = 1 })
        end, "not_sent" },
      { "a list below a trunk", silent, function(c, t)
        return c.origination_urls.ensure(t, url, short)
      end, "not_sent" },
      { "a look at what is attached", silent, function(c, t)
        return c.phone_numbers.ensure(t, PN, short)
      end, "not_sent" },
      { "a look at recording settings", silent, function(c, t)
        return c.recording.ensure(t, { trim = "trim-silence" }, short)
      end, "not_sent" },
      { "a look for one trunk", silent,
        function(c) return c.find({ domain_name = DOMAIN }, { timeout = 0.3 })
        end, "not_sent" },
      { "a reconcile", silent, function(c)
        return c.reconcile({ operation = "create", params = params }, short)
      end, "unknown" },
    }
    for _, case in ipairs(cases) do
      it("bounds " .. case[1], function()
        assert(client.create {})
        control.arm(case[2])
        local start = core.clock()
        local result, err = case[3](client, trunk)
        assert.is_nil(result)
        assert.is_true(core.clock() - start < helper.HANG / 2)
        helper.check(err, { kind = "timeout", outcome = case[4] })
      end)
    end
  end)
end

describe("the time of a search", function()
  it("bounds its calls where they wait by a function", function()
    local client = helper.client("TLS", { timeout = helper.HANG,
      wait = function(job) job:wait(0.01) end })
    control.arm { method = "GET", delay = helper.HANG, times = 99 }
    local start = core.clock()
    local err = helper.error_of(client.ensure(params,
      { timeout = 0.3, settle = 0 }))
    assert.is_true(core.clock() - start < helper.HANG / 2)
    helper.check(err, { kind = "timeout", outcome = "not_sent" })
  end)

  it("is the client's where that is less", function()
    local client = helper.client("TLS", { timeout = 0.3, max_attempts = 1 })
    control.arm { method = "GET", delay = helper.HANG, times = 1 }
    assert.equal("created", select(2, client.ensure(params,
      { timeout = helper.HANG, settle = { 0.01 } })))
  end)
end)

-- ---- a list that lags ---------------------------------------------------

for _, transport in ipairs(helper.transports) do
  describe("a stale list over " .. transport, function()
    local client
    before_each(function() client = helper.client(transport) end)

    it("makes nothing unchanged that is gone", function()
      local gone = assert(client.create(named))
      assert(client.delete(gone))
      control.arm(shows(gone))
      local trunk, did = client.ensure(named, by_name)
      assert.equal("created", did)
      assert.are_not.equal(gone.sid, trunk.sid)
      assert(client.fetch(trunk))
    end)

    it("makes nothing unchanged that another has changed", function()
      local before = assert(client.create(params))
      assert(client.update(before, { secure = false }))
      control.arm(shows(before))
      local trunk, did = client.ensure(params, quick)
      assert.same({ "updated", before.sid, true },
        { did, trunk.sid, trunk.secure })
      assert.is_true(assert(client.fetch(before)).secure)
    end)

    it("finds none by a name that it has no more", function()
      local before = assert(client.create(named))
      assert(client.update(before, { friendly_name = "m" }))
      control.arm(shows(before))
      assert.equal("created", select(2, client.ensure(named, by_name)))
    end)

    it("counts none among several that is gone", function()
      local one, gone = assert(client.create(named)),
        assert(client.create(named))
      assert(client.delete(gone))
      control.arm(shows(gone, one))
      local trunk, did = client.ensure(named, by_name)
      assert.same({ one.sid, "unchanged" }, { trunk and trunk.sid, did })
    end)

    it("changes nothing while what it shows cannot be fetched", function()
      local trunk = assert(client.create(named))
      control.arm { method = "GET", skip = 1, status = 403, times = 99 }
      local err = helper.error_of(client.ensure(copy(named,
        { secure = false }), by_name))
      helper.check(err, { kind = "auth", outcome = "refused", status = 403,
        says = "the trunks of the account " .. ACCOUNT
          .. " could not be looked at, and nothing was changed" })
      assert.equal(1, posts())
      assert.truthy(trunk)
    end)
  end)
end

-- ---- a server that stores another form ----------------------------------

describe("a server that stores what it gets in another form", function()
  local client
  before_each(function()
    client = helper.client "TLS"
    control.arm { method = "POST", tidy = true, times = 99 }
  end)

  -- Clients that know each other, and one that does not.
  local function three_times(call)
    local did = {}
    for i, any in ipairs { client, client, helper.client "TLS" } do
      local record, what, kept = call(any)
      did[i] = record and what or tostring(what)
      assert.is_nil(kept)
    end
    assert.same({ "created", "unchanged", "unchanged" }, did)
  end

  it("gets one trunk of a name with blanks at its ends", function()
    three_times(function(any)
      return any.ensure({ friendly_name = " n " }, by_name)
    end)
    assert.equal(1, control.ledger(0).trunks)
  end)

  it("gets one trunk of a domain, and no update", function()
    three_times(function(any)
      return any.ensure({ domain_name = DOMAIN, friendly_name = "n " }, quick)
    end)
    assert.equal(1, posts())
  end)

  it("gets one origination URL of a host in capital letters", function()
    local trunk = assert(client.create {})
    three_times(function(any)
      return any.origination_urls.ensure(trunk, { friendly_name = " n",
        sip_url = "sip:Bob@A.Example:5060;transport=tls", priority = 1,
        weight = 1, enabled = true }, quick)
    end)
    assert.equal(1, #client.origination_urls.list(trunk))
  end)

  it("is settled by its own form, too", function()
    control.reset()
    local trunk = assert(client.create {})
    control.arm { method = "POST", tidy = true, close = true }
    local record, err = client.origination_urls.create(trunk, {
      sip_url = "sip:A.example", friendly_name = "n ", priority = 1,
      weight = 1, enabled = true })
    assert.is_nil(record)
    local found, how = client.reconcile(err.intent, quick)
    assert.same({ "sip:a.example", "sip_url" },
      { found and found.sip_url, how })
  end)
end)

describe("a name that is there as it was given", function()
  it("goes before one that differs by blanks", function()
    local client = helper.client "TLS"
    local exact = assert(client.create { friendly_name = "n " })
    assert(client.create { friendly_name = "n" })
    local trunk, did = client.ensure({ friendly_name = "n " }, by_name)
    assert.same({ exact.sid, "unchanged" }, { trunk.sid, did })
  end)
end)

describe("a value that a server keeps otherwise", function()
  local client, trunk
  before_each(function()
    client = helper.client "TLS"
    trunk = assert(client.create { friendly_name = "HEAD OFFICE" })
  end)

  local function keeps(name)
    local record = copy(trunk, { friendly_name = name })
    record.auth_type_set, record.links = nil, nil
    return cjson.encode(record)
  end

  it("is said, and sent once", function()
    control.arm { method = "POST", body = keeps "HEAD OFFICE", times = 99,
      status = 200 }
    local wanted = { sid = trunk.sid, friendly_name = "Head Office" }
    local record, did, kept = client.ensure(wanted, quick)
    assert.same({ trunk.sid, "updated", { "friendly_name" } },
      { record and record.sid, did, kept })
    for _ = 1, 2 do
      record, did, kept = client.ensure(wanted, quick)
      assert.same({ trunk.sid, "unchanged", { "friendly_name" } },
        { record.sid, did, kept })
    end
    assert.equal(2, posts())
  end)

  it("is not sent ten times where no reply can be read", function()
    control.arm { method = "POST", body = "<html>", times = 99, status = 200 }
    local record, did, kept = client.ensure({ sid = trunk.sid,
      friendly_name = "Head Office" }, { settle = { 0.01 } })
    assert.same({ trunk.sid, "updated", { "friendly_name" } },
      { record and record.sid, did, kept })
    assert.equal(3, posts())
  end)
end)

-- ---- numbers ------------------------------------------------------------

describe("phone_numbers.ensure", function()
  local client, numbers, mine, others
  before_each(function()
    client, others = helper.client "TLS", {}
    numbers, mine = client.phone_numbers, assert(client.create {})
    for i = 1, 3 do others[i] = assert(client.create {}) end
  end)

  it("asks the trunks last of all, and sends directly after", function()
    assert.equal("created", select(2, numbers.ensure(mine, PN,
      { page_size = 1 })))
    local asked = {}
    for i, request in ipairs(helper.requests()) do
      if i > 4 then
        asked[#asked + 1] = request.method .. " "
          .. (request.path:find "/PhoneNumbers" and "number" or "trunks")
      end
    end
    assert.same({ "GET number", "GET trunks", "GET trunks", "GET trunks",
      "GET trunks", "GET number", "GET number", "GET number",
      "POST number" }, asked)
  end)

  it("tells a number that was free from one that was moved", function()
    local record, did, from = numbers.ensure(mine, PN, { move = true })
    assert.same({ mine.sid, "created" }, { record.trunk_sid, did, from })
    record, did, from = numbers.ensure(others[2], PN, { move = true })
    assert.same({ others[2].sid, "moved", mine.sid },
      { record.trunk_sid, did, from })
    record, did, from = numbers.ensure(others[2], PN, { move = true })
    assert.same({ others[2].sid, "unchanged" },
      { record.trunk_sid, did, from })
  end)

  it("moves it, too, where the first attach is lost", function()
    assert(numbers.create(others[1], PN))
    control.arm { method = "POST", close = true, apply = true }
    local record, did, from = numbers.ensure(mine, PN,
      { move = true, settle = quick.settle })
    assert.same({ mine.sid, "moved", others[1].sid },
      { record.trunk_sid, did, from })
  end)

  it("attaches it when told so though no trunk can be asked", function()
    control.arm { method = "GET", skip = 1, status = 403, times = 99 }
    assert.equal("created", select(2, numbers.ensure(mine, PN,
      { move = true })))
  end)
end)

describe("'already associated'", function()
  local client, trunk
  before_each(function()
    client = helper.client "TLS"
    trunk = assert(client.create {})
  end)

  -- what the server says; the trunk's SID stands for %s
  local words = {
    { "with this trunk", true }, { "with the trunk %s", true },
    { "with trunk %s (this trunk)", true }, { "", false },
    { "with another trunk", false }, { "with " .. NOWHERE, false },
    { "with this trunk or with " .. NOWHERE, false },
    { "with %s and " .. NOWHERE, false },
  }
  for _, case in ipairs(words) do
    it(("%q is %sfor a list that does not show"):format(case[1],
      case[2] and "" or "not enough "), function()
      control.arm { { method = "GET", status = 404, times = 99,
        path = "/v1/Trunks/TK" }, { method = "POST", status = 400,
        body = cjson.encode { code = 21245, message = "CL is already "
          .. "associated " .. case[1]:format(trunk.sid) } } }
      local record, did = client.credential_lists.ensure(trunk,
        "CL" .. ("c"):rep(32), quick)
      if case[2] then
        assert.equal("adopted", did)
      else
        assert.is_nil(record)
        helper.check(did, { kind = "rejected", outcome = "refused",
          code = 21245, says = "could not be put on the trunk " .. trunk.sid })
      end
    end)
  end
end)

-- ---- origination URLs and recording -------------------------------------

describe("origination_urls.ensure of some fields", function()
  local client, trunk, urls
  local whole = { sip_url = "sip:a.example", friendly_name = "a",
    priority = 1, weight = 10, enabled = true }
  before_each(function()
    client = helper.client "TLS"
    trunk, urls = assert(client.create {}), client.origination_urls
  end)

  it("compares and updates those alone", function()
    local url = assert(urls.create(trunk, whole))
    local some = { sip_url = "sip:a.example", enabled = false }
    local record, did = urls.ensure(trunk, some, quick)
    assert.same({ url.sid, "updated", false, 10 },
      { record and record.sid, did, record.enabled, record.weight })
    assert.equal("unchanged", select(2, urls.ensure(trunk, some, quick)))
    assert.same({ Enabled = "false" }, helper.requests()[5].form)
  end)

  it("asks for all that a create needs where there is none", function()
    local err = helper.error_of(urls.ensure(trunk,
      { SipUrl = "sip:a.example", enabled = false }, quick))
    helper.check(err, { kind = "invalid", outcome = "not_sent",
      operation = "origination_urls.ensure",
      says = "the trunk " .. trunk.sid .. " has none with that sip_url" })
    assert.truthy(err.message:find("friendly_name", 1, true))
    assert.truthy(err.message:find("priority", 1, true))
    assert.equal("POST GET", methods())
  end)

  it("needs a sip_url", function()
    for _, given in ipairs { {}, { enabled = true }, { sip_url = "" } } do
      helper.check(helper.error_of(urls.ensure(trunk, given)),
        { kind = "invalid", field = "sip_url", outcome = "not_sent" })
    end
    helper.check(helper.error_of(urls.ensure(trunk, { sip_url = "sip:a",
      enabeld = true })), { kind = "invalid", field = "enabeld",
        says = "did you mean 'enabled'" })
  end)
end)

describe("recording.ensure", function()
  local client, trunk
  local wanted = { mode = "record-from-answer", trim = "trim-silence" }
  before_each(function()
    client = helper.client "TLS"
    trunk = assert(client.create {})
  end)

  it("updates what differs, and leaves what is", function()
    local settings, did = client.recording.ensure(trunk, wanted, quick)
    assert.same({ wanted, "updated" }, { settings, did })
    settings, did = client.recording.ensure(trunk.sid,
      { Mode = "record-from-answer" }, quick)
    assert.same({ wanted, "unchanged" }, { settings, did })
    assert.equal("updated", select(2, client.recording.ensure(trunk,
      { trim = trunking.null }, quick)))
    assert.same({ Trim = "" }, helper.requests()[6].form)
  end)

  it("looks after an update that was lost", function()
    control.arm { method = "POST", close = true, apply = true }
    assert.same({ wanted, "updated" },
      { client.recording.ensure(trunk, wanted, quick) })
    assert.equal(2, posts())
  end)

  it("says of which trunk it is, and what is wrong", function()
    local err = helper.error_of(client.recording.ensure(NOWHERE, wanted))
    helper.check(err, { kind = "not_found", outcome = "refused", status = 404,
      operation = "recording.ensure" })
    control.arm { method = "GET", status = 403 }
    helper.check(helper.error_of(client.recording.ensure(trunk, wanted)),
      { kind = "auth", says = "the recording settings of the trunk "
        .. trunk.sid .. " could not be looked at" })
    control.arm { method = "POST", status = 400, body = '{"code":1}' }
    helper.check(helper.error_of(client.recording.ensure(trunk, wanted)),
      { kind = "rejected", outcome = "refused",
        says = "mode, trim of " .. trunk.sid .. " could not be set" })
    helper.check(helper.error_of(client.recording.ensure(trunk,
      { mode = "x" })), { kind = "invalid", field = "mode" })
    local line = debug.getinfo(1, "l").currentline + 2
    local _, why = pcall(function()
      local _ = client.recording.ensure(trunk)
    end)
    assert.matches("converge_spec.lua:" .. line .. ": bad argument #2 to "
      .. "'ensure' (table expected, got nil)", why, 1, true)
  end)
end)

-- ---- find ---------------------------------------------------------------

describe("find", function()
  local client
  before_each(function() client = helper.client "TLS" end)

  it("gives the one trunk of a domain, from whatever page", function()
    local trunk = assert(client.create(params))
    for _ = 1, 3 do assert(client.create {}) end
    assert.equal(trunk.sid, assert(client.find({
      DomainName = DOMAIN:upper() }, { page_size = 1 })).sid)
    assert.equal(trunk.sid, client.find({
      friendly_name = "Head office" }).sid)
  end)

  it("says that there is none, and in which account", function()
    assert(client.create {})
    local err = helper.error_of(client.find { domain_name = DOMAIN })
    helper.check(err, { kind = "not_found", operation = "find",
      field = "domain_name", outcome = "refused", says = "no trunk of the "
        .. "account " .. ACCOUNT .. " has the domain_name '" .. DOMAIN })
  end)

  it("never takes a list that failed for an empty one", function()
    control.arm { method = "GET", status = 403 }
    helper.check(helper.error_of(client.find { domain_name = DOMAIN }),
      { kind = "auth", outcome = "refused", operation = "find" })
  end)

  it("names several of one name", function()
    assert(client.create(named))
    assert(client.create(named))
    local err = helper.error_of(client.find { friendly_name = "n" })
    helper.check(err, { kind = "invalid", field = "friendly_name" })
    assert.equal(2, #err.details)
  end)

  it("needs one key", function()
    for _, given in ipairs { {}, params, { secure = true },
      { domain_name = "" } } do
      helper.check(helper.error_of(client.find(given)),
        { kind = "invalid", field = "domain_name", outcome = "not_sent" })
    end
    helper.check(helper.error_of(client.find({ domain_name = DOMAIN },
      { settle = 1 })), { kind = "invalid", field = "settle" })
    local line = debug.getinfo(1, "l").currentline + 1
    local _, why = pcall(function() local _ = client.find(DOMAIN) end)
    assert.matches("converge_spec.lua:" .. line .. ": bad argument #1 to "
      .. "'find' (table expected, got string)", why, 1, true)
  end)
end)

-- ---- intents ------------------------------------------------------------

local function lost(client, given, fault)
  control.arm(copy(fault or { close = true }, { method = "POST" }))
  local record, err = client.create(given)
  assert.is_nil(record)
  return err.intent
end

for _, transport in ipairs(helper.transports) do
  describe("a create that is lost over " .. transport, function()
    local client, later
    before_each(function()
      client, later = helper.client(transport), helper.client(transport)
      assert(client.list())
    end)

    it("is not the one that was given just before", function()
      local first = assert(client.create(named))
      local intent = lost(client, named)
      assert.same({ first.sid }, intent.given)
      assert.same({ false, "absent" }, { client.reconcile(intent, quick) })
      intent = cjson.decode(cjson.encode(intent)) -- in another process
      assert.same({ false, "absent" }, { later.reconcile(intent, quick) })
    end)

    it("is found beside those", function()
      local first = assert(client.create(named))
      local intent = lost(client, named, { close = true, apply = true })
      local trunk, how = client.reconcile(intent, quick)
      assert.equal("friendly_name", how)
      assert.are_not.equal(first.sid, trunk.sid)
      assert.equal(trunk.sid, client.reconcile(intent, quick).sid) -- again
    end)

    it("is not the one that was given after it", function()
      local intent = lost(client, named)
      assert(client.create(named))
      assert.same({ false, "absent" }, { client.reconcile(intent, quick) })
      intent = lost(client, params)
      local other = assert(client.create(params)).sid
      assert.same({ false, "ambiguous", { other } },
        { client.reconcile(intent, quick) })
    end)

    it("is not one that a job gave", function()
      assert(assert(client.async.create(named)):wait())
      control.arm { method = "POST", close = true }
      local _, err = assert(client.async.create(named)):wait()
      assert.same({ false, "absent" }, { client.reconcile(err.intent, quick) })
    end)

    it("tells of no other creates than equal ones", function()
      assert(client.create { friendly_name = "m", secure = true })
      assert(client.create {})
      assert.is_nil(lost(client, named).given)
    end)

    it("is not a trunk of its domain that was made much later", function()
      local intent = lost(client, params)
      local other = assert(later.create(params)).sid
      intent.since = intent.since - 3600
      assert.same({ false, "ambiguous", { other } },
        { later.reconcile(intent, quick) })
    end)

    it("needs one look once a list has settled, however long it may",
      function()
        local intent = lost(client, named)
        intent.since = intent.since - 86400
        local before, start = control.ledger(0).count, core.clock()
        assert.same({ false, "absent" }, { client.reconcile(intent) })
        assert.same({ false, "absent" }, { client.reconcile(intent,
          { settle = { helper.HANG }, timeout = helper.HANG }) })
        assert.is_true(core.clock() - start < helper.HANG / 2)
        assert.equal(before + 2, control.ledger(0).count)
      end)
  end)

  describe("a create that is a client's first over " .. transport, function()
    it("has a time once any reply has told it", function()
      local client = helper.client(transport)
      local intent = lost(client, named, { close = true, apply = true })
      assert.is_nil(intent.since)
      local trunk, how = client.reconcile(intent, quick)
      assert.same({ "n", "friendly_name" },
        { trunk and trunk.friendly_name, how })
      -- In another process the time is not known.
      intent = cjson.decode(cjson.encode(intent))
      assert.equal("ambiguous", select(2, client.reconcile(intent, quick)))
    end)

  end)
end

describe("an intent's given", function()
  it("is refused where it is no table", function()
    local client = helper.client "TLS"
    helper.check(helper.error_of(client.reconcile { operation = "create",
      params = named, given = "TK" }), { kind = "invalid", field = "given" })
    assert.equal("absent", select(2, client.reconcile({ operation = "create",
      params = named, given = { 1, true, {} } }, quick)))
  end)
end)
