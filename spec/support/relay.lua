-- A proxy for specs, in a process of its own: relay.lua PORT_FILE LOG [TLS].
-- It takes CONNECT, and SOCKS 4, 4a and 5 by their first byte, goes where it is
-- told, and writes a line into LOG for each: what it was asked for, and with
-- which credentials. TLS is the stem of a certificate and its key: then it is
-- a proxy of https. It ends when its standard input does.
-- SPDX-License-Identifier: MIT

local socket = require "socket"

local port_file, log_file, stem = arg[1], arg[2], arg[3]
local ssl = stem and require "ssl"
local context = stem and assert(ssl.newcontext { mode = "server",
  protocol = "any", options = { "no_sslv2", "no_sslv3" },
  certificate = stem .. ".pem", key = stem .. ".key" })

local log = assert(io.open(log_file, "a"))
log:setvbuf "no"

local function note(...) log:write(table.concat({ ... }, " "), "\n") end

local function go(host, port)
  return assert(socket.connect(host == "localhost" and "127.0.0.1" or host,
    port))
end

local function by_connect(c, byte)
  local first = byte .. assert(c:receive "*l")
  local auth = "-"
  repeat
    local line = assert(c:receive "*l")
    auth = line:match "^Proxy%-[Aa]uthorization: Basic (.*)$" or auth
  until line == ""
  local host, port = first:match "^CONNECT ([^ ]+):(%d+) "
  note("CONNECT", host, port, auth)
  local to = go(host, port)
  c:send "HTTP/1.1 200 OK\r\n\r\n"
  return to
end

local function name(c)
  return assert(c:receive(assert(c:receive(1)):byte()))
end

local function port_of(bytes) return bytes:byte(1) * 256 + bytes:byte(2) end

local function till_nul(c)
  local text = ""
  while true do
    local byte = assert(c:receive(1))
    if byte == "\0" then return text end
    text = text .. byte
  end
end

local function by_socks4(c)
  assert(c:receive(1)) -- the command
  local port = port_of(assert(c:receive(2)))
  local host = table.concat({ assert(c:receive(4)):byte(1, 4) }, ".")
  local user = till_nul(c)
  if host:find "^0%.0%.0%.[1-9]" then host = till_nul(c) end
  note("SOCKS4", host, tostring(port), user)
  local to = go(host, port)
  c:send("\0\90" .. ("\0"):rep(6))
  return to
end

local function by_socks5(c)
  local user = "-"
  if name(c):find("\2", 1, true) then
    c:send "\5\2"
    assert(c:receive(1))
    local who = name(c)
    user = who .. ":" .. name(c)
    c:send "\1\0"
  else
    c:send "\5\0"
  end
  local kind = assert(c:receive(4)):byte(4)
  local host = kind == 3 and name(c)
    or table.concat({ assert(c:receive(4)):byte(1, 4) }, ".")
  local port = port_of(assert(c:receive(2)))
  note("SOCKS5", host, tostring(port), user)
  local to = go(host, port)
  c:send("\5\0\0\1" .. ("\0"):rep(6))
  return to
end

-- Moves what there is from one to the other; nil: it is over.
local function move(from, to)
  from:settimeout(0)
  local bytes, why, part = from:receive(65536)
  from:settimeout(nil)
  bytes = bytes or part
  if bytes and #bytes > 0 then
    to:settimeout(nil)
    if not to:send(bytes) then return nil end
  end
  return why ~= "closed"
end

local function begin(c)
  c:settimeout(60)
  if stem then
    c = assert(ssl.wrap(c, context))
    c:settimeout(60)
    local ok, why = c:dohandshake()
    if not ok then note("refused", tostring(why)) error(why) end
  end
  local first = assert(c:receive(1))
  return c, (first == "\4" and by_socks4 or first == "\5" and by_socks5
    or by_connect)(c, first)
end

local server = assert(socket.bind("127.0.0.1", 0))
local file = assert(io.open(port_file .. ".part", "w"))
file:write((select(2, server:getsockname())), "\n")
file:close()
os.rename(port_file .. ".part", port_file)

local other, stdin = {}, { getfd = function() return 0 end }
while true do
  local list = { server, stdin }
  for end_ in pairs(other) do list[#list + 1] = end_ end
  for _, ready in ipairs((socket.select(list, nil, 60))) do
    if ready == stdin then return end
    if ready == server then
      local c = server:accept()
      local ok, near, far = pcall(begin, c)
      if ok then other[near], other[far] = far, near else c:close() end
    elseif other[ready] and not move(ready, other[ready]) then
      local far = other[ready]
      other[ready], other[far] = nil, nil
      ready:close()
      far:close()
    end
  end
end
