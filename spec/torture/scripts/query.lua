-- promise: a query that is longer than what was kept for paths is sent whole,
-- or not at all.
-- told: new done, list done
-- every: 3
-- SPDX-License-Identifier: MIT
local options, _, told = ...
options.validate = false
local client = told("new", require("trunking").new, options)
if not client then return end
told("list", function()
  local page, err = client.list { friendly_name = ("x"):rep(900) }
  return page or err and err.outcome == "refused" and {}, err
end)
client.close()
