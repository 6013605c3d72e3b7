-- promise: an ensure whose create lost its reply makes no second trunk: it
-- finds the one there is, or, where none was made, makes it after all.
-- faults: [{"method":"POST","close":true,"apply":true},
--   {"method":"POST","close":true}]
-- told: new done, ensure adopted, ensure created
-- batch: 1
-- every: 11
-- every of curl: 29
-- attempts: 10
-- SPDX-License-Identifier: MIT
local options, tag, told, calm = ...
options.max_attempts = 1
calm(require, "trunking.ensure")
local client = calm(told, "new", calm(require, "trunking").new, options)
for i = 1, 2 do
  pcall(told, "ensure", client.ensure, {
    domain_name = tag .. "-" .. i .. ".pstn.twilio.com",
  }, { settle = { 0 } })
end
