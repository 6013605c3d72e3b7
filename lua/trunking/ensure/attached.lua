-- attached: a credential list, an IP access control list or a phone number,
-- found on its trunk by its SID.
-- Promises: a lost attach is sent again only where a look shows that it did
-- nothing; a number is taken from no other trunk, unless the caller says so.
-- SPDX-License-Identifier: MIT

local ascii = require "trunking.ascii"
local errors = require "trunking.error"
local intents = require "trunking.ensure.intent"
local look = require "trunking.ensure.look"
local report = require "trunking.ensure.report"
local run = require "trunking.ensure.run"

local INVALID_TRUNK = 21245 -- of its causes: it is associated already

local function sid_of(value)
  if type(value) == "table" then return value.sid end
  return value
end

-- The record of what is attached; false: it is not; or nil and an error.
local function attached(home, trunk, sid)
  local record, err = home.fetch(trunk, sid)
  if record then return record end
  if err.kind == "not_found" then return false end
  return nil, err
end

-- ---- other trunks -------------------------------------------------------

-- The other trunk that has a number; false: none; or nil and an error. Twilio
-- tells it in another API only: here every trunk is asked for it.
local function trunk_with(search, trunk, number)
  local client = search.client
  local found, err = search:walk(client.list, "trunks", nil, function(other)
    if intents.same_sid(other.sid, sid_of(trunk)) then return nil end
    if search:left() <= 0 then
      return nil, errors.new { kind = "timeout", outcome = "not_sent",
        operation = search.operation, message = "there was no time to ask "
          .. "every trunk for it; give a longer timeout, or move = true" }
    end
    local has, why = attached(client.phone_numbers, other.sid, number)
    if has == nil then return nil, why end
    if has then return other.sid end
  end)
  if found == true then return false end
  return found, err
end

-- An error when the number is another trunk's, or that cannot be seen.
local function taken_elsewhere(search, trunk, number)
  local other, err = search:patiently(function()
    return trunk_with(search, trunk, number)
  end)
  if other == false then return nil end
  if not other then
    return report.nothing_done(search, err, "the other trunks")
  end
  err = look.invalid(search.operation, "phone_number_sid",
    "%s is on the trunk %s; give { move = true } to take it from there",
    number, other)
  return search:error(err, { details = { other } })
end

-- ---- the run ------------------------------------------------------------

-- Of the causes of one code, one is a success here.
local function refusal(err)
  if err.code ~= INVALID_TRUNK then return nil end
  return ascii.lower(err.message):find("already associated", 1, true)
    and "attached" or "taken"
end

local tell = {
  -- Its code has other causes, and it is not there: it is a plain refusal.
  taken = function(at)
    return at.lost and report.refused(at) or report.said(at)
  end,
}

--- Attaches what is not attached yet.
-- @param home the client's functions of the resource
-- @param trunk its SID or record
-- @param sid what is to be on it
-- @param move whether a number may be taken from another trunk; nil: it is no
--   number
-- @return the record and what was done; or nil and an error
return function(search, home, trunk, sid, move)
  return run(search, {
    again = "if_absent",
    guarded = move == false,
    ask = function() return attached(home, trunk, sid) end,
    ask_others = function() return taken_elsewhere(search, trunk, sid) end,
    send = function() return home.create(trunk, sid) end,
    refusal = refusal,
    made = function(at) return at.found, "created" end,
    keep = function(at)
      return at.found, at.state.sent == 0 and "unchanged" or "adopted"
    end,
    -- That it does not show is a lag.
    believe = function()
      return { sid = sid, trunk_sid = sid_of(trunk) }, "adopted"
    end,
    tell = tell,
    words = { what = "the trunk", no_look = "there was no time",
      blind = "it could not be looked at: " },
  })
end
