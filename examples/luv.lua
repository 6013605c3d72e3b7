-- Creates five trunks at once under luv, and shows that the loop goes on
-- meanwhile. Credentials come from the environment (make sandbox prints those
-- of the sandbox).

if arg[1] then
  local out = arg[1] == "--help" and io.stdout or io.stderr
  out:write "usage: luv.lua, without arguments: creates five trunks\n"
  os.exit(out == io.stdout and 0 or 2)
end

local uv = require "luv"
local trunking = require "trunking.luv"

local left, failed, turns, timer = 5, 0, 0, uv.new_timer()

for i = 1, 5 do
  coroutine.wrap(function()
    local trunk, err = trunking.create { friendly_name = "Office " .. i }
    print(trunk and "created " .. trunk.sid or tostring(err))
    left, failed = left - 1, failed + (trunk and 0 or 1)
    if left == 0 then timer:close() end
  end)()
end

timer:start(1, 1, function() turns = turns + 1 end)
uv.run()
print(("the loop turned %s meanwhile"):format(turns > 1 and "on" or "once"))
if failed > 0 then os.exit(1) end
