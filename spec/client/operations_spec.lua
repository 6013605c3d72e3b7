-- All operations of the API, each over both transports: what goes over the
-- wire for it, and what comes back.

local control = require "sandbox.control"
local core = require "trunking.core"
local helper = require "helper"
local trunking = require "trunking"

local CL, AL, PN = helper.sid("CL", "c"), helper.sid("AL", "a"),
  helper.sid("PN", "b")
local SIP = "sip:pbx.example.com:5060;transport=tcp;edge=dublin"

local function url(more)
  local params = { sip_url = SIP, friendly_name = "PBX", weight = 10,
    priority = 20, enabled = true }
  for name, value in pairs(more or {}) do params[name] = value end
  return params
end

-- A resource: its table in the client, its path, a create's argument with the
-- form that it makes and some of what comes back, and the same of an update.
local resources = {
  { at = "", path = "/v1/Trunks", prefix = "TK",
    create = { friendly_name = "Head office", secure = true },
    form = { FriendlyName = "Head office", Secure = "true" },
    gives = { friendly_name = "Head office", secure = true },
    update = { friendly_name = "Branch", transfer_mode = "sip-only",
      domain_name = "branch.pstn.twilio.com", disaster_recovery_url =
      "https://e.example/", disaster_recovery_method = "HEAD",
      transfer_caller_id = "from-transferor", secure = false,
      cnam_lookup_enabled = true },
    updated_form = { FriendlyName = "Branch", TransferMode = "sip-only",
      DomainName = "branch.pstn.twilio.com", DisasterRecoveryUrl =
      "https://e.example/", DisasterRecoveryMethod = "HEAD",
      TransferCallerId = "from-transferor", Secure = "false",
      CnamLookupEnabled = "true" } },
  { at = "origination_urls", path = "/OriginationUrls", prefix = "OU",
    create = url(), gives = url(),
    form = { SipUrl = SIP, FriendlyName = "PBX", Weight = "10",
      Priority = "20", Enabled = "true" },
    update = url { sip_url = "sip:b.example.com", weight = 65535,
      priority = 0, enabled = false, friendly_name = "B" },
    updated_form = { SipUrl = "sip:b.example.com", FriendlyName = "B",
      Weight = "65535", Priority = "0", Enabled = "false" } },
  { at = "credential_lists", path = "/CredentialLists", prefix = "CL",
    create = CL, form = { CredentialListSid = CL }, gives = { sid = CL } },
  { at = "ip_access_control_lists", path = "/IpAccessControlLists",
    prefix = "AL", create = AL, form = { IpAccessControlListSid = AL },
    gives = { sid = AL } },
  { at = "phone_numbers", path = "/PhoneNumbers", prefix = "PN",
    create = PN, form = { PhoneNumberSid = PN }, gives = { sid = PN } },
}

local function fields_of(at, name)
  for _, operation in ipairs(core.operations()) do
    if operation.resource == at and operation.name == name then
      return operation.fields
    end
  end
end

local function includes(expected, record)
  for name, value in pairs(expected) do
    assert.same({ name, value }, { name, record[name] })
  end
end

after_each(helper.tidy)

-- Defines the specs of a resource. A list of a trunk takes the trunk first.
local function specs(transport, resource)
  local client, trunk, path, record

  local function call(name, ...)
    if not trunk then return client[name](...) end
    return client[resource.at][name](trunk.sid, ...)
  end

  -- What went over the wire since `n` requests.
  local function sent(n)
    local lines = helper.lines()
    assert.equal(n, #lines)
    return lines[n]
  end

  local n -- requests so far

  before_each(function()
    client, trunk, path, n = helper.client(transport), nil, resource.path, 1
    if resource.at ~= "" then
      trunk, n = assert(client.create {}), 2
      path = "/v1/Trunks/" .. trunk.sid .. path
    end
    record = assert(call("create", resource.create))
  end)

  it("creates", function()
    assert.equal("POST " .. path, sent(n))
    assert.same(resource.form, helper.requests()[n].form)
    includes(resource.gives, record)
    assert.matches("^" .. resource.prefix .. "%x+$", record.sid)
    includes({ account_sid = helper.sandbox "ACCOUNT_SID",
      trunk_sid = trunk and trunk.sid, url = helper.origin(transport) .. path
      .. "/" .. record.sid }, record)
  end)

  it("fetches what it created", function()
    assert.same(record, assert(call("fetch", record.sid)))
    assert.equal("GET " .. path .. "/" .. record.sid, sent(n + 1))
  end)

  it("takes a record where its SID belongs", function()
    assert.same(record, assert(call("fetch", record)))
    assert.is_true(call("delete", record))
  end)

  it("lists it", function()
    local page = assert(call "list")
    assert.equal("GET " .. path, sent(n + 1))
    assert.equal(1, #page)
    assert.same(record, page[1])
    assert.is_nil(page.next())
    assert.is_nil(page.previous())
    assert.equal(n + 1, control.ledger(0).count)
  end)

  it("walks over it", function()
    local seen = {}
    for each in call "each" do seen[#seen + 1] = each end
    assert.same({ record }, seen)
    assert.equal("GET " .. path .. "?PageSize=50", sent(n + 1))
  end)

  it("deletes it, after which it is not found", function()
    assert.is_true(call("delete", record.sid))
    assert.equal("DELETE " .. path .. "/" .. record.sid, sent(n + 1))
    for i, name in ipairs { "fetch", "delete" } do
      helper.check(helper.error_of(call(name, record.sid)), {
        kind = "not_found", outcome = "refused", status = 404, code = 20404,
        operation = (trunk and resource.at .. "." or "") .. name,
        attempts = 1, request_id = helper.requests()[n + 1 + i].request_id })
    end
    assert.equal(0, #assert(call "list"))
  end)

  if not resource.update then return end

  it("updates every field, by either spelling", function()
    local updated = assert(call("update", record.sid, resource.update))
    assert.equal("POST " .. path .. "/" .. record.sid, sent(n + 1))
    assert.same(resource.updated_form, helper.requests()[n + 1].form)
    includes(resource.update, updated)
    assert.same(updated, assert(call("fetch", record)))
    local spelt = {}
    for _, field in ipairs(fields_of(resource.at, "update")) do
      spelt[field.form] = resource.update[field.name]
    end
    assert(call("update", record, spelt))
    assert.same(resource.updated_form, helper.requests()[n + 3].form)
  end)

  it("updates nothing, and says what is there", function()
    local same = assert(call("update", record, {}))
    assert.same({}, helper.requests()[n + 1].form)
    includes(resource.gives, same)
  end)
end

for _, transport in ipairs(helper.transports) do
  for _, resource in ipairs(resources) do
    describe((resource.at == "" and "a trunk" or "one of " .. resource.at)
      .. " over " .. transport, function() specs(transport, resource) end)
  end

  describe("recording over " .. transport, function()
    local client, trunk, path
    before_each(function()
      client = helper.client(transport)
      trunk = assert(client.create {})
      path = "/v1/Trunks/" .. trunk.sid .. "/Recording"
    end)

    it("is fetched", function()
      assert.same({ mode = "do-not-record", trim = "do-not-trim" },
        assert(client.recording.fetch(trunk.sid)))
      assert.equal("GET " .. path, helper.lines()[2])
    end)

    it("is updated in every pairing of its words", function()
      local n = 1
      for _, mode in ipairs(core.enums.recording_mode) do
        for _, trim in ipairs(core.enums.recording_trim) do
          local wanted = { mode = mode, trim = trim }
          assert.same(wanted, assert(client.recording.update(trunk, wanted)))
          n = n + 1
          assert.same({ Mode = mode, Trim = trim }, helper.requests()[n].form)
          assert.equal("POST " .. path, helper.lines()[n])
        end
      end
      assert.equal("record-from-answer-dual",
        assert(client.fetch(trunk)).recording.mode)
    end)

    it("of no trunk is not found", function()
      assert.is_true(client.delete(trunk))
      for _, err in ipairs { helper.error_of(client.recording.fetch(trunk)),
        helper.error_of(client.recording.update(trunk, {})) } do
        helper.check(err, { kind = "not_found", status = 404 })
      end
    end)
  end)
end

describe("a client", function()
  local client = trunking.new { account_sid = helper.sid("AC", "0"),
    auth_token = "x" }
  local others = { close = true, poll = true, fd = true, in_flight = true,
    ensure = true, find = true, reconcile = true, intent = true }
  local parts = { async = true, bell = true, -- bell: for trunking.openresty
    null = true }

  it("leaves null out of records however it is written, not out of lists",
    function()
      local own = helper.client "plain HTTP"
      control.arm { status = 201, body = ([[{ "sid" : "%s", "secure" : null,
        "auth_type_set" : [ null, "x" ], "links" : { "a" : null } }]])
        :format(helper.sid("TK", "a")) }
      local trunk = assert(own.create {})
      assert.same({ sid = helper.sid("TK", "a"), links = {},
        auth_type_set = { own.null, "x" } }, trunk)
    end)

  it("has the enums and null, as the module has", function()
    local own = helper.client "plain HTTP" -- which keeps what it loads
    assert.equal(trunking.null, own.null)
    assert.equal("sip-only", own.transfer_mode.SIP_ONLY)
    assert.is_true(own.enum.contains(own.http_method, "GET"))
    assert.equal(0, own.time "1970-01-01T00:00:00Z")
    assert.is_nil(own.no_such_thing)
  end)

  it("has a function for each operation, and no more", function()
    local expected, count = {}, 0
    for _, operation in ipairs(core.operations()) do
      local at = operation.resource
      expected[at] = expected[at] or {}
      expected[at][operation.name] = true
      if operation.shape == "page" then expected[at].each = true end
      count = count + 1
    end
    assert.equal(24, count)
    for at, names in pairs(expected) do
      local home = at == "" and client or client[at]
      local jobs = at == "" and client.async or client.async[at]
      for name in pairs(names) do
        assert.is_function(home[name], name)
        if name ~= "each" then assert.is_function(jobs[name], name) end
      end
      for name, value in pairs(home) do
        assert.is_true(names[name] or expected[name] ~= nil or at == ""
          and (parts[name] or others[name] and type(value) == "function")
          or name == "ensure", name)
      end
    end
  end)

  it("has the same on the module itself", function()
    for name, value in pairs(client) do
      assert.equal(type(value), type(trunking[name]), name)
      for inner, f in pairs(type(value) == "table" and value or {}) do
        assert.equal(type(f), type(trunking[name][inner]), inner)
      end
    end
  end)
end)

describe("what is attached", function()
  local client, trunk
  before_each(function()
    client = helper.client "plain HTTP"
    trunk = assert(client.create {})
  end)

  local attached = {}
  for i = 3, 5 do attached[#attached + 1] = resources[i] end

  for _, resource in ipairs(attached) do
    local field = fields_of(resource.at, "create")[1]
    for title, argument in pairs {
      ["its SID"] = resource.create,
      ["a table with the field"] = { [field.name] = resource.create },
      ["a table with the API's field"] = { [field.form] = resource.create },
      ["a record"] = { sid = resource.create, friendly_name = "x", url = "y",
        date_created = "z", capabilities = {} },
    } do
      it(("to %s may be given as %s"):format(resource.at, title), function()
        local record = assert(client[resource.at].create(trunk, argument))
        assert.equal(resource.create, record.sid)
        assert.same(resource.form, helper.requests()[2].form)
      end)
    end
  end

  it("shows in the trunk", function()
    assert(client.credential_lists.create(trunk, CL))
    assert(client.ip_access_control_lists.create(trunk, AL))
    assert.same({ "IP_ACL", "CREDENTIAL_LIST" },
      assert(client.fetch(trunk)).auth_type_set)
  end)

  it("cannot be attached twice", function()
    assert(client.credential_lists.create(trunk, CL))
    helper.check(helper.error_of(client.credential_lists.create(trunk, CL)),
      { kind = "rejected", outcome = "refused", status = 400, code = 21245,
        operation = "credential_lists.create" })
  end)

  it("moves, when it is a number, to the trunk that takes it", function()
    local other = assert(client.create {})
    assert(client.phone_numbers.create(trunk, PN))
    assert.equal(other.sid,
      assert(client.phone_numbers.create(other, PN)).trunk_sid)
    assert.equal(0, #assert(client.phone_numbers.list(trunk)))
    assert.equal(1, #assert(client.phone_numbers.list(other)))
  end)
end)

describe("a domain", function()
  it("of another trunk is refused to an update", function()
    local client = helper.client "plain HTTP"
    local taken = { domain_name = "taken.pstn.twilio.com" }
    assert(client.create(taken))
    local trunk = assert(client.create {})
    helper.check(helper.error_of(client.update(trunk, taken)), {
      kind = "rejected", outcome = "refused", code = 21248,
      operation = "update", says = "30 days" })
  end)

  it("is cleared by trunking.null or ''", function()
    local client = helper.client "plain HTTP"
    local trunk = assert(client.create {
      domain_name = "gone.pstn.twilio.com", friendly_name = "x" })
    trunk = assert(client.update(trunk, { domain_name = trunking.null,
      friendly_name = "" }))
    assert.same({ DomainName = "", FriendlyName = "" },
      helper.requests()[2].form)
    assert.same({}, { trunk.domain_name, trunk.friendly_name })
  end)
end)

describe("whole numbers", function()
  local client, trunk, made
  before_each(function()
    client = helper.client "plain HTTP"
    trunk = assert(client.create {})
    made = assert(client.origination_urls.create(trunk, url()))
  end)

  it("show no point in a record, a page and its meta", function()
    local fetched = assert(client.origination_urls.fetch(trunk, made))
    local page = assert(client.origination_urls.list(trunk))
    for _, record in ipairs { made, fetched, page[1] } do
      assert.equal("10 20", record.weight .. " " .. record.priority)
    end
    assert.equal("0 50", page.meta.page .. " " .. page.meta.page_size)
  end)

  it("go back to the wire as they came", function()
    assert(client.origination_urls.update(trunk, made, {
      weight = made.weight, priority = made.priority }))
    assert.same({ Weight = "10", Priority = "20" },
      helper.requests()[3].form)
  end)

  if math.type then
    it("are integers where Lua has them", function()
      local page, meta = client.origination_urls.list(trunk)
      for _, value in ipairs { made.weight, made.priority, page[1].weight,
        page.meta.page, page.meta.page_size, meta.status, meta.attempts } do
        assert.equal("integer", math.type(value))
      end
    end)
  end

  -- JSON text, what comes of it, and its type where Lua has two
  for _, case in ipairs {
    { "10", 10, "integer" }, { "0", 0, "integer" }, { "-7", -7, "integer" },
    { "1e2", 100, "integer" }, { "2.5", 2.5, "float" },
    { "9007199254740991", 9007199254740991, "integer" },
    { "1e300", 1e300, "float" },
  } do
    it("of JSON's " .. case[1] .. " keep their value", function()
      control.arm { status = 200, body = ('{"sid":"%s","weight":%s,'
        .. '"list":[%s],"more":{"deep":%s}}'):format(made.sid, case[1],
        case[1], case[1]) }
      local got = assert(client.origination_urls.fetch(trunk, made))
      for _, value in ipairs { got.weight, got.list[1], got.more.deep } do
        assert.equal(case[2], value)
        assert.equal(math.type and case[3], math.type and math.type(value))
      end
    end)
  end
end)
