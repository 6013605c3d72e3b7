-- Enums: NAME -> wire word, read-only, and loud about a NAME that is none.

local core = require "trunking.core"
local enum = require "trunking.enum"
local trunking = require "trunking"

-- Calls f, which raises in its first line; returns the message without it.
local function raised(f)
  local ok, why = pcall(f)
  assert.is_false(ok)
  local at = ("enum_spec.lua:%d: "):format(debug.getinfo(f, "S").linedefined)
  local _, stop = why:find(at, 1, true)
  assert.truthy(stop, why)
  return why:sub(stop + 1)
end

describe("an enum", function()
  local mode = trunking.transfer_mode

  for title, words in pairs {
    transfer_mode = { DISABLE_ALL = "disable-all", ENABLE_ALL = "enable-all",
      SIP_ONLY = "sip-only" },
    transfer_caller_id = { FROM_TRANSFEREE = "from-transferee",
      FROM_TRANSFEROR = "from-transferor" },
    http_method = { HEAD = "HEAD", GET = "GET", POST = "POST",
      PATCH = "PATCH", PUT = "PUT", DELETE = "DELETE" },
  } do
    it("has a NAME for each word: " .. title, function()
      local count = 0
      for name, word in pairs(words) do
        assert.equal(word, trunking[title][name])
        count = count + 1
      end
      assert.equal(count, #enum.names(trunking[title]))
    end)
  end

  it("is made of what the C module checks, and nothing else", function()
    for title, words in pairs(core.enums) do
      assert.same(words, enum.values(trunking[title]))
    end
  end)

  it("has dashes, dots and spaces as underscores in its NAMEs", function()
    local made = enum.new("made", { "a-b.c d", "x" })
    assert.same({ "A_B_C_D", "X" }, enum.names(made))
    assert.equal("a-b.c d", made.A_B_C_D)
  end)

  it("gives names and values in the API's order, as new arrays", function()
    assert.same({ "DISABLE_ALL", "ENABLE_ALL", "SIP_ONLY" }, enum.names(mode))
    enum.names(mode)[1], enum.values(mode)[1] = "gone", "gone"
    assert.equal("DISABLE_ALL", enum.names(mode)[1])
    assert.equal("disable-all", enum.values(mode)[1])
  end)

  it("contains its wire words, not its NAMEs", function()
    assert.is_true(enum.contains(mode, "sip-only"))
    for _, word in ipairs { "SIP_ONLY", "sip", "", 1, false } do
      assert.is_false(enum.contains(mode, word))
    end
    assert.is_false(enum.contains(mode, nil))
  end)

  for name, ending in pairs {
    SIP_ONYL = "did you mean SIP_ONLY?", sip_only = "did you mean SIP_ONLY?",
    ["sip-only"] = "did you mean SIP_ONLY?",
    WEIGHT = "it has DISABLE_ALL, ENABLE_ALL, SIP_ONLY",
  } do
    it("raises at the caller's line for " .. name, function()
      assert.equal(("transfer_mode has no %s; %s"):format(name, ending),
        raised(function() return mode[name] end))
    end)
  end

  it("raises for a key that is no name", function()
    for _, key in ipairs { 1, true, {} } do
      assert.truthy(raised(function() return mode[key] end):find "has no")
    end
  end)

  it("is read-only, for a NAME and for a new key", function()
    for _, name in ipairs { "SIP_ONLY", "NEW" } do
      assert.equal("transfer_mode is read-only",
        raised(function() mode[name] = "x" end))
    end
    assert.equal("sip-only", mode.SIP_ONLY)
  end)

  it("hides its metatable and keeps it", function()
    assert.is_false(getmetatable(mode))
    assert.has_error(function() setmetatable(mode, {}) end)
  end)

  it("says its name", function()
    assert.equal("trunking.transfer_mode", tostring(mode))
  end)

  -- From 5.2 on, and in a LuaJIT that is built with what 5.2 has.
  it("is walked in order by pairs, where pairs can be taught", function()
    local seen, expected, taught = {}, {}, false
    for name, word in pairs(mode) do seen[#seen + 1] = name .. word end
    pairs(setmetatable({}, { __pairs = function() taught = true end }))
    if taught then
      expected = { "DISABLE_ALLdisable-all", "ENABLE_ALLenable-all",
        "SIP_ONLYsip-only" }
    end
    assert.same(expected, seen)
  end)

  for _, name in ipairs { "names", "values", "contains" } do
    it(name .. " raises at the caller's line for what is no enum", function()
      for _, value in ipairs { {}, "x", 1 } do
        assert.equal("an enum of trunking expected",
          raised(function() local r = enum[name](value) return r end))
      end
      assert.has_error(function() local r = enum[name](nil) return r end)
    end)
  end
end)
