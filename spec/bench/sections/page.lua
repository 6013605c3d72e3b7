-- A page of 1,000 trunks, as a ratio to cjson.decode alone on its bytes.
-- May not know: what the goals are.
-- SPDX-License-Identifier: MIT

local pool = require "pool"
local roster = require "roster"
local stats = require "stats"

local page = {}

--- The median ratio by target's name.
function page.run(targets, rounds, fresh)
  print "\nA page of 1,000 trunks, CPU"
  local ratios = {}
  for _, target in ipairs(targets) do
    fresh()
    local client = {}
    for key, value in pairs(roster.ours) do client[key] = value end
    client.words = { os.getenv "BENCH_LUA",
      os.getenv "BENCH_HERE" .. "/clients/page.lua" }
    client.more = { tostring(rounds) }
    local pipe = assert(io.popen(pool.command(client, target)))
    local alone, whole, ratio = {}, {}, {}
    for line in pipe:lines() do
      local a, b = line:match "^(%S+) (%S+)$"
      alone[#alone + 1], whole[#whole + 1] = tonumber(a), tonumber(b)
      ratio[#ratio + 1] = b / a
    end
    pipe:close()
    assert(#ratio == rounds, "the page client failed")
    print(("  %-5s cjson.decode %6.2f ms, list %6.2f ms  %s"):format(
      target.name, stats.median(alone) * 1e3, stats.median(whole) * 1e3,
      stats.spread(ratio)))
    ratios[target.name] = stats.median(ratio)
  end
  return ratios
end

return page
