-- Creates five trunks at once under Copas, and shows that the loop goes on
-- meanwhile. With TRUNKING_SANDBOX set (make sandbox prints the lines) it talks
-- to the sandbox, else to Twilio with the credentials of the environment.

local copas = require "copas"
local trunking = require "trunking.copas"

local sandbox = os.getenv "TRUNKING_SANDBOX"
local client = sandbox and trunking.new {
  base_url = sandbox,
  ca_file = os.getenv "TRUNKING_SANDBOX_CA",
  account_sid = os.getenv "TRUNKING_SANDBOX_ACCOUNT_SID",
  auth_token = os.getenv "TRUNKING_SANDBOX_AUTH_TOKEN",
} or trunking

local left, failed, turns = 5, 0, 0

for i = 1, 5 do
  copas.addthread(function()
    local trunk, err = client.create { friendly_name = "Office " .. i }
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
