-- reconcile: finds out from an intent what became of a create, even hours later
-- and in another process. It only looks: nothing is changed on the server.
-- Promises: a record only where it can be no other; "ambiguous" where it might
-- be another; "absent" where a whole list does not show it; an error where it
-- could not look. "absent" is no proof: a request may still be applied.
-- May not know: sockets, clocks, or where the intent was kept.
-- SPDX-License-Identifier: MIT

local intents = require "trunking.ensure.intent"
local look = require "trunking.ensure.look"
local match = require "trunking.ensure.match"
local same = require "trunking.ensure.same"

local M = {}

local SETTLED = 60 -- seconds after which a list lags no more
local OPERATION = "reconcile"
local LONG = 86400 -- seconds: the client's own timeout is less

-- ---- reading an intent ------------------------------------------------

local function invalid(field, message, ...)
  return nil, look.invalid(OPERATION, field, message, ...)
end

local types = { account_sid = "string", trunk_sid = "string",
  since = "number", given = "table" }

-- The SIDs of records that other creates have given: those that the intent
-- tells, and those of this client, unless the intent may be of one of them, as
-- one is that was made before its create.
local function given(own, intent)
  local set = {}
  local function add(list)
    for _, sid in ipairs(list) do
      if type(sid) == "string" then set[same.lower(sid)] = true end
    end
  end
  add(intent.given or {})
  if intent.attempts ~= nil then add(own.given()) end
  return set
end

-- The field by which a record is looked for: the API's row.
local keys = { create = "friendly_name",
  ["origination_urls.create"] = "sip_url" }

local function key_of(operation, fields)
  for _, field in ipairs(fields) do
    if field.name == keys[operation] then return field end
  end
end

-- What is looked for; or nil and an error.
local function read(own, intent)
  local row = type(intent.operation) == "string"
    and intents.row(intent.operation)
  if not row or row.name ~= "create" then
    return invalid("operation", "an intent's operation is 'create' or, below "
      .. "a trunk, one like 'origination_urls.create'; got %s",
      tostring(intent.operation))
  elseif type(intent.params) ~= "table" then
    return invalid("params", "an intent has params, a table; got %s",
      type(intent.params))
  end
  for name, expected in pairs(types) do
    local value = intent[name]
    if value ~= nil and type(value) ~= expected then
      return invalid(name, "an intent's %s is a %s; got %s", name, expected,
        type(value))
    end
  end
  if row.resource ~= "" and intent.trunk_sid == nil then
    return invalid("trunk_sid", "an intent of %s has a trunk_sid",
      intent.operation)
  end
  -- These params may come from a client that does not validate. They were sent
  -- as they are, so they are not checked now.
  local wanted, err = own.asked(intent.operation, intent.params,
    intent.attempts ~= nil)
  if not wanted then return nil, err end
  return { row = row, fields = row.fields, since = intent.since,
    wanted = wanted, trunk = intent.trunk_sid,
    account = intent.account_sid, given = given(own, intent),
    key = key_of(intent.operation, row.fields) }
end

local function other_account(wanted, has)
  return look.invalid(OPERATION, "account_sid",
    "the intent is of the account %s, and this client's is %s", wanted, has)
end

-- ---- looking ----------------------------------------------------------

local function in_account(what, record)
  return not what.account or type(record.account_sid) ~= "string"
    or intents.same_sid(what.account, record.account_sid)
end

local function by_fields(search, what, list, title, key)
  local sure, near, seen = {}, {}, {}
  local ok, err = search:walk(list, title, what.trunk, function(record)
    if not in_account(what, record) then
      return nil, other_account(what.account, record.account_sid)
    end
    if not seen[record.sid] then match.sort(what, record, key, sure, near) end
    seen[record.sid] = true
  end)
  if not ok then return nil, err end
  return match.judge(sure, near, key)
end

local function by_domain(search, what)
  local found, err = search:walk("list", "trunks", nil,
    function(trunk)
      if not in_account(what, trunk) then
        return nil, other_account(what.account, trunk.account_sid)
      elseif same.folded(trunk.domain_name, what.wanted.domain_name) then
        return trunk
      end
    end)
  if not found then return nil, err end
  if found == true then return false, "absent" end
  local since, late = match.is_since(what, found)
  if since == false or late or match.is_given(what, found) then -- another's
    return false, "ambiguous", { found.sid }
  end
  return found, "domain_name",
    intents.differences(what.wanted, found, what.fields)
end

-- What is attached has the SID that the create was given.
local function by_sid(search, what)
  local record, err = search:call(what.row.resource .. ".fetch", what.trunk,
    what.wanted[what.fields[1].name])
  if record then return record, "sid" end
  if err.kind == "not_found" then return false, "absent" end
  return nil, err
end

local function look_once(search, what)
  local resource = what.row.resource
  if resource == "" then
    if (what.wanted.domain_name or "") ~= "" then
      return by_domain(search, what)
    end
    return by_fields(search, what, "list", "trunks", "friendly_name")
  elseif resource ~= "origination_urls" then
    return by_sid(search, what)
  end
  local record, how, more = by_fields(search, what, "origination_urls.list",
    "origination URLs", "sip_url")
  if record == nil and how.kind == "not_found" then
    return false, "absent" -- the trunk is not there either
  end
  return record, how, more
end

-- ---- settling ---------------------------------------------------------

-- The steps to look after: none for an intent that is old enough. How old it
-- is, is known once a reply has told the server's time.
local function steps_of(search, what)
  local total = SETTLED
  for _, step in ipairs(search.steps) do total = total + step end
  local ok, now = search.own.pause(0)
  if ok and now.since and what.since and now.since - what.since > total then
    return {}
  end
  return search.steps
end

local function settle(search, what)
  local record, how, more
  local function ask()
    record, how, more = look_once(search, what)
    return record, how
  end
  local function may_change() -- by another look
    if record == nil then return look.may_pass(how) end
    return record == false and how ~= "ambiguous"
  end
  search:patiently(ask)
  local most, i, failed = #steps_of(search, what), 1, false
  while (i <= most or failed) and may_change() and search:wait_for(i) do
    local before = { record, how, more }
    ask()
    i, failed = i + 1, record == nil and look.may_pass(how)
    if record == nil and before[1] == false then
      -- A look that failed takes back nothing that an earlier one showed.
      record, how, more = before[1], before[2], before[3]
    end
  end
  if record == nil then
    return nil, search:error(how, {
      outcome = how.kind ~= "invalid" and "unknown" or nil })
  end
  return record, how, more
end

--- trunking.reconcile(intent[, options]).
-- @return the record, what it was matched by, and the names of the fields that
--   are not as they were sent (nil: none); or false and "absent"; or false,
--   "ambiguous" and the SIDs that it may be; or nil and an error
function M.reconcile(own, intent, options)
  look.check_tables("reconcile", intent, options)
  local search, err = look.new(own, OPERATION, options,
    { settle = true, timeout = true, page_size = true })
  if not search then return nil, err end
  local what
  what, err = read(own, intent)
  if not what then return nil, search:error(err, {}) end
  local ok, now = own.pause(0)
  if not ok then return nil, search:error(now, {}) end
  local account = now.account_sid
  if account and what.account and not intents.same_sid(account, what.account)
  then
    return nil, other_account(what.account, account)
  end
  what.since = what.since or search:since(intent)
  return settle(search, what)
end

--- trunking.intent(params): the intent of a create of a trunk, to be saved
-- before the create is called. A client that has had no reply yet asks for a
-- list first, because a reply tells the server's time.
-- @return a table; or nil and an error, as create would give it
function M.intent(own, params)
  look.check_tables("intent", params)
  local asked, err = own.asked("create", params)
  if not asked then return nil, err end
  local ok, now = own.pause(0)
  if ok and not now.since then
    own.within("list", LONG, { page_size = 1 })
    ok, now = own.pause(0)
  end
  if not ok then return nil, now end
  return intents.of { operation = "create", asked = asked, since = now.since,
    account_sid = now.account_sid }
end

return M
