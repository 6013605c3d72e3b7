-- What haproxy.cfg beside this file serves. A call looks as it does in a
-- script; its thread serves other requests until it returns.
-- luacheck: globals core

local trunking = require "trunking"

-- What every call does until its job is done. core.msleep suspends the request.
local function wait(job)
  while not job:done() do core.msleep(2) end
end

local client -- made at the first request, so that each thread has its own

local function answer(applet, status, text)
  applet:set_status(status)
  applet:add_header("content-type", "text/plain")
  applet:add_header("content-length", #text)
  applet:start_response()
  applet:send(text)
end

local function create(applet)
  client = client or assert(trunking.new {
    wait = wait, max_in_flight = 64 })
  local trunk, err = client.create {
    friendly_name = applet.qs:match "^name=([%w_-]+)$" }
  if trunk then return answer(applet, 201, trunk.sid .. "\n") end
  core.Warning(tostring(err))
  answer(applet, err.kind == "invalid" and 400 or 502, err.outcome .. "\n")
end

core.register_service("create", "http", create)
