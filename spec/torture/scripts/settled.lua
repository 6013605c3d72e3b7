-- promise: what reconcile finds of a create that lost its reply is in the
-- book, and what it calls absent is not; by a domain and by a name.
-- faults: [{"method":"POST","close":true,"apply":true,"times":2},
--   {"method":"POST","close":true}]
-- told: new done, create unknown, intent done, create unknown,
--   create unknown, reconcile domain_name, reconcile friendly_name,
--   reconcile absent
-- batch: 1
-- every: 11
-- every of curl: 29
-- SPDX-License-Identifier: MIT
local options, tag, told, calm = ...
calm(require, "trunking.ensure.reconcile")
options.max_attempts = 1
local client = calm(told, "new", calm(require, "trunking").new, options)

local intents = {}
local function lose(params)
  local _, err = calm(told, "create", client.create, params)
  intents[#intents + 1] = err.intent
end

lose { domain_name = tag .. ".pstn.twilio.com", secure = true }
pcall(told, "intent", client.intent, { friendly_name = tag })
lose { friendly_name = tag }
lose { domain_name = tag .. "-3.pstn.twilio.com" }
for _, intent in ipairs(intents) do
  pcall(told, "reconcile", function()
    local record, how = client.reconcile(intent, { settle = { 0 } })
    if record == nil then return nil, how end
    return record or {}, how
  end)
end
