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
  ngx.say(cjson.encode(value))
end

local methods = {}

function methods.GET()
  local names = {}
  for trunk in trunking.each() do
    names[#names + 1] = { sid = trunk.sid, name = trunk.friendly_name }
  end
  answer(200, { trunks = names })
end

function methods.POST()
  local name = ngx.req.get_uri_args().name -- true where it has no value
  local trunk, err = trunking.create {
    friendly_name = type(name) == "string" and name or nil }
  if trunk then return answer(201, { sid = trunk.sid }) end
  ngx.log(ngx.WARN, tostring(err))
  answer(err.kind == "invalid" and 400 or 502,
    { kind = err.kind, outcome = err.outcome })
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
