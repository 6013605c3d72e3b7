-- What nginx.conf beside this file serves. A call looks as it does in a
-- script; the worker serves other requests until it returns.
-- luacheck: globals ngx

local cjson = require "cjson"
local trunking = require "trunking.openresty"

local trunks = {}

-- The module is a client, made from the environment at a worker's first call:
-- one for each worker.

local function answer(status, value)
  ngx.status = status
  ngx.say(type(value) == "string" and value or cjson.encode(value))
end

-- What is invalid came from who asked.
local function fail(err)
  local theirs = err.kind == "invalid"
  ngx.log(theirs and ngx.INFO or ngx.WARN, tostring(err))
  answer(theirs and 400 or 502, { kind = err.kind, outcome = err.outcome })
end

local methods = {}

-- One page. `next` is for the query of the next request: whatever comes back
-- as a cursor, list refuses what is none of its own pages. The array is put
-- together here, because cjson cannot tell an empty one from an object.
function methods.GET()
  local cursor = ngx.req.get_uri_args().cursor -- a text, or what is refused
  local page, err = trunking.list { cursor = cursor }
  if not page then return fail(err) end
  local records = {}
  for i, trunk in ipairs(page) do
    records[i] = cjson.encode { sid = trunk.sid, name = trunk.friendly_name }
  end
  answer(200, ('{"trunks":[%s],"next":%s}'):format(table.concat(records, ","),
    cjson.encode(page.next_cursor or cjson.null)))
end

function methods.POST()
  local name = ngx.req.get_uri_args().name -- true where it has no value
  local trunk, err = trunking.create {
    friendly_name = type(name) == "string" and name or nil }
  if not trunk then return fail(err) end
  answer(201, { sid = trunk.sid })
end

--- For content_by_lua.
function trunks.serve()
  local method = methods[ngx.req.get_method()]
  if not method then return ngx.exit(405) end
  local ok, err = pcall(method)
  if ok then return end
  ngx.log(ngx.ERR, tostring(err))
  ngx.exit(502)
end

--- For log_by_lua: begins a call, and forgets it.
function trunks.remember(address)
  local job, err = trunking.async.create { friendly_name = address }
  if not job then ngx.log(ngx.WARN, tostring(err)) end
end

return trunks
