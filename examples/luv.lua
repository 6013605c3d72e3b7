-- Creates five trunks at once under luv, and shows that the loop goes on
-- meanwhile. With TRUNKING_SANDBOX set (make sandbox prints the lines) it talks
-- to the sandbox, else to Twilio with the credentials of the environment.

local uv = require "luv"
local trunking = require "trunking.luv"

local sandbox = os.getenv "TRUNKING_SANDBOX"
local client = sandbox and trunking.new {
  base_url = sandbox,
  ca_file = os.getenv "TRUNKING_SANDBOX_CA",
  account_sid = os.getenv "TRUNKING_SANDBOX_ACCOUNT_SID",
  auth_token = os.getenv "TRUNKING_SANDBOX_AUTH_TOKEN",
} or trunking

local left, failed, turns, timer = 5, 0, 0, uv.new_timer()

for i = 1, 5 do
  coroutine.wrap(function()
    local trunk, err = client.create { friendly_name = "Office " .. i }
    print(trunk and "created " .. trunk.sid or tostring(err))
    left, failed = left - 1, failed + (trunk and 0 or 1)
    if left == 0 then timer:close() end
  end)()
end

timer:start(1, 1, function() turns = turns + 1 end)
uv.run()
print(("the loop turned %s meanwhile"):format(turns > 1 and "on" or "once"))
if failed > 0 then os.exit(1) end
