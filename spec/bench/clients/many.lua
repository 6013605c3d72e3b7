-- Creates by jobs, so many at once: each batch is begun in one go and waited
-- for. Arguments: URL CA TAG WIDTH.
-- SPDX-License-Identifier: MIT

local work = require "work"
local trunking = require "trunking"

local client = assert(trunking.new {
  base_url = work.url, ca_file = work.ca,
  account_sid = work.sid, auth_token = work.token,
  max_in_flight = tonumber(arg[4]),
})

work.serve_batches(function(params, count)
  local jobs = {}
  for i = 1, count do
    local job, err = client.async.create(params())
    if not job then return err end
    jobs[i] = job
  end
  for i = 1, count do
    local trunk, err = jobs[i]:wait()
    if not trunk then return err end
    jobs[i] = nil
  end
end)
