-- promise: an update that was told "done" took effect, once, whoever watches
-- its attempts.
-- told: new done, create done, update done
-- every: 3
-- SPDX-License-Identifier: MIT
local options, tag, told = ...
options.on_attempt = function(event) return event.attempt end
local client = told("new", require("trunking").new, options)
if not client then return end
local trunk = told("create", client.create, { friendly_name = tag })
if trunk then
  local _, err = told("update", client.update, trunk, {
    friendly_name = "\195\182", transfer_mode = "sip-only" })
  tostring(err)
end
client.close()
