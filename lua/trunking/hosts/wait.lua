-- Makes calls cooperative: each operation starts a job and waits for it in the
-- host's way. Pages and each, which are composed of operations, do so too.
-- Promises: no yield crosses a C function or a pcall, so that Lua 5.1's
-- coroutines may wait; a wrong argument type still raises at the caller's
-- line. A wait that raises leaves its job running: client.poll gives it.
-- May not know: loops, sockets, or how a job is done.
-- SPDX-License-Identifier: MIT

local errors = require "trunking.error"
local pages = require "trunking.pages"

local M = {}

-- Passes on the results of pcall(f, ...), or raises its error. A bad argument
-- is reported at the caller's line, two levels up.
local function pass(name, ok, ...)
  if ok then return ... end
  local err = ...
  local before, after
  if type(err) == "string" then
    before, after = err:match "(bad argument #%d+ to )'[^']*'(.*)$"
  end
  if not before then error(err, 0) end
  error(("%s'%s'%s"):format(before, name, after), 3)
end

local function refusal(operation, why)
  return nil, errors.new { kind = "config", outcome = "not_sent",
    operation = operation, message = why }
end

local finish -- waits for a job that may be nil, and gives its results

-- Makes next and previous of a page wait.
local function with_links(host, operation, page, ...)
  if not page then return page, ... end
  local about = pages.about(page)
  for _, word in ipairs { "next", "previous" } do
    local start = about[word]
    about[word] = function(seconds)
      local why = host.refuse and host.refuse()
      if why then return refusal(operation, why) end
      return finish(host, operation, true, start(seconds))
    end
  end
  return page, ...
end

function finish(host, operation, is_list, job, err)
  if not job then
    if err == nil then return nil end -- no such page
    return nil, err
  end
  while not job:done() do host.wait(job) end
  if is_list then return with_links(host, operation, job:result()) end
  return job:result()
end

-- Makes an operation that waits of the one that starts a job.
local function operation(host, full, name, start)
  return function(...)
    local why = host.refuse and host.refuse()
    if why then return refusal(full, why) end
    local job, err = pass(name, pcall(start, ...))
    return finish(host, full, name == "list", job, err)
  end
end

-- The same for each. check: the client's own, which sends nothing.
local function each(list, full, check, is_nested)
  return function(...)
    pass("each", pcall(check, ...))
    local parent, params
    if is_nested then parent, params = ... else params = ... end
    return pages.each(list, full, params or {}, parent)
  end
end

-- Makes a start of a job tell the host.
local function told(host, name, start)
  return function(...)
    local job, err = pass(name, pcall(start, ...))
    if not job then return nil, err end
    host.started()
    return job
  end
end

-- What is composed of several calls waits in each of them.
local function take_over(host, own, home, starts, prefix)
  for name, start in pairs(starts) do
    if type(start) == "table" then
      take_over(host, own, home[name], start, name .. ".")
    elseif own.composed[start] then
      if host.started then starts[name] = told(host, name, start) end
    else
      home[name] = operation(host, prefix .. name, name, start)
      if name == "list" then
        home.each = each(home.list, prefix .. name, home.each, prefix ~= "")
      end
      if host.started then starts[name] = told(host, name, start) end
    end
  end
end

--- What the composed calls of a client use, in a host's way of waiting.
-- @param own as trunking.init makes it
-- @param host as below
-- @return a table: within and pause
function M.parts(own, host)
  return {
    pause = operation(host, "pause", "pause", own.async_pause),
    within = function(full, ...)
      local name = full:match "list$" or full
      return operation(host, full, name, own.async_within)(full, ...)
    end,
  }
end

--- Makes a client's calls cooperative.
-- @param client whose functions are replaced
-- @param own what its composed calls use (see init.lua): they wait too
-- @param host a table: wait(job), called until the job is done, which may
--   yield and may return early; refuse(), if there: a text where a call can't
--   wait at all; started(), if there, called when a job of client.async began
function M.attach(client, own, host)
  take_over(host, own, client, client.async, "")
  for name, part in pairs(M.parts(own, host)) do own[name] = part end
  return client
end

return M
