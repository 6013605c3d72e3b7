-- promise: a stack that cannot grow is a want of memory, and is called so;
-- each call here begins on a small stack, at another distance from its end.
-- told: new done, create done, create done, create done, create done,
--   create done, create done, list done, poll done
-- raises: too many arguments to resume
-- every: 3
-- SPDX-License-Identifier: MIT
local options, tag, told = ...
local client = told("new", require("trunking").new, options)
if not client then return end

-- f(argument) in a coroutine of its own, under calls of some slots each.
local function below(depth, f, argument)
  local function deeper(n, ...)
    if n == 0 then return f(argument) end
    local result, err = deeper(n - 1, n, ...)
    return result, err
  end
  local thread = coroutine.create(deeper)
  local fine, result, err = coroutine.resume(thread, depth)
  if not fine then error(result, 0) end
  return result, err
end

for depth = 0, 5 do
  told("create", below, depth, client.create, { friendly_name = tag })
end
told("list", below, 1, client.list, { page_size = 1 })
told("poll", below, 2, function() return client.poll() or {} end)
client.close()
