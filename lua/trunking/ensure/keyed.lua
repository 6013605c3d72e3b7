-- keyed: a trunk or an origination URL, found by a key in a list.
-- Promises: sends a lost create again only where the key is a domain name,
-- which Twilio takes once; never changes one of several that match.
-- SPDX-License-Identifier: MIT

local bring_up = require "trunking.ensure.update"
local look = require "trunking.ensure.look"
local report = require "trunking.ensure.report"
local run = require "trunking.ensure.run"

local DOMAIN_TAKEN = 21248
local INVALID_TRUNK = 21245 -- of its causes: another trunk has the domain

local function sids_of(records)
  local sids = {}
  for i, record in ipairs(records) do sids[i] = record.sid end
  return sids
end

-- All that match, as an array; false where none does; or nil and an error.
local function find(search, thing)
  local found, seen = {}, {} -- what is made meanwhile moves the pages' ends
  local ok, err = search:walk(thing.list, thing.what, thing.parent,
    function(record)
      if not thing.matches(record) or seen[record.sid] then return nil end
      found[#found + 1], seen[record.sid] = record, true
      if thing.unique then return true end
    end)
  if not ok then return nil, err end
  return found[1] ~= nil and found
end

-- ---- its errors ---------------------------------------------------------

local function several(at)
  local thing, sids = at.thing.keyed, sids_of(at.found)
  if at.state.sent > 0 then
    return report.left_open(at, ("now %d %s match: %s"):format(#sids,
      thing.what, table.concat(sids, ", ")), { details = sids })
  end
  local key = thing.key
  if key ~= "sip_url" then -- which may hold a password
    key = ("%s '%s'"):format(key, thing.wanted[key])
  end
  local err = look.invalid(at.search.operation, thing.key,
    "%d %s have the %s; give the SID of the one you mean: %s", #sids,
    thing.what, key, table.concat(sids, ", "))
  return at.search:error(err, { details = sids })
end

-- The domain is taken, and no trunk of ours in the list has it.
local function taken(at)
  local err, words = at.err, at.err.message
  if not at.lost then
    if at.state.seen == "absent" and err.code == DOMAIN_TAKEN then
      words = words .. "; no trunk of this account has it"
    end
    return at.search:error(err, { message = words })
  end
  return at.search:error(at.lost, { kind = err.kind, code = err.code,
    status = err.status, more_info = err.more_info, attempts = at.state.sent,
    request_id = err.request_id, maybe_ours = true, message = words
      .. "; an earlier attempt of this call may have taken it, but no trunk "
      .. "in the list has it: reconcile the intent later" })
end

-- The domain is that of a trunk of ours which is not the one looked for.
local function other(at)
  local sid = at.found[1].sid
  local words = ("%s; the trunk %s of this account has it"):format(
    at.err.message, sid)
  if at.lost then return report.left_open(at, words, { details = { sid } }) end
  return at.search:error(at.err, { message = words, details = { sid } })
end

local tell = { several = several, taken = taken, other = other }

-- ---- the run ------------------------------------------------------------

--- Converges on what is found by a key.
-- @param thing table: wanted, fields, key, what (its name in the plural);
--   list, parent (its trunk's SID, or nil), matches(record), create(params),
--   update(sid, params), fetch(sid); unique: one at most matches;
--   repeatable: a second create would be refused; holder: what to look for
--   where a domain is taken, if not for the thing (list, what, matches)
-- @return the record and what was done; or nil and an error
return function(search, thing)
  local function sought(at)
    return at.state.said == "taken" and thing.holder or thing
  end
  return run(search, {
    keyed = thing,
    again = thing.repeatable and "always" or "never",
    ask = function(at) return find(search, sought(at)) end,
    judge = function(at, found)
      if #found > 1 then return "several" end
      return sought(at) ~= thing and not thing.matches(found[1]) and "other"
        or "there"
    end,
    send = function() return thing.create(thing.wanted) end,
    refusal = function(err)
      local is_taken = err.code == DOMAIN_TAKEN
        or err.code == INVALID_TRUNK and thing.repeatable
      return is_taken and "taken" or nil
    end,
    made = function(at) return at.found, "created" end,
    keep = function(at)
      return bring_up(search, thing, at.found[1],
        at.state.sent == 0 and "unchanged" or "adopted")
    end,
    tell = tell,
    words = { what = "the " .. thing.what, no_look = "there was no time for it",
      blind = "the list could not be read: " },
  })
end
