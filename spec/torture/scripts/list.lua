-- promise: a page is read or it is an error, and so is each record of an
-- iteration; reading makes nothing.
-- told: new done, create done, create done, list done, list done, each done
-- every: 3
-- SPDX-License-Identifier: MIT
local options, tag, told = ...
local client = told("new", require("trunking").new, options)
if not client then return end
for _ = 1, 2 do told("create", client.create, { friendly_name = tag }) end
local page = told("list", client.list, { page_size = 1 })
told("list", function()
  if not page then return {} end
  local more, err = page.next()
  return more or not err and {}, err
end)
told("each", function()
  local n = 0
  for trunk in client.each { page_size = 1, limit = 2 } do
    n = n + #trunk.sid
  end
  return n
end)
client.close()
