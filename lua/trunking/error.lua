-- Makes errors: tables with the fields of doc/errors.md and one readable line.
-- It knows every shape in which the API, or a gateway before it, refuses.
-- Pure. An error holds no secret, no request body and no reply header.
-- SPDX-License-Identifier: MIT

local M = {}

local MAX_MESSAGE = 512 -- bytes of a server's own words that are kept

-- Fields that stay as they are; the rest of a raw table is for make alone.
local kept = { "kind", "outcome", "operation", "message", "field", "status",
  "code", "more_info", "request_id", "details", "attempts", "retry_after",
  "records", "intent", "maybe_ours", "sid", "answered_by" }

local function line(err)
  local at = err.operation and "trunking." .. err.operation or "trunking"
  local words = {}
  if err.status then words[1] = "HTTP " .. ("%d"):format(err.status) end
  if type(err.code) == "number" then
    words[#words + 1] = "code " .. ("%d"):format(err.code)
  end
  words[#words + 1] = tostring(err.kind)
  words[#words + 1] = tostring(err.outcome)
  if err.request_id then words[#words + 1] = err.request_id end
  local message = tostring(err.message):gsub("[^!-\126\128-\255]+", " ")
  return ("%s: %s (%s)"):format(at, message, table.concat(words, ", "))
end

local mt = {
  __name = "trunking.error",
  __tostring = line,
  __concat = function(a, b) return tostring(a) .. tostring(b) end,
}

--- An error object from its fields.
-- @param fields kind, outcome, message and whatever else is known
-- @return a table with __tostring and __concat
function M.new(fields)
  local err = {}
  for _, name in ipairs(kept) do err[name] = fields[name] end
  return setmetatable(err, mt)
end

--- A copy of an error with some fields changed. An error itself is never
-- changed: others may hold it.
function M.with(err, fields)
  local all = {}
  for _, name in ipairs(kept) do
    all[name] = fields[name] == nil and err[name] or fields[name]
  end
  return M.new(all)
end

--- Whether a value is an error of this module.
function M.is(value)
  return type(value) == "table" and getmetatable(value) == mt
end

-- How long a character of UTF-8 is by its first byte, and what its second one
-- may be where not all are allowed.
local function length(first)
  return first >= 0xC2 and first < 0xE0 and 2 or first >= 0xE0 and
    first < 0xF0 and 3 or first >= 0xF0 and first < 0xF5 and 4
end

local seconds = { [0xE0] = { 0xA0, 0xBF }, [0xED] = { 0x80, 0x9F },
  [0xF0] = { 0x90, 0xBF }, [0xF4] = { 0x80, 0x8F } }

local FFFD = "\239\191\189"

-- A byte over 127 and those that continue it: the character they are, and
-- U+FFFD for each byte that is none.
local function character(bytes)
  local first, second = bytes:byte(1, 2)
  local size, range = length(first), seconds[first]
  if not size or #bytes < size or
    range and (second < range[1] or second > range[2]) then size = 0 end
  return bytes:sub(1, size) .. FFFD:rep(#bytes - size)
end

-- Makes a server's words fit for a terminal: cuts them, and takes out control
-- characters, those that turn the line round (Unicode's annex 9: U+061C, 200E,
-- 200F, 202A to 202E, 2066 to 2069) and those that end it (U+2028, 2029).
local function clean(text)
  if type(text) ~= "string" then return nil end
  text = text:sub(1, 4 * MAX_MESSAGE):gsub("\194[\128-\159]", " ")
  text = text:gsub("\216\156", ""):gsub("\226\128[\142\143\170-\174]", "")
    :gsub("\226\129[\166-\169]", ""):gsub("\226\128[\168\169]", " ")
  text = text:gsub("[\128-\255][\128-\191]*", character)
  text = text:gsub("[^!-\126\128-\255]+", " "):gsub("^ ", ""):gsub(" $", "")
  if #text > MAX_MESSAGE then
    local cut = text:sub(1, MAX_MESSAGE)
    text = cut:gsub("[\192-\255]?[\128-\191]*$", "") .. "..."
  end
  return text ~= "" and text or nil
end

--- A server's words as an error may show them; nil where there are none.
M.clean = clean

-- A code as a whole number, from a number or its digits.
local function whole(value)
  if type(value) == "string" and #value < 16 and value:find "^%d+$" then
    value = tonumber(value)
  end
  if type(value) ~= "number" or value ~= value or value % 1 ~= 0 or
    value < 0 or value > 2 ^ 53 then return nil end
  return math.tointeger and math.tointeger(value) or value
end

-- "title: detail", without saying a thing twice.
local function join(a, b)
  a, b = clean(a), clean(b)
  if not a or not b or a == b then return a or b end
  return a .. ": " .. b
end

-- The first that is a text with something in it.
local function text_of(...)
  for i = 1, select("#", ...) do
    local text = select(i, ...)
    if clean(text) then return text end
  end
end

-- The table in which an error body has its words: itself, or the first of its
-- errors, or its error.
local function inner_of(body)
  if body.code ~= nil or body.message ~= nil then return body end
  local first = type(body.errors) == "table" and body.errors[1]
  local candidates = { first, body.error, body[1] }
  for i = 1, 3 do
    if type(candidates[i]) == "table" then return candidates[i] end
  end
  return body
end

-- The shapes of an error body: Twilio's own with and without code or details,
-- RFC 9457, "API standards" with params, RFC 6749, and arrays of errors.
local function read_json(err, body)
  local inner = inner_of(body)
  err.code = whole(inner.code)
  err.message = join(text_of(inner.message, inner.title, inner.error),
    text_of(inner.detail, inner.error_description))
  if not err.message and type(body.errors) == "table" then
    err.message = clean(body.errors[1])
  end
  err.more_info = clean(inner.more_info) or clean(inner.infoUrl) or
    clean(inner.type)
  if type(body.details) == "table" then
    err.details = body.details
  elseif type(body.params) == "table" then
    err.details = body.params
  elseif type(body.errors) == "table" and #body.errors > 0 then
    err.details = body.errors
  end
end

-- A gateway's page: its title, or its text without the tags. What has control
-- characters that no text has is none.
local function read_text(err, body)
  local page = body:sub(1, 8192)
  if page:find "[^\9-\13\27\32-\255]" then return end
  local title = page:match("<[Tt][Ii][Tt][Ll][Ee][^>]*>(.-)</")
  err.message = clean(title) or clean((page:gsub("<[^<>]*>", " ")))
end

local by_status = { [401] = "auth", [403] = "auth", [404] = "not_found",
  [429] = "rate_limit" }

local function kind_of(status)
  if by_status[status] then return by_status[status] end
  if status >= 500 then return "server" end
  if status >= 400 and status ~= 408 then return "rejected" end
  return status == 408 and "timeout" or "reply"
end

local plain_words = {
  [301] = "moved", [401] = "the credentials were refused",
  [403] = "not allowed", [404] = "not found", [429] = "too many requests",
}

-- What to do, where the server's words leave it open.
local hints = {
  [20003] = "check the account SID and the token, or the API key and secret",
  [21248] = "a deleted trunk's domain name stays reserved for up to 30 days",
  [20429] = "Twilio limits concurrent requests per account",
}

local function applied_message(raw)
  if raw.outcome == "applied" then
    local why = raw.message and (" (" .. raw.message .. ")") or ""
    return "it was done, but the reply could not be read" .. why ..
      (tostring(raw.operation):find "update$" and "; fetch it to see"
        or "; look for it in the list before you try again")
  elseif raw.kind == "reply" and not raw.message then
    return "the reply could not be read"
  end
end

-- Of an answer that cannot be this request's, or is another account's.
local function unbelieved_message(raw)
  if raw.answered_by then
    return ("the account %s answered, and the client's is %s: %sa key belongs "
      .. "to one account; make the client with that account's SID"):format(
      raw.answered_by, raw.account or "another", raw.outcome == "applied"
      and ("it was done there%s; "):format(raw.sid
        and (" (%s)"):format(raw.sid) or "") or "")
  elseif raw.sid then
    return ("%s: it is of %s"):format(raw.message, raw.sid)
  end
end

local function from_status(err, raw)
  if raw.decoded then read_json(err, raw.decoded)
  elseif raw.body then read_text(err, raw.body)
  elseif raw.coding then err.message = nil end
  err.kind = kind_of(raw.status)
  if raw.status >= 300 and raw.status < 400 and raw.message then
    err.message = join(err.message, raw.message) -- where it redirects to
  end
  local words = err.message or plain_words[raw.status] or
    ("the server answered %d"):format(raw.status)
  if hints[err.code] then words = words .. "; " .. hints[err.code] end
  if raw.coding then words = words .. "; " .. raw.message end
  err.message = words
end

local function tls_hint(message)
  if message:find("expired", 1, true) or
    message:find("not yet valid", 1, true) then
    return message .. "; check this machine's clock"
  end
  return message
end

local require = require -- the host may take it away later
local suggest = function(...) return require "trunking.suggest" (...) end

--- When the creates of intents without `since` began, by core.clock.
M.began = setmetatable({}, { __mode = "k" })

--- The intent of a create whose fate is open (trunking.ensure.intent). It is
-- made here: after the POST no file may have to be found (law L6).
-- @param raw what C knows of the create: operation; asked, the params with the
--   names of the reply ("" clears a field); and where known account_sid,
--   trunk_sid, since (or began), request_id, attempts
function M.intent_of(raw)
  local intent = {
    operation = raw.operation, account_sid = raw.account_sid,
    trunk_sid = raw.trunk_sid, since = raw.since, params = raw.asked,
    request_id = raw.request_id, attempts = raw.attempts,
  }
  if raw.began then M.began[intent] = raw.began end
  return intent
end

--- The error object of a raw table that C has filled.
-- @param raw outcome and operation; kind, unless the status decides it; and
--   what was seen: status, and decoded or body
function M.make(raw)
  local err = M.new(raw)
  if raw.choices then
    local meant = suggest(raw.field, raw.choices)
    err.message = err.message .. (meant and
      ("; did you mean '%s'?"):format(meant) or
      "; known are " .. table.concat(raw.choices, ", "))
  elseif raw.status and not raw.kind then
    from_status(err, raw)
  else
    err.message = unbelieved_message(raw) or applied_message(raw)
      or raw.message or "no reply came"
    if raw.kind == "tls" then err.message = tls_hint(err.message) end
  end
  if err.outcome == "unknown" and raw.method ~= "GET" and
    (err.status ~= nil or err.kind ~= "reply") then
    err.message = err.message ..
      "; the request was sent, and may or may not have been applied"
  end
  if raw.asked then err.intent = M.intent_of(raw) end
  return err
end

--- The error for when there is no memory to make one, by outcome.
function M.no_memory(outcome)
  return M.new { kind = "memory", outcome = outcome,
    message = "not enough memory to read the reply" }
end

--- What C calls to let a debug hook run.
function M.tick() end

return M
