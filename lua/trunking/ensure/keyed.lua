-- keyed: a trunk or an origination URL, found by a key in a list.
-- Promises: sends a lost create again only where the key is a domain name,
-- which Twilio takes once; never changes one of several that match; says of
-- nothing that it is there unless it was fetched by its SID.
-- SPDX-License-Identifier: MIT

local errors = require "trunking.error"

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

-- All in the list that match; first those whose key is as it was given, or,
-- where there is none of those, those that have it in another form.
local function listed(search, thing)
  local as_given, as_stored, seen = {}, {}, {} -- pages move meanwhile
  local ok, err = search:walk(thing.list, thing.what, thing.parent,
    function(record)
      local is = not seen[record.sid] and thing.matches(record)
      if not is then return nil end
      local found = record[thing.key] == thing.wanted[thing.key] and as_given
        or as_stored
      found[#found + 1], seen[record.sid] = record, true
      if thing.unique then return true end
    end)
  if not ok then return nil, err end
  return as_given[1] and as_given or as_stored
end

-- The same as an array of what they are now, for a list may lag; false where
-- there is none; or nil and an error.
local function find(search, thing)
  local list, why = listed(search, thing)
  if not list then return nil, why end
  local found = {}
  for _, record in ipairs(list) do
    local now, err = thing.fetch(record.sid)
    if now and thing.matches(now) then
      found[#found + 1] = now
    elseif not now and err.kind ~= "not_found" then
      return nil, err
    end
  end
  return found[1] ~= nil and found
end

-- ---- its errors ---------------------------------------------------------

-- "the name 'Head office'". A sip_url may hold a password: "that sip_url".
local function key_words(thing)
  if thing.key == "sip_url" then return "that sip_url" end
  return ("the %s '%s'"):format(thing.key, thing.wanted[thing.key])
end

-- "the account AC...", or "the trunk TK...".
local function place(search, thing)
  return thing.parent and "the trunk " .. report.sid_of(thing.parent)
    or search:account()
end

local function several(at)
  local thing, sids = at.thing.keyed, sids_of(at.found)
  if at.state.sent > 0 then
    return report.left_open(at, ("now %d %s of %s match: %s; fetch them, and "
      .. "keep the one that you mean"):format(#sids, thing.what,
      place(at.search, thing), table.concat(sids, ", ")), { details = sids })
  end
  local err = look.invalid(at.search.operation, thing.key,
    "%d %s of %s have %s; give the SID of the one you mean: %s", #sids,
    thing.what, place(at.search, thing), key_words(thing),
    table.concat(sids, ", "))
  return at.search:error(err, { details = sids })
end

-- The domain is taken, and no trunk of ours in the list has it.
local function taken(at)
  local err, words = at.err, at.err.message
  if not at.lost then
    if at.state.seen == "absent" and err.code == DOMAIN_TAKEN then
      words = ("%s; no trunk of %s has it: choose another domain name"):format(
        words, at.search:account())
    end
    return at.search:error(err, { message = words })
  end
  return at.search:error(at.lost, { kind = err.kind, code = err.code,
    status = err.status, more_info = err.more_info, attempts = at.state.sent,
    request_id = err.request_id, maybe_ours = true, message = ("%s; an "
      .. "earlier attempt of this call may have taken it, but no trunk in the "
      .. "list of %s has it: reconcile the intent later"):format(words,
      at.search:account()) })
end

-- The domain is that of a trunk of ours which is not the one looked for.
local function other(at)
  local sid = at.found[1].sid
  local words = ("%s; the trunk %s of %s has it: give its SID, or another "
    .. "domain name"):format(at.err.message, sid, at.search:account())
  if at.lost then return report.left_open(at, words, { details = { sid } }) end
  return at.search:error(at.err, { message = words, details = { sid } })
end

local tell = { several = several, taken = taken, other = other }

-- ---- the run ------------------------------------------------------------

local M = {}

--- The one that has a key.
-- @return the record; or nil and an error
function M.find_one(search, thing)
  local found, err = search:patiently(function() return find(search, thing) end)
  if found == nil then
    return nil, report.nothing_done(search, err,
      ("the %s of %s"):format(thing.what, place(search, thing)))
  elseif not found then
    return nil, errors.new { kind = "not_found", outcome = "refused",
      operation = search.operation, field = thing.key,
      message = ("no trunk of %s has %s"):format(place(search, thing),
        key_words(thing)) }
  elseif #found > 1 then
    return nil, several { thing = { keyed = thing }, found = found,
      search = search, state = { sent = 0 } }
  end
  return found[1]
end

--- Converges on what is found by a key.
-- @param thing table: wanted, fields, key, what (its name in the plural);
--   list (the operation's name), parent (its trunk's SID, or nil),
--   matches(record), create(params), update(sid, params), fetch(sid); unique:
--   one at most matches; repeatable: a second create would be refused; holder:
--   what to look for where a domain is taken, if not for the thing (list, what,
--   key, wanted, matches, fetch)
-- @return the record, what was done, and the fields that the server keeps
--   otherwise, if any; or nil and an error
function M.converge(search, thing)
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
    made = function(at)
      return bring_up.told(at.found, "created",
        bring_up.learn(search, thing, at.found))
    end,
    keep = function(at)
      return bring_up.run(search, thing, at.found[1],
        at.state.sent == 0 and "unchanged" or "adopted")
    end,
    tell = tell,
    words = { no_look = "there was no time for it",
      blind = "the list could not be read: ",
      what = function()
        return ("the %s of %s"):format(thing.what, place(search, thing))
      end },
  })
end

return M
