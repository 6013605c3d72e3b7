-- Reads the option proxy, or the environment's proxies: the URL that libcurl is
-- to use, and apart from it the user and password. With those in the URL, a
-- libcurl that cannot decode them connects without the proxy. Pure. It quotes
-- no URL: that may hold a password.
-- SPDX-License-Identifier: MIT

local ascii = require "trunking.ascii"

local M = {}

local schemes = { http = 1080, https = 443, socks4 = 1080, socks4a = 1080,
  socks5 = 1080, socks5h = 1080 } -- libcurl's default ports

-- ---- a URL ----------------------------------------------------------

local function split_host(text)
  local host, port = text:match "^([0-9A-Za-z._-]+):?(%d*)$"
  if not host then host, port = text:match "^(%[[%x:.]+%]):?(%d*)$" end
  return host, port
end

local function port_of(text, scheme)
  local port = text == "" and schemes[scheme] or tonumber(text)
  return port >= 1 and port <= 65535 and ("%d"):format(port) or nil
end

-- Control characters would end the proxy's user in a header; libcurl does not
-- decode them, and older ones go on without the proxy.
local function has_control(auth)
  for hex in auth:gmatch "%%(%x%x)" do
    local byte = tonumber(hex, 16)
    if byte < 32 or byte == 127 then return true end
  end
  return false
end

--- Reads a proxy's URL.
-- @param text "[scheme://][user[:password]@]host[:port][/]"
-- @return "scheme://host:port", and "user:password", percent-encoded as it
--   was, or nil; or nil and what is wrong
function M.read(text)
  local scheme, rest = text:match "^([0-9A-Za-z]+)://(.*)$"
  scheme = ascii.lower(scheme or "http")
  if scheme == "socks" then scheme = "socks4" end
  local authority = (rest or text):match "^([^/?#%s]+)/?$"
  if not authority or not schemes[scheme] then return nil, "form" end
  local auth, after = authority:match "^([^@]*)@([^@]*)$"
  local host, port = split_host(after or authority)
  port = host and port_of(port, scheme)
  if not port then return nil, "form" end
  if auth and #auth > 512 then return nil, "form" end
  if auth and has_control(auth) then return nil, "control" end
  if auth == "" or auth == ":" then auth = nil end
  return ("%s://%s:%s"):format(scheme, host, port), auth
end

-- ---- the environment ------------------------------------------------

local names = { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" }

local function first(getenv, list)
  for _, name in ipairs(list) do
    local value = getenv(name)
    if value ~= nil and value ~= "" then return value, name end
  end
end

-- The 8 groups of an IPv6 address as numbers, or the 2 of an IPv4 one.
local function groups_of(address)
  local a, b, c, d = address:match "^(%d+)%.(%d+)%.(%d+)%.(%d+)$"
  if a then
    return { a * 256 + b, c * 256 + d }
  elseif not address:find(":", 1, true) then
    return nil
  end
  address = address:gsub("(%d+)%.(%d+)%.(%d+)%.(%d+)$", function(...)
    local tail = groups_of(table.concat({ ... }, "."))
    return ("%x:%x"):format(tail[1], tail[2])
  end)
  local head, tail = address:match "^(.-)::(.*)$"
  local groups, rest = {}, {}
  for hex in (head or address):gmatch "%x+" do
    groups[#groups + 1] = tonumber(hex, 16)
  end
  for hex in (tail or ""):gmatch "%x+" do
    rest[#rest + 1] = tonumber(hex, 16)
  end
  while head and #groups + #rest < 8 do groups[#groups + 1] = 0 end
  for _, n in ipairs(rest) do groups[#groups + 1] = n end
  return #groups == 8 and groups or nil
end

-- Whether an address is of a network like 10.0.0.0/8, or the same address.
local function is_in(groups, network)
  local base, bits = network:match "^([%x:.]+)/(%d+)$"
  local other = groups_of(base or network)
  if not other or #other ~= #groups then return false end
  bits = tonumber(bits) or 16 * #groups
  if bits > 16 * #groups then return false end
  for i = 1, #groups do
    local unit = 2 ^ (16 - math.max(0, math.min(16, bits - 16 * (i - 1))))
    if math.floor(groups[i] / unit) ~= math.floor(other[i] / unit) then
      return false
    end
  end
  return true
end

--- Whether a list like no_proxy names a host.
-- @param list names, addresses and networks, with commas or spaces between; a
--   name stands for those below it too; "*" for all
-- @param host a name, an address of IPv4, or one of IPv6 in brackets
function M.is_exempt(list, host)
  host = ascii.lower(host):gsub("^%[(.*)%]$", "%1"):gsub("%.$", "")
  local groups = groups_of(host)
  for entry in ascii.lower(list):gmatch "[^,%s]+" do
    if entry == "*" then return true end
    entry = entry:gsub("^%[(.*)%]$", "%1")
    if groups then
      if is_in(groups, entry) then return true end
    else
      entry = entry:gsub("^%.", ""):gsub("%.$", "")
      if entry ~= "" and (host == entry
        or host:sub(-#entry - 1) == "." .. entry) then return true end
    end
  end
  return false
end

--- The environment's proxy for a host, by the variables that libcurl knows.
-- @return its URL as it is written, and the variable; or nil: there is none
function M.from_env(getenv, host)
  local exempt = first(getenv, { "no_proxy", "NO_PROXY" })
  if exempt and M.is_exempt(exempt, host) then return nil end
  return first(getenv, names)
end

return M
