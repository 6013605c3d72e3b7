-- promise: what memory failed at first is not left half made: loaded again, a
-- client is one like any other, and so is a job that is started again.
-- told: new done, start done, wait done, start done, wait done
-- every: 5
-- SPDX-License-Identifier: MIT
local options, tag, told = ...
pcall(require, "trunking")
local client = told("new", require("trunking").new, options)
if not client then return end
for _ = 1, 2 do
  local ok, job =
    pcall(told, "start", client.async.create, { friendly_name = tag })
  if ok and job then
    pcall(told, "wait", function()
      local done, trunk, err = pcall(job.wait, job)
      if not done then trunk, err = job:result() end
      return trunk, err
    end)
  end
end
