-- What each state of threads.c does: so many calls by jobs, with blocking
-- ones among them, through clients that come and go. Gives the number of
-- trunks it made; raises when anything is lost or another's.
-- May not know: that there are other states.
-- SPDX-License-Identifier: MIT

local number, calls = ...

if number == 0 then
  local ledger = require "sandbox.control".ledger(0)
  assert(ledger.created == calls, ("%d were created, and the ledger has %d")
    :format(calls, ledger.created))
  return 0
end

local trunking = require "trunking"

local CALLS_OF_CLIENT = 250
local tls = number % 2 == 0

local function env(name)
  return assert(os.getenv("TRUNKING_SANDBOX" .. name), "no sandbox")
end

local function connect()
  return assert(trunking.new {
    base_url = env(tls and "" or "_HTTP"), ca_file = tls and env "_CA" or nil,
    account_sid = env "_ACCOUNT_SID", auth_token = env "_AUTH_TOKEN",
    max_in_flight = 8, timeout = 120, connect_timeout = 60,
    on_attempt = function(event) assert(event.operation) end,
  })
end

local sids, made, serial = {}, 0, 0

local function params()
  serial = serial + 1
  return { friendly_name = ("state %d, trunk %d"):format(number, serial) }
end

local function note(trunk, err)
  assert(trunk, tostring(err))
  assert(trunk.friendly_name:find(("state %d, trunk "):format(number), 1,
    true), "the trunk of another")
  assert(not sids[trunk.sid], "one trunk for two calls")
  sids[trunk.sid] = true
  made = made + 1
  return trunk
end

-- Each job once, whoever finds it done.
local pending = {}

local function finish(job)
  if not pending[job] then return end
  pending[job] = nil
  note(job:result())
end

-- In turns: by poll, by wait, and by a call that blocks meanwhile.
local function work(client, count)
  for i = 1, count do
    if i % 50 == 0 then
      note(client.create(params()))
    else
      local job = assert(client.async.create(params()))
      pending[job] = true
      if i % 7 == 0 then
        job:wait()
        finish(job)
      end
    end
    for job in client.poll do finish(job) end
  end
  for job in pairs(pending) do
    job:wait()
    finish(job)
  end
end

while calls > 0 do
  local count = math.min(calls, CALLS_OF_CLIENT)
  local client, before = connect(), made
  work(client, count)
  assert(made - before == count, "a job was lost")
  client.close()
  calls = calls - count
end

-- Left in flight for the end of the state.
local client = connect()
for _ = 1, 20 do assert(client.async.list()) end

return made
