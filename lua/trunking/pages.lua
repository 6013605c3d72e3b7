-- Pages: what list returns, and the walk over all of them. A page's link is
-- never followed as it is: its query is sent to our own origin, by our own
-- scheme, and only if the link leads to the list that was asked. Pure, except
-- for the calls that it is given.
-- SPDX-License-Identifier: MIT

local ascii = require "trunking.ascii"
local errors = require "trunking.error"

local M = {}

local MAX_QUERY = 8192 -- bytes
local PAGE_SIZE = 50   -- records: to decode 1,000 takes a host 6 ms

-- Twilio's own hosts may link to one another: an edge's reply to the main one.
local function is_twilio(host)
  return host == "trunking.twilio.com"
    or host:find "^trunking%.[0-9A-Za-z-]+%.twilio%.com$" ~= nil
    or host:find "^trunking%.[0-9A-Za-z-]+%.[0-9A-Za-z-]+%.twilio%.com$" ~= nil
end

local schemes = { http = true, https = true }

-- A host without a port that its scheme has anyway, or the other scheme: what
-- ends TLS before a server may leave it to write either.
local function plain(host)
  return host:match "^(.*):80$" or host:match "^(.*):443$" or host
end

-- A host as an error may show it: a long run of letters and digits may be a
-- secret that is quoted.
local function shown(host)
  return tostring(errors.clean((host:sub(1, 100)
    :gsub(("[0-9A-Za-z]"):rep(16) .. "+", "***"))))
end

--- The query of a page's link.
-- @param link as the reply has it: a URL, or a path on the same server
-- @param origin of the client, "https://host[:port]"
-- @param path of the list, "/v1/Trunks"
-- @return the query, or nil and what is wrong with the link
function M.query_of(link, origin, path)
  if type(link) ~= "string" then return nil, "is not a text" end
  local scheme, host, rest = link:match "^([A-Za-z]+)://([^/?#\\]*)(.*)$"
  if not scheme then rest = link end
  local target, query = rest:match "^(/[^?#]*)%?([^#]*)$"
  if not target or rest:sub(1, 2) == "//" then
    return nil, "is not understood"
  elseif scheme then
    host = plain(ascii.lower(host))
    if not schemes[ascii.lower(scheme)] or host ~= plain(origin:match "//(.*)$")
      and not is_twilio(host) then
      return nil, "leads to another server, " .. shown(host)
    end
  end
  if ascii.lower(target) ~= ascii.lower(path) then
    return nil, "leads to another list"
  elseif query == "" or #query > MAX_QUERY
    or query:find "[^0-9A-Za-z%-._~%%!$&'()*+,;=:@/?]" then
    return nil, "has a query that is not understood"
  end
  return query
end

local function refuse(operation, word, why)
  return nil, errors.new { kind = "reply", outcome = "not_sent",
    operation = operation,
    message = ("the link to the %s page %s; it was not followed"):format(word,
      why) }
end

-- A link as list takes it: without an origin. One that cannot be followed stays
-- as it is, for list to refuse: it is not the end.
local function cursor_of(link, origin, path)
  if link == nil or link == "" then return nil end
  local query = M.query_of(link, origin, path)
  return query and path .. "?" .. query or tostring(link)
end

--- Makes a page of a decoded reply. The table holds its records and nothing
-- else; what else there is comes by name: meta and the reply's other fields,
-- next_cursor and previous_cursor, and next() and previous(), which return
-- another page; nil at the end; or nil and an error.
-- next(seconds), for Lua's own files, takes no longer than that.
-- @param follow function(operation, trunk_sid, query, seconds) -> page, meta or
--   nil, err
-- @param trunk_sid of the lists of a trunk; nil for the trunks themselves
function M.page(reply, origin, path, operation, follow, trunk_sid)
  local meta = reply.meta
  local page, about = reply[meta.key], {}
  for name, value in pairs(reply) do
    if name ~= meta.key then about[name] = value end
  end
  for _, word in ipairs { "next", "previous" } do
    local link = meta[word .. "_page_url"]
    about[word .. "_cursor"] = cursor_of(link, origin, path)
    about[word] = function(seconds)
      if link == nil or link == "" then return nil end
      local query, why = M.query_of(link, origin, path)
      if not query then return refuse(operation, word, why) end
      return follow(operation, trunk_sid, query, seconds)
    end
  end
  return setmetatable(page, { __index = about })
end

--- What a page has by name, whatever its records are called.
function M.about(page) return getmetatable(page).__index end

--- The query of a cursor that list is given, which may have been in strange
-- hands: it is read as a page's link is.
-- @param params of list; origin of the client, nil where it has none yet; path
--   of the list
-- @return the query; or nil, what is wrong, and with which field
function M.query_of_cursor(params, origin, path)
  for name in next, params do
    if name ~= "cursor" then
      return nil, ("%s and cursor do not go together: the cursor says which "
        .. "page, of which size"):format(tostring(name)), tostring(name)
    end
  end
  if type(params.cursor) ~= "string" then
    return nil, "cursor must be a string; got " .. type(params.cursor),
      "cursor"
  end
  local query, why = M.query_of(params.cursor,
    origin or "https://trunking.twilio.com", path)
  if query then return query end
  return nil, "cursor " .. why, "cursor"
end

local function invalid(operation, field, message)
  error(errors.new { kind = "invalid", outcome = "not_sent",
    operation = operation, field = field, message = message }, 0)
end

-- What list takes, and the limit.
local function split(operation, params)
  local query, limit = {}, rawget(params, "limit")
  for name, value in next, params do
    if name ~= "limit" then query[name] = value end
  end
  if limit ~= nil and (type(limit) ~= "number" or limit < 0
    or limit ~= math.huge and limit % 1 ~= 0) then
    invalid(operation, "limit", "limit must be a whole number of records")
  end
  limit = limit or math.huge
  if query.page_size == nil and query.PageSize == nil
    and query.cursor == nil then
    query.page_size = math.max(1, math.min(PAGE_SIZE, limit))
  end
  return query, limit
end

-- The error of a page, which tells how many records came before it.
local function spoilt(err, given)
  if not errors.is(err) or given == 0 then return err end
  local fields = {}
  for name, value in pairs(err) do fields[name] = value end
  fields.records = given
  fields.message = ("%s (%d records came before it)"):format(err.message,
    given)
  return errors.new(fields)
end

--- Pages one after another.
-- @param list the operation's function
-- @param operation its name, for errors
-- @param query what list takes
-- @param parent the trunk, for the lists of a trunk
-- @param left function() -> the seconds that the next page may take; or nil
-- @return a function that returns the next page; nil at the end; or nil and an
--   error. A page that comes again is one.
function M.chain(list, operation, query, parent, left)
  local seen, next_page = {}, nil
  return function()
    local page, err
    if next_page then page, err = next_page(left and left())
    elseif parent then page, err = list(parent, query)
    else page, err = list(query) end
    if not page then return nil, err end
    local about = M.about(page)
    local link = about.meta.next_page_url
    if link ~= nil and seen[link] then
      return nil, errors.new { kind = "reply", outcome = "unknown",
        operation = operation,
        message = "the pages go round in a circle" }
    end
    if link ~= nil then seen[link] = true end
    next_page = about.next
    return page
  end
end

--- An iterator over the records of all pages, holding one page at a time. It
-- raises an error object where a page fails.
-- @param list the operation's function
-- @param operation its name, for errors
-- @param params what list takes, and limit: the most records to give
-- @param parent the trunk, for the lists of a trunk
function M.each(list, operation, params, parent)
  local query, limit = split(operation, params)
  local more = M.chain(list, operation, query, parent)
  local page, at, given = nil, 0, 0
  return function()
    while given < limit do
      at = at + 1
      local record = page and page[at]
      if record ~= nil then
        given = given + 1
        return record
      end
      page, at = nil, 0
      local err
      page, err = more()
      if err then error(spoilt(err, given), 0) end
      if not page then limit = given end
    end
    page = nil
    return nil
  end
end

return M
