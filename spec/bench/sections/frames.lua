-- The game loop: the CPU time of job:done(), client.poll() and an async create
-- in the thread of the frames, 60 times a second.
-- Promises: each job has a cold TLS connection, with the system's CA bundle;
-- the server's delay keeps as many in flight as it says.
-- May not know: what the goals are.
-- SPDX-License-Identifier: MIT

local bundle = require "bundle"
local control = require "sandbox.control"
local pool = require "pool"
local roster = require "roster"
local stats = require "stats"

local frames = {}

-- In flight, and the delay that keeps them there when one begins each frame.
local cases = { { 0, 0 }, { 1, 0.05 }, { 50, 0.85 } }

local function run(flight, delay, count)
  control.reset { keep = 1000, remember = 100 }
  if delay > 0 then
    control.arm { apply = true, delay = delay, times = 1e9 }
  end
  local client = { env = roster.ours.env, words = { os.getenv "BENCH_LUA",
    os.getenv "BENCH_HERE" .. "/clients/frames.lua" },
    more = { tostring(flight), tostring(count),
      os.getenv "BENCH_BUILD" .. "/threadclock.so" } }
  local pipe = assert(io.popen(pool.command(pool.apart(client),
    bundle.target())))
  local costs, reads, flights, owns = {}, {}, {}, {}
  for line in pipe:lines() do
    local cost, read, flying, own = line:match "^(%S+) (%S+) (%d+) (%S+)$"
    costs[#costs + 1], reads[#reads + 1] = tonumber(cost), tonumber(read)
    flights[#flights + 1], owns[#owns + 1] = tonumber(flying), tonumber(own)
  end
  pipe:close()
  assert(#costs == count, "the game loop failed")
  return costs, reads, stats.median(flights), owns
end

--- The worst 99th percentile and the worst frame, in milliseconds; or nil
-- without a bundle.
function frames.run(count)
  print(("\nGame loop: CPU per frame in us, %d frames, cold TLS, system CA "
    .. "bundle"):format(count))
  if bundle.missing() then return nil end
  print(("  %-24s %8s %8s %8s   %s"):format("", "median", "p99", "most",
    "results read, and the caller's own lines: p99, most"))
  local p99, most = 0, 0
  for _, case in ipairs(cases) do
    local costs, reads, flying, owns = run(case[1], case[2], count)
    local high, top = stats.quantile(costs, 0.99), stats.quantile(costs, 1)
    print(("  %-24s %8.1f %8.1f %8.1f   %.1f, %.1f; %.1f, %.1f"):format(
      ("%d in flight (%d)"):format(case[1], flying), stats.median(costs), high,
      top, stats.quantile(reads, 0.99), stats.quantile(reads, 1),
      stats.quantile(owns, 0.99), stats.quantile(owns, 1)))
    p99, most = math.max(p99, high), math.max(most, top)
  end
  control.reset { keep = 1000, remember = 100 }
  return p99 / 1e3, most / 1e3
end

return frames
