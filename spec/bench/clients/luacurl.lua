-- Debian's lua-curl (Lua 5.1) with lua-cjson, as a careful user writes it: the
-- handle is kept, its options are set once, only the body is new each time.
-- It has no getinfo, so success is read from the reply.
-- SPDX-License-Identifier: MIT

local work = require "work"
local curl = require "curl"
local cjson = require "cjson"

local easy, chunks = curl.easy_init(), {}
easy:setopt(curl.OPT_URL, work.url .. "/v1/Trunks")
easy:setopt(curl.OPT_USERPWD, work.sid .. ":" .. work.token)
easy:setopt(curl.OPT_HTTPHEADER, { "Accept: application/json", "Expect:" })
easy:setopt(curl.OPT_USERAGENT, "trunking-bench/1.0")
easy:setopt(curl.OPT_NOSIGNAL, 1)
easy:setopt(curl.OPT_TIMEOUT, 30)
if work.ca then easy:setopt(curl.OPT_CAINFO, work.ca) end
easy:setopt(curl.OPT_WRITEFUNCTION, function(data)
  chunks[#chunks + 1] = data
  return #data
end)

local function create(params)
  local body = work.form(params)
  chunks = {}
  easy:setopt(curl.OPT_POSTFIELDS, body)
  easy:setopt(curl.OPT_POSTFIELDSIZE, #body)
  local code, why = easy:perform()
  if code ~= 0 and code ~= true then return nil, why or code end
  local ok, reply = pcall(cjson.decode, table.concat(chunks))
  if not ok or not reply.sid then return nil, "no trunk in the reply" end
  return reply
end

work.serve(create)
