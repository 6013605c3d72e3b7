-- promise: a call that memory failed leaves its client as good as before, on
-- a kept connection too: each of two creates is told the truth.
-- told: new done, create done, create done
-- SPDX-License-Identifier: MIT
local options, tag, told = ...
local client = told("new", require("trunking").new, options)
if not client then return end
for i = 1, 2 do
  pcall(told, "create", client.create,
    { domain_name = tag .. "-" .. i .. ".pstn.twilio.com" })
end
