-- What the Lua clients of the bench share: the trunk to create, a form encoder
-- for those that need one, and the line protocol (said in ../bench.h).
-- Promises: ends with "failed ..." when a create fails. Arguments: URL CA TAG.
-- May not know: how a client creates. Runs on Lua 5.1 to 5.4 and LuaJIT.
-- SPDX-License-Identifier: MIT

local work = {
  url = arg[1],
  ca = arg[2] ~= "-" and arg[2] or nil,
  sid = os.getenv "TRUNKING_SANDBOX_ACCOUNT_SID",
  token = os.getenv "TRUNKING_SANDBOX_AUTH_TOKEN",
}
local tag, serial = arg[3], 0

-- Made anew for each create, as a caller does.
local function params()
  serial = serial + 1
  return {
    friendly_name = "Head office, line " .. serial,
    domain_name = "bench-" .. tag .. "-" .. serial .. ".pstn.twilio.com",
    disaster_recovery_url = "https://example.com/recovery?site=1",
    disaster_recovery_method = "POST",
    transfer_mode = "sip-only",
    transfer_caller_id = "from-transferee",
    secure = true,
    cnam_lookup_enabled = false,
  }
end

local names = {
  friendly_name = "FriendlyName", domain_name = "DomainName",
  disaster_recovery_url = "DisasterRecoveryUrl",
  disaster_recovery_method = "DisasterRecoveryMethod",
  transfer_mode = "TransferMode", transfer_caller_id = "TransferCallerId",
  secure = "Secure", cnam_lookup_enabled = "CnamLookupEnabled",
}
local hex = {}
for i = 0, 255 do hex[string.char(i)] = ("%%%02X"):format(i) end

--- The form body of a trunk's parameters.
function work.form(trunk)
  local out = {}
  for key, value in pairs(trunk) do
    out[#out + 1] = names[key] .. "="
      .. tostring(value):gsub("[^%w%-._~]", hex)
  end
  return table.concat(out, "&")
end

-- Resident KiB after a full collection.
local function resident()
  collectgarbage()
  collectgarbage()
  for line in io.lines "/proc/self/status" do
    local kib = line:match "^VmRSS:%s*(%d+)"
    if kib then return kib end
  end
  return "failed no VmRSS"
end

local function batch(create, count)
  local started = os.clock()
  for _ = 1, count do
    local trunk, why = create(params())
    if not (trunk and trunk.sid) then
      return "failed " .. tostring(why or "no sid"), true
    end
  end
  return ("%.6f"):format(os.clock() - started)
end

--- Answers each line until there are no more. `create(params)` returns the
-- trunk, or nil and why not.
function work.serve(create)
  io.stdout:setvbuf "line"
  print "ready"
  for line in io.lines() do
    if line == "rss" then
      print(resident())
    else
      local answer, ended = batch(create, tonumber(line))
      print(answer)
      if ended then return end
    end
  end
end

--- The same for a client that does a batch in its own way: `run(params,
-- count)`, where params makes a trunk's, returns why not all were created.
function work.serve_batches(run)
  io.stdout:setvbuf "line"
  print "ready"
  for line in io.lines() do
    local started = os.clock()
    local why = run(params, tonumber(line))
    print(why and "failed " .. tostring(why)
      or ("%.6f"):format(os.clock() - started))
    if why then return end
  end
end

return work
