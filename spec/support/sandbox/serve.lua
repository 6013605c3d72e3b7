-- The sandbox behind nginx: requests in, replies and faults out.
-- Promises: does on the wire what a fault says, to the byte; one store, in the
-- one worker's Lua state.
-- May not know: how the API behaves. That is trunking.sandbox.
-- SPDX-License-Identifier: MIT
-- luacheck: globals ngx

local cjson = require("cjson").new()
local sandbox = require "trunking.sandbox"
local semaphore = require "ngx.semaphore"

local serve = {}
local store
local said = 0 -- unasked, so far
local gate = semaphore.new() -- replies on hold wait here
local late = {} -- what takes effect later: a set of functions

local function open_gate()
  local waiting = -gate:count()
  if waiting > 0 then gate:post(waiting) end
end

local function fresh(options)
  late = {}
  open_gate()
  options = options or {}
  options.now = ngx.now
  store = sandbox.new(options)
end

--- Starts with an empty account, and tells `run` that it did.
function serve.init()
  math.randomseed(ngx.now() * 1000 % 2 ^ 31 + ngx.worker.pid())
  fresh()
  local path = ngx.config.prefix() .. "ready"
  local file = assert(io.open(path .. ".part", "w"))
  file:write("TRUNKING_SANDBOX_ACCOUNT_SID=", sandbox.account_sid,
    "\nTRUNKING_SANDBOX_AUTH_TOKEN=", sandbox.auth_token,
    "\nTRUNKING_SANDBOX_API_KEY=", sandbox.api_key,
    "\nTRUNKING_SANDBOX_API_SECRET=", sandbox.api_secret, "\n")
  file:close()
  assert(os.rename(path .. ".part", path))
end

-- nginx keeps a body in memory up to client_body_buffer_size, then in a file.
local function read_body()
  ngx.req.read_body()
  local path = ngx.req.get_body_file()
  if not path then return ngx.req.get_body_data() end
  local file = assert(io.open(path, "rb"))
  local body = file:read("*a")
  file:close()
  return body
end

local function send(reply, chunked)
  ngx.status = reply.status
  for name, value in pairs(reply.headers) do ngx.header[name] = value end
  if reply.status ~= 204 and not chunked then
    ngx.header["Content-Length"] = #reply.body
  end
  ngx.print(reply.body)
  return ngx.exit(ngx.OK)
end

local function head_of(reply, connection)
  local lines = { ("HTTP/1.1 %d Sandbox"):format(reply.status) }
  for name, value in pairs(reply.headers) do
    lines[#lines + 1] = name .. ": " .. value
  end
  lines[#lines + 1] = "Content-Length: " .. #reply.body
  lines[#lines + 1] = "Connection: " .. (connection or "close")
  return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

-- Sends a reply twice on a connection that is kept. nginx sends what is printed
-- beyond the Content-Length too.
local function send_twice(reply, seconds)
  ngx.status = reply.status
  for name, value in pairs(reply.headers) do ngx.header[name] = value end
  ngx.header["Content-Length"] = #reply.body
  ngx.send_headers()
  if seconds > 0 then ngx.print(reply.body) end
  ngx.flush(true)
  ngx.sleep(seconds)
  if seconds == 0 then ngx.print(reply.body) end
  ngx.print(head_of(reply, "keep-alive"), reply.body)
  said = said + 1
  return ngx.exit(ngx.OK)
end

-- The bytes to send instead of a reply of nginx's, or nil.
local function bytes_of(reply, fault)
  if fault.raw then return fault.raw end
  if fault.garbage then return "\0\1\2 this is not HTTP \255\254\r\n\r\n" end
  local head, body = head_of(reply), reply.body
  if fault.cut_headers then return head:sub(1, math.floor(#head / 2)) end
  if fault.cut then return head .. body:sub(1, fault.cut) end
  if fault.early then return "HTTP/1.1 100 Continue\r\n\r\n" .. head .. body end
end

-- Keeps the connection after a reply, and says more on it, unasked. What comes
-- in after that is read, and not answered, until the client ends it.
local function keep(socket, unasked)
  ngx.sleep(0.05)
  socket:send(unasked)
  if unasked ~= "" then said = said + 1 end
  socket:settimeout(3600 * 1000)
  repeat
    local data = socket:receive(1)
  until not data
end

-- Has a request take effect at its time, or when it is released before.
local function apply_later(seconds, f)
  late[f] = true
  ngx.timer.at(seconds, function()
    if late[f] then f() end
    late[f] = nil
  end)
end

local function perform(reply, fault)
  if fault.hold then gate:wait(3600) end
  if fault.delay then ngx.sleep(fault.delay) end
  if fault.reset then return ngx.exec("/_sandbox/rst") end
  if fault.close then return ngx.exit(444) end
  if fault.again then return send_twice(reply, fault.again) end
  local bytes = bytes_of(reply, fault)
  if not bytes then return send(reply, fault.chunked) end
  local socket, why = ngx.req.socket(true)
  if not socket then ngx.log(ngx.ERR, "no raw socket: ", why) end
  if socket then socket:send(bytes) end
  if socket and fault.unasked then keep(socket, fault.unasked) end
  return ngx.exit(444)
end

--- Content handler of the API.
function serve.api()
  local var = ngx.var
  local path, query = var.request_uri, ""
  local mark = path:find("?", 1, true)
  if mark then path, query = path:sub(1, mark - 1), path:sub(mark + 1) end
  local reply = sandbox.handle(store, {
    method = ngx.req.get_method(), path = path, query = query,
    body = read_body(), scheme = var.scheme,
    headers = {
      authorization = var.http_authorization, host = var.http_host,
      ["content-type"] = var.http_content_type,
      ["user-agent"] = var.http_user_agent,
    },
  })
  if reply.later then apply_later(reply.fault.late, reply.later) end
  if reply.fault then return perform(reply, reply.fault) end
  return send(reply)
end

local function answer(status, json)
  return send({
    status = status, body = json,
    headers = { ["Content-Type"] = "application/json" },
  })
end

-- Joined by hand: cjson writes an empty list as an object.
local function ledger_json(ledger)
  local requests = ledger.requests
  for i, entry in ipairs(requests) do requests[i] = cjson.encode(entry) end
  ledger.requests, ledger.unasked = nil, said
  return '{"requests":[' .. table.concat(requests, ",") .. "],"
    .. cjson.encode(ledger):sub(2)
end

local controls = {}

controls["POST /_sandbox/arm"] = function(options)
  sandbox.arm(store, options)
  return "{}"
end

controls["POST /_sandbox/disarm"] = function()
  sandbox.disarm(store)
  return "{}"
end

controls["POST /_sandbox/release"] = function()
  for f in pairs(late) do f() end
  late = {}
  open_gate()
  return "{}"
end

controls["POST /_sandbox/reset"] = function(options)
  fresh(options)
  return "{}"
end

controls["GET /_sandbox/ledger"] = function()
  return ledger_json(sandbox.ledger(store, tonumber(ngx.var.arg_last)))
end

--- Content handler of the control endpoints.
function serve.control()
  local run = controls[ngx.req.get_method() .. " " .. ngx.var.uri]
  if not run then return answer(404, '{"message":"no such control"}') end
  local body = read_body()
  local ok, result = pcall(function()
    return run(body and cjson.decode(body) or {})
  end)
  if ok then return answer(200, result) end
  return answer(400, cjson.encode { message = tostring(result) })
end

return serve
