-- Creates a trunk and prints it, then shows what a refusal and a typing error
-- look like. Credentials come from the environment: with those of the sandbox
-- (make sandbox prints them) nothing real is made, with Twilio's one trunk is.

if arg[1] then
  local out = arg[1] == "--help" and io.stdout or io.stderr
  out:write "usage: create_trunk.lua, without arguments: creates a trunk\n"
  os.exit(out == io.stdout and 0 or 2)
end

local trunking = require "trunking"

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
local trunk, err = trunking.create {
  friendly_name = "Head office",
  domain_name = domain,
  secure = true,
  transfer_mode = trunking.transfer_mode.SIP_ONLY,
}
if not trunk then -- no assert: Lua 5.1's takes strings only
  io.stderr:write(tostring(err), "\n")
  os.exit(1)
end
print("Created " .. trunk.sid .. " as " .. tostring(trunking))
show(trunk, "  ")

if os.getenv "TRUNKING_BASE_URL" then -- the sandbox
  print "\nThe same domain again is refused:"
  print("  " .. select(2, trunking.create { domain_name = domain }))
end

print "\nA typing error is found before anything is sent:"
print("  " .. select(2, trunking.create { freindly_name = "Head office" }))
