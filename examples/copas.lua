-- Creates five trunks at once under Copas, and shows that the loop goes on
-- meanwhile. Credentials come from the environment (make sandbox prints those
-- of the sandbox).

if arg[1] then
  local out = arg[1] == "--help" and io.stdout or io.stderr
  out:write "usage: copas.lua, without arguments: creates five trunks\n"
  os.exit(out == io.stdout and 0 or 2)
end

local copas = require "copas"
local trunking = require "trunking.copas"

local left, failed, turns = 5, 0, 0

for i = 1, 5 do
  copas.addthread(function()
    local trunk, err = trunking.create { friendly_name = "Office " .. i }
    print(trunk and "created " .. trunk.sid or tostring(err))
    left, failed = left - 1, failed + (trunk and 0 or 1)
  end)
end

while left > 0 do
  copas.step(0.001)
  turns = turns + 1
end
print(("the loop turned %s meanwhile"):format(turns > 1 and "on" or "once"))
if failed > 0 then os.exit(1) end
