-- Many creates at once: the share of the ideal rate where the server takes its
-- time, and the rate where it takes none, as ratios to a C program on
-- curl_multi; and as many cold TLS connections at once.
-- Promises: the two alternate, each with its connections open before, on
-- another core than the server.
-- May not know: what the goals are.
-- SPDX-License-Identifier: MIT

local bundle = require "bundle"
local control = require "sandbox.control"
local pool = require "pool"
local roster = require "roster"
local stats = require "stats"

local concurrent = {}

local WIDTH, DELAY = 64, 0.05

-- A row for the C program and one for ours, which have worked once.
local function start(target, batch)
  local rows = {}
  for i, client in ipairs { roster.multi(WIDTH), roster.many(WIDTH) } do
    rows[i] = { name = client.name, batch = batch, wall = {}, cpu = {},
      worker = assert(pool.start(pool.apart(client), target)) }
    rows[i].worker:batch(2 * WIDTH)
  end
  return rows
end

-- Medians of wall and CPU ratios of ours to the C program.
local function compare(rows, rounds)
  local wall_ratio, cpu_ratio = {}, {}
  for _ = 1, rounds do
    for _, row in ipairs(stats.shuffle { rows[1], rows[2] }) do
      row.last_cpu, row.last_wall = row.worker:batch(row.batch)
      row.cpu[#row.cpu + 1] = row.last_cpu
      row.wall[#row.wall + 1] = row.last_wall
    end
    wall_ratio[#wall_ratio + 1] = rows[2].last_wall / rows[1].last_wall
    cpu_ratio[#cpu_ratio + 1] = rows[2].last_cpu / rows[1].last_cpu
  end
  pool.stop_all()
  return wall_ratio, cpu_ratio
end

local function rate(row) return 1 / stats.median(row.wall) end

local function delayed(target, rounds)
  control.reset { keep = 1000, remember = 100 }
  control.arm { apply = true, delay = DELAY, times = 1e9 }
  local rows = start(target, 20 * WIDTH)
  compare(rows, rounds)
  control.reset { keep = 1000, remember = 100 }
  local ideal = WIDTH / DELAY
  for _, row in ipairs(rows) do
    print(("  %-5s 50 ms  %-24s %6.0f/s, %.3f of the ideal"):format(
      target.name, row.name, rate(row), rate(row) / ideal))
  end
  return rate(rows[2]) / ideal
end

local function prompt(target, rounds)
  local rows = start(target, 10 * WIDTH)
  local wall, cpu = compare(rows, rounds)
  for _, row in ipairs(rows) do
    print(("  %-5s  0 ms  %-24s %6.0f/s"):format(target.name, row.name,
      rate(row)))
  end
  print(("  %-5s  0 ms  rate / C %.2f, wall %s, CPU %s"):format(target.name,
    1 / stats.median(wall), stats.spread(wall), stats.spread(cpu)))
  return 1 / stats.median(wall)
end

local function cold(rounds)
  print(("\nCold TLS: %d creates at once, system CA bundle"):format(WIDTH))
  if bundle.missing() then return nil end
  local rows = start(bundle.target(), WIDTH)
  local wall, cpu = compare(rows, rounds)
  for _, row in ipairs(rows) do
    print(("  %-28s %8.1f ms for all"):format(row.name,
      stats.median(row.wall) * WIDTH * 1e3))
  end
  print(("  ours / C: wall %s, CPU %s"):format(stats.spread(wall),
    stats.spread(cpu)))
  return stats.median(wall)
end

--- Shares of the ideal rate and rate ratios by target's name, and the wall
-- ratio of cold TLS, or nil without a bundle.
function concurrent.run(targets, rounds)
  print(("\n%d creates at once"):format(WIDTH))
  local shares, ratios = {}, {}
  for _, target in ipairs(targets) do
    shares[target.name] = delayed(target, math.ceil(rounds / 2))
    ratios[target.name] = prompt(target, rounds)
  end
  return shares, ratios, cold(rounds)
end

return concurrent
