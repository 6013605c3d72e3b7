-- What the fuzz target json holds our decoding against: cjson on the whole
-- text, and a walk over all of its table.
-- SPDX-License-Identifier: MIT

-- reply(text): the table that comes of a reply, or nil and an error.
local reply = ...

local cjson = require "cjson".new()
cjson.decode_max_depth(16)
cjson.decode_invalid_numbers(false)

local EXACT = 2 ^ 53

-- Where a text ends that begins at `from`; nil: nowhere.
local function end_of_text(text, from)
  local at = from + 1
  while true do
    at = text:find('["\\]', at)
    if not at or text:sub(at, at) == '"' then return at end
    at = at + 2
  end
end

-- The brackets and texts in order: where each begins, its first character, and
-- where it ends. A text that ends nowhere is the last.
local function marks(text)
  local last = 0
  return function()
    local at = last and text:find('[{}%[%]"]', last + 1)
    if not at then return nil end
    local c = text:sub(at, at)
    last = at
    if c == '"' then last = end_of_text(text, at) end
    return at, c, last
  end
end

-- Whether what is not JSON has a null that looks like a member of an object,
-- though it stands in an array, or its first quote ends a text. With that cut
-- out the rest may be JSON, and is read as such.
local function has_lookalike(text)
  local arrays = { false }
  for at, c, last in marks(text) do
    if c == "{" or c == "[" then
      arrays[#arrays + 1] = c == "["
    elseif c ~= '"' then
      arrays[#arrays] = nil
    elseif last and text:find('^[%w_]+":null[,}]', last + 1)
      or arrays[#arrays] and text:find('^"[%w_]+":null[,}]', at) then
      return true
    end
  end
  return false
end

-- Whether an object has a name twice. JSON leaves open what that means.
local function repeats_a_name(text)
  local names = { {} }
  for at, c, last in marks(text) do
    if c == "{" or c == "[" then
      names[#names + 1] = {}
    elseif c ~= '"' then
      names[#names] = nil
    elseif text:find("^%s*:", last + 1) then
      local name = cjson.decode("[" .. text:sub(at, last) .. "]")[1]
      local here = names[#names]
      if here[name] then return true end
      here[name] = true
    end
  end
  return false
end

-- Nulls go, but for those in arrays, and whole numbers become integers.
local function tidy(value)
  for k, v in pairs(value) do
    if v == cjson.null then
      if type(k) == "string" then value[k] = nil end
    elseif type(v) == "table" then
      tidy(v)
    elseif type(v) == "number" and v % 1 == 0 and v > -EXACT and v < EXACT then
      value[k] = math.tointeger(v)
    end
  end
  return value
end

local function expected(text)
  if text:find("\0", 1, true) then return nil end
  local ok, value = pcall(cjson.decode, text)
  if not ok then return nil, has_lookalike(text) end
  if type(value) ~= "table" then return nil end
  if repeats_a_name(text) then return nil, true end
  tidy(value)
  return type(value.mode) == "string" and value or nil
end

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b and math.type(a) == math.type(b)
  end
  for k, v in pairs(a) do if not same(v, b[k]) then return false end end
  for k in pairs(b) do if a[k] == nil then return false end end
  return true
end

return function(text)
  local wanted, open = expected(text)
  local got = reply(text)
  if not open then assert(same(wanted, got), "decoded differently") end
end
