-- Numbers from rounds: medians, quartiles, random order.
-- Promises: pure; what it is given is not changed, but by shuffle.
-- May not know: what was measured.
-- SPDX-License-Identifier: MIT

local stats = {}

--- The value below which `share` of the values lie.
function stats.quantile(values, share)
  local sorted = table.move(values, 1, #values, 1, {})
  table.sort(sorted)
  local at = 1 + (#sorted - 1) * share
  local low = math.floor(at)
  local high = math.min(low + 1, #sorted)
  return sorted[low] + (sorted[high] - sorted[low]) * (at - low)
end

function stats.median(values)
  return stats.quantile(values, 0.5)
end

--- "1.21 [1.18 1.25]": median and quartiles.
function stats.spread(values)
  return ("%5.2f [%.2f %.2f]"):format(stats.median(values),
    stats.quantile(values, 0.25), stats.quantile(values, 0.75))
end

--- Puts a list in random order.
function stats.shuffle(list)
  for i = #list, 2, -1 do
    local j = math.random(i)
    list[i], list[j] = list[j], list[i]
  end
  return list
end

return stats
