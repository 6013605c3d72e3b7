-- What the fuzz target pages does on Lua's side: asks for a list, follows the
-- links of the page that comes, both ways, and compares what was sent with
-- what the links allow.
-- SPDX-License-Identifier: MIT

local trunking = require "trunking"

-- requests(): how many the server read; target(n): the nth one's, from 0.
-- leads_back(link, path, query): libcurl's own word. outcome(err): its
-- outcome, once all that every error promises is checked.
local wire, origin = ...

local client = assert(trunking.new { account_sid = "AC" .. ("0"):rep(32),
  auth_token = "secret", base_url = origin, max_attempts = 1, timeout = 5 })

-- A call as a blocking one, or as a job.
local function run(async, f, ...)
  if not async then return f(...) end
  local job, err = f(...)
  if not job then return nil, err end
  return job:wait()
end

local function refused(err, name, word)
  assert(wire.outcome(err) == "not_sent")
  assert(err.kind == "reply" and err.operation == name)
  assert(err.message:find(word, 1, true))
end

-- A link that any server would give has to be followed.
local function is_plain(link, path)
  local head = origin .. path .. "?"
  return type(link) == "string" and link:sub(1, #head) == head
    and #link - #head <= 8192 and link:find("^[%w=&._~-]+$", #head + 1) ~= nil
end

-- libcurl writes the digits of a %XX as it likes, which changes no meaning.
local function plain(query)
  return (query:gsub("%%%x%x", string.lower))
end

local function followed(link, path)
  assert(type(link) == "string")
  local query = link:match "%?(.*)$"
  local target = wire.target(wire.requests() - 1)
  assert(target:sub(1, #path + 1) == path .. "?", target)
  assert(plain(target:sub(#path + 2)) == plain(query) and query ~= "", link)
  assert(wire.leads_back(link, path, query), link)
end

-- Follows one of a page's links.
local function follow(page, word, async, name, path)
  local link, before = page.meta[word .. "_page_url"], wire.requests()
  local got, err = run(async, page[word])
  local sent = wire.requests() - before
  if link == nil or link == "" then
    assert(sent == 0 and got == nil and err == nil)
  elseif sent == 0 then
    assert(got == nil and not is_plain(link, path))
    refused(err, name, word)
  else
    assert(sent == 1)
    followed(link, path)
    if got == nil then wire.outcome(err) end
  end
end

-- Gives a page's cursor to its list: it leads where the link leads, or is
-- refused.
local function go_to(page, word, async, list, trunk, path)
  local link, before = page.meta[word .. "_page_url"], wire.requests()
  local params = { cursor = page[word .. "_cursor"] }
  if params.cursor == nil then return assert(link == nil or link == "") end
  local got, err
  if trunk then got, err = run(async, list, trunk, params)
  else got, err = run(async, list, params) end
  if wire.requests() == before then
    assert(got == nil and not is_plain(link, path))
    assert(wire.outcome(err) == "not_sent")
    assert(err.kind == "invalid" and err.field == "cursor")
  else
    assert(wire.requests() == before + 1)
    followed(link, path)
    if got == nil then wire.outcome(err) end
  end
end

local function list_and_follow(home, trunk, async, name, path)
  local list = async and (home and client.async[home] or client.async).list
    or (home and client[home] or client).list
  local page, err
  if trunk then page, err = run(async, list, trunk, {})
  else page, err = run(async, list, {}) end
  assert(wire.requests() == 1 and wire.target(0) == path)
  if not page then return wire.outcome(err) end
  follow(page, "next", async, name, path)
  follow(page, "previous", async, name, path)
  go_to(page, "next", async, list, trunk, path)
  go_to(page, "previous", async, list, trunk, path)
end

-- All the replies are one: the second page's link leads where the first one's
-- led, if it leads anywhere.
local function walk(home, trunk, path)
  local each = (home and client[home] or client).each
  local ok, err = pcall(function()
    local n = 0
    local params = { limit = 100, page_size = 7 }
    for record in trunk and each(trunk, params) or each(params) do
      assert(record ~= nil)
      n = n + 1
      assert(n <= 100)
    end
  end)
  if not ok then wire.outcome(err) end
  assert(wire.requests() <= 2 and wire.target(0) == path .. "?PageSize=7")
  if wire.requests() == 2 then
    assert(wire.target(1):sub(1, #path + 1) == path .. "?")
  end
end

return function(resource, path, way)
  local home = resource ~= "" and resource or nil
  local trunk = home and path:match "TK%x+"
  if way == 3 then return walk(home, trunk, path) end
  local name = (home and home .. "." or "") .. "list"
  list_and_follow(home, trunk, way == 2, name, path)
end
