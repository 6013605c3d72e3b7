-- The module under test, used as its README says.
-- SPDX-License-Identifier: MIT

local work = require "work"
local trunking = require "trunking"

local client = assert(trunking.new {
  base_url = work.url, ca_file = work.ca,
  account_sid = work.sid, auth_token = work.token,
})

work.serve(client.create)
