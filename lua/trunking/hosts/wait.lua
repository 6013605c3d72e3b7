-- Makes calls cooperative: each operation starts a job and waits for it in the
-- host's way. Pages and each, which are composed of operations, do so too.
-- Promises: no verdict is lost where a wait raises, for by then the request may
-- have been sent. Where a yield was refused the call blocks; else it is
-- cancelled, and says what became of it. PUC Lua 5.1 has no pcall that can be
-- yielded through: where its coroutine can yield, the error goes through, and
-- client.poll gives the job. A wrong argument type raises at the caller's line.
-- May not know: loops, sockets, or how a job is done.
-- SPDX-License-Identifier: MIT

local core = require "trunking.core"
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

local through_pcall = core.can_yield(true)

local function shown(why)
  local ok, text = pcall(tostring, why)
  return ok and text or "an error that cannot be shown"
end

-- Waits until the job is done. What wait raised, if that ended the job.
local function await(host, job)
  if not through_pcall and core.can_yield() then
    while not job:done() do host.wait(job) end
    return nil
  end
  while not job:done() do
    local ok, why = pcall(host.wait, job)
    if not ok then
      why = shown(why)
      if host.dropped then host.dropped(job) end
      local is_yield = why:find "attempt to yield" ~= nil
      if not is_yield then job:cancel() end
      job:wait()
      return not is_yield and why or nil
    end
  end
end

-- Says in the error of a cancelled job why it was.
local function explained(why, result, err, ...)
  if why and errors.is(err) and err.kind == "cancelled" then
    err = errors.with(err, { message = ("%s: wait raised %s"):format(
      err.message, errors.clean(why) or "an error") })
  end
  return result, err, ...
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
  local why = await(host, job)
  if is_list then
    return with_links(host, operation, explained(why, job:result()))
  end
  return explained(why, job:result())
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
local function told(host, full, name, start)
  return function(...)
    local why = host.refuse_start and host.refuse_start()
    if why then return refusal(full, why) end
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
      if host.started then
        starts[name] = told(host, prefix .. name, name, start)
      end
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
--   wait at all; refuse_start(), if there: the same of a job; started(), if
--   there, called when a job of client.async began;
--   dropped(job), if there, called when wait(job) has raised
function M.attach(client, own, host)
  take_over(host, own, client, client.async, "")
  for name, part in pairs(M.parts(own, host)) do own[name] = part end
  return client
end

return M
