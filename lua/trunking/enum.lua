-- Enums: read-only tables NAME -> wire word, made from the C module's table,
-- so that they cannot drift from what is checked. Pure.
-- SPDX-License-Identifier: MIT

local ascii = require "trunking.ascii"
local suggest = require "trunking.suggest"

local M = {}

-- enum -> { title, names = {...}, by_name = {...}, words = {...} }. The keys
-- are weak: an enum that nobody holds takes its entry with it.
local known = setmetatable({}, { __mode = "k" })

local function info(enum, level)
  local i = known[enum]
  if not i then error("an enum of trunking expected", level + 1) end
  return i
end

local function lookup(enum, name)
  local i = known[enum]
  local word = i.by_name[name]
  if word ~= nil then return word end
  local meant = suggest(name, i.names)
  error(("%s has no %s; %s"):format(i.title, tostring(name), meant
    and ("did you mean %s?"):format(meant)
    or "it has " .. table.concat(i.names, ", ")), 2)
end

local function refuse(enum)
  error(("%s is read-only"):format(known[enum].title), 2)
end

local function walk(enum)
  local i, n = known[enum], 0
  return function()
    n = n + 1
    return i.names[n], i.by_name[i.names[n]]
  end
end

--- An enum from its wire words: "sip-only" becomes SIP_ONLY.
-- @param title its name, for messages
-- @param words array of wire words
function M.new(title, words)
  local i = { title = title, names = {}, by_name = {}, words = {}, set = {} }
  for n, word in ipairs(words) do
    local name = ascii.upper(word):gsub("[^0-9A-Z]", "_")
    i.names[n], i.words[n] = name, word
    i.by_name[name], i.set[word] = word, true
  end
  local enum = setmetatable({}, {
    __index = lookup, __newindex = refuse, __pairs = walk,
    __tostring = function() return "trunking." .. title end,
    __metatable = false,
  })
  known[enum] = i
  return enum
end

--- The wire words of an enum, in the API's order, as a new array.
function M.values(enum)
  local out = {}
  for n, word in ipairs(info(enum, 2).words) do out[n] = word end
  return out
end

--- The NAMEs of an enum, in the same order, as a new array.
function M.names(enum)
  local out = {}
  for n, name in ipairs(info(enum, 2).names) do out[n] = name end
  return out
end

--- Whether a wire word belongs to an enum.
function M.contains(enum, word)
  return info(enum, 2).set[word] == true
end

return M
