-- Growth of the resident set over many creates, after a full collection.
-- May not know: what the goals are.
-- SPDX-License-Identifier: MIT

local pool = require "pool"
local roster = require "roster"

local memory = {}

--- KiB that ours grew by over so many creates; nil where there is no /proc.
function memory.run(target, creates)
  print(("\nMemory: resident set over %d creates, %s"):format(creates,
    target.name))
  if not pool.has_status() then return nil end
  local worker = assert(pool.start(roster.ours, target))
  worker:batch(1000)
  local before = tonumber((worker:ask "rss"))
  for _ = 1, creates // 1000 do worker:batch(1000) end
  local after = tonumber((worker:ask "rss"))
  worker:stop()
  print(("  %-28s %d KiB, then %d KiB: growth %d KiB"):format(roster.ours.name,
    before, after, after - before))
  return after - before
end

return memory
