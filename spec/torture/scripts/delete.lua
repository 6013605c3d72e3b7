-- promise: a delete that lost its reply twice is "unknown", is sent no third
-- time, and leaves nothing behind.
-- faults: [{"reset":true,"apply":true,"method":"DELETE","times":1000000}]
-- told: new done, create done, delete unknown
-- attempts: 2
-- every: 9
-- SPDX-License-Identifier: MIT
local options, tag, told = ...
options.max_attempts = 2
local client = told("new", require("trunking").new, options)
if not client then return end
local trunk = told("create", client.create, { friendly_name = tag })
if trunk then
  local _, err = told("delete", client.delete, trunk.sid)
  tostring(err)
end
client.close()
