-- The nearest of a list of names to one that was mistyped ("did you mean").
-- Pure; knows nothing of what the names stand for.
-- SPDX-License-Identifier: MIT

local ascii = require "trunking.ascii"

-- Optimal string alignment distance: insert, delete, change, swap neighbours.
local function distance(a, b)
  local before, last = {}, {}
  for j = 0, #b do last[j] = j end
  for i = 1, #a do
    local row = { [0] = i }
    for j = 1, #b do
      local same = a:byte(i) == b:byte(j)
      local best = math.min(last[j] + 1, row[j - 1] + 1,
        last[j - 1] + (same and 0 or 1))
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1)
        and a:byte(i - 1) == b:byte(j) then
        best = math.min(best, before[j - 2] + 1)
      end
      row[j] = best
    end
    before, last = last, row
  end
  return last[#b]
end

local function plain(name)
  return (ascii.lower(name):gsub("[ \t-\r_-]", ""))
end

--- The choice that `name` was probably meant to be.
-- @param name what was written
-- @param choices an array of names
-- @return one of them, or nil when none is near, or several are as near
return function(name, choices)
  if type(name) ~= "string" or #name > 64 then return nil end
  local wanted = plain(name)
  local best, least = nil, math.max(1, math.floor(#wanted / 3)) + 1
  for _, choice in ipairs(choices) do
    local d = distance(wanted, plain(choice))
    if d < least then best, least = choice, d
    elseif d == least and best and plain(best) ~= plain(choice) then
      best = nil
    end
  end
  return best
end
