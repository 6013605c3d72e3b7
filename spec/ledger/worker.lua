-- worker POLICY FIRST LAST: does as the policy says for each number, and
-- writes down what it is told. A policy that begins jobs begins all at once.
-- SPDX-License-Identifier: MIT

local world = require "world"

local policy, first, last = arg[1], tonumber(arg[2]), tonumber(arg[3])
local client = world.client()
local begin, finish = world.jobs[policy], world.policies[policy]
local jobs = {}
for n = first, last do
  local name = ("t%d"):format(n)
  jobs[n] = begin and begin(client, name)
  if not begin then io.write(name, " ", finish(client, name), "\n") end
end
for n = first, begin and last or 0 do
  io.write("t", n, " ", finish(client, jobs[n]), "\n")
end
