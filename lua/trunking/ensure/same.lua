-- same: whether a value of a record is the one that is wanted. A server may
-- store what it is given in another form: without the blanks at its ends, a
-- URL's scheme and host in small letters. What else a server made of a value is
-- learnt from its own replies.
-- Pure. Promises: two values that a server can hold apart are never the same,
-- unless it has shown that it makes the one of the other.
-- SPDX-License-Identifier: MIT

local ascii = require "trunking.ascii"

local M = {}

local MOST = 256 -- values of one field that are remembered

-- ---- texts --------------------------------------------------------------

--- A text with small letters, in ASCII.
M.lower = ascii.lower

--- Whether two texts are the same, without case.
function M.folded(a, b)
  return type(a) == "string" and type(b) == "string"
    and M.lower(a) == M.lower(b)
end

local function trimmed(text)
  return text:match "^[ \t\r\n\v\f]*(.-)[ \t\r\n\v\f]*$"
end

-- A URL in the form in which its equals are the same: RFC 3261, 19.1.4, and RFC
-- 3986, 6.2.2.1, tell that its scheme and host have no case.
local function plain_url(url)
  local scheme, rest = url:match "^([A-Za-z0-9+.-]+:)(.*)$"
  if not scheme then return url end
  local slashes, from = rest:match "^(/*)()"
  local ends = slashes == "" and rest:find("[;?]", (rest:find "@[^@]*$") or 1)
    or slashes ~= "" and rest:find("[/?#]", from)
  local authority = rest:sub(from, ends and ends - 1 or -1)
  local user, host = authority:match "^(.*@)([^@]*)$"
  return M.lower(scheme) .. slashes .. (user or "")
    .. M.lower(host or authority) .. (ends and rest:sub(ends) or "")
end

--- Whether two URLs are the same.
function M.url(a, b)
  return type(a) == "string" and type(b) == "string"
    and plain_url(a) == plain_url(b)
end

-- ---- what a server makes of a value -------------------------------------

--- Remembers that a server made `has` of `wanted`, in a field.
-- @param memory table of the client, empty at first
function M.learn(memory, field, wanted, has)
  local known = memory[field.name]
  if not known or known.n >= MOST then
    known = { n = 0, of = {} }
    memory[field.name] = known
  end
  known.n = known.n + 1
  known.of[tostring(wanted)] = { has = has }
end

local function learnt(memory, field, wanted, has)
  local known = memory and memory[field.name]
  known = known and known.of[tostring(wanted)]
  return known ~= nil and known.has == has
end

-- ---- values -------------------------------------------------------------

local URLS = { sip_url = true, url = true }

local function same_text(field, wanted, has)
  if type(has) ~= "string" then return false end
  local text = trimmed(wanted)
  return text == has or URLS[field.type] == true and M.url(text, has)
end

--- Whether a record has what is wanted in a field: words and domains are
-- compared without case, numbers by value. A field that the record does not
-- have, or that is cleared, has its default.
-- @param field of the API's table
-- @param memory what was learnt; or nil
function M.value(field, wanted, has, memory)
  local default = field.default
  if learnt(memory, field, wanted, has) then return true end
  if has == nil then has = default end
  if wanted == has then return true end
  if wanted == "" then
    return has == nil or has == "" or has == default
  elseif field.type == "domain" or field.type == "enum" then
    return M.folded(wanted, has)
  elseif field.type == "integer" then
    return tonumber(wanted) ~= nil and tonumber(wanted) == tonumber(has)
  end
  return type(wanted) == "string" and same_text(field, wanted, has)
end

return M
