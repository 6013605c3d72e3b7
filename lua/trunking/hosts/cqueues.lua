--- trunking for cqueues: a call suspends its coroutine, and the others run.
--
--     local cqueues = require "cqueues"
--     local trunking = require "trunking.cqueues"
--     local loop = cqueues.new()
--     loop:wrap(function() print(trunking.create { ... }) end)
--     assert(loop:loop())
--
-- Outside a loop a call blocks. A client belongs to the loop in which it is
-- used first, until that has no call in flight any more.
-- SPDX-License-Identifier: MIT

local cqueues = require "cqueues"
local condition = require "cqueues.condition"

local function watch(_, fd, ready)
  local loop, number = cqueues.running(), fd()
  if not loop or not number then return nil end
  local going, ended = true, condition.new()
  loop:wrap(function()
    while going do
      cqueues.poll({ pollfd = number, events = "r" }, ended)
      if going then ready() end
    end
  end)
  return function()
    going = false
    cqueues.cancel(number) -- it may be closed now
    ended:signal()
  end
end

return require "trunking.hosts.host" {
  current = function() return cqueues.running() and condition.new() or nil end,
  suspend = function(handle) handle:wait() end,
  resume = function(handle) handle:signal() end,
  watch = watch,
}
