-- promise: an ensure of what is there changes nothing; one of what differs
-- changes it once; after either the client is as good as before.
-- told: new done, create done, ensure unchanged, ensure updated
-- batch: 1
-- every: 7
-- every of curl: 13
-- attempts: 10
-- SPDX-License-Identifier: MIT
local options, tag, told, calm = ...
options.max_attempts = 1
calm(require, "trunking.ensure")
local client = calm(told, "new", calm(require, "trunking").new, options)
local wanted = { domain_name = tag .. ".pstn.twilio.com" }
calm(told, "create", client.create, wanted)
pcall(told, "ensure", client.ensure, wanted, { settle = { 0 } })
wanted.secure, wanted.transfer_mode = true, "enable-all"
pcall(told, "ensure", client.ensure, wanted, { settle = { 0 } })
