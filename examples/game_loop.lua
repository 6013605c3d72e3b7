-- A game that never misses a frame: 60 frames a second, amid which 50 trunks
-- are created, each over a TLS connection of its own. It prints how long the
-- calls of this library took in each frame, as a histogram.
--
--   spec/support/sandbox/run lua5.4 examples/game_loop.lua [CREATES]
--
-- All libcurl does, a handshake's milliseconds above all, happens in the
-- client's own thread. A frame pays for starting a job and for poll.

local trunking = require "trunking"

local FRAME = 1 / 60 -- seconds
local QUIET = 60     -- frames before the first create and after the last
local BURST = 2      -- creates that begin in one frame

-- ---- the command line -----------------------------------------------

local creates = tonumber(arg[1] or 50)
if arg[2] or not creates or creates < 1 or creates % 1 ~= 0 then
  local out = arg[1] == "--help" and io.stdout or io.stderr
  out:write "usage: game_loop.lua [CREATES]\n"
  os.exit(out == io.stdout and 0 or 2)
end

-- The port where each reply ends its connection.
local sandbox = os.getenv "TRUNKING_SANDBOX_CLOSING"
if not sandbox then
  io.stderr:write("game_loop: this creates many trunks, so it wants the "
    .. "sandbox:\n  spec/support/sandbox/run lua5.4 examples/game_loop.lua\n")
  os.exit(2)
end

local client, problem = trunking.new { base_url = sandbox, max_in_flight = 50 }
if not client then
  io.stderr:write("game_loop: ", tostring(problem), "\n")
  os.exit(2)
end

-- ---- time -----------------------------------------------------------

-- Lua itself has no clock that is fine enough but os.clock, which counts the
-- CPU time of all threads: then what we measure is too high, never too low.
local has_socket, socket = pcall(require, "socket")
local now = has_socket and socket.gettime or os.clock

-- jobs[job] = its number, until it is done
local jobs, in_flight, made, failed = {}, 0, 0, nil

local function finish(job)
  local trunk, err = job:result()
  if trunk then made = made + 1 else failed = failed or tostring(err) end
  jobs[job], in_flight = nil, in_flight - 1
end

-- What an engine does by waiting for the screen. Without luasocket a job that
-- is in flight serves as the clock: wait gives up when the frame is over. If
-- none is, there is nothing to show either, and the frames may hurry.
local function sleep(seconds)
  if has_socket then
    if seconds > 0 then socket.sleep(seconds) end
    return
  end
  local job = next(jobs)
  if not job then return end
  job:wait(seconds)
  if job:done() then finish(job) end -- poll gives only what nobody asked for
end

-- ---- the game -------------------------------------------------------

local stamp = os.time()

local function begin(number)
  local job, err = client.async.create {
    friendly_name = "Guild " .. number,
    domain_name = ("guild-%d-%d.pstn.twilio.com"):format(stamp, number),
  }
  if not job then
    failed = failed or tostring(err)
    return
  end
  jobs[job], in_flight = number, in_flight + 1
end

local begun = 0

-- All that this library costs a frame: the seconds of it.
local function talk(frame)
  local before = now()
  for job in client.poll do finish(job) end
  if frame > QUIET then
    for number = begun + 1, math.min(begun + BURST, creates) do
      begin(number)
      begun = number
    end
  end
  return now() - before
end

local function play() end -- physics, sound, pictures

local function run()
  local costs, late, quiet = {}, 0, 0
  local ends = now() + FRAME
  while quiet < QUIET do
    costs[#costs + 1] = talk(#costs + 1)
    play()
    if begun >= creates and in_flight == 0 then quiet = quiet + 1 end
    local left = has_socket and ends - now() or FRAME
    if left < 0 then late = late + 1 end
    sleep(left)
    ends = math.max(ends, now()) + FRAME
  end
  return costs, late
end

-- ---- the histogram --------------------------------------------------

local bounds = { 5, 10, 20, 50, 100, 200, 500, 1000, math.huge } -- us

local function show(costs)
  local counts = {}
  for i = 1, #bounds do counts[i] = 0 end
  for _, seconds in ipairs(costs) do
    local i = 1
    while seconds * 1e6 >= bounds[i] do i = i + 1 end
    counts[i] = counts[i] + 1
  end
  for i, count in ipairs(counts) do
    print(("%8s us %5d %s"):format(i < #bounds and "< " .. bounds[i]
      or ">= " .. bounds[i - 1], count,
      ("#"):rep(math.ceil(count / #costs * 50))))
  end
end

local function show_summary(costs, late)
  table.sort(costs)
  local function at(share)
    return costs[math.max(1, math.ceil(#costs * share))] * 1e3
  end
  print(("per frame: median %.3f ms, 99th percentile %.3f ms, most %.3f ms")
    :format(at(0.5), at(0.99), at(1)))
  print(("%d frames of %.1f ms, %s late; %d of %d trunks created"):format(
    #costs, FRAME * 1e3, has_socket and late or "unknown how many", made,
    creates))
end

print(("Time in our calls per frame, %s:"):format(has_socket and "wall clock"
  or "CPU of the whole process: the thread's work is counted too"))
local costs, late = run()
show(costs)
show_summary(costs, late)
client.close()
if failed then
  io.stderr:write("game_loop: ", failed, "\n")
  os.exit(1)
end
