-- match: which records of a list may be what a create made, by the time they
-- were made and by their fields.
-- Pure. Promises: one record only where it can be no other.
-- SPDX-License-Identifier: MIT

local intents = require "trunking.ensure.intent"
local time = require "trunking.time"

local M = {}

local SLACK = 2  -- seconds between the clocks of two of Twilio's servers
local LATE = 600 -- seconds after which somebody may have tried again

--- Whether a record was made at the time of the create: true; false, it was
-- there before; or nil, that cannot be told.
-- @param what is looked for: since, wanted, fields
function M.is_since(what, record)
  local made = type(record.date_created) == "string"
    and time(record.date_created)
  if not what.since or not made or made > what.since + LATE then return nil end
  return made >= what.since - SLACK
end

--- Sorts a record of the list into `sure`: its time, its name and its fields
-- are those of the create; or into `near`: the time cannot be told, the fields
-- differ (they may have been changed since), or there is no name to go by.
-- @param key the field that is its name: "friendly_name" or "sip_url"
function M.sort(what, record, key, sure, near)
  local name = what.wanted[key] or ""
  if (record[key] or "") ~= name then return end
  local since = M.is_since(what, record)
  if since == false then return end
  local same = not intents.differences(what.wanted, record, what.fields)
  if since and name ~= "" and same then
    sure[#sure + 1] = record
  elseif since or same then
    near[#near + 1] = record
  end
end

-- A new trunk has no date_updated; a new URL has that of its making.
local function is_changed(what, record)
  local at = record.date_updated
  return at ~= nil and (what.row.resource == "" or at ~= record.date_created)
end

--- What the sorted records of a list prove. Beside a sure one, one that was
-- changed since may be the one that was made.
-- @return the record and the key; or false and "absent", or "ambiguous" with
--   the SIDs it may be
function M.judge(what, sure, near, key)
  local sids, doubt = {}, #sure ~= 1
  for i, record in ipairs(sure) do sids[i] = record.sid end
  for _, record in ipairs(near) do
    if #sure == 0 or is_changed(what, record) then
      sids[#sids + 1], doubt = record.sid, true
    end
  end
  if not doubt then return sure[1], key end
  if #sids > 0 then return false, "ambiguous", sids end
  return false, "absent"
end

return M
