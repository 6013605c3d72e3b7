-- Creates that each need a new TLS connection, with the system's CA bundle.
-- Promises: the three alternate; each has parsed the bundle once before. The
-- slow one, libcurl's defaults, does 8 creates at a time instead of 64.
-- May not know: what the goals are.
-- SPDX-License-Identifier: MIT

local bundle = require "bundle"
local pool = require "pool"
local roster = require "roster"
local stats = require "stats"

local cold = {}

local function round(rows)
  local order = table.move(rows, 1, #rows, 1, {})
  for _, row in ipairs(stats.shuffle(order)) do
    row.last = { row.worker:batch(row.batch) }
  end
  for _, row in ipairs(rows) do
    for i, list in ipairs { row.cpu, row.wall } do
      list[#list + 1] = row.last[i]
    end
    row.cpu_ratio[#row.cpu] = row.last[1] / rows[1].last[1]
    row.wall_ratio[#row.wall] = row.last[2] / rows[1].last[2]
  end
end

--- Median CPU and wall ratios of ours to the cached C, or nil without a bundle.
function cold.run(rounds)
  print "\nCold TLS: 64 creates, each on a new connection, system CA bundle"
  if bundle.missing() then return nil end
  local target = bundle.target()
  local rows = {}
  for i, name in ipairs { "cold_cached", "ours", "cold_default" } do
    local client = roster[name]
    rows[i] = {
      name = client.name, worker = assert(pool.start(client, target)),
      batch = i == 3 and client.batch or 64,
      cpu = {}, wall = {}, cpu_ratio = {}, wall_ratio = {},
    }
    rows[i].worker:batch(2)
  end
  for _ = 1, rounds do round(rows) end
  pool.stop_all()
  print(("  %-28s %8s  %-20s %8s  %s"):format("", "wall us", "/ cached C",
    "CPU us", "/ cached C"))
  for _, row in ipairs(rows) do
    print(("  %-28s %8.0f  %-20s %8.0f  %s"):format(row.name,
      stats.median(row.wall) * 1e6, stats.spread(row.wall_ratio),
      stats.median(row.cpu) * 1e6, stats.spread(row.cpu_ratio)))
  end
  return stats.median(rows[2].cpu_ratio), stats.median(rows[2].wall_ratio)
end

return cold
