-- A game loop: what our calls cost each frame's thread in CPU. Arguments: URL
-- CA TAG FLIGHT FRAMES THREADCLOCK. Prints a line for each frame: microseconds
-- of done, poll and async start, microseconds of reading results, how many
-- jobs are in flight, and, for comparison, microseconds of the caller's own
-- lines, which make the params.
-- Promises: begins one job a frame while fewer than FLIGHT are in flight; the
-- first frame's start includes the thread's.
-- SPDX-License-Identifier: MIT

local socket = require "socket"
local trunking = require "trunking"

local flight, frames = tonumber(arg[4]), tonumber(arg[5])
local now = assert(package.loadlib(arg[6], "luaopen_threadclock"))()

local client = assert(trunking.new {
  base_url = arg[1], ca_file = arg[2],
  account_sid = os.getenv "TRUNKING_SANDBOX_ACCOUNT_SID",
  auth_token = os.getenv "TRUNKING_SANDBOX_AUTH_TOKEN", max_in_flight = 64,
})

local serial, in_flight, latest = 0, 0, nil

local function params()
  serial = serial + 1
  return { friendly_name = "Guild hall " .. serial, secure = true,
    domain_name = ("bench-%s-%d.pstn.twilio.com"):format(arg[3], serial) }
end

-- Jobs that are done; the microseconds of it all, and of the params.
local function talk(finished)
  local began = now()
  local given = in_flight < flight and params()
  local started = now()
  local done = latest and latest:done()
  for job in client.poll do
    finished[#finished + 1] = job
    if job == latest then latest = nil end
  end
  if given then
    if done then finished[#finished + 1] = latest end
    latest = assert(client.async.create(given))
  elseif done then
    finished[#finished + 1], latest = latest, nil
  end
  local cost = (now() - started) * 1e6
  if given then in_flight = in_flight + 1 end
  return cost, (started - began) * 1e6
end

local function read(finished)
  local started = now()
  for _, job in ipairs(finished) do
    assert(job:result())
    in_flight = in_flight - 1
  end
  return (now() - started) * 1e6
end

local lines, seen = {}, {}
for frame = 1, frames do
  local finished, ends = {}, socket.gettime() + 1 / 60
  local cost, own = talk(finished)
  for _, job in ipairs(finished) do
    assert(not seen[job], "a job came twice")
    seen[job] = true
  end
  lines[frame] = ("%.3f %.3f %d %.3f"):format(cost, read(finished), in_flight,
    own)
  socket.sleep(math.max(0, ends - socket.gettime()))
end
client.close()
print(table.concat(lines, "\n"))
