-- job: what is composed of several calls, as one job. Its code runs in a
-- coroutine that waits for one job of the client after another. Whoever asks
-- the job, or poll, lets it go on; nothing here blocks but wait.
-- Promises: it is like every other job: poll gives it once, if nobody asked for
-- it; what it gives can be asked for again; a wrong argument type raises at
-- the caller's line.
-- May not know: what is composed.
-- SPDX-License-Identifier: MIT

local errors = require "trunking.error"
local wait = require "trunking.hosts.wait"

-- A host may have no coroutines: then there are no such jobs.
local coroutine = coroutine or {}

-- nginx puts coroutines of its own, each of one request, in place of Lua's.
local function lua_own(name)
  return coroutine["_" .. name] or coroutine[name]
end

local create, resume = lua_own "create", lua_own "resume"
local status, yield = lua_own "status", lua_own "yield"

local CANCELLED = { kind = "cancelled", outcome = "not_sent",
  message = "the call was cancelled" }

-- What the code uses: see trunking.init. Once own.cancelled is set, no call is
-- begun any more.
local function parts_of(own)
  local parts = wait.parts(own, { wait = yield })
  local mine = setmetatable({ cancelled = false, begun = false },
    { __index = own })
  for name, part in pairs(parts) do
    mine[name] = function(...)
      if mine.cancelled then return nil, errors.new(CANCELLED) end
      mine.begun = true
      return part(...)
    end
  end
  return mine
end

local methods = {}
local mt = { __name = "trunking.job", __metatable = false, __index = methods }

local STATE = {} -- the key of what only the methods know of a job

local function state_of(job)
  local state = type(job) == "table" and rawget(job, STATE)
  if not state then error("bad self (trunking.job expected)", 3) end
  return state
end

local function keep(state, ok, ...)
  state.running = false
  if not ok or status(state.thread) == "dead" then
    state.finished, state.ok = true, ok
    state.n, state.results = select("#", ...), { ... }
    state.part = nil
    return
  end
  state.part = ...
  state.own.instead(state.part, state.polled)
end

local function go_on(state, ...)
  state.running = true
  keep(state, resume(state.thread, ...))
end

-- Goes on while it can: not within its own code. on_attempt may ask the job
-- while a part is asked, and is ahead then.
local function look(state)
  while not state.finished and not state.running do
    local part = state.part
    if not part:done() then return end
    if part == state.part and not state.running then go_on(state) end
  end
end

local unpack = table.unpack or unpack

local function results(state)
  state.claimed = true
  if not state.ok then error(state.results[1], 0) end
  return unpack(state.results, 1, state.n)
end

-- nil and the error of a part that is not done.
local function pending(state, _, err)
  if not errors.is(err) then
    err = { kind = "timeout", message = "the job is not done yet, and goes on" }
  end
  return nil, errors.new { kind = err.kind, outcome = "unknown",
    operation = state.name, message = err.message }
end

function methods.done(job)
  local state = state_of(job)
  look(state)
  state.claimed = state.claimed or state.finished
  return state.finished
end

function methods.result(job)
  local state = state_of(job)
  look(state)
  if state.finished then return results(state) end
  if state.running then return pending(state) end
  return pending(state, state.part:result())
end

function methods.wait(job, seconds)
  local state = state_of(job)
  if seconds ~= nil and (type(seconds) ~= "number" or seconds < 0
    or seconds ~= seconds) then
    error("bad argument #1 to 'wait' (seconds must not be negative)", 2)
  end
  local clock = state.own.clock
  local latest = clock() + (seconds or math.huge)
  look(state)
  while not state.finished do
    if state.running then return pending(state) end
    local a, b = state.part:wait(math.max(0, latest - clock()))
    if not state.part:done() then return pending(state, a, b) end
    look(state)
  end
  return results(state)
end

-- It is done, and nobody was told: poll has the job to give, by one more part.
local function leave_to_poll(state)
  local part = state.own.async_pause(0)
  if part then state.own.instead(part, state.polled) end
end

--- Begins no further call, and ends the one that is in flight.
function methods.cancel(job)
  local state = state_of(job)
  look(state)
  if not state.finished then
    state.own.cancelled = true
    if state.running then return nil end
    state.part:cancel()
    look(state)
    if state.finished then leave_to_poll(state) end
  end
  if not state.finished or not state.ok then return nil end
  if state.results[1] ~= nil then return "done" end
  return state.results[2].outcome
end

function mt.__tostring(job)
  local state = state_of(job)
  return ("trunking.job(%s, %s)"):format(state.name,
    state.finished and "done" or "in flight")
end

--- Begins it.
-- @param own of the client: see trunking.init
-- @param name of the call, for errors
-- @param f function(own, ...) that makes it, without a yield of its own
-- @return a job; or nil and an error, where it ended before its first call, or
--   there are no coroutines
return function(own, name, f, ...)
  if not create then
    return nil, errors.new { kind = "config", outcome = "not_sent",
      operation = name, message = "Lua's library coroutine is not open" }
  end
  local state = { name = name, own = parts_of(own), thread = create(f),
    finished = false, running = false, claimed = false }
  local job = setmetatable({ [STATE] = state }, mt)
  -- poll met the job that it waits for.
  function state.polled()
    if not state.running then look(state) end
    if not state.finished or state.claimed then return nil end
    state.claimed = true
    return job
  end
  go_on(state, state.own, ...)
  if not state.finished then return job end
  if state.own.begun then -- the thread was quicker
    leave_to_poll(state)
    return job
  elseif state.ok then
    return results(state)
  end
  local why = state.results[1]
  if type(why) == "string" and why:find "^bad argument" then error(why, 3) end
  error(why, 0)
end
