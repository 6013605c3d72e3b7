-- promise: a 503 of a create that did take effect is never told to be
-- "refused" or "not_sent".
-- faults: [{"status":503,"apply":true,"times":1000000}]
-- told: new done, create unknown
-- SPDX-License-Identifier: MIT
local options, tag, told = ...
local client = told("new", require("trunking").new, options)
if not client then return end
local _, err = told("create", client.create, { friendly_name = tag })
tostring(err)
