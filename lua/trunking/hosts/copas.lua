--- trunking for Copas: a call suspends its thread, and the others run.
--
--     local copas = require "copas"
--     local trunking = require "trunking.copas"
--     copas.addthread(function() print(trunking.create { ... }) end)
--     copas.loop()
--
-- Outside a coroutine a call blocks.
-- SPDX-License-Identifier: MIT

local copas = require "copas"

-- What Copas 1 and later know to wait for: a socket. These have a descriptor,
-- or none and are readable when they are due: select takes a `dirty` socket for
-- that without a look at its descriptor, if it has one.
local function new_socket(number)
  local socket = { number = number, is_due = false }
  function socket:getfd()
    return self.number or self.is_due and 0 or -1
  end
  function socket:dirty() return self.is_due end
  function socket:settimeout() return self end
  function socket:close() self.number = nil end
  function socket:receive()
    if self.was_asked then
      self.was_asked = false
      return "due"
    end
    self.was_asked = true
    return nil, "timeout"
  end
  return socket
end

local function current()
  local thread, is_main = coroutine.running() -- 5.1: nil in the main one
  return thread and not is_main and new_socket() or nil
end

local function watch(_, fd, ready)
  local number = fd()
  if not number then return nil end
  local socket, going = new_socket(number), true
  copas.addthread(function()
    while going do
      copas.receive(socket)
      if going then ready() end
    end
  end)
  return function()
    going = false
    socket.number, socket.is_due = nil, true
  end
end

return require "trunking.hosts.host" {
  current = current, watch = watch,
  suspend = function(socket) copas.receive(socket) end,
  resume = function(socket) socket.is_due = true end,
}
