-- trunking: create and manage Twilio SIP trunks from Lua. The module is a
-- client, made from the environment at its first call; trunking.new makes
-- another of the same shape. require does no I/O and reads no environment.
-- SPDX-License-Identifier: MIT

local core = require "trunking.core"

-- What a first call needs is loaded then: require stays quick.
local function resolve(options)
  return require "trunking.config".resolve(options, os.getenv, core.version)
end

-- Loaded when first touched; then plain fields.
local lazy = {
  enum = function() return require "trunking.enum" end,
  time = function() return require "trunking.time" end,
}

for title, words in pairs(core.enums) do
  lazy[title] = function()
    return require "trunking.enum".new(title, words)
  end
end

local function load(self, name)
  local make = lazy[name]
  if not make then return nil end
  local value = make()
  rawset(self, name, value)
  return value
end

local M = core.default(function() return resolve {} end, load)

M._VERSION = "trunking " .. core.version

--- Clears a field when given as its value. The same as cjson.null.
M.null = core.null

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
  local checked, err = resolve(options)
  if not checked then return nil, err end
  local client = core.new(checked)
  if checked.wait then
    require "trunking.wait".attach(client, { wait = checked.wait })
  end
  return client
end

-- The module's client once more, for trunking.host to change.
function M._another()
  return core.default(function() return resolve {} end, load)
end

return M
