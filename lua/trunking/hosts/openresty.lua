--- trunking for OpenResty, and nginx with its Lua module: a call suspends the
-- request's coroutine, and the worker serves others.
--
--     local trunking = require "trunking.openresty"
--     local trunk, err = trunking.create { ... }
--
-- The client's own thread does all of libcurl's work and rings a unix socket
-- that a cosocket reads; both are there only while calls are in flight. Where
-- no socket can be made, and in a worker that is about to exit, the request
-- asks every few milliseconds instead.
--
-- Calls wait where nginx lets a coroutine wait. Elsewhere, as at the top of a
-- module that is being required, they return nil and an error of kind "config",
-- with nothing sent. async may be used everywhere but in init_by_lua, where it
-- is refused: a client belongs to the worker that uses it first.
-- SPDX-License-Identifier: MIT
-- luacheck: globals ngx

local core = require "trunking.core"
local semaphore = require "ngx.semaphore"

local DAY = 86400          -- seconds
local PATIENCE = 1         -- seconds until a timer must have run
local AGAIN = 10           -- seconds without a socket after a failure
local directories = { "/tmp", "/dev/shm", "/var/tmp", ngx.config.prefix() }

-- Phases in which nginx lets nothing wait, a coroutine of one's own either.
local never = { init = true, init_worker = true, set = true,
  balancer = true, header_filter = true, body_filter = true, log = true,
  exit_worker = true }

local in_init = "a client belongs to the worker that uses it first: in "
  .. "nginx's init phase nothing can be called; call it in init_worker, in a "
  .. "timer (ngx.timer.at)"

local function refuse()
  local phase = ngx.get_phase()
  if phase == "init" then return in_init end
  if never[phase] then
    return ("no call can wait in nginx's %s phase: start it with async there, "
      .. "or make it in a timer (ngx.timer.at)"):format(phase)
  elseif not core.can_yield() then
    return "no call can wait here: a C function that cannot be yielded "
      .. "through is being called (require, string.gsub, table.sort, "
      .. "__tostring); call it elsewhere, start it with async, or make it in a "
      .. "timer (ngx.timer.at)"
  end
  return nil
end

local function refuse_start()
  return ngx.get_phase() == "init" and in_init or nil
end

-- ---- asking again and again -----------------------------------------

-- How many coroutines ask: the more there are, the less often each does. It is
-- set back when none has asked for a while, as one may have been killed.
local asking, last = 0, 0

local function ask_again()
  if ngx.now() - last > PATIENCE then asking = 0 end
  asking, last = asking + 1, ngx.now()
  ngx.sleep(math.min(PATIENCE / 2, math.max(1 / 1000, asking / 10000)))
  asking = math.max(0, asking - 1)
end

-- ---- the socket ------------------------------------------------------

local number, not_before = 0, 0

local function give_up()
  not_before = ngx.now() + AGAIN
  return nil
end

-- The path of a new socket, or nil.
local function listen(client)
  for _, directory in ipairs(directories) do
    number = number + 1
    local path = ("%s/trunking-%d-%d.sock"):format(directory,
      ngx.worker.pid(), number)
    if client.bell.listen(path) then return path end
  end
  return give_up()
end

-- Reads until the client stops or the socket fails. Returns whether it was the
-- client.
local function read(client, path, is_going, ready)
  local socket = ngx.socket.tcp()
  socket:settimeouts(1000, 1000, DAY * 1000)
  local ok = socket:connect("unix:" .. path) and client.bell.accept()
  while ok and is_going() do
    local bytes, why = socket:receiveany(64)
    ok = bytes or why == "timeout"
    if ok and is_going() then ready() end
  end
  socket:close()
  return not is_going()
end

local function can_watch()
  return ngx.get_phase() ~= "init" and not ngx.worker.exiting()
    and ngx.now() >= not_before
end

-- Readers whose timer has not run yet, and since when. Where too many timers
-- run (lua_max_running_timers), nginx accepts one more and drops it.
local unstarted = {}

local function end_unstarted()
  for give, since in pairs(unstarted) do
    if ngx.now() - since > PATIENCE / 2 then give() end
  end
end

local function watch(client, _, ready, failed)
  local path = can_watch() and listen(client)
  if not path then return nil end
  local going = true
  local function is_going() return going end
  local function give()
    unstarted[give], going = nil, false
    client.bell.stop()
    give_up()
    failed()
  end
  local function run(premature)
    unstarted[give] = nil
    if not going or not premature and read(client, path, is_going, ready) then
      return
    end
    going = false
    client.bell.stop()
    if not premature then give_up() end
    failed()
  end
  if not ngx.timer.at(0, run) then
    client.bell.stop()
    return give_up()
  end
  unstarted[give] = ngx.now()
  return function()
    unstarted[give], going = nil, false
    client.bell.stop()
  end
end

return require "trunking.hosts.host" {
  refuse = refuse, refuse_start = refuse_start, watch = watch,
  block = ask_again,
  current = function()
    return not ngx.worker.exiting() and semaphore.new(0) or nil
  end,
  suspend = function(handle)
    local ok, why = handle:wait(PATIENCE)
    if not ok and why == "timeout" then
      end_unstarted()
      ok, why = handle:wait(DAY)
    end
    if not ok and why ~= "timeout" then ask_again() end
  end,
  resume = function(handle) handle:post(1) end,
}
