-- promise: none. It shows that LuaJIT alone, without this module, dies when
-- memory fails inside code that it compiled: run it with LUA=jit.
-- told: decode done
-- SPDX-License-Identifier: MIT
local _, _, told = ...
if jit then jit.on() end -- luacheck: globals jit

local function distance(a, b)
  local last = {}
  for j = 0, #b do last[j] = j end
  for i = 1, #a do
    local row = { [0] = i }
    for j = 1, #b do
      row[j] = math.min(last[j] + 1, row[j - 1] + 1,
        last[j - 1] + (a:byte(i) == b:byte(j) and 0 or 1))
    end
    last = row
  end
  return last[#b]
end

told("decode", function()
  for n = 1, 40 do distance("friendly_name", ("domain_name"):rep(n % 4)) end
  return {}
end)
