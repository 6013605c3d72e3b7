-- Many creates at once: the share of the ideal rate where the server takes its
-- time, and the rate where it takes none, as ratios to a C program on
-- curl_multi and to twilio-node; and as many cold TLS connections at once.
-- Promises: they alternate, each with its connections open before, and on
-- another core than the server. Where that takes no time, and costs next to
-- nothing, they run once more with all cores for each.
-- May not know: what the goals are.
-- SPDX-License-Identifier: MIT

local bundle = require "bundle"
local control = require "sandbox.control"
local pool = require "pool"
local roster = require "roster"
local stats = require "stats"

local unpack = table.unpack
local concurrent = {}

local WIDTH, DELAY = 64, 0.05
local WAVES = 60 -- in the first and last of them not all are in flight

local function row_of(client, target, batch, warm)
  local worker, why = pool.start(client, target)
  if not worker then error(client.name .. ": " .. why, 0) end
  worker:batch(warm)
  return { name = client.name, batch = batch, wall = {}, cpu = {},
    worker = worker }
end

-- A row for the C program, one for ours, and one for twilio-node where it is
-- asked for and there; all have worked once. `place` says on which cores.
local function start(target, place, batch, crowd)
  local rows = {}
  for i, client in ipairs { roster.multi(WIDTH), roster.many(WIDTH) } do
    rows[i] = row_of(place(client), target, batch, 2 * WIDTH)
  end
  if crowd and not roster.twilio.absent then
    rows[3] = row_of(place(roster.crowd(WIDTH)), target, batch,
      roster.twilio.warm)
  end
  return rows
end

local function add(list, value) list[#list + 1] = value end

-- Wall and CPU ratios of ours to the C program, and wall ratios of
-- twilio-node to ours and to the C program.
local function compare(rows, rounds)
  local wall_ratio, cpu_ratio, crowd_ratio, bare_ratio = {}, {}, {}, {}
  for _ = 1, rounds do
    for _, row in ipairs(stats.shuffle { unpack(rows) }) do
      row.last_cpu, row.last_wall = row.worker:batch(row.batch)
      add(row.cpu, row.last_cpu)
      add(row.wall, row.last_wall)
    end
    add(wall_ratio, rows[2].last_wall / rows[1].last_wall)
    add(cpu_ratio, rows[2].last_cpu / rows[1].last_cpu)
    if rows[3] then
      add(crowd_ratio, rows[3].last_wall / rows[2].last_wall)
      add(bare_ratio, rows[3].last_wall / rows[1].last_wall)
    end
  end
  pool.stop_all()
  return wall_ratio, cpu_ratio, crowd_ratio, bare_ratio
end

local function rate(row) return 1 / stats.median(row.wall) end

local function delayed(target, rounds)
  control.reset { keep = 1000, remember = 100 }
  control.arm { apply = true, delay = DELAY, times = 1e9 }
  local rows = start(target, pool.apart, WAVES * WIDTH)
  compare(rows, rounds)
  control.reset { keep = 1000, remember = 100 }
  local ideal = WIDTH / DELAY
  for _, row in ipairs(rows) do
    print(("  %-5s 50 ms  %-24s %6.0f/s, %.3f of the ideal"):format(
      target.name, row.name, rate(row), rate(row) / ideal))
  end
  return rate(rows[2]) / ideal
end

local function prompt(target, place, cores, rounds)
  local rows = start(target, place, 10 * WIDTH, true)
  local wall, cpu, crowd, bare = compare(rows, rounds)
  local function say(...)
    print(("  %-5s  0 ms, %-9s  %s"):format(target.name, cores,
      string.format(...)))
  end
  for _, row in ipairs(rows) do say("%-24s %6.0f/s", row.name, rate(row)) end
  say("rate / C %.2f, wall %s, CPU %s", 1 / stats.median(wall),
    stats.spread(wall), stats.spread(cpu))
  if not rows[3] then return 1 / stats.median(wall) end
  say("rate / twilio-node %s; C's %s", stats.spread(crowd),
    stats.spread(bare))
  return 1 / stats.median(wall), stats.median(crowd)
end

local function cold(rounds)
  print(("\nCold TLS: %d creates at once, system CA bundle"):format(WIDTH))
  if bundle.missing() then return nil end
  local rows = start(bundle.target(), pool.apart, WIDTH)
  local wall, cpu = compare(rows, rounds)
  for _, row in ipairs(rows) do
    print(("  %-28s %8.1f ms for all"):format(row.name,
      stats.median(row.wall) * WIDTH * 1e3))
  end
  print(("  ours / C: wall %s, CPU %s"):format(stats.spread(wall),
    stats.spread(cpu)))
  return stats.median(wall)
end

--- Shares of the ideal rate, and rates as ratios to the C program's and (where
-- it is there) to twilio-node's, by target's name; and the wall ratio of cold
-- TLS, or nil without a bundle. The rates with all cores for each are printed
-- alone: there the server is in the way.
-- @param targets those that may take their time
-- @param brief the same, of a server that costs next to nothing
function concurrent.run(targets, brief, rounds)
  print(("\n%d creates at once"):format(WIDTH))
  local shares, apart = {}, { c = {}, node = {} }
  for i, target in ipairs(targets) do
    shares[target.name] = delayed(target, math.ceil(rounds / 5))
    local name = target.name
    apart.c[name], apart.node[name] = prompt(brief[i], pool.apart, "one core",
      rounds)
    prompt(brief[i], pool.free, "all cores", rounds)
  end
  if roster.twilio.absent then
    print("  left out: twilio-node: " .. roster.twilio.absent)
  end
  return shares, apart, cold(rounds)
end

return concurrent
