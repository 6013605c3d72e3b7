-- promise: without credentials, what is wrong with a request is told, or that
-- there are no credentials; nothing is sent.
-- told: create not_sent, create not_sent, list not_sent
-- every: 1
-- SPDX-License-Identifier: MIT
local _, tag, told = ...
local getenv = os.getenv
os.getenv = function() end -- luacheck: ignore
local trunking = require "trunking"
told("create", trunking.create, { freindly_name = tag })
told("create", trunking.create, { friendly_name = tag })
told("list", trunking.list, { cursor = "//evil.example/v1/Trunks?x" })
os.getenv = getenv -- luacheck: ignore
