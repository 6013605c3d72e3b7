-- Creates a trunk and prints it, then shows what a refusal and a typing error
-- look like. With TRUNKING_SANDBOX set (make sandbox prints the lines) it
-- talks to the sandbox, else to Twilio with the credentials of the
-- environment, where it creates one real trunk.

local trunking = require "trunking"

local sandbox = os.getenv "TRUNKING_SANDBOX"
local client, problem = trunking.new(sandbox and {
  base_url = sandbox,
  ca_file = os.getenv "TRUNKING_SANDBOX_CA",
  account_sid = os.getenv "TRUNKING_SANDBOX_ACCOUNT_SID",
  auth_token = os.getenv "TRUNKING_SANDBOX_AUTH_TOKEN",
} or {})
if not client then -- no assert: Lua 5.1's takes strings only
  io.stderr:write(tostring(problem), "\n")
  os.exit(1)
end

local function show(value, indent)
  local names = {}
  for name in pairs(value) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    if type(value[name]) == "table" then
      print(indent .. name .. ":")
      show(value[name], indent .. "  ")
    else
      print(("%s%s: %s"):format(indent, name, tostring(value[name])))
    end
  end
end

local domain = ("demo-%d.pstn.twilio.com"):format(os.time())
local trunk, err = client.create {
  friendly_name = "Head office",
  domain_name = domain,
  secure = true,
  transfer_mode = trunking.transfer_mode.SIP_ONLY,
}
if not trunk then
  io.stderr:write(tostring(err), "\n")
  os.exit(1)
end
print("Created " .. trunk.sid .. " as " .. tostring(client))
show(trunk, "  ")

if sandbox then
  print "\nThe same domain again is refused:"
  print("  " .. select(2, client.create { domain_name = domain }))
end

print "\nA typing error is found before anything is sent:"
print("  " .. select(2, client.create { freindly_name = "Head office" }))
client.close()
