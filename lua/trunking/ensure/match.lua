-- match: which records of a list may be what a create made, by the time they
-- were made and by their fields.
-- Pure. Promises: one record only where it can be no other.
-- SPDX-License-Identifier: MIT

local intents = require "trunking.ensure.intent"
local same = require "trunking.ensure.same"
local time = require "trunking.time"

local M = {}

local SLACK = 2  -- seconds between the clocks of two of Twilio's servers
local LATE = 600 -- seconds after which somebody may have tried again

local function time_of(text)
  return type(text) == "string" and time(text) or nil
end

--- Whether a record was made at the time of the create: true; false, it was
-- there before; or nil, that cannot be told; and whether it was made later than
-- a reply can come.
-- @param what is looked for: since, wanted, fields
function M.is_since(what, record)
  local made = time_of(record.date_created)
  if not what.since or not made then return nil, false end
  if made > what.since + LATE then return nil, true end
  return made >= what.since - SLACK, false
end

--- Whether a record is the result of another create, whose caller has it.
-- @param what is looked for: given, a set of SIDs
function M.is_given(what, record)
  return what.given[same.lower(record.sid)] == true
end

--- Sorts a record of the list into `sure`: its time, its name and its fields
-- are those of the create; or into `near`: the time cannot be told, the fields
-- differ (they may have been changed since), or there is no name to go by.
-- @param what is looked for: since, wanted, fields, given; and key, the API's
--   row of the field that is its name
-- @param key that field's name: "friendly_name" or "sip_url"
function M.sort(what, record, key, sure, near)
  local name, has = what.wanted[key] or "", record[key] or ""
  if has ~= name and not same.value(what.key, name, has) then return end
  if M.is_given(what, record) then return end
  local since = M.is_since(what, record)
  if since == false then return end
  local alike = not intents.differences(what.wanted, record, what.fields)
  if since and name ~= "" and alike then
    sure[#sure + 1] = record
  elseif since or alike then
    near[#near + 1] = record
  end
end

-- A new record has no date_updated, or that of its making.
local function is_changed(record)
  local at, made = record.date_updated, record.date_created
  if at == nil or at == made then return false end
  local updated, created = time_of(at), time_of(made)
  return not updated or not created or updated > created
end

--- What the sorted records of a list prove. Beside a sure one, one that was
-- changed since may be the one that was made.
-- @return the record and the key; or false and "absent", or "ambiguous" with
--   the SIDs it may be
function M.judge(sure, near, key)
  local sids, doubt = {}, #sure ~= 1
  for i, record in ipairs(sure) do sids[i] = record.sid end
  for _, record in ipairs(near) do
    if #sure == 0 or is_changed(record) then
      sids[#sids + 1], doubt = record.sid, true
    end
  end
  if not doubt then return sure[1], key end
  if #sids > 0 then return false, "ambiguous", sids end
  return false, "absent"
end

return M
