-- trunking.ensure: every way in which it converges, against a server that
-- loses requests and replies, applies late and lists stale; and races.

local control = require "sandbox.control"
local core = require "trunking.core"
local helper = require "helper"
local socket = require "socket"
local trunking = require "trunking"

local ACCOUNT = helper.sandbox "ACCOUNT_SID"
local DOMAIN = "head-office.pstn.twilio.com"
local params = { friendly_name = "Head office", domain_name = DOMAIN,
  secure = true }
local form = { FriendlyName = "Head office", DomainName = DOMAIN,
  Secure = "true" }
local quick = { settle = { 0.01, 0.02, 0.03 } }
local by_name = { settle = quick.settle, by = "friendly_name" }
local taken = { status = 400, method = "POST",
  body = '{"code":21248,"message":"Trunk Domain already taken","status":400}' }

-- A fault of creates and updates.
local function arm(...)
  local list = { ... }
  for _, fault in ipairs(list) do fault.method = fault.method or "POST" end
  control.arm(list)
end

-- "GET POST GET": what was asked, in order.
local function methods()
  local list = {}
  for i, request in ipairs(helper.requests()) do list[i] = request.method end
  return table.concat(list, " ")
end

-- The forms of all POSTs.
local function posts()
  local list = {}
  for _, request in ipairs(helper.requests()) do
    if request.method == "POST" then list[#list + 1] = request.form end
  end
  return list
end

local function trunks() return control.ledger(0).trunks end

after_each(helper.tidy)

for _, transport in ipairs(helper.transports) do
  describe("ensure of a domain over " .. transport, function()
    local client
    before_each(function() client = helper.client(transport) end)

    local function expect(what, given, options)
      local trunk, did = client.ensure(given or params, options or quick)
      assert(trunk, did)
      assert.equal(what, did)
      return trunk
    end

    local function fail(expected, given, options)
      local trunk, err = client.ensure(given or params, options or quick)
      assert.is_nil(trunk)
      expected.operation = "ensure"
      helper.check(err, expected)
      return err
    end

    it("creates what is absent", function()
      local trunk = expect "created"
      assert.equal("Head office", trunk.friendly_name)
      assert.equal("GET POST", methods())
      assert.same({ form }, posts())
    end)

    it("leaves what is as it should be", function()
      local trunk = assert(client.create(params))
      assert.equal(trunk.sid, expect("unchanged").sid)
      assert.equal(trunk.sid, expect("unchanged", {
        DomainName = DOMAIN:upper(), Secure = true,
        disaster_recovery_url = "", transfer_mode = trunking.null }).sid)
      assert.equal("POST GET GET GET GET", methods())
    end)

    it("updates no more than what differs", function()
      assert(client.create { domain_name = DOMAIN, secure = true,
        disaster_recovery_url = "https://a.example",
        disaster_recovery_method = "GET" })
      local trunk = expect("updated", { domain_name = DOMAIN, secure = true,
        friendly_name = "new", disaster_recovery_url = trunking.null,
        disaster_recovery_method = "GET" })
      assert.equal("new", trunk.friendly_name)
      assert.is_nil(trunk.disaster_recovery_url)
      assert.same({ FriendlyName = "new", DisasterRecoveryUrl = "" },
        posts()[2])
    end)

    it("finds it on the last of many pages", function()
      assert(client.create(params))
      for _ = 1, 4 do assert(client.create {}) end
      expect("unchanged", params, { page_size = 2 })
    end)

    it("finds what a lost create did, and sends no other", function()
      arm { close = true, apply = true }
      expect "adopted"
      assert.same({ form }, posts())
    end)

    it("finds what an unreadable reply is about", function()
      arm { cut = 20, apply = true }
      expect "adopted"
      assert.same({ form }, posts())
    end)

    it("sends a lost create again, once it has looked", function()
      arm { reset = true }
      expect "created"
      assert.same({ form, form }, posts())
      assert.equal("GET POST GET GET GET POST", methods())
    end)

    it("waits for what is applied late", function()
      arm { close = true, late = 3600 }
      local looks = 0
      client = helper.client(transport, { on_attempt = function(event)
        looks = looks + (event.operation == "list" and 1 or 0)
        if looks == 2 then control.release() end -- after a look that saw none
      end })
      expect "adopted"
      assert.same({ form }, posts())
      assert.equal("GET POST GET GET GET", methods())
    end)

    it("doubles nothing when it comes later than that", function()
      arm { status = 503 }
      expect "created"
      assert.same({ form, form }, posts())
      helper.check(helper.error_of(client.create(params)), -- it comes now
        { code = 21248, outcome = "refused" })
      assert.equal(1, trunks())
    end)

    it("knows a refusal of its own domain for its own success", function()
      control.arm { { method = "POST", close = true, apply = true },
        { method = "GET", skip = 1, stale = 3600, times = 3 } }
      expect "adopted"
      assert.same({ form, form }, posts())
      assert.equal(1, trunks())
    end)

    it("goes on until a list shows it", function()
      control.arm { { method = "POST", close = true, apply = true },
        { method = "GET", skip = 1, stale = 3600, times = 6 } }
      expect "adopted"
      assert.same({ form, form }, posts())
    end)

    it("says that a taken domain may be its own after all", function()
      arm({ close = true }, taken)
      local err = fail { kind = "rejected", code = 21248, status = 400,
        outcome = "unknown", maybe_ours = true, attempts = 2,
        says = "reserved for up to 30 days" }
      assert.equal(DOMAIN, err.intent.params.domain_name)
      assert.same({ form, form }, posts())
    end)

    it("says that a domain is taken elsewhere", function()
      arm(taken)
      local err = fail { kind = "rejected", code = 21248, outcome = "refused",
        maybe_ours = false, intent = false, says = "30 days" }
      assert.matches("no trunk of the account " .. ACCOUNT
        .. " has it", err.message, 1, true)
      assert.same({ form }, posts())
    end)

    it("says so of the domain of a trunk that was deleted", function()
      assert(client.delete(assert(client.create(params))))
      fail { kind = "rejected", code = 21248, outcome = "refused",
        says = "30 days" }
      assert.equal(0, trunks())
    end)

    it("adopts the trunk of a caller who was faster", function()
      local other = helper.client(transport)
      local racing
      racing = helper.client(transport, { on_attempt = function(event)
        if event.operation == "list" and racing then
          racing = nil
          assert(other.create { domain_name = DOMAIN, friendly_name = "his" })
        end
      end })
      local trunk, did = assert(racing.ensure(params, quick))
      assert.equal("adopted", did)
      assert.equal("Head office", trunk.friendly_name)
      assert.equal(1, trunks())
    end)

    it("adopts it from a list that lags", function()
      local other = helper.client(transport)
      local racing
      racing = helper.client(transport, { on_attempt = function(event)
        if event.operation == "list" and racing then
          racing = nil
          assert(other.create(params))
          control.arm { method = "GET", stale = 3600, times = 2 }
        end
      end })
      assert.equal("adopted", select(2, assert(racing.ensure(params, quick))))
    end)

    it("takes a list with a page that failed for void", function()
      for _ = 1, 3 do assert(client.create {}) end
      control.arm { method = "GET", skip = 1, status = 403 }
      fail({ kind = "auth", status = 403, outcome = "refused",
        says = "nothing was changed" }, params, { page_size = 2 })
      control.arm { method = "GET", skip = 1, close = true, times = 999 }
      fail({ kind = "network", outcome = "not_sent" }, params,
        { page_size = 2, settle = 0 })
      assert.equal(3, #posts())
    end)

    it("looks again when a page failed that may be well later", function()
      for _ = 1, 3 do assert(client.create {}) end
      control.arm { method = "GET", skip = 1, body = "<html>", apply = true }
      expect("created", params, { page_size = 2, settle = 0.1 })
    end)

    it("goes on after the last step while nothing can be seen", function()
      control.arm {
        { method = "GET", body = "<html>", apply = true, times = 4 },
        { method = "POST", close = true, apply = true },
        { method = "GET", skip = 5, body = "<html>", apply = true,
          times = 4 } }
      expect("adopted", params, { settle = { 0.01, 0.01 } })
      assert.equal(1, #posts())
    end)

    it("is refused as the create was", function()
      arm { status = 400, body = '{"code":20001,"message":"no"}' }
      fail { kind = "rejected", code = 20001, outcome = "refused",
        message = "no" }
    end)

    it("repeats an update that was lost, where it was not done", function()
      assert(client.create { domain_name = DOMAIN })
      arm { close = true }
      expect "updated"
      assert.equal(3, #posts())
      assert.same(posts()[2], posts()[3])
    end)

    it("repeats no update that was done", function()
      assert(client.create { domain_name = DOMAIN })
      arm { close = true, apply = true }
      expect "updated"
      assert.equal(2, #posts())
    end)

    it("sees that the last of its updates was done", function()
      assert(client.create { domain_name = DOMAIN })
      arm({ close = true, times = 9 }, { close = true, apply = true })
      expect("updated", params, { settle = { 0 } })
      assert.equal(11, #posts())
    end)

    it("gives up after so many updates", function()
      assert(client.create { domain_name = DOMAIN })
      arm { close = true, times = 99 }
      fail({ outcome = "unknown", attempts = 10, says = "given up" }, params,
        { settle = { 0 } })
      assert.equal(11, #posts())
    end)

    it("ends in its time, with what it knows", function()
      local err = helper.in_time(function(timeout)
        arm { close = true }
        local _, why = client.ensure(params,
          { settle = helper.HANG, timeout = timeout })
        return why, why.kind == "timeout"
      end)
      helper.check(err, { kind = "network", outcome = "unknown",
        operation = "ensure" })
      assert.equal(DOMAIN, err.intent.params.domain_name)
      assert.same({ form }, posts())
    end)

    it("stops where a lost create is refused when sent again", function()
      arm({ close = true }, { status = 403, times = 99,
        body = '{"code":20403,"message":"no"}' })
      local err = fail { kind = "network", outcome = "unknown", status = 403,
        code = 20403, attempts = 2,
        says = "sent once more, it was refused: no" }
      assert.same({ form, form }, posts())
      assert.equal(DOMAIN, err.intent.params.domain_name)
    end)

    it("stops where a lost update is refused when sent again", function()
      assert(client.create { domain_name = DOMAIN })
      arm({ close = true }, { status = 403, times = 99,
        body = '{"code":20403,"message":"no"}' })
      fail { kind = "network", outcome = "unknown", status = 403,
        says = "sent once more, it was refused: no" }
      assert.equal(3, #posts())
    end)

    it("looks for who has the domain by the other code for it, too", function()
      local trunk = assert(client.create(params))
      control.arm { { method = "GET", stale = 3600 }, { method = "POST",
        status = 400, body = '{"code":21245,"message":"Validation"}' } }
      assert.equal(trunk.sid, expect("adopted").sid)
      assert(client.delete(trunk))
      arm { status = 400, body = '{"code":21245,"message":"no such SID"}' }
      fail { code = 21245, outcome = "refused", message = "no such SID" }
    end)

    it("gives up after so many creates", function()
      arm { close = true, times = 99 }
      local err = fail({ outcome = "unknown", attempts = 10 }, params,
        { settle = { 0 } })
      assert.equal(10, #posts())
      assert.is_table(err.intent)
    end)

    it("keeps the oldest intent", function()
      arm({ close = true }, { status = 201, body = "cut" }, taken)
      -- The first look tells that it is 1994; all others, that it is later.
      control.arm { method = "GET", apply = true,
        headers = { Date = "Sun, 06 Nov 1994 08:49:37 GMT" } }
      local _, err = client.ensure(params, { settle = { 0.01 } })
      assert.is_true(err.intent.since - 784111777 < 86400)
      assert.same({ 3, "applied" }, { err.attempts, err.outcome })
    end)

    it("takes a list that goes round in a circle for void", function()
      control.arm { method = "GET", times = 99, apply = true,
        body = '{"trunks":[],"meta":{"key":"trunks","next_page_url":'
          .. '"https://trunking.twilio.com/v1/Trunks?Page=1"}}' }
      fail({ kind = "reply", outcome = "not_sent", says = "circle" }, params,
        { settle = { 0 }, timeout = 5 })
      assert.equal("GET GET GET GET", methods())
    end)

    it("looks once where there is no time to settle", function()
      arm { close = true, apply = true }
      expect("adopted", params, { settle = {} })
      assert.same({ form }, posts())
    end)
  end)

  describe("ensure without a domain over " .. transport, function()
    local client
    before_each(function() client = helper.client(transport) end)
    local named = { friendly_name = "n", secure = true }

    it("needs a key", function()
      for _, given in ipairs { {}, { friendly_name = "x" },
        { domain_name = "" }, { domain_name = trunking.null } } do
        local trunk, err = client.ensure(given)
        assert.is_nil(trunk)
        helper.check(err, { kind = "invalid", field = "domain_name",
          outcome = "not_sent", says = "friendly_name" })
      end
      for by in pairs { sid = 1, friendly_name = 1 } do
        local _, err = client.ensure({ domain_name = DOMAIN }, { by = by })
        helper.check(err, { kind = "invalid", field = by })
      end
      assert.equal(0, #helper.requests())
    end)

    it("goes by friendly_name when told so", function()
      assert(client.create { friendly_name = "N" })
      assert.equal("created", select(2, client.ensure(named, by_name)))
      assert.equal("unchanged", select(2, client.ensure(named, by_name)))
      assert.equal("updated", select(2, client.ensure(
        { friendly_name = "n", secure = false }, by_name)))
      assert.equal(2, trunks())
    end)

    it("finds what a lost create did, and sends no other", function()
      arm { close = true, apply = true }
      assert.equal("adopted", select(2, client.ensure(named, by_name)))
      assert.equal(1, #posts())
    end)

    it("never sends a lost create again", function()
      arm { close = true }
      local trunk, err = client.ensure(named, by_name)
      assert.is_nil(trunk)
      helper.check(err, { kind = "network", outcome = "unknown",
        operation = "ensure", says = "no proof" })
      assert.same(named, err.intent.params)
      assert.equal(1, #posts())
    end)

    it("says that it could not look", function()
      control.arm { { method = "POST", close = true },
        { method = "GET", skip = 1, status = 403, times = 99 } }
      local _, err = client.ensure(named, by_name)
      helper.check(err, { outcome = "unknown",
        says = "the list could not be read" })
      assert.equal("GET POST GET", methods()) -- a 403 will not pass
    end)

    it("sends it again where there is a domain besides", function()
      arm { close = true }
      assert.equal("created", select(2, client.ensure(params, by_name)))
      assert.equal(2, #posts())
    end)

    it("tells who has the domain", function()
      local trunk = assert(client.create { friendly_name = "X",
        domain_name = DOMAIN })
      local found, err = client.ensure(params, by_name)
      assert.is_nil(found)
      helper.check(err, { code = 21248, outcome = "refused",
        says = "the trunk " .. trunk.sid .. " of the account " .. ACCOUNT
          .. " has it" })
      assert.same({ trunk.sid }, err.details)
      arm { close = true }
      found, err = client.ensure(params, by_name)
      assert.is_nil(found)
      helper.check(err, { outcome = "unknown", says = trunk.sid })
    end)

    it("counts a trunk once that moves from one page to the next", function()
      local first = assert(client.create(named))
      local function page(link, sid)
        return { method = "GET", status = 200, body = ('{"trunks":[{"sid":"%s",'
          .. '"friendly_name":"n","secure":true}],"meta":{"key":"trunks",'
          .. '"next_page_url":%s}}'):format(sid, link) }
      end
      control.arm { page('"/v1/Trunks?PageSize=1&Page=1"', first.sid),
        page("null", first.sid) }
      local trunk, did = client.ensure(named, by_name)
      assert.same({ first.sid, "unchanged" }, { trunk and trunk.sid, did })
    end)

    it("tells of several trunks, and changes none", function()
      local one, two = client.create { friendly_name = "n" },
        client.create { friendly_name = "n" }
      local _, err = client.ensure(named, by_name)
      helper.check(err, { kind = "invalid", field = "friendly_name",
        outcome = "not_sent", says = one.sid })
      assert.same({ two.sid, one.sid }, err.details)
      assert.equal(2, #posts())
    end)

    it("tells of several that came meanwhile", function()
      local other = helper.client(transport)
      local racing
      racing = helper.client(transport, { on_attempt = function(event)
        if event.operation == "list" and racing then
          racing = nil
          assert(other.create(named))
          arm { close = true, apply = true }
        end
      end })
      local _, err = racing.ensure(named, by_name)
      helper.check(err, { outcome = "unknown",
        says = "now 2 trunks of the account " .. ACCOUNT .. " match" })
      assert.equal(2, #err.details)
    end)

    it("goes by sid", function()
      local sid = assert(client.create {}).sid
      assert.equal("updated",
        select(2, client.ensure { sid = sid, friendly_name = "n" }))
      assert.equal("unchanged",
        select(2, client.ensure { sid = sid, friendly_name = "n" }))
      local _, err = client.ensure { sid = "TK" .. ("0"):rep(32) }
      helper.check(err, { kind = "not_found", outcome = "refused",
        status = 404, says = "the account " .. ACCOUNT .. " has no trunk TK0" })
      for _, value in ipairs { "x", 42, true, trunking.null } do
        err = select(2, client.ensure { sid = value })
        helper.check(err, { kind = "invalid", field = "sid",
          operation = "ensure" })
      end
      for by in pairs { domain_name = 1, friendly_name = 1 } do
        err = select(2, client.ensure({ sid = sid, domain_name = DOMAIN,
          friendly_name = "n" }, { by = by }))
        helper.check(err, { kind = "invalid", field = "sid", says = "by" })
      end
    end)
  end)

  describe("two processes over " .. transport, function()
    it("that race for a domain end with one trunk", function()
      local script = ([[
        local client = require "helper".client "%s"
        local trunk, what = client.ensure({ domain_name = "%s" },
          { settle = 0.5 })
        io.write(trunk and trunk.sid or "", " ", tostring(what))
      ]]):format(transport, DOMAIN)
      control.arm { method = "GET", apply = true, hold = true, times = 2 }
      local path = os.tmpname()
      finally(function() os.remove(path) end)
      local file = assert(io.open(path, "w"))
      file:write(script)
      file:close()
      local pipes, said = {}, {}
      for i = 1, 2 do
        pipes[i] = assert(io.popen(helper.interpreter() .. " " .. path))
      end
      helper.received(2)
      control.release()
      for i = 1, 2 do
        said[i] = pipes[i]:read "*a"
        pipes[i]:close()
      end
      assert.equal(said[1]:match "TK%x+", said[2]:match "TK%x+")
      local did = { said[1]:match "%a+$", said[2]:match "%a+$" }
      table.sort(did)
      assert.same({ "adopted", "created" }, did)
      assert.equal(2, #posts())
      assert.equal(1, trunks())
    end)
  end)
end

-- ---- below a trunk ------------------------------------------------------

describe("origination_urls.ensure", function()
  local client, trunk, urls
  before_each(function()
    client = helper.client "TLS"
    trunk, urls = assert(client.create {}), client.origination_urls
  end)

  local function url(more)
    local all = { sip_url = "sip:a.example", friendly_name = "a", priority = 1,
      weight = 10, enabled = true }
    for name, value in pairs(more or {}) do all[name] = value end
    return all
  end

  local function expect(what, given)
    local record, did = urls.ensure(trunk, given or url(), quick)
    assert(record, did)
    assert.equal(what, did)
    return record
  end

  it("creates, leaves, and updates by sip_url", function()
    local first = expect "created"
    assert.equal(first.sid, expect("unchanged").sid)
    local after = expect("updated", url { weight = 20, enabled = false })
    assert.same({ first.sid, 20, false },
      { after.sid, after.weight, after.enabled })
    assert.same({ Weight = "20", Enabled = "false" }, posts()[3])
    assert.are_not.equal(first.sid,
      expect("created", url { sip_url = "sip:b.example" }).sid)
  end)

  it("finds what a lost create did, and never sends it again", function()
    arm { close = true, apply = true }
    expect "adopted"
    arm { close = true }
    local record, err = urls.ensure(trunk, url { sip_url = "sip:b.example" },
      quick)
    assert.is_nil(record)
    helper.check(err, { outcome = "unknown",
      operation = "origination_urls.ensure" })
    assert.same({ "origination_urls.create", trunk.sid, "sip:b.example" },
      { err.intent.operation, err.intent.trunk_sid,
        err.intent.params.sip_url })
    assert.equal(3, #posts())
  end)

  it("tells of several, and changes none", function()
    assert(urls.create(trunk, url()))
    assert(urls.create(trunk, url { weight = 20 }))
    local _, err = urls.ensure(trunk, url { weight = 30 }, quick)
    helper.check(err, { kind = "invalid", field = "sip_url" })
    assert.equal(2, #err.details)
    assert.equal(3, #posts())
    local secret = url { sip_url = "sip:u:hunter2@a.example" }
    for _ = 1, 2 do assert(urls.create(trunk, secret)) end
    _, err = urls.ensure(trunk, secret, quick)
    assert.is_nil(tostring(err):find("hunter2", 1, true))
  end)

  it("needs what a create needs, and a trunk", function()
    local _, err = urls.ensure(trunk, { sip_url = "sip:a.example" })
    helper.check(err, { kind = "invalid", outcome = "not_sent",
      says = "friendly_name" })
    _, err = urls.ensure("TK" .. ("0"):rep(32), url(), quick)
    helper.check(err, { kind = "not_found", outcome = "refused" })
    _, err = urls.ensure("x", url())
    helper.check(err, { kind = "invalid", field = "trunk_sid" })
  end)
end)

local attachable = {
  credential_lists = { "CL" .. ("c"):rep(32), "credential_list_sid" },
  ip_access_control_lists = { "AL" .. ("a"):rep(32),
    "ip_access_control_list_sid" },
  phone_numbers = { "PN" .. ("b"):rep(32), "phone_number_sid" },
}

for resource, case in pairs(attachable) do
  describe(resource .. ".ensure", function()
    local sid, client, trunk, home = case[1], nil, nil, nil
    before_each(function()
      client = helper.client "TLS"
      trunk, home = assert(client.create {}), client[resource]
    end)

    local function expect(what, item)
      local record, did = home.ensure(trunk, item or sid, quick)
      assert(record, did)
      assert.same({ sid, trunk.sid, what },
        { record.sid, record.trunk_sid, did })
    end

    it("attaches what is not, and leaves what is", function()
      expect "created"
      expect "unchanged"
      expect("unchanged", { sid = sid })
      expect("unchanged", { [case[2]] = sid })
      assert.equal(2, #posts())
    end)

    it("takes 'already attached' for success", function()
      control.arm { { method = "GET", status = 404,
        path = "/v1/Trunks/TK" }, { method = "POST", apply = true,
        status = 400, body = '{"code":21245,"message":"associated"}' } }
      expect "adopted"
    end)

    it("takes it for success even where it does not show", function()
      control.arm { { method = "GET", status = 404, times = 99,
        path = "/v1/Trunks/TK" }, { method = "POST", status = 400,
        body = '{"code":21245,'
          .. '"message":"Already associated with this trunk"}' } }
      expect "adopted"
    end)

    it("takes no other cause of that code for success", function()
      arm { status = 400, body = '{"code":21245,"message":"no such SID"}' }
      local record, err = home.ensure(trunk, sid, quick)
      assert.is_nil(record)
      helper.check(err, { outcome = "refused", code = 21245,
        says = "no such SID" })
      assert.same({}, { (assert(home.list(trunk)))[1] })
    end)

    it("tells of the refusal after a lost attach, and stops", function()
      control.arm { { method = "POST", close = true }, { method = "POST",
        status = 403, times = 99, body = '{"code":20403}' } }
      local record, err = home.ensure(trunk, sid, quick)
      assert.is_nil(record)
      helper.check(err, { outcome = "unknown", status = 403, code = 20403,
        says = "sent once more, it was refused" })
      assert.equal(3, #posts())
    end)

    it("finds what a lost attach did", function()
      arm { close = true, apply = true }
      expect "adopted"
      assert.equal(2, #posts())
    end)

    it("sends a lost attach again: it cannot double", function()
      arm { close = true }
      expect "created"
      assert.equal(3, #posts())
    end)

    it("says when it could not look after a lost attach", function()
      control.arm { { method = "POST", close = true }, { method = "GET",
        path = "/v1/Trunks/TK", skip = 1, close = true, times = 999 } }
      local record, err = home.ensure(trunk, sid,
        { settle = 0, move = resource == "phone_numbers" or nil })
      assert.is_nil(record)
      helper.check(err, { outcome = "unknown", says = "could not be looked" })
      assert.same({ resource .. ".create", trunk.sid },
        { err.intent.operation, err.intent.trunk_sid })
    end)

    it("changes nothing when it cannot look", function()
      control.arm { method = "GET", status = 403 }
      local record, err = home.ensure(trunk, sid, quick)
      assert.is_nil(record)
      helper.check(err, { kind = "auth", outcome = "refused",
        says = "the trunk " .. trunk.sid .. " could not be looked at" })
      assert.equal(1, #posts())
    end)

    it("is refused by a trunk that is not there", function()
      local _, err = home.ensure("TK" .. ("0"):rep(32), sid, quick)
      helper.check(err, { kind = "not_found", outcome = "refused" })
    end)

    it("refuses a SID of another kind", function()
      local _, err = home.ensure(trunk, "XX" .. ("0"):rep(32), quick)
      helper.check(err, { kind = "invalid", field = case[2] })
    end)
  end)
end

describe("phone_numbers.ensure", function()
  local PN = attachable.phone_numbers[1]
  local client, numbers, mine, his
  before_each(function()
    client = helper.client "TLS"
    numbers = client.phone_numbers
    his, mine = assert(client.create {}), assert(client.create {})
    for _ = 1, 3 do assert(client.create {}) end
    assert(numbers.create(his, PN))
  end)

  it("takes no number from another trunk", function()
    local record, err = numbers.ensure(mine, PN, { page_size = 2 })
    assert.is_nil(record)
    helper.check(err, { kind = "invalid", outcome = "not_sent",
      field = "phone_number_sid", says = his.sid })
    assert.same({ his.sid }, err.details)
    assert.truthy(numbers.fetch(his, PN))
  end)

  it("takes it when told so", function()
    local record, did, from = numbers.ensure(mine, PN, { move = true })
    assert.same({ mine.sid, "moved", his.sid },
      { record.trunk_sid, did, from })
    assert.is_nil(numbers.fetch(his, PN))
  end)

  it("takes none while it cannot ask every trunk", function()
    assert(numbers.delete(his, PN))
    control.arm { method = "GET", path = "/v1/Trunks/" .. his.sid,
      status = 403 }
    local _, err = numbers.ensure(mine, PN)
    helper.check(err, { kind = "auth", outcome = "refused",
      says = "nothing was changed" })
    assert.equal("created", select(2, numbers.ensure(mine, PN)))
  end)

  it("asks again before it sends a lost attach again", function()
    assert(numbers.delete(his, PN))
    local watching
    watching = helper.client("TLS", { on_attempt = function(event)
      if event.operation == "phone_numbers.create" then
        assert(numbers.create(his, PN))
      end
    end })
    arm { close = true }
    local _, err = watching.phone_numbers.ensure(mine, PN, quick)
    helper.check(err, { outcome = "unknown", attempts = 1, says = his.sid })
    assert.truthy(numbers.fetch(his, PN))
  end)

  it("says when there was no time to ask every trunk", function()
    assert(numbers.delete(his, PN))
    local err = helper.in_time(function(timeout)
      local first = true
      local slow = helper.client("TLS", { on_attempt = function()
        if first then socket.sleep(timeout * 1.1) end
        first = false
      end })
      local _, why = slow.phone_numbers.ensure(mine, PN, { timeout = timeout })
      return why, first
    end)
    helper.check(err, { kind = "timeout", outcome = "not_sent",
      says = "move = true" })
  end)
end)

-- ---- arguments ----------------------------------------------------------

describe("ensure's arguments", function()
  local client = helper.client "TLS"

  it("raise at the caller's line where their type is wrong", function()
    local line = debug.getinfo(1, "l").currentline
    local calls = {
      function() local _ = client.ensure() end,
      function() local _ = client.ensure(42) end,
      function() local _ = client.ensure({}, 42) end,
      function() local _ = client.origination_urls.ensure(42, {}) end,
      function() local _ = client.origination_urls.ensure("x", "x") end,
      function() local _ = client.credential_lists.ensure("x", 42) end,
      function() local _ = client.ip_access_control_lists.ensure("x") end,
      function() local _ = client.phone_numbers.ensure("x", "x", 42) end,
      function() local _ = client.reconcile "x" end,
      function() local _ = client.reconcile({}, 1) end,
    }
    for i, call in ipairs(calls) do
      local ok, why = pcall(call)
      assert.is_false(ok)
      assert.matches("ensure_spec.lua:" .. line + 1 + i .. ": bad argument #",
        why, 1, true)
    end
  end)

  for title, options in pairs {
    timeout = { timeout = 0 }, settle = { settle = -1 },
    page_size = { page_size = 0 }, by = { by = "name" },
    move = { move = true }, [1] = { 1 },
  } do
    it("are refused with a bad option " .. title, function()
      local trunk, err = client.ensure(params, options)
      assert.is_nil(trunk)
      helper.check(err, { kind = "invalid", field = tostring(title),
        outcome = "not_sent", operation = "ensure" })
    end)
  end

  local too_many = {}
  for i = 1, 65 do too_many[i] = 0 end
  for title, settle in pairs { ["a text"] = "1", ["a text in it"] = { "1" },
    nan = 0 / 0, ["too many"] = too_many } do
    it("are refused with a settle that is " .. title, function()
      local _, err = client.ensure(params, { settle = settle })
      helper.check(err, { kind = "invalid", field = "settle" })
    end)
  end

  it("are refused with the params of a create", function()
    local _, err = client.ensure { domain_name = DOMAIN, secuer = true }
    helper.check(err, { kind = "invalid", field = "secuer",
      says = "did you mean 'secure'", operation = "ensure" })
    assert.equal(0, #helper.requests())
  end)

  it("are not touched", function()
    local given = { domain_name = DOMAIN, sid = assert(client.create {}).sid }
    local sid = given.sid
    assert(client.ensure(given, quick))
    assert.same({ domain_name = DOMAIN, sid = sid }, given)
  end)
end)

describe("the default client's ensure", function()
  it("is there, and says what it lacks", function()
    local said = helper.run [[
      local trunking = require "trunking"
      print(package.loaded["trunking.ensure"])
      local trunk, err = trunking.ensure { domain_name = "a.pstn.twilio.com" }
      print(trunk, err.kind, err.outcome, err.operation)
      print(select(2, trunking.credential_lists.ensure("x", "y")).kind)
      print(select(2, trunking.reconcile { operation = "create",
        params = {} }).kind, select(2, trunking.intent {}).kind)
    ]]
    assert.equal("nil\nnil\tconfig\tnot_sent\tensure\ninvalid\n"
      .. "config\tconfig\n", said)
  end)
end)

describe("Ctrl-C while a list settles", function()
  it("ends the call at once", function()
    local start = core.clock()
    local said = helper.run(([[
      local control = require "sandbox.control"
      local helper = require "helper"
      local interrupt = "{ sleep 0.3; kill -INT $PPID; } >/dev/null 2>&1 &"
      local client = helper.client("TLS", { on_attempt = function(event)
        if event.outcome == "unknown" then os.execute(interrupt) end
      end })
      control.arm { method = "POST", close = true }
      print(pcall(client.ensure, { domain_name = "a.pstn.twilio.com" },
        { settle = %d, timeout = %d }))
      print((select(2, client.ensure { domain_name = "a.pstn.twilio.com" })))
    ]]):format(helper.HANG, helper.HANG))
    assert.matches("^false\t[^\n]*interrupted!\ncreated\n$", said)
    assert.is_true(core.clock() - start < helper.HANG)
  end)
end)
