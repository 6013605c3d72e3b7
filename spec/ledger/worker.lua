-- worker POLICY FIRST LAST: does as the policy says for each number, and
-- writes down what it is told.
-- SPDX-License-Identifier: MIT

local world = require "world"

local policy, first, last = arg[1], tonumber(arg[2]), tonumber(arg[3])
local client = world.client()
for n = first, last do
  local name = ("t%d"):format(n)
  io.write(name, " ", world.policies[policy](client, name), "\n")
end
