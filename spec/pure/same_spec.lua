-- Whether a value of a record is the one that is wanted; and which record of a
-- list a create can have made. No server, no clock.

local intents = require "trunking.ensure.intent"
local match = require "trunking.ensure.match"
local same = require "trunking.ensure.same"

local fields = {}
for _, name in ipairs { "create", "origination_urls.create" } do
  for _, field in ipairs(intents.row(name).fields) do
    fields[field.name] = field
  end
end

describe("a value that is wanted", function()
  -- field, wanted, of a record, whether they are the same
  local cases = {
    { "friendly_name", "a", "a", true },
    { "friendly_name", "a", "A", false },
    { "friendly_name", " a b\t", "a b", true },
    { "friendly_name", "a b", " a b ", false }, -- a server that keeps them
    { "friendly_name", " a ", " a ", true },
    { "friendly_name", "a", 1, false },
    { "friendly_name", "a", nil, false },
    { "sip_url", "sip:A.Example", "sip:a.example", true },
    { "sip_url", "SIP:a.example", "sip:a.example", true },
    { "sip_url", "sip:a.example", "sip:A.EXAMPLE", true },
    { "sip_url", "sip:Bob@A.example:5060;transport=TCP",
      "sip:Bob@a.example:5060;transport=TCP", true },
    { "sip_url", "sip:Bob@a.example", "sip:bob@a.example", false },
    { "sip_url", "sip:Bob:Pw@A.example", "sip:Bob:pw@a.example", false },
    { "sip_url", "sip:a.example;X=Y", "sip:a.example;X=y", false },
    { "sip_url", "sip:a;b?c@A.example", "sip:a;b?c@a.example", true },
    { "sip_url", "sip:a;B?c@a.example", "sip:a;b?c@a.example", false },
    { "sip_url", "sip:a.example", "sip:a.example:5060", false },
    { "sip_url", "sip:[2001:DB8::1]", "sip:[2001:db8::1]", true },
    { "sip_url", "sip:a.example", "sips:a.example", false },
    { "disaster_recovery_url", "HTTPS://A.example/Path?Q",
      "https://a.example/Path?Q", true },
    { "disaster_recovery_url", "https://a.example/Path",
      "https://a.example/path", false },
    { "disaster_recovery_url", "https://U@A.example", "https://U@a.example",
      true },
    { "disaster_recovery_url", "https://a.example/x@Y",
      "https://a.example/x@y", false },
    { "domain_name", "MAIN.pstn.twilio.com", "main.pstn.twilio.com", true },
    { "domain_name", "a.pstn.twilio.com", true, false },
    { "transfer_mode", "", "disable-all", true },
    { "secure", true, false, false },
    { "secure", "", false, true },
    { "weight", 10, "10", true },
    { "weight", 10, "x", false },
  }
  for _, case in ipairs(cases) do
    it(("of %s: %q is %s%s"):format(case[1], tostring(case[2]),
      case[4] and "" or "not ", tostring(case[3])), function()
      assert.equal(case[4], same.value(fields[case[1]], case[2], case[3]))
    end)
  end

  it("is what a server has shown to make of it, and of it alone", function()
    local memory, field = {}, fields.friendly_name
    same.learn(memory, field, "wanted", "stored")
    assert.is_true(same.value(field, "wanted", "stored", memory))
    assert.is_false(same.value(field, "wanted", "other", memory))
    assert.is_false(same.value(field, "Wanted", "stored", memory))
    assert.is_false(same.value(fields.sip_url, "wanted", "stored", memory))
    same.learn(memory, field, "none", nil)
    assert.is_true(same.value(field, "none", nil, memory))
  end)

  it("is forgotten when too many are known", function()
    local memory, field = {}, fields.friendly_name
    for i = 1, 1000 do same.learn(memory, field, "w" .. i, "s" .. i) end
    assert.is_true(same.value(field, "w1000", "s1000", memory))
    assert.is_false(same.value(field, "w1", "s1", memory))
    local known = 0
    for _ in pairs(memory.friendly_name.of) do known = known + 1 end
    assert.is_true(known <= 256)
  end)

  it("is compared in ASCII, whatever lower() does", function()
    local texts, lower = getmetatable("").__index, string.lower
    finally(function() rawset(texts, "lower", lower) end)
    rawset(texts, "lower", function(text)
      return (text:gsub("I", "\253"))
    end)
    assert.is_true(same.folded("MAIN", "main"))
    rawset(texts, "lower", lower)
    assert.is_false(same.folded("\201", "\233"))
  end)
end)

describe("match", function()
  local trunk = intents.row "create"
  local EPOCH = 1420197825 -- 2015-01-02T11:23:45Z

  local function what(more)
    local all = { row = trunk, fields = trunk.fields, since = EPOCH,
      wanted = { friendly_name = "n", secure = true }, given = {},
      key = fields.friendly_name }
    for name, value in pairs(more or {}) do all[name] = value end
    return all
  end

  local function record(sid, more)
    local all = { sid = sid, friendly_name = "n", secure = true,
      date_created = "2015-01-02T11:23:45Z",
      date_updated = "2015-01-02T11:23:45Z" }
    for name, value in pairs(more or {}) do all[name] = value end
    return all
  end

  -- What a list of these records proves.
  local function judged(of, ...)
    local sure, near = {}, {}
    for _, each in ipairs { ... } do
      match.sort(of, each, "friendly_name", sure, near)
    end
    local found, how, sids = match.judge(sure, near, "friendly_name")
    return found and found.sid, how, sids
  end

  it("takes a record that is as it was made for unchanged", function()
    local beside = record("b", { secure = false })
    assert.same({ "a", "friendly_name" },
      { judged(what(), record "a", beside) })
    beside.date_updated = nil
    assert.same({ "a", "friendly_name" },
      { judged(what(), record "a", beside) })
    beside.date_updated = "Fri, 02 Jan 2015 11:23:45 +0000" -- the same time
    assert.same({ "a", "friendly_name" },
      { judged(what(), record "a", beside) })
  end)

  it("takes one for changed that was updated later, or cannot be told",
    function()
      for _, at in ipairs { "2015-01-02T11:23:46Z", "yesterday" } do
        assert.same({ false, "ambiguous", { "a", "b" } }, { judged(what(),
          record "a", record("b", { secure = false, date_updated = at })) })
      end
    end)

  it("takes no record that another create gave", function()
    local given = { a = true }
    assert.same({ false, "absent" }, { judged(what { given = given },
      record "A") })
    assert.same({ "b", "friendly_name" }, { judged(what { given = given },
      record "a", record "b") })
  end)

  it("finds a name without the blanks at its ends", function()
    local of = what { wanted = { friendly_name = " n " } }
    assert.same({ "a", "friendly_name" }, { judged(of, record "a") })
  end)

  it("tells what was made before, at the time, and too late", function()
    local times = { ["2015-01-02T11:23:42Z"] = { false, false },
      ["2015-01-02T11:23:43Z"] = { true, false },
      ["2015-01-02T11:33:45Z"] = { true, false },
      ["2015-01-02T11:33:46Z"] = { n = 2, nil, true },
      ["no time"] = { n = 2, nil, false } }
    for at, expected in pairs(times) do
      local since, late = match.is_since(what(),
        record("a", { date_created = at }))
      assert.equal(expected[1], since, at)
      assert.equal(expected[2], late, at)
    end
    assert.is_nil((match.is_since({ given = {} }, record "a")))
  end)
end)
