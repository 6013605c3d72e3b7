-- intent: what a create was asked to do, as a plain table. It can be saved, and
-- trunking.reconcile finds out later, in another process, what became of it.
-- Also: whether a record is what was asked for.
-- Pure: reads the API's table, asks no server and looks at no clock.
-- Promises: an intent holds no credentials. It holds the texts that were sent.
-- SPDX-License-Identifier: MIT

local require = require -- the host may take it away later
local core = require "trunking.core"
local errors = require "trunking.error"
local same = require "trunking.ensure.same"

local M = {}

local rows -- name -> the operation's row of the API's table

--- The row of an operation by the name that errors give it, like "create" or
-- "origination_urls.create"; or nil.
function M.row(name)
  if not rows then
    local all = {} -- kept when it is complete: memory may fail in between
    for _, row in ipairs(core.operations()) do
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

--- The names of the fields in which a record differs from what is wanted, in
-- the order of the API's table; nil when none does. Fields that the table does
-- not have are not compared.
-- @param wanted params with the names of the reply
-- @param record of a reply
-- @param fields of the operation's row
-- @param memory what was learnt of the server: see trunking.ensure.same; or nil
function M.differences(wanted, record, fields, memory)
  local names
  for _, field in ipairs(fields) do
    local value = wanted[field.name]
    if value ~= nil and not same.value(field, value, record[field.name], memory)
    then
      names = names or {}
      names[#names + 1] = field.name
    end
  end
  return names
end

--- Whether two SIDs are the same, without case.
M.same_sid = same.folded

return M
