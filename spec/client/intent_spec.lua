-- err.intent: what a create leaves when its fate is open; and the pure half of
-- it, from a form back to params, and from params to what differs.

local cjson = require("cjson").new()
local control = require "sandbox.control"
local core = require "trunking.core"
local helper = require "helper"
local intents = require "trunking.ensure.intent"
local probe = require "probe"

local CL, AL, PN = "CL" .. ("c"):rep(32), "AL" .. ("a"):rep(32),
  "PN" .. ("b"):rep(32)

local every_field = helper.every_field
local url_params = { sip_url = "sip:a.example:5060", friendly_name = "n",
  priority = 0, weight = 10, enabled = false }

-- As a file would have it: only what JSON knows.
local function saved(intent)
  assert.is_nil(getmetatable(intent))
  return cjson.decode(cjson.encode(intent))
end

-- The server's clock is this machine's, here.
local function check_since(since, before)
  assert.is_number(since)
  assert.is_true(since >= before - 10 and since <= os.time() + 1,
    ("%s is not near %s"):format(since, before))
  if math.type then assert.equal("integer", math.type(since)) end
end

after_each(helper.tidy)

describe("params", function()
  for _, row in ipairs(core.operations()) do
    local name = helper.name_of(row)
    if row.name == "create" then
      it("come back from the form of " .. name .. " as they went in",
        function()
          local all = {
            create = every_field, ["origination_urls.create"] = url_params,
            ["credential_lists.create"] = { credential_list_sid = CL },
            ["ip_access_control_lists.create"] =
              { ip_access_control_list_sid = AL },
            ["phone_numbers.create"] = { phone_number_sid = PN },
          }
          local params = assert(all[name], "a create without a case")
          assert.same(params,
            (select(2, assert(probe.form(params, true, name)))))
          assert.equal(row.resource, intents.row(name).resource)
        end)
    end
  end

  local function asked(...) return (select(2, probe.form(...))) end

  it("that clear a field come back as ''", function()
    assert.same({ secure = "", friendly_name = "" },
      asked { secure = cjson.null, friendly_name = "" })
  end)

  it("that the API's table lacks come back in the same spelling", function()
    local params = asked({ new_thing = "a&b", MoreOf = true, x = 1 }, false)
    assert.same({ new_thing = "a&b", more_of = "true", x = "1" }, params)
    assert.same(params, asked(params, false))
  end)

  it("that are none come back as none", function()
    assert.same({}, asked {})
  end)

  it("of any bytes come back", function()
    local bytes = {}
    for i = 1, 255 do bytes[i] = string.char(i) end
    bytes = table.concat(bytes)
    assert.same({ friendly_name = bytes },
      asked({ friendly_name = bytes }, false))
  end)
end)

describe("a create that is lost", function()
  -- It raised: the file that made the intent was looked for after the POST.
  it("has its intent where package.path has changed meanwhile", function()
    local client = helper.client "plain HTTP"
    assert(client.create { friendly_name = "before" })
    control.arm { { close = true } }
    local path, was = package.path, package.loaded["trunking.ensure.intent"]
    package.path = ""
    package.loaded["trunking.ensure.intent"] = nil
    local ok, trunk, err = pcall(client.create, { friendly_name = "lost" })
    package.path, package.loaded["trunking.ensure.intent"] = path, was
    assert.same({ true, nil }, { ok, trunk })
    helper.check(err, { outcome = "unknown" })
    assert.same({ friendly_name = "lost" }, err.intent.params)
  end)
end)

describe("differences", function()
  local trunk, url = intents.row "create".fields,
    intents.row "origination_urls.create".fields
  -- title, wanted, record, fields, differing
  local cases = {
    { "none where none is wanted", {}, { secure = true }, trunk },
    { "a text", { friendly_name = "a" }, { friendly_name = "A" }, trunk,
      "friendly_name" },
    { "a text that is absent", { friendly_name = "a" }, {}, trunk,
      "friendly_name" },
    { "no domain in other letters", { domain_name = "A.pstn.twilio.com" },
      { domain_name = "a.PSTN.twilio.com" }, trunk },
    { "another domain", { domain_name = "a.pstn.twilio.com" },
      { domain_name = "b.pstn.twilio.com" }, trunk, "domain_name" },
    { "a domain that is absent", { domain_name = "a.pstn.twilio.com" }, {},
      trunk, "domain_name" },
    { "no method in other letters", { disaster_recovery_method = "get" },
      { disaster_recovery_method = "GET" }, trunk },
    { "another method", { disaster_recovery_method = "POST" },
      { disaster_recovery_method = "GET" }, trunk,
      "disaster_recovery_method" },
    { "no cleared text that is absent", { friendly_name = "" }, {}, trunk },
    { "a cleared text that is there", { friendly_name = "" },
      { friendly_name = "a" }, trunk, "friendly_name" },
    { "no cleared word that is the default", { transfer_mode = "",
      transfer_caller_id = "", secure = "", cnam_lookup_enabled = "" },
      { transfer_mode = "disable-all", transfer_caller_id = "from-transferee",
        secure = false, cnam_lookup_enabled = false }, trunk },
    { "a cleared word that is another", { transfer_mode = "" },
      { transfer_mode = "sip-only" }, trunk, "transfer_mode" },
    { "a cleared switch that is on", { secure = "" }, { secure = true }, trunk,
      "secure" },
    { "a switch", { secure = false }, { secure = true }, trunk, "secure" },
    { "no switch that is off by default", { secure = false }, {}, trunk },
    { "no number by its type", { weight = 10 }, { weight = "10" }, url },
    { "a number", { weight = 10 }, { weight = 11 }, url, "weight" },
    { "no name that is not known", { new_thing = "a" }, {}, trunk },
    { "all that differ, in the table's order",
      { secure = true, friendly_name = "b" }, { friendly_name = "a" }, trunk,
      "friendly_name secure" },
  }
  for _, case in ipairs(cases) do
    it("tell " .. case[1], function()
      local names = intents.differences(case[2], case[3], case[4])
      assert.equal(case[5], names and table.concat(names, " "))
    end)
  end
end)

for _, transport in ipairs(helper.transports) do
  describe("the intent of a create over " .. transport, function()
    local client
    before_each(function() client = helper.client(transport) end)

    -- title, fault, outcome
    local faults = {
      { "that is lost", { close = true }, "unknown" },
      { "that is done, and its reply lost", { reset = true, apply = true },
        "unknown" },
      { "that is answered 500", { status = 500 }, "unknown" },
      { "whose reply is garbage", { body = "<html>", apply = true },
        "applied" },
      { "whose reply is cut", { cut = 30, apply = true }, "applied" },
    }
    for _, case in ipairs(faults) do
      it(case[1] .. " tells all that was sent", function()
        assert(client.list())
        local before = os.time()
        control.arm(case[2])
        local err = helper.failure(client, every_field)
        assert.equal(case[3], err.outcome)
        local intent = saved(err.intent)
        check_since(err.intent.since, before)
        assert.same({ operation = "create", params = every_field,
          account_sid = helper.sandbox "ACCOUNT_SID", attempts = 1,
          since = intent.since, request_id = err.request_id }, intent)
      end)
    end

    it("is there for each create, with its trunk", function()
      local trunk = assert(client.create {})
      local cases = {
        origination_urls = url_params,
        credential_lists = { credential_list_sid = CL },
        ip_access_control_lists = { ip_access_control_list_sid = AL },
        phone_numbers = { phone_number_sid = PN },
      }
      for resource, params in pairs(cases) do
        control.arm { close = true }
        local _, err = client[resource].create(trunk, params)
        local intent = saved(err.intent)
        assert.same({ resource .. ".create", trunk.sid, params },
          { intent.operation, intent.trunk_sid, intent.params })
      end
    end)

    it("is not there for what is settled, or is no create", function()
      local trunk = assert(client.create {})
      control.arm { { status = 400 }, { status = 429, times = 4,
        headers = { ["Retry-After"] = "0" } } }
      for _ = 1, 2 do assert.is_nil(helper.failure(client).intent) end
      assert.is_nil(helper.failure(client, { secure = "x" }).intent)
      control.arm { close = true, times = 9 }
      local _, err = client.update(trunk, { secure = true })
      assert.same({ "unknown" }, { err.outcome, err.intent })
      _, err = client.fetch(trunk)
      assert.same({ "unknown" }, { err.outcome, err.intent })
    end)
  end)
end

describe("since", function()
  local date = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" -- 784111777
  local head = "HTTP/1.1 200 OK\r\n"
  local tail = "Content-Length: 2\r\nConnection: close\r\n\r\n{}"
  local client
  before_each(function() client = helper.client "plain HTTP" end)

  -- So much later as has passed since `start`, to the second.
  local function check_later(first, second, start)
    local passed = core.clock() - start
    assert.is_true(second >= first and second <= first + passed + 2,
      ("%s is not after %s by %s s"):format(second, first, passed))
  end

  local function intent(fault)
    control.arm(fault or { close = true })
    return helper.failure(client, {}).intent
  end

  it("is absent when the server never told its time", function()
    assert.is_nil(intent().since)
    control.arm { raw = head .. "Date: yesterday\r\n" .. tail }
    assert.is_nil(client.list())
    assert.is_nil(intent().since)
  end)

  it("is the server's time, not this machine's", function()
    control.arm { raw = head .. date .. tail }
    assert.is_nil(client.list())
    local start = core.clock()
    check_later(784111777, intent().since, start)
  end)

  it("goes on with the time that passed", function()
    control.arm { raw = head .. date .. tail }
    assert.is_nil(client.list())
    local start = core.clock()
    local first = intent().since
    os.execute "sleep 1.2"
    local since = intent().since
    assert.is_true(since > first)
    check_later(first, since, start)
  end)

  it("comes from the lost create's own reply, when that has one", function()
    local start = core.clock()
    local since = intent { raw = "HTTP/1.1 500 No\r\n" .. date .. tail,
      delay = 1.2 }.since
    assert.is_true(since < 784111777) -- it began before it was answered
    check_later(since, 784111777, start)
  end)

  it("is a whole number in any year, past 2038 too", function()
    control.arm { raw = head .. date:gsub("1994", "9994") .. tail }
    assert.is_nil(client.list())
    local start = core.clock()
    local since = intent().since
    check_later(253239727777, since, start)
    if math.type then assert.equal("integer", math.type(since)) end
  end)

  it("is absent when it would be before 1970", function()
    assert.is_nil(intent { raw = "HTTP/1.1 500 No\r\nDate: Thu, 01 Jan 1970 "
      .. "00:00:00 GMT\r\n" .. tail, delay = 1.2 }.since)
  end)

  it("stays what it was when a reply has no date to read", function()
    control.arm { { raw = head .. date .. tail },
      { raw = head .. "Date: Sun, 99 Nov 1994 08:49:37 GMT\r\n" .. tail } }
    local start = core.clock()
    assert.is_nil(client.list())
    assert.is_nil(client.list())
    check_later(784111777, intent().since, start)
  end)
end)

describe("trunking.ensure.intent", function()
  local client
  before_each(function() client = helper.client "TLS" end)

  it("is what the create would leave, before it is sent", function()
    local before = os.time()
    local intent = assert(client.intent(every_field))
    check_since(intent.since, before)
    assert.same({ operation = "create", params = every_field,
      account_sid = helper.sandbox "ACCOUNT_SID", since = intent.since },
      saved(intent))
  end)

  it("asks the server for its clock once, and sends no create", function()
    client.intent {}
    client.intent {}
    local requests = helper.requests()
    assert.same({ 1, "GET", "/v1/Trunks" },
      { #requests, requests[1].method, requests[1].path })
  end)

  it("has the clock even of a server that refuses to list", function()
    control.arm { status = 403 }
    check_since(assert(client.intent {}).since, os.time())
  end)

  it("goes without, where there is no server", function()
    local lost = helper.client("TLS", { base_url = "https://127.0.0.1:1",
      max_attempts = 1 })
    local intent = assert(lost.intent { friendly_name = "x" })
    assert.same({ { friendly_name = "x" } }, { intent.params, intent.since })
  end)

  it("refuses what the create would refuse", function()
    local intent, err = client.intent { secure = "yes" }
    assert.is_nil(intent)
    helper.check(err, { kind = "invalid", field = "secure",
      outcome = "not_sent" })
  end)

  it("raises at the caller's line for what is no table", function()
    local line = debug.getinfo(1, "l").currentline + 1
    local _, why = pcall(function() local _ = client.intent(42) end)
    assert.matches("intent_spec.lua:" .. line .. ": bad argument #1 to "
      .. "'intent' (table expected, got number)", why, 1, true)
  end)
end)
