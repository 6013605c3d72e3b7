-- Creates five trunks at once under cqueues, and shows that the loop goes on
-- meanwhile. Credentials come from the environment (make sandbox prints those
-- of the sandbox).

if arg[1] then
  local out = arg[1] == "--help" and io.stdout or io.stderr
  out:write "usage: cqueues.lua, without arguments: creates five trunks\n"
  os.exit(out == io.stdout and 0 or 2)
end

local cqueues = require "cqueues"
local trunking = require "trunking.cqueues"

local loop, left, failed, turns = cqueues.new(), 5, 0, 0

for i = 1, 5 do
  loop:wrap(function()
    local trunk, err = trunking.create { friendly_name = "Office " .. i }
    print(trunk and "created " .. trunk.sid or tostring(err))
    left, failed = left - 1, failed + (trunk and 0 or 1)
  end)
end

loop:wrap(function()
  while left > 0 do
    turns = turns + 1
    cqueues.sleep(0.001)
  end
end)

assert(loop:loop())
print(("the loop turned %s meanwhile"):format(turns > 1 and "on" or "once"))
if failed > 0 then os.exit(1) end
