-- An nginx with its Lua module, of a spec's own: one worker on a free loopback
-- port, with trunking and the sandbox's address. Promises: leaves no process
-- and no file behind when it is stopped; waits are bounded.
-- SPDX-License-Identifier: MIT

local helper = require "helper"
local socket = require "socket"

local worker = {}
worker.__index = worker

local sh = helper.sh

local here = debug.getinfo(1, "S").source:match "^@(.*)worker.lua$"
local root = sh("cd '" .. here .. "../..' && pwd")
local build = (os.getenv "LUA_CPATH" or ""):match "^([^;]*)/[^/;]*/%?%.so"
  or root .. "/build"
local program = sh [[PATH=$PATH:/usr/sbin:/usr/local/openresty/nginx/sbin
  command -v nginx || command -v openresty]]

local paths = "%s/lua/?.lua;%s/lua/?/init.lua;"

local temp = [[
  access_log off;
  client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp;
  uwsgi_temp_path temp; scgi_temp_path temp;
  lua_package_cpath "%s/5.1/?.so;;";
]]

local head = [[
%s
%s
worker_processes 1;
pid nginx.pid;
error_log error.log notice;
env TRUNKING_SANDBOX_HTTP; env TRUNKING_SANDBOX; env TRUNKING_SANDBOX_CA;
env TRUNKING_SANDBOX_ACCOUNT_SID; env TRUNKING_SANDBOX_AUTH_TOKEN;
events { worker_connections 1024; }
http {
%s
  lua_package_path "%s;";
%s
  server {
    listen 127.0.0.1:%d backlog=1024;
%s
  }
}
]]

local function modules()
  local lines = {}
  local path = sh(program .. " -V"):match "%-%-modules%-path=(%S+)"
  for _, name in ipairs { "ndk_http_module", "ngx_http_lua_module" } do
    local file = path and io.open(path .. "/" .. name .. ".so")
    if file then
      file:close()
      lines[#lines + 1] = ("load_module %s/%s.so;"):format(path, name)
    end
  end
  return table.concat(lines, "\n")
end

local write = helper.write

-- An example's nginx.conf, but for its port and its paths, and what Debian
-- needs.
local function adapted(self, conf, user)
  conf = conf:gsub("listen 127.0.0.1:8080;", "listen 127.0.0.1:" .. self.port
    .. ";"):gsub("worker_processes auto;", "worker_processes 1;")
    :gsub("%$prefix/%?%.lua;", "%0" .. paths:format(self.dir, self.dir))
    :gsub("\nhttp {", "%0\n" .. temp:format(self.dir))
  return modules() .. "\n" .. user .. "\n" .. conf
end

-- A port below those that the system hands out for outgoing connections.
local function some_port()
  local probe = assert(socket.bind("127.0.0.1", 0))
  local _, port = probe:getsockname()
  probe:close()
  return 31000 + tonumber(port) % 1700
end

--- Whether f gives something true, before one would say that it hangs.
function worker.comes(f)
  local latest = socket.gettime() + helper.HANG
  repeat
    local value = f()
    if value then return value end
    socket.sleep(0.01)
  until socket.gettime() > latest
  return f() or false
end

-- Starts it on a port of its own: whether it runs, or what it said.
local function launch(self, options)
  self.port = some_port()
  local is_root = sh "id -u" == "0"
  local who = options.user or "root"
  local user = is_root and ("user %s %s;"):format(who, sh("id -gn " .. who))
    or ""
  user = user .. " " .. (options.main or "")
  local conf = options.conf and adapted(self, options.conf, user)
    or head:format(modules(), user, temp:format(self.dir),
      paths:format(self.dir, self.dir), options.http or "", self.port,
      options.server)
  write(self.dir .. "/nginx.conf", conf)
  -- It goes to the background by a fork and an exit, in which a call may be on
  -- its way that init began: that must end well too.
  local said = sh(("LUA_CPATH=\";;$LUA_CPATH\" %s -p %s/ -e error.log "
    .. "-c %s/nginx.conf </dev/null; echo status $?"):format(program, self.dir,
    self.dir)) -- a cjson for another Lua may be on our own path
  return said:find "status 0$"
    and worker.comes(function() return self:pid() end), said .. self:log()
end

--- Starts one.
-- @param options http and server: text for these blocks of nginx.conf; main:
--   text before them; user: of the worker, where this one is root. Or conf, a
--   whole nginx.conf that listens on port 8080, and files that go beside it, by
--   name
function worker.start(options)
  local self = setmetatable({ dir = sh "mktemp -d" }, worker)
  sh(("cp -r %s/lua %s %s && chmod -R a+rX %s"):format(root,
    build .. "/5.1", self.dir, self.dir))
  for name, text in pairs(options.files or {}) do
    write(self.dir .. "/" .. name, text)
  end
  local runs, said
  for _ = 1, 5 do -- another may have the port
    runs, said = launch(self, options)
    if runs or not said:find "Address already in use" then break end
    os.remove(self.dir .. "/error.log")
  end
  if not runs then error("nginx did not start: " .. said) end
  self.master = self:pid()
  return self
end

function worker:pid()
  local file = io.open(self.dir .. "/nginx.pid")
  local text = file and file:read "*a" or ""
  if file then file:close() end
  return tonumber(text)
end

--- The worker processes.
function worker:children()
  local list = {}
  for pid in sh("ps -o pid= --ppid " .. self.master):gmatch "%d+" do
    list[#list + 1] = tonumber(pid)
  end
  table.sort(list)
  return list
end

function worker:signal(name, pid)
  sh(("kill -%s %d"):format(name, pid or self.master))
end

function worker:log()
  local file = io.open(self.dir .. "/error.log")
  local text = file and file:read "*a" or ""
  if file then file:close() end
  return text
end

--- The lines of its log that are worse than a notice.
function worker:complaints()
  local lines = {}
  for line in self:log():gmatch "[^\n]+" do
    local level = line:match "%[(%a+)%]"
    if level ~= "notice" and level ~= "info" then lines[#lines + 1] = line end
  end
  return table.concat(lines, "\n")
end

--- Sends a request, and gives a function that reads its reply: status, body.
function worker:ask(path, method)
  local tcp = assert(socket.connect("127.0.0.1", self.port))
  tcp:settimeout(helper.HANG)
  assert(tcp:send(("%s %s HTTP/1.0\r\nHost: localhost\r\n\r\n"):format(
    method or "GET", path)))
  return function()
    local text = tcp:receive "*a" or ""
    tcp:close()
    return tonumber(text:match "^HTTP/1.1 (%d+)"),
      text:match "\r\n\r\n(.*)$"
  end
end

function worker:get(path, method) return self:ask(path, method)() end

--- Stops it, in good order. Whether it ended, and what it complained of.
function worker:stop()
  local function is_gone() return sh("kill -0 " .. self.master) ~= "" end
  self:signal "QUIT"
  local gone = worker.comes(is_gone)
  if not gone then
    for _, child in ipairs(self:children()) do self:signal("KILL", child) end
    self:signal "KILL"
  end
  local complaints = self:complaints()
  sh("rm -rf " .. self.dir)
  return gone, complaints
end

return worker
