-- promise: an ensure of a domain that was told "created" made one trunk;
-- "not_sent", none; whatever memory does while it is loaded, while it looks
-- and while it creates.
-- told: new done, ensure created
-- batch: 1
-- every: 11
-- every of curl: 5
-- attempts: 10
-- SPDX-License-Identifier: MIT
local options, tag, told, calm = ...
local trunking = calm(require, "trunking")
options.max_attempts = 1
local client = told("new", trunking.new, options)
if not client then return end
local _, err = told("ensure", client.ensure, {
  domain_name = tag .. ".pstn.twilio.com", friendly_name = "T\195\182rture",
}, { settle = { 0 }, page_size = 1 })
tostring(err)
client.close()
