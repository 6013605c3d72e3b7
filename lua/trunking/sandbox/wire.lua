-- Bytes to values and back: forms, Basic credentials, UTF-8, JSON arrays.
-- Promises: pure functions of their arguments, the same on every Lua.
-- May not know: what a trunk is, what a store is, what a fault is.
-- SPDX-License-Identifier: MIT

local json = require("cjson").new()

local byte, char, find, gmatch, gsub, match, sub =
  string.byte, string.char, string.find, string.gmatch, string.gsub,
  string.match, string.sub
local concat, floor = table.concat, math.floor

local wire = { null = json.null, encode = json.encode }

local function from_hex(digits)
  return char(tonumber(digits, 16))
end

--- Undoes percent-encoding, and `+` for a space; a broken `%` stays as it is.
function wire.unescape(text)
  if find(text, "[%%+]") then
    text = gsub(gsub(text, "%+", " "), "%%(%x%x)", from_hex)
  end
  return text
end

--- Reads a form body or a query into a table; of a repeated key the last wins.
function wire.form(text)
  local form, unescape = {}, wire.unescape
  for pair in gmatch(text, "[^&]+") do
    local at = find(pair, "=", 1, true) or #pair + 1
    form[unescape(sub(pair, 1, at - 1))] = unescape(sub(pair, at + 1))
  end
  return form
end

-- The second byte's narrower range, where a lead byte has one: it keeps out
-- overlong forms, surrogates and what lies beyond U+10FFFF.
local lowest = { [0xE0] = 0xA0, [0xF0] = 0x90 }
local highest = { [0xED] = 0x9F, [0xF4] = 0x8F }

local function width_of(lead)
  if lead < 0x80 then return 1 end
  if lead < 0xC2 or lead > 0xF4 then return nil end
  return lead < 0xE0 and 2 or lead < 0xF0 and 3 or 4
end

--- How many characters a UTF-8 text has; nil when it is not UTF-8.
function wire.length(text)
  if not find(text, "[\128-\255]") then return #text end
  local at, count, size = 1, 0, #text
  while at <= size do
    local lead, second = byte(text, at, at + 1)
    local width = width_of(lead)
    if not width or at + width - 1 > size then return nil end
    if width > 1 then
      local tail = sub(text, at + 1, at + width - 1)
      if find(tail, "[^\128-\191]") or second < (lowest[lead] or 0)
        or second > (highest[lead] or 255) then return nil end
    end
    at, count = at + width, count + 1
  end
  return count
end

local value_of = {}
do
  local letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    .. "0123456789+/"
  for i = 1, 64 do value_of[sub(letters, i, i)] = i - 1 end
end

local function from_base64(text)
  local out, bits, held = {}, 0, 0
  for letter in gmatch(text, "[%w+/]") do
    bits, held = bits * 64 + value_of[letter], held + 6
    if held >= 8 then
      held = held - 8
      local unit = 2 ^ held
      out[#out + 1] = char(floor(bits / unit))
      bits = bits % unit
    end
  end
  return concat(out)
end

--- User and secret of an Authorization header; nil when it holds none.
function wire.basic(header)
  local scheme, text = match(header, "^(%a+) +(%S+)$")
  if not scheme or scheme:lower() ~= "basic" then return nil end
  return match(from_base64(text), "^([^:]*):(.*)$")
end

--- A JSON array of values that are encoded already. (Stock lua-cjson writes an
-- empty table as an object, so arrays are put together here.)
function wire.array(encoded)
  return "[" .. concat(encoded, ",") .. "]"
end

-- ',"sid":' and so on, made once for each name.
local labels = setmetatable({}, { __index = function(known, name)
  known[name] = ',"' .. name .. '":'
  return known[name]
end })

local out = {} -- filled again for each object

local function put(n, value)
  if type(value) == "string" and not find(value, '[%c"\\]') then
    out[n + 1], out[n + 2], out[n + 3] = '"', value, '"'
    return n + 3
  end
  out[n + 1] = value == true and "true" or value == false and "false"
    or json.encode(value)
  return n + 1
end

--- A JSON object of the named values, in that order, then the texts of `more`,
-- which are JSON already. Built in one piece, and not by cjson: LuaJIT hashes
-- 16 bytes of a long string, so long ones that differ only elsewhere all land
-- in one chain, and a create among 20,000 took 120 us.
function wire.object(names, values, more)
  local n = 0
  for i = 1, #names do
    out[n + 1] = labels[names[i]]
    n = put(n + 1, values[names[i]])
  end
  out[1] = "{" .. sub(out[1], 2)
  for i = 1, #more do out[n + i] = more[i] end
  out[n + #more + 1] = "}"
  return concat(out, "", 1, n + #more + 1)
end

--- A JSON object with one more member, whose value is encoded already.
function wire.with(key, value, object)
  return '{"' .. key .. '":' .. value .. "," .. sub(object, 2)
end

return wire
