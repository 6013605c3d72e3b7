-- trunking: create and manage Twilio SIP trunks from Lua. The module is a
-- client, made from the environment at its first call; trunking.new makes
-- another of the same shape. require does no I/O and reads no environment.
-- SPDX-License-Identifier: MIT

-- The host may take these away once its programs are loaded (trunking.all).
local require, package, os = require, package or {}, os

-- trunking.load opens trunking.core a millisecond sooner. Without it require
-- does as well, and its error is the better one. What a program has linked in
-- goes before any file.
local CORE = "trunking.core"
local ok, core = false, nil
if not ((package.loaded or {})[CORE] or (package.preload or {})[CORE]) then
  ok, core = pcall(require, "trunking.load")
end
if not ok then core = require(CORE) end

local function getenv(name)
  local f = os and os.getenv
  return f and f(name)
end

-- A client loads all that its calls can need when it is made: later a file may
-- not be found any more (law L6). So require "trunking" stays quick.
local rooms = { "config", "hook", "enum", "time", "suggest", "pages", "ensure",
  "ensure.job", "ensure.reconcile", "hosts.wait" }

local function resolve(options)
  for _, room in ipairs(rooms) do require("trunking." .. room) end
  return require "trunking.config".resolve(options, getenv, core.version)
end

-- Within an nginx worker a call of the plain module holds up all requests.
-- That is said once, in nginx's log. (In its master, before the workers, it is
-- well.)
local told = false
local function tell_nginx()
  local ngx = rawget(_G or {}, "ngx")
  if told or type(ngx) ~= "table" or not ngx.get_phase or not ngx.log
    or ngx.get_phase() == "init" then return end
  told = true
  ngx.log(ngx.WARN, "trunking: this client's calls block the nginx worker; "
    .. "use require 'trunking.openresty'")
end

-- Loaded at their first use; plain fields from then on.
local lazy = {
  enum = function() return require "trunking.enum" end,
  time = function() return require "trunking.time" end,
}

for title, words in pairs(core.enums) do
  lazy[title] = function()
    return require "trunking.enum".new(title, words)
  end
end

-- A name that is near one that is there is a mistake, and raises as an enum's
-- does. Any other is nil: so a program can ask what a version has.
local function absent(self, name, more)
  if type(name) ~= "string" or #name < 4 then return end
  local names = {}
  for known in pairs(self) do names[#names + 1] = known end
  for known in pairs(more or {}) do names[#names + 1] = known end
  local there, suggest = pcall(require, "trunking.suggest")
  local meant = there and suggest(name, names)
  if meant then
    error(("there is no '%s'; did you mean '%s'?"):format(name, meant), 3)
  end
end

local strict = { __index = function(self, name) absent(self, name) end }

-- The tables of a client, down to async's own.
local function watch_homes(client)
  for _, value in pairs(client) do
    if type(value) == "table" then watch_homes(setmetatable(value, strict)) end
  end
end

local function load(self, name)
  local make = lazy[name]
  if not make then
    absent(self, name, lazy)
    return nil
  end
  local value = make()
  rawset(self, name, value)
  return value
end

-- What is composed of several calls: where it stands, its room and its name
-- there.
local composed = {
  { "", "ensure", "ensure", "trunk" },
  { "", "find", "ensure", "find" },
  { "", "reconcile", "ensure.reconcile", "reconcile" },
  { "", "intent", "ensure.reconcile", "intent" },
  { "origination_urls", "ensure", "ensure", "origination_url" },
  { "credential_lists", "ensure", "ensure", "credential_list" },
  { "ip_access_control_lists", "ensure", "ensure", "ip_access_control_list" },
  { "phone_numbers", "ensure", "ensure", "phone_number" },
  { "recording", "ensure", "ensure", "recording" },
}

-- A call within its parentheses is no tail call: an error in it can be reported
-- at the line of who called the client.
local function pass(...) return ... end

-- Adds it to a client, and under async. It is loaded at its first use. It calls
-- C's private functions (src/call.h, src/job.h), which no client shows.
local function compose(client, own)
  for _, row in ipairs(composed) do
    local below, name, room, title = row[1], row[2], row[3], row[4]
    local home = below == "" and client or client[below]
    local async = below == "" and client.async or client.async[below]
    home[name] = function(...)
      return pass(require("trunking." .. room)[title](own, ...))
    end
    async[name] = function(...)
      return pass(require "trunking.ensure.job" (own,
        below == "" and name or below .. "." .. name,
        require("trunking." .. room)[title], ...))
    end
    own.composed[async[name]] = true
  end
end

-- client.null is cjson.null.
local function complete(client, private)
  local own = { clock = core.clock, composed = {}, memory = {} }
  for name, f in next, private do own[name] = f end
  client.null = core.null
  compose(client, own)
  watch_homes(client)
  return client, own
end

local function default(tell)
  return complete(core.default(function()
    if tell then tell() end
    return resolve {}
  end, load))
end

local M = default(tell_nginx)

M._VERSION = "trunking " .. core.version

-- For trunking.hosts.host, which makes their clients wait: another client like
-- the module's, and new.
function M._default() return default() end

function M._new(options)
  local checked, err = resolve(options)
  if not checked then return nil, err end
  local client, own = complete(core.new(checked, load))
  if checked.wait then
    require "trunking.hosts.wait".attach(client, own, { wait = checked.wait })
  end
  return client, own
end

--- A client of its own.
-- @param options table: account_sid and auth_token, or api_key and
--   api_secret (else from the environment); edge, region or base_url;
--   ca_file, proxy, timeout and connect_timeout (seconds), max_attempts,
--   max_in_flight, validate, user_agent, on_attempt; and wait, a
--   function(job) that every call then calls, instead of blocking, until its
--   job is done
-- @return a client, or nil and an error of kind "config"
function M.new(options)
  if options == nil then options = {} end
  if type(options) ~= "table" then
    error(("bad argument #1 to 'new' (table expected, got %s)"):format(
      type(options)), 2)
  end
  local client, err = M._new(options)
  if not client then return nil, err end
  if not options.wait then tell_nginx() end
  return client
end

return M
