-- One nginx worker whose requests call the API: what other requests of that
-- worker feel of it, what a call costs more than a direct one, and the CPU of
-- a worker that only waits.
-- Promises: a control whose calls block shows that the probe sees blocking;
-- nothing is left behind.
-- May not know: what the goals are.
-- SPDX-License-Identifier: MIT

local control = require "sandbox.control"
local socket = require "socket"
local stats = require "stats"
local trunking = require "trunking"
local worker = require "worker"

local openresty = {}

local http = [[
  init_by_lua_block {
    local made = {}
    local function client(name)
      made[name] = made[name] or assert(require(name).new {
        base_url = os.getenv "TRUNKING_SANDBOX_HTTP",
        account_sid = os.getenv "TRUNKING_SANDBOX_ACCOUNT_SID",
        auth_token = os.getenv "TRUNKING_SANDBOX_AUTH_TOKEN",
        max_in_flight = 256 })
      return made[name]
    end
    function call(name)
      ngx.say(assert(client(name).create { friendly_name = "b" }).sid)
    end
  }
  keepalive_requests 1000000;
]]

local server = [[
    location = /ping { content_by_lua_block { ngx.say "pong" } }
    location = /call { content_by_lua_block { call "trunking.openresty" } }
    location = /block { content_by_lua_block { call "trunking" } }
]]

-- ---- a client of many connections ------------------------------------

local function connect(nginx)
  local tcp = assert(socket.connect("127.0.0.1", nginx.port))
  tcp:setoption("tcp-nodelay", true)
  tcp:settimeout(20)
  return tcp
end

local function send(tcp, path)
  assert(tcp:send("GET " .. path .. " HTTP/1.1\r\nHost: localhost\r\n\r\n"))
end

-- Reads a whole reply, a chunked one of these locations.
local function receive(tcp)
  local status = assert(tcp:receive "*l")
  if not status:find " 200 " then error("the worker said " .. status, 0) end
  repeat until assert(tcp:receive "*l") == ""
  repeat
    local size = tonumber(assert(tcp:receive "*l"), 16)
    assert(tcp:receive(size + 2))
  until size == 0
end

local function timed(count, f)
  local times = {}
  for i = 1, count do
    local start = socket.gettime()
    f()
    times[i] = socket.gettime() - start
  end
  return times
end

-- Keeps n requests of a path in flight for some seconds, and meanwhile asks
-- for /ping every 5 ms. The times of the pings and of the calls.
local function under_load(nginx, path, n, seconds)
  local begun, all, pings, calls = {}, {}, {}, {}
  local ping = connect(nginx)
  for i = 1, n do
    all[i] = connect(nginx)
    send(all[i], path)
    begun[all[i]] = socket.gettime()
  end
  all[n + 1] = ping
  local now = socket.gettime()
  local stop, started, due = now + seconds, nil, now + 0.05
  while now < stop or started or next(begun) do
    if not started and now >= due and now < stop then
      send(ping, "/ping")
      started = now
    end
    local ready = socket.select(all, nil, started and 0.05
      or math.max(0, math.min(due - now, 0.05)))
    now = socket.gettime()
    for _, tcp in ipairs(ready) do
      receive(tcp)
      if tcp == ping then
        pings[#pings + 1] = now - started
        started, due = nil, now + 0.005
      else
        calls[#calls + 1] = now - begun[tcp]
        begun[tcp] = nil
        if now < stop then
          send(tcp, path)
          begun[tcp] = socket.gettime()
        end
      end
    end
  end
  for _, tcp in ipairs(all) do tcp:close() end
  return pings, calls
end

-- ---- processes --------------------------------------------------------

-- Seconds on a CPU of all threads of a process: Linux only, else nil.
local function cpu_of(pid)
  local pipe = io.popen("cat /proc/" .. pid .. "/task/*/schedstat 2>/dev/null")
  local sum = nil
  for line in pipe:lines() do
    sum = (sum or 0) + tonumber(line:match "^%d+") / 1e9
  end
  pipe:close()
  return sum ~= 0 and sum or nil -- 0: a kernel that does not count
end

-- The share of a CPU that the worker takes with n calls in flight and nothing
-- else to do.
local function idle_share(nginx, n)
  control.arm { apply = true, delay = 3, times = n }
  local all = {}
  for i = 1, n do
    all[i] = connect(nginx)
    send(all[i], "/call")
  end
  local pid = nginx:children()[1]
  socket.sleep(0.8)
  local before, start = cpu_of(pid), socket.gettime()
  socket.sleep(1.5)
  local after, over = cpu_of(pid), socket.gettime()
  for _, tcp in ipairs(all) do
    receive(tcp)
    tcp:close()
  end
  return before and (after - before) / (over - start)
end

-- ---- the section --------------------------------------------------------

local function ms(times, share)
  return stats.quantile(times, share) * 1000
end

local function show(name, n, pings, calls)
  print(("  %-20s %4d   %8.2f %8.2f   %8.1f %8.1f"):format(name, n,
    ms(pings, 0.5), ms(pings, 0.99), ms(calls, 0.5), ms(calls, 0.99)))
end

local function added(nginx, count)
  local direct = assert(trunking.new {
    base_url = os.getenv "TRUNKING_SANDBOX_HTTP",
    account_sid = os.getenv "TRUNKING_SANDBOX_ACCOUNT_SID",
    auth_token = os.getenv "TRUNKING_SANDBOX_AUTH_TOKEN",
  })
  local tcp = connect(nginx)
  local function ask(path)
    return function()
      send(tcp, path)
      receive(tcp)
    end
  end
  local function create() assert(direct.create { friendly_name = "b" }) end
  local times = {}
  for _, f in ipairs { create, ask "/ping", ask "/block", ask "/call" } do
    timed(20, f)
    times[#times + 1] = ms(timed(count, f), 0.5)
  end
  tcp:close()
  direct.close()
  print(("\n  a call without delay, medians of %d, ms: direct %.2f, a request "
    .. "without a call %.2f,\n  with a blocking call %.2f, with a call that "
    .. "waits %.2f"):format(count, times[1], times[2], times[3], times[4]))
  return times[4] - times[3]
end

--- Measures it. The worst median and 99th percentile of a ping (ms), what a
-- call that waits takes longer than one that blocks (ms), and the largest
-- share of a CPU (%).
function openresty.run(seconds, fresh)
  local nginx = worker.start { http = http, server = server }
  local median, last, share = 0, 0, nil
  local ok, more = pcall(function()
    fresh()
    local more = added(nginx, 500)
    print(("\n  %-20s %4s   %17s   %17s"):format("200 ms upstream", "n",
      "ping p50, p99 ms", "call p50, p99 ms"))
    for _, n in ipairs { 1, 50, 200 } do
      fresh()
      control.arm { apply = true, delay = 0.2, times = 1e9 }
      local pings, calls = under_load(nginx, "/call", n, seconds)
      show("trunking.openresty", n, pings, calls)
      median = math.max(median, ms(pings, 0.5))
      last = math.max(last, ms(pings, 0.99))
    end
    show("control: it blocks", 1, under_load(nginx, "/block", 1, seconds))
    for _, n in ipairs { 1, 50, 200 } do
      fresh()
      local now = idle_share(nginx, n)
      if now then
        print(("  CPU of the worker with %d calls in flight: %.2f %%")
          :format(n, now * 100))
        share = math.max(share or 0, now * 100)
      end
    end
    return more
  end)
  nginx:stop()
  if not ok then error(more, 0) end
  return median, last, more, share
end

return openresty
