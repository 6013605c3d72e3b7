-- Clients as processes that create when told to, by lines on a pipe and a FIFO.
-- Promises: stop_all ends each one it started: by end of input, or by its id.
-- May not know: which clients there are, or what is measured.
-- SPDX-License-Identifier: MIT

local socket = require "socket"

local pool = {}
local scratch = os.getenv "TRUNKING_SANDBOX_DIR"
local serial, running = 0, {}

local function quote(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

--- A shell command line of words, each taken as it is.
function pool.line(words)
  local out = {}
  for i, word in ipairs(words) do out[i] = quote(word) end
  return table.concat(out, " ")
end

--- Whether a process's resident set can be read; says so where it can't.
function pool.has_status()
  local probe = io.open "/proc/self/status"
  if probe then
    probe:close()
  else
    print "  left out: no /proc/self/status"
  end
  return probe ~= nil
end

-- The same client on these cores; on the server's where there is no choice.
local function on(cores, client)
  local words = {}
  if cores == "" then return client end
  for i, word in ipairs { "taskset", "-c", cores } do words[i] = word end
  for _, word in ipairs(client.words) do words[#words + 1] = word end
  return setmetatable({ words = words }, { __index = client })
end

--- The same client on a core of its own, apart from the server's, if it may.
function pool.apart(client) return on(os.getenv "BENCH_APART", client) end

--- The same client on all cores.
function pool.free(client) return on(os.getenv "BENCH_CORES", client) end

--- The shell command that starts a client against a target, {url, ca};
-- `before` are words such as valgrind's. Tags keep domain names unique, and
-- have one length, so that requests have too.
function pool.command(client, target, before)
  serial = serial + 1
  local words = { "env" }
  local function add(list)
    for _, word in ipairs(list or {}) do words[#words + 1] = word end
  end
  add(client.env)
  add(before)
  add(client.words)
  add { target.url, target.ca or "-", ("t%04d"):format(serial) }
  add(client.more)
  return pool.line(words)
end

-- The first line of what it said on standard error: the message, before any
-- traceback.
local function complaint(path)
  for line in io.lines(path) do
    if line:find "%S" then return line end
  end
  return "it ended"
end

local worker = {}
worker.__index = worker

--- Starts a client: a worker, or nil and why it did not come up.
function pool.start(client, target)
  local command = pool.command(client, target)
  local path = ("%s/bench-%d"):format(scratch, serial)
  assert(os.execute("mkfifo " .. quote(path)))
  local input = assert(io.popen(("{ echo $$; exec %s; } >%s 2>%s")
    :format(command, quote(path), quote(path .. ".err")), "w"))
  local output = assert(io.open(path))
  local self = setmetatable({
    name = client.name, input = input, output = output, path = path,
    pid = output:read "l",
  }, worker)
  running[self] = true
  local first = output:read "l"
  if first == "ready" then return self end
  self:stop()
  return nil, first or complaint(path .. ".err")
end

--- Sends a line; the answer, and the wall seconds until it came.
function worker:ask(line)
  local started = socket.gettime()
  self.input:write(line, "\n")
  self.input:flush()
  local answer = self.output:read "l"
  local wall = socket.gettime() - started
  if not answer or answer:find "^failed" then
    error(("%s: %s"):format(self.name,
      answer or complaint(self.path .. ".err")), 0)
  end
  return answer, wall
end

--- CPU and wall seconds of a batch of creates, each per create.
function worker:batch(count)
  local answer, wall = self:ask(tostring(count))
  return tonumber(answer) / count, wall / count
end

--- Ends it; `now` does not wait for what it is doing.
function worker:stop(now)
  if not running[self] then return end
  running[self] = nil
  if now and self.pid then os.execute("kill " .. self.pid .. " 2>/dev/null") end
  self.input:close()
  self.output:close()
  os.remove(self.path)
end

function pool.stop_all()
  for each in pairs(running) do each:stop(true) end
end

return pool
