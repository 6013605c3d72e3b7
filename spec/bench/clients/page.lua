-- A page of 1,000 trunks against cjson.decode alone on the same bytes, in
-- turns in one process. Arguments: URL CA TAG ROUNDS. Prints milliseconds of
-- CPU (decode, list) and the ratios of all rounds.
-- Promises: garbage of one is not collected at the other's cost.
-- SPDX-License-Identifier: MIT

local decode = require "cjson".new().decode
local http = require "socket.http"
local mime = require "mime"
local trunking = require "trunking"

local PAGES = 3 -- a batch
local url, ca, tag, rounds = arg[1], arg[2], arg[3], tonumber(arg[4])
local sid = os.getenv "TRUNKING_SANDBOX_ACCOUNT_SID"
local token = os.getenv "TRUNKING_SANDBOX_AUTH_TOKEN"

local client = assert(trunking.new {
  base_url = url, ca_file = ca ~= "-" and ca or nil,
  account_sid = sid, auth_token = token,
})

for i = 1, 1000 do
  assert(client.create {
    friendly_name = "Office " .. i,
    domain_name = ("bench-%s-%d.pstn.twilio.com"):format(tag, i),
  })
end

-- What the server sends, by another way: over plain HTTP.
local function fetch()
  local parts = {}
  local _, status = http.request {
    url = os.getenv "TRUNKING_SANDBOX_HTTP" .. "/v1/Trunks?PageSize=1000",
    headers = { authorization = "Basic " .. mime.b64(sid .. ":" .. token) },
    sink = function(part) parts[#parts + 1] = part return 1 end,
  }
  assert(status == 200, status)
  return table.concat(parts)
end

local body = fetch()
assert(#decode(body).trunks == 1000)

local function time(work)
  collectgarbage()
  collectgarbage()
  local started = os.clock()
  for _ = 1, PAGES do work() end
  return (os.clock() - started) / PAGES
end

local function alone() decode(body) end
local function whole() assert(#client.list { page_size = 1000 } == 1000) end

local out = {}
for n = 1, rounds do
  local a, b
  if n % 2 == 0 then a = time(alone) end
  b = time(whole)
  a = a or time(alone)
  out[n] = ("%.6f %.6f"):format(a, b)
end
print(table.concat(out, "\n"))
