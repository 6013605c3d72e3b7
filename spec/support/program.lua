-- A program that hosts Lua, run in a directory of its own with trunking on its
-- paths. Promises: leaves no process and no file behind when it is stopped;
-- waits are bounded.
-- SPDX-License-Identifier: MIT

local helper = require "helper"
local socket = require "socket"

local program = {}
program.__index = program

local sh = helper.sh

local here = debug.getinfo(1, "S").source:match "^@(.*)program.lua$"
local root = sh("cd '" .. here .. "../..' && pwd")

-- Where Debian has them; games and daemons are on no ordinary user's path.
local PATH = "PATH=$PATH:/usr/sbin:/usr/local/sbin:/usr/games; "

--- The first of these programs that is here, or nil.
function program.find(...)
  for _, name in ipairs { ... } do
    local path = sh(PATH .. "command -v " .. name)
    if path ~= "" then return path end
  end
end

--- The reason why a program can't be tried here, or nil.
-- @param abi the Lua that it has within, like "5.1"
function program.lacks(name, path, abi)
  if not path then return "no " .. name .. " here" end
  local core = ("%s/build/%s/trunking/core.so"):format(root, tostring(abi))
  local file = io.open(core)
  if not file then
    return ("no build for Lua %s, that of %s"):format(tostring(abi), name)
  end
  file:close()
end

--- A file's text, or "".
function program.read(path)
  local file = io.open(path)
  local text = file and file:read "*a" or ""
  if file then file:close() end
  return text
end

function program.write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

--- A port that is free now, below those for outgoing connections.
function program.port()
  for _ = 1, 100 do
    local probe = assert(socket.bind("127.0.0.1", 0))
    local _, port = probe:getsockname()
    probe:close()
    port = 29000 + port % 1900
    local tcp, udp = socket.bind("127.0.0.1", port), socket.udp()
    local is_free = tcp and udp:setsockname("127.0.0.1", port)
    if tcp then tcp:close() end
    udp:close()
    if is_free then return port end
  end
  error "no port is free"
end

--- A directory with a copy of an example.
function program.new(example, abi)
  local self = setmetatable({ dir = sh "mktemp -d" }, program)
  sh(("cp -r '%s/examples/%s/.' %s"):format(root, example, self.dir))
  self.paths = ("export LUA_PATH='%s/lua/?.lua;%s/lua/?/init.lua;;' "
    .. "LUA_CPATH='%s/build/%s/?.so;;' HOME=%s; "):format(root, root, root,
    abi, self.dir)
  return self
end

--- Changes a text in a file of it, which must be there.
function program:change(name, from, to)
  local path = self.dir .. "/" .. name
  local text = program.read(path)
  local first, last = text:find(from, 1, true)
  assert(first, from)
  program.write(path, text:sub(1, first - 1) .. to .. text:sub(last + 1))
end

--- Starts a command there, whose output goes to the log.
function program:start(command, env)
  local words = {}
  for name, value in pairs(env or {}) do
    words[#words + 1] = ("%s='%s'"):format(name, value)
  end
  sh(("cd %s && { %s %s ( env %s %s </dev/null >log 2>&1 & echo $! >pid; "
    .. "wait $!; echo $? >status ) >/dev/null 2>&1 & }"):format(self.dir,
    PATH, self.paths, table.concat(words, " "), command))
  self.pid = helper.wait_until(function()
    return tonumber(program.read(self.dir .. "/pid"))
  end)
end

function program:log() return program.read(self.dir .. "/log") end

--- Its exit status, or nil while it runs.
function program:status()
  return tonumber(program.read(self.dir .. "/status"))
end

--- Waits until its log has a text.
function program:says(text)
  helper.wait_until(function()
    assert(not self:status() or self:log():find(text, 1, true), self:log())
    return self:log():find(text, 1, true)
  end)
end

--- Waits until it has ended by itself: its exit status.
function program:wait()
  return helper.wait_until(function() return self:status() end)
end

-- Its process and those that it started.
local function family(pid)
  local list = { pid }
  for child in sh("ps -o pid= --ppid " .. pid):gmatch "%d+" do
    list[#list + 1] = tonumber(child)
  end
  return list
end

local function lives(pid)
  local state = sh("ps -o stat= -p " .. pid)
  return state ~= "" and not state:find "^Z"
end

--- Asks it to end. Its exit status, and how many of its processes are left.
function program:stop(signal)
  local all = family(self.pid)
  sh(("kill -%s %d"):format(signal or "TERM", self.pid))
  local status = self:wait()
  local left = 0
  for _, pid in ipairs(all) do if lives(pid) then left = left + 1 end end
  return status, left
end

--- For after_each: nothing of it is left, however its test ended.
function program:clean()
  if self.pid and not self:status() then
    for _, pid in ipairs(family(self.pid)) do sh("kill -KILL " .. pid) end
    self:wait()
  end
  sh("rm -rf " .. self.dir)
end

return program
