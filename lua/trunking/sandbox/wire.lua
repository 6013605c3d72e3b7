-- Bytes to values and back: forms, Basic credentials, UTF-8, JSON arrays.
-- Promises: pure functions of their arguments, the same on every Lua.
-- May not know: what a trunk is, what a store is, what a fault is.
-- SPDX-License-Identifier: MIT

local json = require("cjson").new()

local byte, char, find, format, gmatch, gsub, match, sub =
  string.byte, string.char, string.find, string.format, string.gmatch,
  string.gsub, string.match, string.sub
local concat, floor = table.concat, math.floor

local null = json.null

local wire = { null = null, encode = json.encode }

local lowers = {}
for letter in ("ABCDEFGHIJKLMNOPQRSTUVWXYZ"):gmatch "." do
  lowers[letter] = char(letter:byte() + 32)
end

--- A text with small letters for the large ones of ASCII, whatever the locale.
-- (LuaJIT's lower does so by itself.)
wire.lower = rawget(_G, "jit") and string.lower or function(text)
  return (gsub(text, "[A-Z]", lowers))
end

-- Where LuaJIT runs this, a pattern ends a trace and a plain find does not: a
-- create spends most of its time here.

local of_digits = {} -- "2F", "2f" -> "/"
for code = 0, 255 do
  local text = char(code)
  local high, low = format("%x", floor(code / 16)), format("%x", code % 16)
  for _, first in ipairs { high, high:upper() } do
    of_digits[first .. low], of_digits[first .. low:upper()] = text, text
  end
end

--- Undoes percent-encoding, and `+` for a space; a broken `%` stays as it is.
function wire.unescape(text)
  if find(text, "+", 1, true) then text = gsub(text, "%+", " ") end
  local at = find(text, "%", 1, true)
  if not at then return text end
  local parts, n, from = {}, 0, 1
  while at do
    local byte_meant = of_digits[sub(text, at + 1, at + 2)]
    if byte_meant then
      parts[n + 1], parts[n + 2] = sub(text, from, at - 1), byte_meant
      n, from = n + 2, at + 3
    end
    at = find(text, "%", byte_meant and from or at + 1, true)
  end
  return concat(parts, "", 1, n) .. sub(text, from)
end

--- Reads a form body or a query into a table; of a repeated key the last wins.
function wire.form(text)
  local form, unescape, from, size = {}, wire.unescape, 1, #text
  while from <= size do
    local stop = find(text, "&", from, true) or size + 1
    local at = find(text, "=", from, true)
    if not at or at > stop then at = stop end
    if stop > from then
      form[unescape(sub(text, from, at - 1))] =
        unescape(sub(text, at + 1, stop - 1))
    end
    from = stop + 1
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
  for letter in gmatch(text, "[0-9A-Za-z+/]") do
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
  local scheme, text = match(header, "^([A-Za-z]+) +([!-~]+)$")
  if not scheme or wire.lower(scheme) ~= "basic" then return nil end
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

local LATELY = 512
local texts, held = {}, 0 -- JSON of texts that were asked for lately

local function text_json(value)
  local known = texts[value]
  if known then return known end
  if held == LATELY then texts, held = {}, 0 end
  known = find(value, '[%c"\\]') and json.encode(value)
    or '"' .. value .. '"'
  texts[value], held = known, held + 1
  return known
end

local function to_json(value)
  if type(value) == "string" then return text_json(value) end
  return value == true and "true" or value == false and "false"
    or value == null and "null" or json.encode(value)
end

local out = {} -- filled again for each object

--- A JSON object of the named values, in that order, then the texts of `more`,
-- which are JSON already. Built in one piece, and not by cjson: LuaJIT hashes
-- 16 bytes of a long string, so long ones that differ only elsewhere all land
-- in one chain, and a create among 20,000 took 120 us.
function wire.object(names, values, more)
  local n = 0
  for i = 1, #names do
    out[n + 1], out[n + 2] = labels[names[i]], to_json(values[names[i]])
    n = n + 2
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
