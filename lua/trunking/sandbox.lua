-- The Trunking API to develop against: store and request in, reply out.
-- Promises: behaves as the real API does in all 24 operations; holds no more
-- than it was told to; the same on Lua 5.1 to 5.5, LuaJIT and in nginx.
-- May not know: sockets, files, ngx, the clock or chance. Time and randomness
-- are fields of the store; what a fault does to the wire is the server's work.
-- SPDX-License-Identifier: MIT

local collection = require "trunking.sandbox.collection"
local domains = require "trunking.sandbox.domains"
local faults = require "trunking.sandbox.faults"
local resources = require "trunking.sandbox.resources"
local wire = require "trunking.sandbox.wire"

local floor, format, match = math.floor, string.format, string.match
local null = wire.null

local sandbox = {
  account_sid = "AC" .. ("5a"):rep(16),
  auth_token = ("5ec2e7"):rep(5) .. "00",
  api_key = "SK" .. ("5b"):rep(16),
  api_secret = ("SandboxSecret"):rep(2) .. "000000",
  origin = "https://trunking.twilio.com",
}

local function random_hex(count)
  local out = {}
  for i = 1, count do out[i] = format("%x", math.random(0, 15)) end
  return table.concat(out)
end

local option_types = {
  account_sid = "string", auth_token = "string", keys = "table",
  now = "function", random = "function", origin = "string",
  keep = "number", remember = "number", seed = "number",
}

local function check_options(options)
  for name, value in pairs(options) do
    local expected = option_types[name]
    if not expected then
      error("the sandbox has no option '" .. tostring(name) .. "'", 3)
    elseif type(value) ~= expected then
      error("the sandbox's " .. name .. " must be a " .. expected, 3)
    end
  end
end

--- A new, empty account. All options are optional: `account_sid`, `auth_token`,
-- `keys` (API key SID -> secret), `now` (-> epoch seconds), `random` (n -> n
-- hexadecimal digits), `origin` (of the URLs in replies; else the request's
-- Host), `keep` (most trunks held), `remember` (most requests in the ledger),
-- `seed` (of the chances of faults).
function sandbox.new(options)
  options = options or {}
  check_options(options)
  local store = {
    account_sid = options.account_sid or sandbox.account_sid,
    origin = options.origin,
    now = options.now or os.time,
    random = options.random or random_hex,
    keep = options.keep or 100000,
    remember = math.max(1, options.remember or 20000),
    secrets = {}, users = {}, numbers = {}, armed = {}, ids = 0, salt = {},
    ledger = { count = 0, created = 0 },
    dice = floor(options.seed or 1) % 2147483646 + 1,
  }
  for key, secret in pairs(options.keys
    or { [sandbox.api_key] = sandbox.api_secret }) do
    store.secrets[key] = secret
  end
  for i = 1, 4 do store.salt[i] = tonumber(store.random(8), 16) end
  store.secrets[store.account_sid] = options.auth_token or sandbox.auth_token
  store.trunks = collection.new(store.keep)
  store.domains = domains.new(store.keep)
  return store
end

--- Arms a list of faults (or one), behind those armed already. The fields are
-- in sandbox/faults.lua; raises on one it does not know.
function sandbox.arm(store, list)
  faults.arm(store.armed, list)
end

--- Takes back all faults that are armed.
function sandbox.disarm(store)
  store.armed = {}
end

--- What was received: `count`, `created` (creations that took effect), `trunks`
-- (held now), and `requests`, oldest first: the newest `last`, or all still
-- remembered.
function sandbox.ledger(store, last)
  local ledger, requests = store.ledger, {}
  local held = math.min(ledger.count, store.remember, last or math.huge)
  for n = ledger.count - held + 1, ledger.count do
    requests[#requests + 1] = ledger[(n - 1) % store.remember + 1]
  end
  return {
    count = ledger.count, created = ledger.created,
    trunks = store.trunks.count, requests = requests,
  }
end

-- Four counters from random starts with odd steps: never the same twice, and
-- cheap. All digits move, because LuaJIT hashes only some bytes of a string.
local function new_id(store, prefix)
  local n, salt = store.ids + 1, store.salt
  store.ids = n
  return format("%s%08x%08x%08x%08x", prefix,
    (salt[1] + n * 1597463) % 4294967296, (salt[2] + n * 1103515) % 4294967296,
    (salt[3] + n * 1297657) % 4294967296, (salt[4] + n * 1664525) % 4294967296)
end

-- The next of a row of numbers in [0, 1) that its seed decides (Park and
-- Miller's, exact in doubles).
local function draw(store)
  store.dice = store.dice * 16807 % 2147483647
  return store.dice / 2147483647
end

local function timestamp(store)
  local second = floor(store.now())
  if second ~= store.second then
    store.second = second
    store.timestamp = os.date("!%Y-%m-%dT%H:%M:%SZ", second)
  end
  return store.timestamp
end

local function refuse(status, code, message, detail)
  return status, wire.encode {
    status = status, code = code, message = message, detail = detail,
    more_info = code and "https://www.twilio.com/docs/errors/" .. code,
  }
end

local function not_found(at)
  local path = at.path:gsub("^/v1", "")
  return refuse(404, 20404,
    "The requested resource " .. path .. " was not found")
end

local function url_of(at, record)
  return at.base .. "/" .. record.sid
end

-- Operations: (store, at, request's form) -> status, body, SID made. `at` tells
-- the resource, the list it is in, the record's SID, the trunk and the URLs.

local function create(store, at, form)
  local resource = at.resource
  local record, why = resources.read(resource, form, true)
  if not record then return refuse(400, 20001, why) end
  local code, message = resource.admit(store, at.items, record)
  if code then return refuse(400, code, message) end
  record.sid = record.sid or new_id(store, resource.prefix)
  record.account_sid = store.account_sid
  record.date_created, record.made = timestamp(store), store.now()
  record.date_updated = record.date_created
  if at.trunk then
    record.trunk_sid = at.trunk.sid
  else
    record.recording = resources.read(resources.by_name.Recording, {}, true)
  end
  resource.enter(store, record)
  local dropped = collection.add(at.items, record)
  if dropped then resource.leave(store, dropped, true) end
  return 201, resource.render(store, record, url_of(at, record)), record.sid
end

local function fetch(store, at)
  local record = collection.find(at.items, at.sid)
  if not record then return not_found(at) end
  return 200, at.resource.render(store, record, url_of(at, record))
end

local function update(store, at, form)
  local record = collection.find(at.items, at.sid)
  if not record then return not_found(at) end
  local values, why = resources.read(at.resource, form, false)
  if not values then return refuse(400, 20001, why) end
  local code, message = at.resource.admit(store, at.items, values, record)
  if code then return refuse(400, code, message) end
  local domain = record.domain_name
  for name, value in pairs(values) do record[name] = value end
  record.date_updated = timestamp(store)
  at.resource.enter(store, record, domain)
  return 200, at.resource.render(store, record, url_of(at, record))
end

local function delete(store, at)
  local record = collection.find(at.items, at.sid)
  if not record then return not_found(at) end
  collection.remove(at.items, record)
  at.resource.leave(store, record)
  return 204, ""
end

local function whole(text, default, low, high)
  if not text then return default end
  local number = #text <= 9 and text:find("^%d+$") and tonumber(text)
  return number and number >= low and number <= high and number or nil
end

-- Page size, page number and token of a query; or nil and the bad one's name.
local function page_of(query)
  local size = whole(query.PageSize, 50, 1, 1000)
  local page = whole(query.Page, 0, 0, 999999999)
  local token = query.PageToken
  if not size then return nil, "PageSize" end
  if not page then return nil, "Page" end
  if token and not collection.is_token(token) then return nil, "PageToken" end
  return size, page, token
end

local function page_url(at, size, page, token)
  return format("%s?PageSize=%d&Page=%d%s", at.base, size, page,
    token and "&PageToken=" .. token or "")
end

local function list(store, at, _, query)
  local size, page, token = page_of(query)
  if not size then return refuse(400, 20001, "Invalid " .. page .. ".") end
  local records, after, before =
    collection.page(at.items, size, page, token)
  local shown, newest = {}, store.now() - (at.stale or 0)
  for _, record in ipairs(records) do
    if not at.stale or record.made <= newest then
      shown[#shown + 1] =
        at.resource.render(store, record, url_of(at, record))
    end
  end
  local meta = wire.encode { meta = {
    key = at.resource.key, page = page, page_size = size,
    url = page_url(at, size, page, token),
    first_page_url = page_url(at, size, 0),
    next_page_url = after and page_url(at, size, page + 1, after) or null,
    previous_page_url =
      page > 0 and page_url(at, size, page - 1, before) or null,
  } }
  return 200, wire.with(at.resource.key, wire.array(shown), meta)
end

local function fetch_single(store, at)
  return 200, at.resource.render(store, at.trunk.recording)
end

local function update_single(store, at, form)
  local values, why = resources.read(at.resource, form, false)
  if not values then return refuse(400, 20001, why) end
  for name, value in pairs(values) do at.trunk.recording[name] = value end
  return fetch_single(store, at)
end

local on_list = { POST = create, GET = list }
local on_record = { POST = update, GET = fetch, DELETE = delete }
local on_attached = { GET = fetch, DELETE = delete }
local on_single = { POST = update_single, GET = fetch_single }

local function operations_of(resource, sid)
  if resource.single then return not sid and on_single or nil end
  if not sid then return on_list end
  return resource.attached and on_attached or on_record
end

-- Fills `at` from its path: the operations there are, or nil where is nothing.
local function route(store, at)
  local path, origin = at.path, at.origin
  local sid, rest = match(path, "^/v1/Trunks/([^/]+)(.*)$")
  at.resource, at.items = resources.by_name.Trunks, store.trunks
  at.base = origin .. "/v1/Trunks"
  if path == "/v1/Trunks" then return on_list end
  if not sid then return nil end
  at.sid = wire.unescape(sid)
  if rest == "" then return on_record end
  local name, item = match(rest, "^/(%a+)/?(.*)$")
  local resource = name and resources.by_name[name]
  local trunk = collection.find(store.trunks, at.sid)
  if not resource or name == "Trunks" or not trunk
    or rest == "/" .. name .. "/" then return nil end
  at.resource, at.trunk = resource, trunk
  at.base = at.base .. "/" .. trunk.sid .. "/" .. name
  at.sid = item ~= "" and wire.unescape(item) or nil
  at.items = not resource.single
    and resources.items_of(store, trunk, name) or nil
  return operations_of(resource, at.sid)
end

-- Who asks; nil and why not. A good header is remembered: to decode it costs
-- more than all the rest, and there are no more of them than secrets.
local function authenticate(store, header)
  local user = store.users[header]
  if user then return user end
  local name, secret = wire.basic(header or "")
  if not name then
    return nil, "Authentication Error - No credentials provided"
  elseif not store.secrets[name] then
    return nil, "Authentication Error - invalid username", name
  elseif store.secrets[name] ~= secret then
    return nil, "Authenticate", name
  end
  store.users[header] = name
  return name
end

local FORM = "application/x-www-form-urlencoded"

local function form_of(request)
  local body, kind = request.body, request.headers["content-type"]
  if request.method ~= "POST" or not body or body == "" then return {} end
  if kind and kind ~= FORM and wire.lower(kind):sub(1, #FORM) ~= FORM then
    return nil
  end
  return wire.form(body)
end

local function origin_of(store, request)
  if store.origin then return store.origin end
  local host = request.headers.host
  return host and (request.scheme or "https") .. "://" .. host
    or sandbox.origin
end

-- The request takes effect: status, body, SID made, challenge.
local function answer(store, request, form, why, stale)
  if why then
    local status, body = refuse(401, 20003, why,
      "Your AccountSid or AuthToken was incorrect.")
    return status, body, nil, 'Basic realm="Twilio API"'
  end
  local at = { path = request.path, origin = origin_of(store, request),
    stale = stale }
  local operations = route(store, at)
  if not operations then return not_found(at) end
  local operation = operations[request.method]
  if not operation then return refuse(405, 20004, "Method not allowed") end
  if not form then return refuse(415, nil, "Unsupported Media Type") end
  local query = request.query
  return operation(store, at, form,
    query and query ~= "" and wire.form(query) or {})
end

local titles = {
  [429] = "Too Many Requests", [500] = "Internal Server Error",
  [502] = "Bad Gateway", [503] = "Service Unavailable",
  [504] = "Gateway Timeout",
}
local codes = { [429] = 20429, [500] = 20500, [503] = 20503, [504] = 20504 }

-- What a fault makes of a reply; `status` is nil when the request was kept from
-- taking effect, and then the fault's own or 503 stands for it.
local function spoil(fault, status, body)
  local forced = fault.status or not status and 503
  if forced and forced ~= status then
    status = forced
    local _, said = refuse(status, codes[status],
      titles[status] or "An error occurred")
    body = status == 204 and "" or said
  end
  return status, fault.body or body
end

-- A fault that ends the connection first leaves the client without a status.
local function silent(fault)
  return fault and (fault.close or fault.reset or fault.raw or fault.garbage)
end

local function write_down(store, entry)
  local ledger = store.ledger
  local n = ledger.count + 1
  if entry.sid then ledger.created = ledger.created + 1 end
  ledger.count, entry.n = n, n
  ledger[(n - 1) % store.remember + 1] = entry
end

-- A request that takes effect `late`: a function to be called then. Its entry
-- in the ledger gets the SID that it made.
local function later(store, request, form, why, entry)
  return function()
    local _, _, sid = answer(store, request, form, why)
    entry.sid = sid
    if sid then store.ledger.created = store.ledger.created + 1 end
  end
end

-- A form as some servers store it: without blanks at the ends of its values,
-- and with the host of a SIP URL in small letters.
local function tidied(form)
  local tidy = {}
  for name, value in pairs(form or {}) do
    value = value:match "^%s*(.-)%s*$"
    tidy[name] = value:gsub("^(sip:[^@]*@?)([^:;?]*)", function(user, host)
      return user:find "@" and user .. host:lower() or user:lower()
    end)
  end
  return form and tidy
end

--- Answers one request: `{method, path, query, headers, body, scheme}`, header
-- names in lower case. Gives `{status, headers, body}`, and the `fault` to
-- perform when one is armed for it; for one that is late, also `later`, to be
-- called so many seconds after.
function sandbox.handle(store, request)
  local method, asked = request.method, request.headers
  local fault = faults.take(store.armed, method, request.path, draw,
    store)
  local user, why, claimed = authenticate(store, asked.authorization)
  local form = form_of(request)
  local status, body, sid, challenge
  if fault and fault.tidy then form = tidied(form) end
  if not fault or fault.apply then
    status, body, sid, challenge =
      answer(store, request, form, why, fault and fault.stale)
  end
  if fault then status, body = spoil(fault, status, body) end
  local id = new_id(store, "RQ")
  local reply = { status = status, body = body, fault = fault, headers = {
    ["Content-Type"] = body ~= "" and "application/json" or nil,
    ["WWW-Authenticate"] = challenge, ["Twilio-Request-Id"] = id,
    ["Twilio-Concurrent-Requests"] = "1",
  } }
  for name, value in pairs(fault and fault.headers or {}) do
    reply.headers[name] = value
  end
  local entry = {
    n = 0, time = store.now(), method = method, path = request.path,
    query = request.query, body = request.body,
    form = method == "POST" and form or nil,
    status = not silent(fault) and status or nil, sid = sid,
    fault = fault and fault.name, user = user or claimed,
    user_agent = asked["user-agent"], request_id = id,
  }
  write_down(store, entry)
  if fault and fault.late then
    reply.later = later(store, request, form, why, entry)
  end
  return reply
end

return sandbox
