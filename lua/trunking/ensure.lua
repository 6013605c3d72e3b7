-- ensure: gets a trunk, origination URL, list or number into the state that is
-- described, whatever becomes of single requests. This file reads the arguments
-- and says how the record is found. In ensure/, decide says what to do next and
-- run does it; keyed, attached and update each say what is looked for and sent.
-- Promises: looks first; creates what is absent, and updates only what differs;
-- never deletes. Where it does not know, it says "unknown", with the intent.
-- May not know: sockets, clocks, or how a reply is read.
-- SPDX-License-Identifier: MIT

local attach = require "trunking.ensure.attached"
local bring_up = require "trunking.ensure.update"
local intents = require "trunking.ensure.intent"
local keyed = require "trunking.ensure.keyed"
local look = require "trunking.ensure.look"
local report = require "trunking.ensure.report"
local same = require "trunking.ensure.same"

local M = {}

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

-- The API's row of a field of an operation.
local function field_of(operation, name)
  for _, field in ipairs(intents.row(operation).fields) do
    if field.name == name then return field end
  end
end

-- Whether a record has the key that is wanted, as it was given or as a server
-- may have stored it.
local function matcher(search, operation, key, wanted)
  local field, memory = field_of(operation, key), search.own.memory
  return function(record)
    return record[key] ~= nil
      and same.value(field, wanted[key], record[key], memory)
  end
end

-- What converges on a trunk that is found by a key.
local function trunk_thing(search, key, wanted)
  return {
    wanted = wanted, fields = intents.row "create".fields, key = key,
    what = "trunks", list = "list",
    matches = key ~= "sid" and matcher(search, "create", key, wanted),
    unique = key == "domain_name",
    repeatable = (wanted.domain_name or "") ~= "",
    create = function(all) return search:call("create", all) end,
    update = function(sid, some) return search:call("update", sid, some) end,
    fetch = function(sid) return search:call("fetch", sid) end,
  }
end

local function trunk_by_sid(search, thing, sid)
  local trunk, err = search:patiently(function() return thing.fetch(sid) end)
  if trunk then return bring_up.run(search, thing, trunk, "unchanged") end
  if err.kind == "not_found" then
    err = search:error(err, { message = ("%s has no trunk %s: %s"):format(
      search:account(), sid, err.message) })
  end
  return nil, report.nothing_done(search, err, "the trunk " .. sid)
end

-- What is wanted, without the SID that may stand beside it; or nil and an
-- error.
local function read_trunk(search, params)
  local given = params
  if rawget(params, "sid") ~= nil then
    given = copy(params)
    given.sid = nil
  end
  local wanted, why = search.own.asked("create", given)
  if not wanted then return nil, search:error(why, {}) end
  return wanted
end

--- trunking.ensure(params[, options]).
-- @return the trunk; "unchanged", "created", "updated" or "adopted"; and the
--   names of the fields that the server keeps otherwise, if any; or nil and an
--   error
function M.trunk(own, params, options)
  look.check_tables("ensure", params, options)
  local search, err = look.new(own, "ensure", options,
    { by = true, settle = true, timeout = true, page_size = true })
  if not search then return nil, err end
  local wanted, why = read_trunk(search, params)
  if not wanted then return nil, why end
  local key, value, wrong = trunk_key(params, wanted, search.options.by)
  if not key then return nil, look.invalid("ensure", value, wrong) end
  local thing = trunk_thing(search, key, wanted)
  if key == "sid" then return trunk_by_sid(search, thing, value) end
  if key == "friendly_name" and thing.repeatable then
    thing.holder = trunk_thing(search, "domain_name", wanted)
  end
  return keyed.converge(search, thing)
end

--- trunking.find(params[, options]): the one trunk of a domain_name, or of a
-- friendly_name.
-- @return the trunk; or nil and an error, of kind "not_found" where there is
--   none
function M.find(own, params, options)
  look.check_tables("find", params, options)
  local search, err = look.new(own, "find", options,
    { timeout = true, page_size = true })
  if not search then return nil, err end
  local wanted, why = own.asked("create", params)
  if not wanted then return nil, search:error(why, {}) end
  local key = next(wanted)
  if key ~= "domain_name" and key ~= "friendly_name" or wanted[key] == ""
    or next(wanted, key) ~= nil then
    return nil, look.invalid("find", "domain_name",
      "give a domain_name, or a friendly_name, and nothing else")
  end
  return keyed.find_one(search, trunk_thing(search, key, wanted))
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

-- All that a new origination URL needs is asked for where it is created only.
local function origination_url_thing(search, trunk, params, wanted)
  local fetch, update = "origination_urls.fetch", "origination_urls.update"
  return {
    wanted = wanted, fields = intents.row "origination_urls.create".fields,
    key = "sip_url", what = "origination URLs", list = "origination_urls.list",
    parent = trunk,
    matches = matcher(search, "origination_urls.create", "sip_url", wanted),
    create = function()
      local all, err = search.own.asked("origination_urls.create", params)
      if all then return search:call("origination_urls.create", trunk, all) end
      return nil, search:error(err, { message = ("the trunk %s has none with "
        .. "that sip_url, and to create it: %s"):format(report.sid_of(trunk),
        err.message) })
    end,
    update = function(sid, some) return search:call(update, trunk, sid, some)
    end,
    fetch = function(sid) return search:call(fetch, trunk, sid) end,
  }
end

--- trunking.origination_urls.ensure(trunk_sid, params[, options]).
function M.origination_url(own, trunk, params, options)
  check_below(trunk, params, options)
  local search, err = look.new(own, "origination_urls.ensure", options,
    { settle = true, timeout = true, page_size = true })
  if not search then return nil, err end
  local wanted, why = own.asked("origination_urls.update", params)
  if not wanted then return nil, search:error(why, {}) end
  if (wanted.sip_url or "") == "" then
    return nil, look.invalid(search.operation, "sip_url",
      "sip_url is missing: it tells which origination URL is meant")
  end
  return keyed.converge(search,
    origination_url_thing(search, trunk, params, wanted))
end

--- trunking.recording.ensure(trunk_sid, params[, options]).
function M.recording(own, trunk, params, options)
  check_below(trunk, params, options)
  local search, err = look.new(own, "recording.ensure", options,
    { settle = true, timeout = true })
  if not search then return nil, err end
  local wanted, why = own.asked("recording.update", params)
  if not wanted then return nil, search:error(why, {}) end
  local thing = {
    wanted = wanted, fields = intents.row "recording.update".fields,
    sid = trunk,
    update = function(_, some)
      return search:call("recording.update", trunk, some)
    end,
    fetch = function() return search:call("recording.fetch", trunk) end,
  }
  local now
  now, err = search:patiently(thing.fetch)
  if now then return bring_up.run(search, thing, now, "unchanged") end
  return nil, report.nothing_done(search, err, "the recording settings of "
    .. "the trunk " .. report.sid_of(trunk))
end

local function ensure_attached(own, resource, known, trunk, item, options)
  local search, err = look.new(own, resource .. ".ensure", options, known)
  if not search then return nil, err end
  local wanted, fields = read_below(search, resource, item)
  if not wanted then return nil, fields end
  local move = nil
  if resource == "phone_numbers" then move = search.options.move == true end
  return attach(search, resource, trunk, wanted[fields[1].name], move)
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
