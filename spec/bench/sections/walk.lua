-- The resident set of a walk over all trunks: flat after the third page.
-- May not know: what the goals are.
-- SPDX-License-Identifier: MIT

local pool = require "pool"
local roster = require "roster"

local walk = {}

local function fill(target, trunks)
  local worker = assert(pool.start(roster.ours, target))
  for _ = 1, trunks // 1000 do worker:batch(1000) end
  worker:stop()
end

--- KiB that the walk grew by after its third page; nil where there is no
-- /proc. The sandbox must keep so many trunks.
function walk.run(target, trunks)
  print(("\nA walk over %d trunks, 1,000 to a page, %s"):format(trunks,
    target.name))
  if not pool.has_status() then return nil end
  fill(target, trunks)
  local client = { env = roster.ours.env, words = { os.getenv "BENCH_LUA",
    os.getenv "BENCH_HERE" .. "/clients/walk.lua" } }
  local pipe = assert(io.popen(pool.command(client, target)))
  local records, third, most = pipe:read("n", "n", "n")
  pipe:close()
  assert(records == trunks, "the walk lost its way")
  print(("  %-28s %d KiB after the third page, %d KiB at most: growth %d KiB")
    :format(roster.ours.name, third, most, most - third))
  return most - third
end

return walk
