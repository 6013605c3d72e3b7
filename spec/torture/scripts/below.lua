-- promise: an ensure below a trunk, of an origination URL and of a list, makes
-- what is absent once, whatever becomes of its replies, and then knows it.
-- faults: [{"method":"POST","path":"/v1/Trunks/","close":true,
--   "apply":true}]
-- told: new done, create done, ensure adopted, ensure updated,
--   ensure created, ensure unchanged
-- batch: 1
-- every: 11
-- every of curl: 29
-- attempts: 10
-- SPDX-License-Identifier: MIT
local options, tag, told, calm = ...
calm(require, "trunking.ensure")
options.max_attempts = 1
local client = calm(told, "new", calm(require, "trunking").new, options)
local trunk = calm(told, "create", client.create, { friendly_name = tag })
local quick = { settle = { 0 } }
local url = { sip_url = "sip:a@example.com", weight = 1, priority = 1,
  enabled = true, friendly_name = "a" }
for _, weight in ipairs { 1, 2 } do
  url.weight = weight
  pcall(told, "ensure", client.origination_urls.ensure, trunk, url, quick)
end
local list = "CL" .. ("0"):rep(32)
for _ = 1, 2 do
  pcall(told, "ensure", client.credential_lists.ensure, trunk, list, quick)
end
