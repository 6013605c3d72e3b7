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
local converge = require "trunking.ensure.keyed"
local intents = require "trunking.ensure.intent"
local look = require "trunking.ensure.look"
local report = require "trunking.ensure.report"

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
  if not trunk then
    return nil, report.nothing_done(search, err, "the trunk")
  end
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

local function ensure_attached(own, resource, known, trunk, item, options)
  local search, err = look.new(own, resource .. ".ensure", options, known)
  if not search then return nil, err end
  local wanted, fields = read_below(search, resource, item)
  if not wanted then return nil, fields end
  local move = nil
  if resource == "phone_numbers" then move = search.options.move == true end
  return attach(search, own.client[resource], trunk, wanted[fields[1].name],
    move)
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
