-- promise: what the API refuses is not in the book, and is never told to be
-- anything but "refused" or "not_sent".
-- told: new done, create refused
-- SPDX-License-Identifier: MIT
local options, _, told = ...
options.validate = false
local client = told("new", require("trunking").new, options)
if not client then return end
local _, err = told("create", client.create, { domain_name = "no domain" })
tostring(err)
