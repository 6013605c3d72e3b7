-- Makes a module like trunking for an event loop. A call suspends its
-- coroutine. Each client has one watcher, while calls are in flight: it resumes
-- those whose job is done.
-- May not know: any one loop. cqueues.lua, luv.lua, copas.lua and openresty.lua
-- do.
-- SPDX-License-Identifier: MIT

local core = require "trunking.core"
local trunking = require "trunking"
local wait = require "trunking.hosts.wait"

-- Stands for a function of the client that only the watcher may call.
local function taken(name)
  return function()
    error(("client.%s belongs to the event loop on this client: ask the job "
      .. "itself, or use a client of the plain module"):format(name), 2)
  end
end

-- One client's coroutines and its watcher.
local function adapt(loop, client, own)
  local poll, in_flight, close = client.poll, client.in_flight, client.close
  local fd, waiting, stop = client.fd, {}, nil

  local function rest()
    local stop_it = stop
    stop = nil
    if stop_it then stop_it() end
  end

  local function wake(job)
    local handle = waiting[job]
    waiting[job] = nil
    if handle ~= nil then loop.resume(handle) end
  end

  -- The watcher calls this when jobs are done. The watcher ends when nothing is
  -- in flight. poll is asked once more then: a job may have finished meanwhile.
  local function ready()
    local idle
    repeat
      for job in poll do wake(job) end
      idle = in_flight() == 0
      local late = idle and poll()
      if late then wake(late) end
    until not late
    if idle then rest() end
  end

  -- The watcher calls this when it cannot go on: each call asks by itself then.
  local function failed()
    stop = nil
    local jobs = {}
    for job in pairs(waiting) do jobs[#jobs + 1] = job end
    for _, job in ipairs(jobs) do wake(job) end
  end

  local function watched()
    if not stop then stop = loop.watch(client, fd, ready, failed) end
    return stop ~= nil
  end

  client.poll, client.fd = taken "poll", taken "fd"

  -- Ends the watcher first, for its descriptor is closed with the client. A
  -- close within a call of the client is refused: then the watcher comes back.
  function client.close()
    rest()
    local closed, why = pcall(close)
    if not closed then
      if in_flight() > 0 then watched() end
      error(why, 0)
    end
    failed()
  end

  return wait.attach(client, own, {
    refuse = loop.refuse, refuse_start = loop.refuse_start,
    started = watched,
    dropped = function(job) waiting[job] = nil end,
    wait = function(job)
      local handle = nil
      if core.can_yield() then handle = loop.current() end
      if handle == nil or not watched() then return loop.block(job) end
      waiting[job] = handle
      loop.suspend(handle)
      waiting[job] = nil
    end,
  })
end

local function block(job) job:wait() end

--- Makes the module. Its own client is made from the environment at its first
-- call, as the plain module's is.
-- @param loop a table:
--   current() a handle of the running coroutine, or nil where none can wait;
--   suspend(handle) waits for resume(handle); it may return early;
--   watch(client, fd, ready, failed) begins to call ready() whenever the
--   descriptor of fd() is readable, and returns a function that ends it, or
--   nil where it can't; failed() says that it ended by itself;
--   block(job), if there, waits where there is no handle or no watcher: by
--   default it blocks;
--   refuse(), if there: a text where no call may wait at all; refuse_start(),
--   if there: a text where no job may begin
return function(loop)
  loop.block = loop.block or block
  local M = adapt(loop, trunking._default())
  M._VERSION, M.null = trunking._VERSION, trunking.null

  --- As trunking.new; with an option wait, the client waits by that.
  function M.new(options)
    if options ~= nil and type(options) ~= "table" then
      error(("bad argument #1 to 'new' (table expected, got %s)"):format(
        type(options)), 2)
    end
    local client, own = trunking._new(options or {})
    if not client then return nil, own end
    if options and options.wait then return client end
    return adapt(loop, client, own)
  end

  return M
end
