-- victim FILE NAME DOMAIN: saves the intent of a create and says so, then
-- creates; to be killed at any moment. FILE.alive goes when it was not.
-- SPDX-License-Identifier: MIT

local cjson = require("cjson").new()
local world = require "world"

local path, name, domain = arg[1], arg[2], arg[3]
local client = world.client()
local params = { friendly_name = name, secure = true }
if domain ~= "" then params.domain_name = domain end
local intent = assert(client.intent(params))
local file = assert(io.open(path .. ".part", "w"))
file:write(cjson.encode(intent))
file:close()
assert(os.rename(path .. ".part", path))
io.write "saved\n"
io.stdout:flush()
if domain ~= "" then client.ensure(params, world.options)
else client.create(params) end
os.remove(path .. ".alive")
