-- What a new TLS connection costs, with one CA and with the system's bundle,
-- on the TLS library that libcurl has here. From a checkout:
--
--   make build && eval "$(make -s env)"
--   spec/support/sandbox/run lua5.4 spec/bench/handshake.lua [BUNDLE]
--
-- Promises: CPU of this process alone; blocking calls, so all of it is in this
-- thread. The server, another process, closes each connection.
-- SPDX-License-Identifier: MIT

local trunking = require "trunking"

local N = 64
local system = arg[1] or "/etc/ssl/certs/ca-certificates.crt"

local function sandbox(name)
  return assert(os.getenv("TRUNKING_SANDBOX_" .. name), "no sandbox")
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

-- The system's bundle, with the sandbox's own CA behind it.
local function bundle()
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  local all = read(system) .. read(sandbox "CA")
  assert(file:write(all))
  file:close()
  return path, select(2, all:gsub("BEGIN CERTIFICATE", ""))
end

-- Milliseconds of CPU: of the first connection, and of each of N others.
local function measure(ca_file)
  local client = assert(trunking.new { ca_file = ca_file,
    base_url = sandbox "CLOSING", account_sid = sandbox "ACCOUNT_SID",
    auth_token = sandbox "AUTH_TOKEN" })
  local start = os.clock()
  assert(client.create {})
  local first = os.clock()
  for _ = 1, N do assert(client.create {}) end
  local last = os.clock()
  client.close()
  return (first - start) * 1e3, (last - first) * 1e3 / N
end

local function report(title, ca_file)
  local first, other = measure(ca_file)
  print(("  %-22s %6.1f ms, then %6.2f ms each"):format(title, first, other))
end

print(require "trunking.core".tls .. ": CPU of a create on a new connection")
measure(sandbox "CA") -- brings libcurl up
report("one CA", sandbox "CA")
local path, count = bundle()
report(("a bundle of %d"):format(count), path)
os.remove(path)
