-- Creates one after another on a kept connection: wall and CPU time.
-- Promises: clients work in turn, in random order, and are compared with the
-- floor's batch of the same round; void unless the floor equals itself.
-- May not know: what the goals are.
-- SPDX-License-Identifier: MIT

local pool = require "pool"
local roster = require "roster"
local stats = require "stats"

local sequential = {}

-- One row for each client and target that comes up.
local function start(targets)
  local rows, left_out = {}, {}
  for _, client in ipairs(roster.sequential) do
    for _, target in ipairs(targets) do
      local why, worker = client.absent, nil
      if not why then worker, why = pool.start(client, target) end
      if worker then
        worker:batch(client.warm)
        rows[#rows + 1] = {
          client = client, target = target, worker = worker,
          cpu = {}, wall = {}, cpu_ratio = {}, wall_ratio = {},
        }
      elseif client == roster.floor or client == roster.ours then
        error(client.name .. ": " .. why, 0)
      else
        left_out[client.name] = why
      end
    end
  end
  for name, why in pairs(left_out) do
    print(("left out: %s: %s"):format(name, why))
  end
  return rows
end

local function add(list, value) list[#list + 1] = value end

local function round(rows, number)
  local order, floor = {}, {}
  for _, row in ipairs(rows) do
    if number % (row.client.every or 1) == 0 then add(order, row) end
  end
  for _, row in ipairs(stats.shuffle(order)) do
    row.last = { row.worker:batch(row.client.batch) }
    add(row.cpu, row.last[1])
    add(row.wall, row.last[2])
    if row.client == roster.floor then floor[row.target] = row.last end
  end
  for _, row in ipairs(order) do
    add(row.cpu_ratio, row.last[1] / floor[row.target][1])
    add(row.wall_ratio, row.last[2] / floor[row.target][2])
  end
end

local function show(rows, targets)
  for _, target in ipairs(targets) do
    print(("\n%-30s %8s  %-20s %8s  %s"):format(target.name, "wall us",
      "/ FLOOR", "CPU us", "/ FLOOR"))
    for _, row in ipairs(rows) do
      if row.target == target then
        print(("  %-28s %8.1f  %-20s %8.1f  %s"):format(row.client.name,
          stats.median(row.wall) * 1e6, stats.spread(row.wall_ratio),
          stats.median(row.cpu) * 1e6, stats.spread(row.cpu_ratio)))
      end
    end
  end
end

local function near_one(value) return value >= 0.95 and value <= 1.05 end

local function steady(rows)
  for _, row in ipairs(rows) do
    if row.client == roster.again
      and not (near_one(stats.median(row.cpu_ratio))
        and near_one(stats.median(row.wall_ratio))) then
      return false
    end
  end
  return true
end

--- One run: the median CPU ratio of ours by target's name, and whether the run
-- counts.
function sequential.run(targets, rounds)
  local rows = start(targets)
  for number = 1, rounds do round(rows, number) end
  pool.stop_all()
  show(rows, targets)
  local ours = {}
  for _, row in ipairs(rows) do
    if row.client == roster.ours then
      ours[row.target.name] = stats.median(row.cpu_ratio)
    end
  end
  return ours, steady(rows)
end

return sequential
