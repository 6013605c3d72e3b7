-- promise: a create that was told "done" or "applied" is in the book once,
-- with the SID told; one told "not_sent" is not; whatever memory does.
-- told: new done, create done
-- SPDX-License-Identifier: MIT
local options, tag, told = ...
local trunking = require "trunking"

local client, err = told("new", trunking.new, options)
if not client then return tostring(err) end
local trunk
trunk, err = told("create", client.create, {
  friendly_name = "T\195\182rture & co",
  domain_name = tag .. ".pstn.twilio.com",
  disaster_recovery_method = trunking.http_method.POST,
  secure = true,
})
if trunk then
  tostring(trunk.sid .. trunk.friendly_name .. trunk.recording.mode)
else
  tostring(err)
end
client.close()
