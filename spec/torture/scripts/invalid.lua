-- promise: what can't be sent is refused without a request, by a client and
-- by the module itself.
-- raises: bad argument
-- told: new done, create raised, create not_sent, create not_sent
-- SPDX-License-Identifier: MIT
local options, _, told = ...
local trunking = require "trunking"
local client = told("new", trunking.new, options)
if not client then return end
pcall(told, "create", client.create, "no table")
pcall(told, "create", client.create, { freindly_name = "A" })
pcall(told, "create", trunking.create, { transfer_mode = "sip_only" })
trunking.close()
