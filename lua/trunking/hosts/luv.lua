--- trunking for luv (libuv): a call suspends its coroutine, and the loop runs.
--
--     local uv = require "luv"
--     local trunking = require "trunking.luv"
--     coroutine.wrap(function() print(trunking.create { ... }) end)()
--     uv.run()
--
-- Outside a coroutine a call blocks. A coroutine that raises when its call has
-- returned raises in luv's callback, with its own traceback.
-- SPDX-License-Identifier: MIT

local uv = require "luv"

local function current()
  local thread, is_main = coroutine.running() -- 5.1: nil in the main one
  return not is_main and thread or nil
end

local function resume(thread)
  if coroutine.status(thread) ~= "suspended" then return end
  local ok, why = coroutine.resume(thread)
  if not ok then error(debug.traceback(thread, tostring(why)), 0) end
end

local function watch(_, fd, ready)
  local number = fd()
  if not number then return nil end
  local handle = uv.new_poll(number)
  if not handle then return nil end
  handle:start("r", ready)
  return function() handle:close() end
end

return require "trunking.hosts.host" {
  current = current, suspend = function() coroutine.yield() end,
  resume = resume, watch = watch,
}
