-- What a state of the soak does in an epoch: calls of every kind, blocking and
-- as jobs, some of which meet a server that errs. A state that lives on keeps
-- its client; jobs are left in flight for those that end.
-- Arguments: the state's number, the epoch's, and how many calls.
-- May not know: what is measured.

local control = require "sandbox.control"
local trunking = require "trunking"

local number, epoch, calls = ...

-- luacheck: globals soak_client
soak_client = soak_client or assert(trunking.new {
  base_url = os.getenv(number > 2 and "TRUNKING_SANDBOX"
    or "TRUNKING_SANDBOX_HTTP"),
  ca_file = number > 2 and os.getenv "TRUNKING_SANDBOX_CA" or nil,
  account_sid = os.getenv "TRUNKING_SANDBOX_ACCOUNT_SID",
  auth_token = os.getenv "TRUNKING_SANDBOX_AUTH_TOKEN",
  on_attempt = function() end,
})
local client = soak_client

local made = 0

-- Whatever a server that errs makes of it: a table, true, or nil and an error.
local function told(result, err)
  made = made + 1
  assert(result or err and err.outcome, "a call told nothing")
  return result
end

local function round(n)
  local trunk = told(client.create { friendly_name = "soak " .. n,
    domain_name = ("soak-%d-%d-%d.pstn.twilio.com"):format(number, epoch,
      n) })
  if not trunk then return end
  told(client.fetch(trunk))
  told(client.update(trunk, { secure = true }))
  told(client.origination_urls.create(trunk, { friendly_name = "u",
    sip_url = "sip:a.example", priority = 1, weight = 1, enabled = true }))
  told(client.list { page_size = 20 })
  local jobs = {}
  for i = 1, 4 do jobs[i] = client.async.fetch(trunk) end
  jobs[4]:cancel()
  for i = 1, 4 do told(jobs[i]:wait()) end
  told(client.fetch "TK" == nil and true) -- refused before anything is sent
  told(client.delete(trunk))
end

if number == 1 then
  control.arm { { status = 503, times = 3 }, { close = true, times = 3 },
    { garbage = true, times = 2 }, { cut = 20, apply = true, times = 2 } }
end
local n = 0
while made < calls do
  n = n + 1
  round(n)
end
if number % 2 == 0 then
  for _ = 1, 5 do client.async.list {} end
end
collectgarbage()
collectgarbage()
