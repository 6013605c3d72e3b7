-- ensure: converge on the trunk, origination URL, list or number described,
-- whatever becomes of single requests. It looks first, creates what is absent,
-- updates what differs, and after a create whose reply was lost it looks again
-- (trunking.look) before it does anything else.
-- Promises: sends a create again only where that cannot double anything (a
-- domain name is unique, a SID is attached once); never deletes; takes a void
-- list for no list; says "unknown", with the intent, where it does not know.
-- May not know: sockets, clocks, or how a reply is read.
-- SPDX-License-Identifier: MIT

local errors = require "trunking.error"
local intents = require "trunking.ensure.intent"
local look = require "trunking.ensure.look"

local M = {}

local MOST_POSTS = 10  -- creates, or updates, of one call
local DOMAIN_TAKEN = 21248
local INVALID_TRUNK = 21245 -- of its causes: the domain of another trunk of
                            -- ours, or a list that is associated already

local function is_open(err)
  return err.outcome == "unknown" or err.outcome == "applied"
end

-- Sent once more, it would be refused once more.
local function is_final(err)
  return err.outcome == "refused" and err.kind ~= "rate_limit"
end

-- An error that says nothing was changed: what failed was a look.
local function nothing_done(search, err, what)
  local words = err.message
  if err.kind ~= "not_found" and err.kind ~= "invalid"
    and err.kind ~= "config" then
    words = ("%s could not be looked at, and nothing was changed: %s"):format(
      what, words)
  end
  return nil, search:error(err, { outcome = "not_sent", message = words })
end

-- An error for a create whose fate stays open: what was lost, and by what it
-- can be settled later.
local function left_open(search, lost, posts, why, more)
  local fields = { attempts = posts, message = lost.message .. "; " .. why }
  for name, value in pairs(more or {}) do fields[name] = value end
  return nil, search:error(lost, fields)
end

-- The same where it was sent once more, and refused for good: with the reason,
-- and the kind of what was lost.
local function left_refused(search, lost, err, posts)
  return left_open(search, lost, posts, "sent once more, it was refused: "
    .. err.message, { status = err.status, code = err.code,
      more_info = err.more_info, request_id = err.request_id })
end

local function sids_of(records)
  local sids = {}
  for i, record in ipairs(records) do sids[i] = record.sid end
  return sids
end

-- ---- bringing a record up to what is wanted ---------------------------

local function subset(params, names)
  local out = {}
  for _, name in ipairs(names) do out[name] = params[name] end
  return out
end

-- Updates what differs. An update may be sent again: it sets values.
-- @param thing wanted, fields, update(sid, params), fetch(sid)
local function bring_up(search, thing, record, what)
  local lost, step = nil, 0
  for post = 1, MOST_POSTS do
    local names = intents.differences(thing.wanted, record, thing.fields)
    if not names then return record, what end
    local after, err = thing.update(record.sid, subset(thing.wanted, names))
    if what == "unchanged" then what = "updated" end
    if after then return after, what end
    if is_open(err) then lost = lost or err
    elseif not lost then
      return nil, search:error(err, { message = ("%s of %s: %s"):format(
        table.concat(names, ", "), record.sid, err.message) })
    end
    step = step % #search.steps + 1
    local seen, why
    if search:pause(search.steps[step]) then
      seen, why = search:patiently(function()
        return thing.fetch(record.sid)
      end)
    end
    if not seen then
      return left_open(search, lost, post, why and why.message
        or "there was no time to look again")
    end
    record = seen
    if is_final(err) and intents.differences(thing.wanted, record,
      thing.fields) then
      return left_refused(search, lost, err, post)
    end
  end
  return left_open(search, lost, MOST_POSTS, "it was given up")
end

-- ---- what is found by a key, in a list --------------------------------

-- All that match, as an array; or nil and an error.
local function find_all(search, thing)
  local found, seen = {}, {} -- what is made meanwhile moves the pages' ends
  local ok, err = search:walk(thing.list, thing.what, thing.parent,
    function(record)
      if not thing.matches(record) or seen[record.sid] then return nil end
      found[#found + 1], seen[record.sid] = record, true
      if thing.unique then return true end
    end)
  if not ok then return nil, err end
  return found
end

-- The same for settle: false where none matches.
local function find_some(search, thing)
  local found, err = find_all(search, thing)
  if not found then return nil, err end
  return found[1] ~= nil and found
end

local function several(search, thing, found)
  local sids = sids_of(found)
  local key = thing.key
  if key ~= "sip_url" then -- which may hold a password
    key = ("%s '%s'"):format(key, thing.wanted[key])
  end
  local err = look.invalid(search.operation, thing.key,
    "%d %s have the %s; give the SID of the one you mean: %s", #found,
    thing.what, key, table.concat(sids, ", "))
  return nil, search:error(err, { details = sids })
end

-- Whether a create was refused for its domain, which a trunk has already.
local function is_taken(thing, err)
  return not is_open(err) and (err.code == DOMAIN_TAKEN
    or err.code == INVALID_TRUNK and thing.repeatable)
end

-- The domain is taken, and no trunk of ours in the list has it.
local function taken(search, err, lost, seen, posts)
  local words = err.message
  if not lost then
    if seen and err.code == DOMAIN_TAKEN then
      words = words .. "; no trunk of this account has it"
    end
    return nil, search:error(err, { message = words })
  end
  return nil, search:error(lost, { kind = err.kind, code = err.code,
    status = err.status, more_info = err.more_info, attempts = posts,
    request_id = err.request_id, maybe_ours = true, message = words
      .. "; an earlier attempt of this call may have taken it, but no trunk "
      .. "in the list has it: reconcile the intent later" })
end

-- The domain is that of a trunk of ours which is not the one looked for.
local function held(search, err, lost, trunk, posts)
  local words = ("the trunk %s of this account has it"):format(trunk.sid)
  local more = { details = { trunk.sid } }
  if lost then
    return left_open(search, lost, posts, err.message .. "; " .. words, more)
  end
  more.message = err.message .. "; " .. words
  return nil, search:error(err, more)
end

-- What is there after a create that did not succeed.
-- @param sought what was looked for
-- @param found by that, at least one
local function take(search, thing, sought, found, err, lost, posts)
  if #found > 1 then
    local sids = sids_of(found)
    return left_open(search, lost or err, posts, ("now %d %s match: %s")
      :format(#found, thing.what, table.concat(sids, ", ")),
      { details = sids })
  elseif sought ~= thing and not thing.matches(found[1]) then
    return held(search, err, lost, found[1], posts)
  end
  return bring_up(search, thing, found[1], "adopted")
end

-- After a create that was lost, and refused when it was sent once more.
local function after_refusal(search, thing, err, lost, posts)
  local found = search:patiently(function()
    return find_some(search, thing)
  end)
  if found then return take(search, thing, thing, found, err, lost, posts) end
  return left_refused(search, lost, err, posts)
end

-- After a create that did not succeed: what it left, if it left anything.
-- @return record, what; or nil and an error; or nothing: send it again
local function after_create(search, thing, err, lost, posts)
  local refused = is_taken(thing, err)
  if is_final(err) and not refused then
    return after_refusal(search, thing, err, lost, posts)
  end
  local sought = refused and thing.holder or thing
  local found, why
  if refused then found, why = find_some(search, sought) end
  if not found then
    -- Where nothing was lost, the time that a list may lag is all there is to
    -- wait for.
    local seen = found
    found, why = search:settle(function()
      return find_some(search, sought)
    end, not lost and 2 or nil)
    if found == nil then found = seen end
  end
  if found then
    return take(search, thing, sought, found, err, lost, posts)
  elseif refused then
    return taken(search, err, lost, found == false, posts)
  elseif not thing.repeatable then
    return left_open(search, lost, posts, found == false
      and "the list does not show it, which is no proof: reconcile the "
        .. "intent later, before you create it again"
      or "the list could not be read: "
        .. (why and why.message or "there was no time for it"))
  end
end

local function create(search, thing)
  local lost
  for posts = 1, MOST_POSTS do
    local record, err = thing.create(thing.wanted)
    if record then return record, "created" end
    if is_open(err) then
      if not lost or err.outcome == "applied" then
        lost = search:error(err, { intent = lost and lost.intent })
      end
    elseif not lost and not is_taken(thing, err) then
      return nil, search:error(err, {})
    end
    local what
    record, what = after_create(search, thing, err, lost, posts)
    if record or what then return record, what end
    if search:left() <= 0 then
      return left_open(search, lost, posts, "there was no time to go on")
    end
  end
  return left_open(search, lost, MOST_POSTS, "it was given up")
end

local function converge(search, thing)
  local found, err = search:patiently(function()
    return find_all(search, thing)
  end)
  if not found then return nothing_done(search, err, "the " .. thing.what) end
  if #found > 1 then return several(search, thing, found) end
  if found[1] then return bring_up(search, thing, found[1], "unchanged") end
  return create(search, thing)
end

-- ---- trunks -----------------------------------------------------------

local function copy(from)
  local to = {}
  for name, value in next, from do to[name] = value end
  return to
end

local no_key = {
  sid = "options.by is 'sid', but there is no sid",
  friendly_name = "options.by is 'friendly_name', but there is none",
  domain_name = "nothing tells which trunk is meant: give a domain_name, a "
    .. "sid, or { by = 'friendly_name' } as options",
}

-- The key and its value; or nil, the field that is wrong, and why.
local function trunk_key(params, wanted, by)
  local sid = rawget(params, "sid")
  by = by or sid ~= nil and "sid" or "domain_name"
  local value = wanted[by]
  if by == "sid" then value = sid end
  if sid ~= nil and by ~= "sid" then
    return nil, "sid", "there is a sid, and options.by names another key; "
      .. "give one of them"
  elseif value == nil or value == "" then
    return nil, by, no_key[by]
  elseif type(value) ~= "string" then
    return nil, by, by .. " must be a text"
  end
  return by, value
end

local function trunk_matcher(key, wanted)
  if key == "friendly_name" then
    return function(trunk) return trunk.friendly_name == wanted.friendly_name
    end
  end
  return function(trunk)
    return intents.same_sid(trunk.domain_name, wanted.domain_name)
  end
end

local function trunk_by_sid(search, thing, sid)
  local trunk, err = search:patiently(function() return thing.fetch(sid) end)
  if not trunk then return nothing_done(search, err, "the trunk") end
  return bring_up(search, thing, trunk, "unchanged")
end

--- trunking.ensure(params[, options]).
-- @return the trunk and "unchanged", "created", "updated" or "adopted"; or
--   nil and an error
function M.trunk(own, params, options)
  if type(params) ~= "table" then
    look.bad_argument(1, 1, "ensure", "table", params)
  elseif options ~= nil and type(options) ~= "table" then
    look.bad_argument(1, 2, "ensure", "table", options)
  end
  local search, err = look.new(own, "ensure", options,
    { by = true, settle = true, timeout = true, page_size = true })
  if not search then return nil, err end
  local given = params
  if rawget(params, "sid") ~= nil then
    given = copy(params)
    given.sid = nil
  end
  local wanted, why = own.asked("create", given)
  if not wanted then return nil, search:error(why, {}) end
  local client, fields = own.client, intents.row "create".fields
  local key, value, wrong = trunk_key(params, wanted, search.options.by)
  if not key then return nil, look.invalid("ensure", value, wrong) end
  local thing = {
    wanted = wanted, fields = fields, key = key, what = "trunks",
    list = client.list, create = client.create, update = client.update,
    fetch = client.fetch, matches = trunk_matcher(key, wanted),
    unique = key == "domain_name",
    repeatable = (wanted.domain_name or "") ~= "",
  }
  if key == "friendly_name" and thing.repeatable then
    thing.holder = { what = "trunks", list = client.list, unique = true,
      matches = trunk_matcher("domain_name", wanted) }
  end
  if key == "sid" then return trunk_by_sid(search, thing, value) end
  return converge(search, thing)
end

-- ---- below a trunk ----------------------------------------------------

-- The arguments of an ensure below a trunk: raises at the caller's line.
local function check_below(trunk, item, options, with_sid)
  if type(trunk) ~= "table" and type(trunk) ~= "string" then
    look.bad_argument(2, 1, "ensure", "a SID or a record", trunk)
  elseif type(item) ~= "table" and not (with_sid and type(item) == "string")
  then
    look.bad_argument(2, 2, "ensure", with_sid and "a SID, a record or a table"
      or "table", item)
  elseif options ~= nil and type(options) ~= "table" then
    look.bad_argument(2, 3, "ensure", "table", options)
  end
end

-- What is wanted below a trunk; or nil and an error.
local function read_below(search, resource, item)
  local operation = resource .. ".create"
  local wanted, err = search.own.asked(operation, item)
  if not wanted then return nil, search:error(err, {}) end
  return wanted, intents.row(operation).fields
end

local function sid_of(value)
  if type(value) == "table" then return value.sid end
  return value
end

--- trunking.origination_urls.ensure(trunk_sid, params[, options]).
function M.origination_url(own, trunk, params, options)
  check_below(trunk, params, options)
  local search, err = look.new(own, "origination_urls.ensure", options,
    { settle = true, timeout = true, page_size = true })
  if not search then return nil, err end
  local wanted, fields = read_below(search, "origination_urls", params)
  if not wanted then return nil, fields end
  local urls = own.client.origination_urls
  return converge(search, {
    wanted = wanted, fields = fields, key = "sip_url",
    what = "origination URLs", list = urls.list, parent = trunk,
    matches = function(url) return url.sip_url == wanted.sip_url end,
    create = function(all) return urls.create(trunk, all) end,
    update = function(sid, some) return urls.update(trunk, sid, some) end,
    fetch = function(sid) return urls.fetch(trunk, sid) end,
  })
end

-- The record of what is attached; false: it is not; or nil and an error.
local function attached(home, trunk, sid)
  local record, err = home.fetch(trunk, sid)
  if record then return record end
  if err.kind == "not_found" then return false end
  return nil, err
end

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
    return select(2, nothing_done(search, err, "the other trunks"))
  end
  err = look.invalid(search.operation, "phone_number_sid",
    "%s is on the trunk %s; give { move = true } to take it from there",
    number, other)
  return search:error(err, { details = { other } })
end

-- Of the causes of 21245 the one that is a success here.
local function says_attached(err)
  return err.message:lower():find("already associated", 1, true) ~= nil
end

-- One attempt to attach, and what is known after it.
-- @return record, what; or nil and an error; or nothing: send it again; and
--   what was lost
local function attach_once(search, thing, lost, posts)
  local home, trunk, sid = thing.home, thing.trunk, thing.sid
  local record, err = home.create(trunk, sid)
  if record then return record, "created" end
  local refused = err.code == INVALID_TRUNK
  if is_open(err) then
    lost = lost or search:error(err, {})
  elseif not lost and not refused then
    return nil, search:error(err, {})
  end
  local function ask() return attached(home, trunk, sid) end
  local why
  if is_final(err) then record, why = search:patiently(ask) end
  if not record and (refused or not is_final(err)) then
    record, why = search:settle(ask, not lost and 2 or nil)
  end
  if record then return record, "adopted" end
  if refused and says_attached(err) then -- that it does not show is a lag
    return { sid = sid, trunk_sid = sid_of(trunk) }, "adopted"
  elseif is_final(err) then
    if lost then return left_refused(search, lost, err, posts) end
    return nil, search:error(err, {})
  elseif record == nil then
    return left_open(search, lost, posts, "it could not be looked at: "
      .. (why and why.message or "there was no time"))
  end
  return nil, nil, lost
end

local function attach(search, thing)
  local lost
  for posts = 1, MOST_POSTS do
    local err = thing.forbid and thing.forbid()
    if err and not lost then return nil, err end
    if err then return left_open(search, lost, posts - 1, err.message) end
    local record, what, still = attach_once(search, thing, lost, posts)
    if record or what then return record, what end
    lost = still
    if search:left() <= 0 then
      return left_open(search, lost, posts, "there was no time to go on")
    end
  end
  return left_open(search, lost, MOST_POSTS, "it was given up")
end

local function ensure_attached(own, resource, known, trunk, item, options)
  local search, err = look.new(own, resource .. ".ensure", options, known)
  if not search then return nil, err end
  local wanted, fields = read_below(search, resource, item)
  if not wanted then return nil, fields end
  local thing = { home = own.client[resource], trunk = trunk,
    sid = wanted[fields[1].name] }
  if resource == "phone_numbers" and not search.options.move then
    thing.forbid = function()
      return taken_elsewhere(search, trunk, thing.sid)
    end
  end
  local there
  there, err = search:patiently(function()
    return attached(thing.home, trunk, thing.sid)
  end)
  if there then return there, "unchanged" end
  if there == nil then return nothing_done(search, err, "the trunk") end
  return attach(search, thing)
end

--- trunking.credential_lists.ensure(trunk_sid, sid[, options]).
function M.credential_list(own, trunk, item, options)
  check_below(trunk, item, options, true)
  return ensure_attached(own, "credential_lists",
    { settle = true, timeout = true }, trunk, item, options)
end

--- trunking.ip_access_control_lists.ensure(trunk_sid, sid[, options]).
function M.ip_access_control_list(own, trunk, item, options)
  check_below(trunk, item, options, true)
  return ensure_attached(own, "ip_access_control_lists",
    { settle = true, timeout = true }, trunk, item, options)
end

--- trunking.phone_numbers.ensure(trunk_sid, sid[, options]).
function M.phone_number(own, trunk, item, options)
  check_below(trunk, item, options, true)
  return ensure_attached(own, "phone_numbers",
    { settle = true, timeout = true, move = true, page_size = true }, trunk,
    item, options)
end

return M
