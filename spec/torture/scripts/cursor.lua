-- promise: a list that begins at a cursor is read or it is an error, and a
-- cursor that leads elsewhere is refused or there is no memory to say so;
-- reading makes nothing.
-- told: new done, create done, create done, list done, list done, list not_sent
-- every: 3
-- SPDX-License-Identifier: MIT
local options, tag, told = ...
local client = told("new", require("trunking").new, options)
if not client then return end
for _ = 1, 2 do told("create", client.create, { friendly_name = tag }) end
local page = told("list", client.list, { page_size = 1 })
local cursor = page and page.next_cursor or "/v1/Trunks?PageSize=1"
told("list", client.list, { cursor = cursor })
told("list", client.list, { cursor = "//evil.example/v1/Trunks?x" })
client.close()
