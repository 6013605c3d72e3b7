-- promise: while a Lua state is closed, a finalizer may ask for jobs that are
-- done, and drop them with their results unread.
-- told: new done, start done, start done, start done
-- every: 3
-- SPDX-License-Identifier: MIT
local options, _, told = ...
local client = told("new", require("trunking").new, options)
if not client then return end

local jobs = {}
for i = 1, 3 do jobs[i] = told("start", client.async.list, {}) end
while client.in_flight() > 0 do client.fd() end

local function ask()
  for i, job in pairs(jobs) do
    job:done()
    jobs[i] = nil
  end
end

local proxy = newproxy and newproxy(true) -- luacheck: ignore 113
local meta = proxy and getmetatable(proxy) or {}
meta.__gc = function() pcall(ask) end
_G.held = proxy or setmetatable({}, meta)
