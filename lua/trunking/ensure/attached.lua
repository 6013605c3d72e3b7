-- attached: a credential list, an IP access control list or a phone number,
-- found on its trunk by its SID.
-- Promises: a lost attach is sent again only where a look shows that it did
-- nothing; a number is taken from no other trunk, unless the caller says so.
-- SPDX-License-Identifier: MIT

local errors = require "trunking.error"
local look = require "trunking.ensure.look"
local report = require "trunking.ensure.report"
local run = require "trunking.ensure.run"
local same = require "trunking.ensure.same"

local INVALID_TRUNK = 21245 -- of its causes: it is associated already

local sid_of = report.sid_of

-- The record of what is attached; false: it is not; or nil and an error.
local function attached(search, resource, trunk, sid)
  local record, err = search:call(resource .. ".fetch", trunk, sid)
  if record then return record end
  if err.kind == "not_found" then return false end
  return nil, err
end

-- ---- other trunks -------------------------------------------------------

-- The SIDs of the other trunks; or nil and an error.
local function others_of(search, trunk)
  local sids = {}
  local ok, err = search:walk("list", "trunks", nil, function(other)
    if not same.folded(other.sid, sid_of(trunk)) then
      sids[#sids + 1] = other.sid
    end
  end)
  if not ok then return nil, err end
  return sids
end

-- The other trunk that has a number; false: none; or nil and an error. Twilio
-- tells it in another API only: here every trunk is asked for it. All are known
-- first, so that as little time as can be passes from the first answer to the
-- request that follows. reserve: the seconds that are to be left.
local function trunk_with(search, trunk, number, reserve)
  local sids, err = others_of(search, trunk)
  for _, sid in ipairs(sids or {}) do
    if search:left() <= reserve then break end
    local has, why = attached(search, "phone_numbers", sid, number)
    if has then return sid end
    if has == nil and search:left() > reserve then return nil, why end
  end
  if search:left() > reserve then return sids and false, err end
  return nil, errors.new { kind = search.own.cancelled and "cancelled"
    or "timeout", outcome = "not_sent", operation = search.operation,
    message = "there was no time to ask every trunk for it; give a longer "
      .. "timeout, or move = true" }
end

-- An error when the number is another trunk's, or that cannot be seen.
local function taken_elsewhere(search, trunk, number)
  local other, err = search:patiently(function()
    return trunk_with(search, trunk, number, 0)
  end)
  if other == false then return nil end
  if not other then
    return report.nothing_done(search, err, "the other trunks")
  end
  err = look.invalid(search.operation, "phone_number_sid",
    "%s is on the trunk %s of %s; give { move = true } to take it from there",
    number, other, search:account())
  return search:error(err, { details = { other } })
end

-- ---- the run ------------------------------------------------------------

-- Whether the words of a refusal say that it is on this trunk: they name it,
-- or they name none and say "this trunk".
local function names_trunk(words, trunk)
  local sid, named = same.lower(sid_of(trunk)), false
  for other in words:gmatch "tk%x+" do
    if other ~= sid then return false end
    named = true
  end
  return named or words:find("associated with this trunk", 1, true) ~= nil
end

-- Of the causes of one code, one is a success here.
local function refusal(err, trunk)
  if err.code ~= INVALID_TRUNK then return nil end
  local words = same.lower(err.message)
  return words:find("already associated", 1, true)
    and names_trunk(words, trunk) and "attached" or "taken"
end

local tell = {
  -- Its code has other causes, and it is not there: it is a plain refusal.
  taken = function(at)
    return at.lost and report.refused(at) or report.said(at)
  end,
}

--- Attaches what is not attached yet.
-- @param resource "phone_numbers" or its like
-- @param trunk its SID or record
-- @param sid what is to be on it
-- @param move whether a number may be taken from another trunk; nil: it is no
--   number
-- @return the record, what was done, and, of a number that was moved, the SID
--   of the trunk that had it; or nil and an error
return function(search, resource, trunk, sid, move)
  local from = nil -- the trunk that a number is moved from
  local function ask_others()
    if not move then return taken_elsewhere(search, trunk, sid) end
    from = trunk_with(search, trunk, sid, search:left() / 2) or nil
  end
  local function done(record, what)
    if from and what ~= "unchanged" then return record, "moved", from end
    return record, what
  end
  return run(search, {
    again = "if_absent",
    guarded = move ~= nil,
    ask = function() return attached(search, resource, trunk, sid) end,
    ask_others = ask_others,
    send = function()
      return search:call(resource .. ".create", trunk, sid)
    end,
    refusal = function(err) return refusal(err, trunk) end,
    made = function(at) return done(at.found, "created") end,
    keep = function(at)
      return done(at.found, at.state.sent == 0 and "unchanged" or "adopted")
    end,
    -- That it does not show is a lag.
    believe = function()
      return { sid = sid, trunk_sid = sid_of(trunk) }, "adopted"
    end,
    tell = tell,
    words = { what = "the trunk " .. sid_of(trunk),
      no_look = "there was no time", blind = "it could not be looked at: ",
      said = function(err)
        return ("%s could not be put on the trunk %s: %s"):format(sid,
          sid_of(trunk), err.message)
      end },
  })
end
