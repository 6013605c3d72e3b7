-- The API's timestamps as seconds since 1970, whatever this machine's zone.

local unpack = table.unpack or unpack
local time = require "trunking.time"

describe("time", function()
  for text, seconds in pairs {
    ["1970-01-01T00:00:00Z"] = 0,
    ["2015-01-02T11:23:45Z"] = 1420197825,
    ["2015-01-02t11:23:45z"] = 1420197825,
    ["2015-01-02 11:23:45Z"] = 1420197825,
    ["2015-01-02T11:23:45.999Z"] = 1420197825,
    ["2015-01-02T11:23:45,123456789Z"] = 1420197825,
    ["2015-01-02T11:23:45+00:00"] = 1420197825,
    ["2015-01-02T13:23:45+02:00"] = 1420197825,
    ["2015-01-02T05:53:45-0530"] = 1420197825,
    ["2015-01-02T11:23:45.5+00:00"] = 1420197825,
    ["2000-02-29T00:00:00Z"] = 951782400,
    ["2000-03-01T00:00:00Z"] = 951868800,
    ["2024-02-29T23:59:59Z"] = 1709251199,
    ["2023-03-01T00:00:00Z"] = 1677628800,
    ["2100-03-01T00:00:00Z"] = 4107542400,
    ["1999-12-31T23:59:59Z"] = 946684799,
    ["1969-12-31T23:59:59Z"] = -1,
    ["1969-07-20T20:17:40Z"] = -14182940,
    ["1970-01-01T00:00:00+01:00"] = -3600,
    ["1900-03-01T00:00:00Z"] = -2203891200,
    ["2016-12-31T23:59:60Z"] = 1483228800,
    ["2038-01-19T03:14:08Z"] = 2147483648,
    ["Fri, 02 Jan 2015 11:23:45 +0000"] = 1420197825,
    ["Fri, 2 Jan 2015 11:23:45 GMT"] = 1420197825,
    ["02 Jan 2015 11:23:45 UTC"] = 1420197825,
    ["Fri, 02 Jan 2015 13:23:45 +0200"] = 1420197825,
    ["Fri, 02 Jan 2015 03:23:45 -0800"] = 1420197825,
    ["Fri, 02 Jan 2015 11:23 +0000"] = 1420197780,
    ["Tue, 29 Feb 2000 00:00:00 +0000"] = 951782400,
    ["Wed, 31 Dec 1969 23:59:59 +0000"] = -1,
  } do
    it(("reads %s as %d"):format(text, seconds), function()
      assert.equal(seconds, time(text))
      if math.type then assert.equal("integer", math.type(time(text))) end
    end)
  end

  for _, text in ipairs { "", "yesterday", "2015-01-02", "1420197825",
    "2015-01-02T11:23:45", "2015-01-02T11:23Z", "2015-1-2T11:23:45Z",
    "2015-13-01T00:00:00Z", "2015-00-01T00:00:00Z", "2015-01-00T00:00:00Z",
    "2015-01-32T00:00:00Z", "2015-04-31T00:00:00Z", "2015-01-01T24:00:00Z",
    "2015-01-01T00:60:00Z", "2015-01-01T00:00:61Z", "2015-01-01T00:00:00Zx",
    "2015-01-01T00:00:00 EST", "2015-01-01T00:00:00.Z", "x2015-01-01T00:00:00Z",
    "Fri, 02 Foo 2015 11:23:45 +0000", "Fri, 02 Jan 15 11:23:45 +0000",
    "Fri, 02 Jan 2015 11:23:45", "Fri, 02 Jan 2015 11:23:45 PM",
    "Fri, 32 Jan 2015 11:23:45 GMT", "Fri, 02 Jan 2015 25:23:45 GMT",
    -- days that the calendar lacks
    "2015-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2015-02-30T00:00:00Z",
    "Sun, 29 Feb 2015 00:00:00 GMT" } do
    it(("says what is wrong with %q"):format(text), function()
      local seconds, why = time(text)
      assert.is_nil(seconds)
      assert.equal(("'%s' is neither ISO 8601 nor RFC 2822"):format(text), why)
    end)
  end

  it("cuts what it quotes of a long text", function()
    assert.is_true(#select(2, time(("x"):rep(1e5))) < 100)
  end)

  it("raises at the caller's line for what is no text", function()
    for _, value in ipairs { 42, {}, true } do
      local line = debug.getinfo(1, "l").currentline + 1
      local ok, why = pcall(function() return (time(value)) end)
      assert.is_false(ok)
      assert.truthy(why:find(("time_spec.lua:%d: bad argument #1"):format(
        line), 1, true), why)
    end
  end)
end)

describe("a day", function()
  local core = require "trunking.core"
  -- year, month, day, days since 1970-01-01 (GNU date's)
  for _, case in ipairs { { 1970, 1, 1, 0 }, { 1969, 12, 31, -1 },
    { 0, 1, 1, -719528 }, { 0, 2, 29, -719469 }, { 0, 3, 1, -719468 },
    { 2000, 2, 29, 11016 }, { 2100, 3, 1, 47541 }, { 9999, 12, 31, 2932896 },
  } do
    it(("%04d-%02d-%02d is in its place"):format(unpack(case, 1, 3)),
      function()
        assert.equal(case[4], core.days(unpack(case, 1, 3)))
      end)
  end
  for _, case in ipairs { { -1, 1, 1 }, { 10000, 1, 1 }, { 2000, 0, 1 },
    { 2000, 13, 1 }, { 2000, 1, 0 }, { 2000, 1, 32 }, { 2001, 2, 29 },
    { 1900, 2, 29 }, { 2000, 4, 31 } } do
    it(("%d-%d-%d does not exist"):format(unpack(case)), function()
      assert.is_nil(core.days(unpack(case)))
    end)
  end
end)
