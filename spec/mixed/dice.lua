-- Random numbers that a seed decides, the same on every Lua (Park and Miller's,
-- exact in doubles).
-- SPDX-License-Identifier: MIT

return function(seed)
  local state, M = seed % 2147483646 + 1, {}

  local function draw()
    state = state * 16807 % 2147483647
    return state / 2147483647
  end
  for _ = 1, 8 do draw() end -- small seeds begin alike

  function M.chance(share) return draw() < share end
  function M.upto(n) return math.floor(draw() * n) + 1 end
  function M.pick(list) return list[M.upto(#list)] end

  return M
end
