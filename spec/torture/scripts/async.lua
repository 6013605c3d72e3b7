-- promise: a job's create is told the truth of by its wait, however often the
-- wait fails for want of memory; a second one that nobody waits for is made at
-- most once.
-- told: new done, start done, wait done, start done
-- every: 3
-- SPDX-License-Identifier: MIT
local options, tag, told = ...
local client = told("new", require("trunking").new, options)
if not client then return end

local job = told("start", client.async.create, { friendly_name = tag })
if job then
  told("wait", function()
    local ok, trunk, err = pcall(job.wait, job)
    if not ok then trunk, err = job:result() end
    return trunk, err
  end)
  client.fd()
  client.poll()
  tostring(job)
end
told("start", client.async.create, { friendly_name = tag })
client.close()
