-- trunking.time: the API's timestamps as seconds since 1970. Its description
-- says RFC 2822 and its replies are ISO 8601, so it reads both. Pure: the
-- machine's time zone does not matter.
-- SPDX-License-Identifier: MIT

local core = require "trunking.core"

local months = { Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6,
  Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12 }

local function offset(sign, hours, minutes)
  if tonumber(hours) > 23 or tonumber(minutes) > 59 then return nil end
  local seconds = tonumber(hours) * 3600 + tonumber(minutes) * 60
  return sign == "-" and -seconds or seconds
end

local function epoch(y, mo, d, h, mi, s, zone)
  h, mi, s = tonumber(h), tonumber(mi), tonumber(s)
  local days = core.days(tonumber(y), tonumber(mo), tonumber(d))
  if not days or h > 23 or mi > 59 or s > 60 then return nil end
  local seconds = days * 86400 + h * 3600 + mi * 60 + s - zone
  return math.tointeger and math.tointeger(seconds) or seconds
end

local function zone_of(text)
  if text == "Z" or text == "z" or text == "GMT" or text == "UTC"
    or text == "UT" then return 0 end
  local sign, hours, minutes = text:match "^([+-])(%d%d):?(%d%d)$"
  return sign and offset(sign, hours, minutes)
end

local function iso(text)
  local y, mo, d, h, mi, s, rest = text:match
    "^(%d%d%d%d)-(%d%d)-(%d%d)[Tt ](%d%d):(%d%d):(%d%d)(.*)$"
  if not y then return nil end
  local zone = zone_of((rest:gsub("^[.,]%d+", "")))
  return zone and epoch(y, mo, d, h, mi, s, zone)
end

local function rfc2822(text)
  local date = text:gsub("^[A-Za-z][A-Za-z][A-Za-z],[ \t]*", "")
  local d, name, y, h, mi, rest = date:match
    "^(%d%d?)[ \t]+([A-Za-z]+)[ \t]+(%d%d%d%d)[ \t]+(%d%d):(%d%d)(.*)$"
  if not d or not months[name] then return nil end
  local s, zone_text = rest:match "^:(%d%d)[ \t]+([!-~]+)$"
  if not s then s, zone_text = "0", rest:match "^[ \t]+([!-~]+)$" end
  local zone = zone_text and zone_of(zone_text)
  return zone and epoch(y, months[name], d, h, mi, s, zone)
end

--- A timestamp of the API as seconds since 1970 (UTC).
-- @param text ISO 8601 ("2015-01-02T11:23:45Z") or RFC 2822
-- @return a whole number, or nil and what is wrong
return function(text)
  if type(text) ~= "string" then
    error(("bad argument #1 to 'time' (string expected, got %s)"):format(
      type(text)), 2)
  end
  local seconds = iso(text) or rfc2822(text)
  if seconds then return seconds end
  return nil, ("'%s' is neither ISO 8601 nor RFC 2822"):format(text:sub(1, 40))
end
