-- Turns options and the environment into what the C module takes: an origin, a
-- user with its secret, and numbers in range. What a person may get wrong is
-- refused here, by name. No message holds a secret. The only I/O is to look
-- whether ca_file can be read; only getenv reads the environment.
-- SPDX-License-Identifier: MIT

local require, io = require, io -- the host may take them away later
local ascii = require "trunking.ascii"
local errors = require "trunking.error"
local proxies = require "trunking.proxy"
local suggest = require "trunking.suggest"

local unpack = table.unpack or unpack

local M = {}

local MAX_PEM = 4 * 2 ^ 20 -- bytes

local types = {
  account_sid = "string", auth_token = "string", api_key = "string",
  api_secret = "string", edge = "string", region = "string",
  base_url = "string", ca_file = "string", ca_pem = "string", proxy = "string",
  user_agent = "string", timeout = "number", connect_timeout = "number",
  max_attempts = "number", max_in_flight = "number", validate = "boolean",
  on_attempt = "function", wait = "function",
}

-- Every problem inside this file is raised as a table; the two public
-- functions catch it and return nil, err.
local function refuse(field, message, ...)
  error({ field = field, message = message:format(...) }, 0)
end

local function names()
  local list = {}
  for name in pairs(types) do list[#list + 1] = name end
  table.sort(list)
  return list
end

local function check_types(options)
  for name, value in pairs(options) do
    local expected = types[name]
    if not expected then
      local meant = suggest(name, names())
      refuse(tostring(name), "unknown option '%s'%s", tostring(name),
        meant and ("; did you mean '%s'?"):format(meant) or "")
    elseif type(value) ~= expected then
      refuse(name, "option %s must be a %s; got %s", name, expected,
        type(value))
    end
  end
end

local function check_plain(name, value)
  if value:find "[%z\1-\31\127]" then
    refuse(name, "%s holds a line break or another control character", name)
  end
end

-- ---- credentials ----------------------------------------------------

local function check_sid(name, value, prefix, instead)
  check_plain(name, value)
  if #value == 34 and value:match("^" .. prefix .. "%x+$") then return end
  local other = #value == 34 and value:match "^([A-Z][A-Z])%x+$"
  if other and other ~= prefix then
    refuse(name, "%s must begin with %s; this one begins with %s%s", name,
      prefix, other, other == instead[1] and "; " .. instead[2] or "")
  end
  refuse(name, "%s must be %s and 32 hexadecimal digits", name, prefix)
end

local function check_secret(name, value)
  check_plain(name, value)
  if value == "" then refuse(name, "%s is empty", name) end
  if #value > 256 then refuse(name, "%s is over 256 bytes long", name) end
  if value:find "[^\33-\126]" then
    refuse(name, "%s may hold printable ASCII only, and no space", name)
  end
end

local function need(from, name, because)
  if from[name] == nil then
    refuse(name, "%s is missing%s", name, because or "")
  end
  return from[name]
end

local credential_names = { "account_sid", "auth_token", "api_key",
  "api_secret" }

local function check_account(from)
  check_sid("account_sid", from.account_sid, "AC",
    { "SK", "an API key goes into api_key" })
  return from.account_sid
end

local function by_key(from, out)
  out.user = need(from, "api_key", " (api_secret is given)")
  check_sid("api_key", out.user, "SK",
    { "AC", "an account SID goes into account_sid, with auth_token" })
  out.secret = need(from, "api_secret", " (api_key is given)")
  check_secret("api_secret", out.secret)
  out.account_sid = from.account_sid and check_account(from)
end

local function by_token(from, out)
  local both = "; give account_sid and auth_token, or api_key and api_secret"
  need(from, "account_sid", both)
  out.user = check_account(from)
  out.account_sid = out.user
  out.secret = need(from, "auth_token", both)
  check_secret("auth_token", out.secret)
end

-- An API key, when there is one: it can be revoked, a token can't.
local function credentials(from, out)
  if from.api_key ~= nil or from.api_secret ~= nil then
    by_key(from, out)
  else
    by_token(from, out)
  end
end

local function any_credentials(options)
  for _, name in ipairs(credential_names) do
    if options[name] ~= nil then return true end
  end
end

local env_names = {
  account_sid = "TWILIO_ACCOUNT_SID", auth_token = "TWILIO_AUTH_TOKEN",
  api_key = "TWILIO_API_KEY", api_secret = "TWILIO_API_SECRET",
  edge = "TWILIO_EDGE", region = "TWILIO_REGION",
  base_url = "TRUNKING_BASE_URL", ca_file = "TRUNKING_CA_FILE",
}

-- env: getenv, and used, which remembers what was found.
local function from_env(env, list)
  local out = {}
  for _, name in ipairs(list) do
    local value = env.getenv(env_names[name])
    if value ~= nil and value ~= "" then
      out[name], env.used[name] = value, env_names[name]
    end
  end
  return out
end

-- The environment's credentials, and what comes with them: the server that
-- they are for. Credentials of a program never go to a server that the
-- environment names.
local function account_from_env(options, env, out)
  local found = from_env(env, credential_names)
  if next(found) == nil then
    refuse("account_sid", "no credentials: set TWILIO_ACCOUNT_SID and "
      .. "TWILIO_AUTH_TOKEN, or TWILIO_API_KEY and TWILIO_API_SECRET, or "
      .. "pass them to trunking.new")
  end
  credentials(found, out)
  local server = {}
  for _, name in ipairs { "base_url", "ca_file" } do
    if options[name] == nil then server[#server + 1] = name end
  end
  return from_env(env, server)
end

-- ---- origin ---------------------------------------------------------

local function check_label(name, value)
  if not value:match "^[a-z][a-z%d-]*$" or value:find "%-$" or #value > 63 then
    refuse(name, "%s must be a name like %s", name,
      name == "edge" and "dublin" or "ie1")
  end
end

-- Since 2024 a region without an edge does not resolve; an edge alone means
-- the region us1 (Twilio's page on edge locations).
local function twilio_origin(options)
  local edge, region = options.edge, options.region
  if region ~= nil then check_label("region", region) end
  if region ~= nil and edge == nil then
    refuse("region", "region '%s' needs an edge: a host with a region alone "
      .. "does not resolve (for example edge = 'dublin', region = 'ie1')",
      region)
  end
  if edge == nil then return "https://trunking.twilio.com" end
  check_label("edge", edge)
  return ("https://trunking.%s.%s.twilio.com"):format(edge, region or "us1")
end

local function is_loopback(host)
  if host == "localhost" or host == "[::1]" then return true end
  local a, b, c, d = host:match "^(%d+)%.(%d+)%.(%d+)%.(%d+)$"
  return a == "127" and tonumber(b) < 256 and tonumber(c) < 256
    and tonumber(d) < 256
end

local function split_url(url)
  check_plain("base_url", url)
  local scheme, rest = url:match "^([A-Za-z]+)://([^/?#]+)/?$"
  if not scheme then
    refuse("base_url", "base_url must be like https://host:port, "
      .. "without path, query or fragment")
  end
  if rest:find("@", 1, true) then
    refuse("base_url", "base_url must not hold credentials")
  end
  local host, port = rest:match "^(.-):(%d+)$"
  host = host or rest
  if not (host:match "^[0-9A-Za-z][0-9A-Za-z.-]*$" or
    host:match "^%[%x*:[%x:.]*%x%]$") or
    port and (tonumber(port) < 1 or tonumber(port) > 65535) then
    refuse("base_url", "base_url has no valid host and port")
  end
  return ascii.lower(scheme), ascii.lower(host), port
end

local function base_origin(url, places)
  if places.edge ~= nil or places.region ~= nil then
    refuse("base_url", "base_url replaces edge and region: give one or the "
      .. "other")
  end
  local scheme, host, port = split_url(url)
  if scheme == "http" and not is_loopback(host) then
    refuse("base_url", "http:// is for a server on this machine only "
      .. "(127.0.0.1, [::1] or localhost); use https://")
  elseif scheme ~= "https" and scheme ~= "http" then
    refuse("base_url", "base_url must begin with https://")
  end
  return scheme .. "://" .. host .. (port and ":" .. port or "")
end

-- ---- the rest -------------------------------------------------------

local ranges = {
  timeout = { 30, 1 / 1000, 86400, "seconds" },
  connect_timeout = { 5, 1 / 1000, 86400, "seconds" },
  max_attempts = { 0, 1, 100, "attempts", true },
  max_in_flight = { 16, 1, 10000, "calls", true },
}

local function number(options, name)
  local default, least, most, unit, is_whole = unpack(ranges[name])
  local value = options[name]
  if value == nil then return default end
  if not (value >= least and value <= most) or
    is_whole and value % 1 ~= 0 then
    refuse(name, "%s must be %s%s %s .. %s", name,
      is_whole and "a whole number of " or "", unit,
      tostring(least):gsub("%D+", "."), tostring(most))
  end
  return value
end

-- Certificates themselves, for hosts without files.
local function ca_pem(text, file)
  if text == nil then return nil end
  if file ~= nil then
    refuse("ca_pem", "ca_file and ca_pem are both given; give one of them")
  elseif not text:find "%-%-%-%-%-BEGIN [%u%d ]*CERTIFICATE%-%-%-%-%-" then
    refuse("ca_pem", "ca_pem is not a text of certificates: it has no line "
      .. "-----BEGIN CERTIFICATE-----%s", #text < 256 and not text:find "\n"
      and "; a file's name goes into ca_file" or "")
  elseif text:find "%z" then
    refuse("ca_pem", "ca_pem holds a NUL")
  elseif #text > MAX_PEM then
    refuse("ca_pem", "ca_pem is over 4 MiB long")
  end
  return text
end

local function ca_file(path)
  if path == nil then return nil end
  check_plain("ca_file", path)
  if not io then
    refuse("ca_file", "ca_file needs Lua's io library, which this host does "
      .. "not have; use ca_pem")
  end
  local file, why = io.open(path, "rb")
  if file and not file:read(1) then
    file:close()
    file, why = nil, path .. ": not a file of certificates"
  end
  if not file then
    refuse("ca_file", "ca_file cannot be read: %s", tostring(why))
  end
  file:close()
  return path
end

-- http: never through a proxy, which would see the Authorization header.
local function set_proxy(out, value, getenv)
  out.proxy = ""
  if value == nil or value == "" then return end
  check_plain("proxy", value)
  local name = "proxy"
  if value == "env" then
    value, name = proxies.from_env(getenv, out.origin:match "//(%[.-%])"
      or out.origin:match "//([^:/]+)")
    if value == nil then return end
  end
  local url, auth = proxies.read(value)
  if not url and auth == "control" then
    refuse("proxy", "%s holds a control character, percent-encoded, in its "
      .. "user or password", name)
  elseif not url then
    refuse("proxy", "%s must be a URL like "
      .. "http://user:password@host:3128 (percent-encode what is special in "
      .. "user and password), 'env' for the environment's, or ''", name)
  elseif out.origin:find "^https:" then
    out.proxy, out.proxy_auth = url, auth
  end
end

local function user_agent(extra, version)
  local own = "trunking-lua/" .. version
  if extra == nil or extra == "" then return own end
  check_plain("user_agent", extra)
  if #extra > 256 then
    refuse("user_agent", "user_agent is over 256 bytes long")
  end
  return extra .. " " .. own
end

local function origin_of(options, server, env)
  if options.base_url ~= nil then
    return base_origin(options.base_url, options)
  end
  local places = options
  if options.edge == nil and options.region == nil then
    places = from_env(env, { "edge", "region" })
  end
  if server.base_url then return base_origin(server.base_url, places) end
  return twilio_origin(places)
end

local function build(options, env, version)
  check_types(options)
  local out, server = {}, {}
  if any_credentials(options) then
    credentials(options, out)
  else
    server = account_from_env(options, env, out)
  end
  out.origin = origin_of(options, server, env)
  out.ca_pem = ca_pem(options.ca_pem, options.ca_file)
  out.ca_file = ca_file(options.ca_file
    or not out.ca_pem and server.ca_file or nil)
  set_proxy(out, options.proxy, env.getenv)
  out.user_agent = user_agent(options.user_agent, version)
  out.timeout = number(options, "timeout")
  out.connect_timeout = number(options, "connect_timeout")
  out.max_attempts = number(options, "max_attempts")
  out.max_in_flight = number(options, "max_in_flight")
  out.validate = options.validate ~= false
  out.on_attempt = options.on_attempt
    and require "trunking.hook" (options.on_attempt)
  out.wait = options.wait
  return out
end

--- Options, checked and completed, for the C module.
-- @param options as trunking.new takes them
-- @param getenv a function like os.getenv
-- @param version of the library, for the User-Agent
-- @return a table, or nil and an error of kind "config"
function M.resolve(options, getenv, version)
  local env = { getenv = getenv, used = {} }
  local ok, out = pcall(build, options, env, version)
  if ok then return out end
  if type(out) ~= "table" then error(out, 0) end
  local variable = env.used[out.field]
  return nil, errors.new { kind = "config", outcome = "not_sent",
    field = out.field, message = out.message
      .. (variable and (" (from %s)"):format(variable) or "") }
end

return M
