-- promise: a create whose connection closed before the reply, after it took
-- effect, is "unknown".
-- faults: [{"reset":true,"apply":true,"times":1000000}]
-- told: new done, create unknown
-- SPDX-License-Identifier: MIT
local options, tag, told = ...
local client = told("new", require("trunking").new, options)
if not client then return end
local _, err = told("create", client.create, { friendly_name = tag })
tostring(err)
