-- intent: what a create was asked to do, as a plain table. It can be saved, and
-- trunking.reconcile finds out later, in another process, what became of it.
-- Also: whether a record is what was asked for.
-- Pure: reads the API's table, asks no server and looks at no clock.
-- Promises: an intent holds no credentials. It holds the texts that were sent.
-- SPDX-License-Identifier: MIT

local require = require -- the host may take it away later
local ascii = require "trunking.ascii"
local errors = require "trunking.error"

local M = {}

local rows -- name -> the operation's row of the API's table

--- The row of an operation by the name that errors give it, like "create" or
-- "origination_urls.create"; or nil.
function M.row(name)
  if not rows then
    local all = {} -- kept when it is complete: memory may fail in between
    for _, row in ipairs(require "trunking.core".operations()) do
      all[row.resource == "" and row.name
        or row.resource .. "." .. row.name] = row
    end
    rows = all
  end
  return rows[name]
end

--- The intent of a create: see trunking.error.
M.of = errors.intent_of

-- ---- comparing --------------------------------------------------------

local function folded(a, b)
  return type(a) == "string" and type(b) == "string"
    and ascii.lower(a) == ascii.lower(b)
end

-- Compares words and domains without case, numbers by value. A field that the
-- record does not have, or that is cleared, has its default.
local function same(field, wanted, has)
  local default = field.default
  if has == nil then has = default end
  if wanted == "" then
    return has == nil or has == "" or has == default
  elseif field.type == "domain" or field.type == "enum" then
    return folded(wanted, has)
  elseif field.type == "integer" then
    return tonumber(wanted) == tonumber(has)
  end
  return wanted == has
end

--- The names of the fields in which a record differs from what is wanted, in
-- the order of the API's table; nil when none does. Fields that the table does
-- not have are not compared.
-- @param wanted params with the names of the reply
-- @param record of a reply
-- @param fields of the operation's row
function M.differences(wanted, record, fields)
  local names
  for _, field in ipairs(fields) do
    local value = wanted[field.name]
    if value ~= nil and not same(field, value, record[field.name]) then
      names = names or {}
      names[#names + 1] = field.name
    end
  end
  return names
end

--- Whether two SIDs are the same, without case.
M.same_sid = folded

return M
