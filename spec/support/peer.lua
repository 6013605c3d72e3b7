-- Servers of a spec's own, in its own thread, beside a client's jobs: each does
-- to the byte what its spec says, and no more. For what the sandbox can't do:
-- it is a real server, which shakes hands, reads, and then answers.
-- SPDX-License-Identifier: MIT

local helper = require "helper"
local socket = require "socket"
local ssl = require "ssl"
local trouble = require "trouble"

local peer = { LONG = helper.HANG }

local open = {} -- all sockets since tidy

local function held(thing)
  open[#open + 1] = thing
  thing:settimeout(peer.LONG)
  return thing
end

--- For after_each: closes whatever is left of the servers of the test before.
function peer.tidy()
  for _, thing in ipairs(open) do thing:close() end
  open = {}
end

local schemes = { ["plain HTTP"] = "http", TLS = "https" }

--- A server that listens: its socket, port and address on a transport.
-- `options`: backlog; buffer, the size of what it will hold unread.
function peer.listen(transport, options)
  local listener = assert(socket.tcp4())
  options = options or {}
  if options.buffer then
    assert(listener:setoption("recv-buffer-size", options.buffer))
  end
  assert(listener:bind("127.0.0.1", 0))
  assert(listener:listen(options.backlog or 32))
  local _, port = listener:getsockname()
  return { socket = held(listener), port = port, transport = transport,
    origin = ("%s://127.0.0.1:%d"):format(schemes[transport], port) }
end

--- A client of it, which tries once unless it is told otherwise.
function peer.client(server, options)
  local all = { base_url = server.origin, max_attempts = 1 }
  for name, value in pairs(options or {}) do all[name] = value end
  return helper.client(server.transport, all)
end

--- Fills the queue of a server that listens with a backlog of 0: whoever comes
-- next is not answered, not even refused.
function peer.fill(server)
  local callers = {}
  for i = 1, 8 do
    callers[i] = held(assert(socket.tcp4()))
    callers[i]:settimeout(0)
    callers[i]:connect("127.0.0.1", server.port)
  end
  local _, connected = socket.select(nil, callers, peer.LONG)
  assert(#connected < #callers, "the queue has no end")
end

--- Whether nobody waits to be accepted, so that no attempt was made but those
-- that were served.
function peer.is_left(server)
  server.socket:settimeout(0)
  return server.socket:accept() == nil
end

--- Its next connection, bare: no handshake of TLS. What is said on it goes out
-- at once, so that a reset does not come before it.
function peer.accept(server)
  local connection = held(assert(server.socket:accept()))
  assert(connection:setoption("tcp-nodelay", true))
  return connection
end

local context -- of TLS, one for all: each has a copy of the keys

--- Its next connection, with the handshake done.
function peer.welcome(server)
  local bare = peer.accept(server)
  if server.transport ~= "TLS" then return bare end
  local dir = helper.sandbox "DIR"
  context = context or assert(ssl.newcontext { mode = "server",
    protocol = "any", options = { "no_sslv2", "no_sslv3" },
    certificate = dir .. "/server.pem", key = dir .. "/server.key" })
  local secure = held(assert(ssl.wrap(bare, context)))
  assert(secure:dohandshake())
  return secure
end

--- Waits until something has come in, and reads none of it.
function peer.await(connection)
  assert(socket.select({ connection }, nil, peer.LONG)[1], "nothing came")
end

--- The lines of a request's head, the empty one too; the length of its body.
function peer.head(connection)
  local lines = {}
  repeat
    lines[#lines + 1] = assert(connection:receive "*l")
  until lines[#lines] == ""
  return lines, tonumber(table.concat(lines, "\n")
    :match "\nContent%-Length: (%d+)" or 0)
end

--- A whole request: its first line, body and head.
function peer.request(connection)
  local lines, length = peer.head(connection)
  return lines[1], length > 0 and assert(connection:receive(length)) or "",
    lines
end

--- Ends a connection with RST, which drops what was not sent.
function peer.reset(connection)
  trouble.reset(connection:getfd())
end

--- A whole reply: a status and its word, a record or a text.
function peer.reply(status, body)
  if type(body) == "table" then body = helper.json(body) end
  return ("HTTP/1.1 %s\r\nContent-Type: application/json\r\n"
    .. "Content-Length: %d\r\n\r\n%s"):format(status, #body, body)
end

return peer
