-- promise: where all was there for a call, and then there is little room left,
-- a create is applied with its intent or done, and a page is read or is an
-- error; lua-cjson, which would end the process, is not asked.
-- told: create done, intent done, list done
-- every: 3
-- SPDX-License-Identifier: MIT
local options, tag, told, calm = ...
local trunking = calm(require, "trunking")
local client = calm(trunking.new, options)
calm(client.list, { page_size = 1 }) -- a reading makes all, and nothing more

local params = { friendly_name = tag, secure = true,
  domain_name = tag .. ".pstn.twilio.com" }
local trunk, err = told("create", client.create, params)
-- With no memory for an error at all it is one that was made before, which has
-- none.
told("intent", function()
  if trunk or err.outcome ~= "applied" or err.kind == "memory" and
    not err.intent then return true end
  return err.intent.params.friendly_name == tag, err
end)
told("list", client.list, { page_size = 50 })
client.close()
