-- luasocket and luasec with lua-cjson, as their documentation shows: one call
-- of request{...}, which connects anew each time.
-- SPDX-License-Identifier: MIT

local work = require "work"
local cjson = require "cjson"
local ltn12 = require "ltn12"
local mime = require "mime"
local http = work.ca and require "ssl.https" or require "socket.http"

local authorization = "Basic " .. mime.b64(work.sid .. ":" .. work.token)

local function create(params)
  local body, chunks = work.form(params), {}
  local ok, status = http.request {
    url = work.url .. "/v1/Trunks", method = "POST",
    headers = {
      ["authorization"] = authorization, ["accept"] = "application/json",
      ["content-type"] = "application/x-www-form-urlencoded",
      ["content-length"] = #body, ["user-agent"] = "trunking-bench/1.0",
    },
    source = ltn12.source.string(body), sink = ltn12.sink.table(chunks),
    verify = work.ca and "peer", cafile = work.ca,
    protocol = work.ca and "any", options = work.ca and "all",
  }
  if not ok or status ~= 201 then return nil, status end
  return cjson.decode(table.concat(chunks))
end

work.serve(create)
