-- A trunk for each town that a player founds: /town NAME. A mod for Minetest
-- 5.6, and its successors. In minetest.conf:
--
--   secure.trusted_mods = trunks
--
-- The module is installed for Lua 5.1 (LuaRocks, --lua-version=5.1).
-- Credentials come from the environment: the lines that `make sandbox` prints,
-- or Twilio's. trunks.rehearse = 60 founds 60 towns at the start, two in each
-- step, and shuts the server down when all are there.
-- luacheck: globals minetest

local insecure = minetest.request_insecure_environment()
assert(insecure, "trunks: add it to secure.trusted_mods in minetest.conf")

-- A mod's own libraries lack `require` and most of `package` and `io`. While
-- this loads, it has the server's own; other mods never see them.
local function with_the_servers_own(load)
  local own = {}
  for _, name in ipairs { "io", "os", "package", "require" } do
    own[name] = _G[name]
    rawset(_G, name, insecure[name])
  end
  local ok, result = pcall(load)
  for name, value in pairs(own) do rawset(_G, name, value) end
  return ok and result or error(result, 0)
end

-- trunking.all, because nothing can be loaded later. Here the client reads its
-- credentials too.
local client = with_the_servers_own(function()
  return assert(require "trunking.all".new())
end)

local founders = {} -- [job] = the player's name
local asked, made, failed = 0, 0, 0

local function found(player, town) -- takes microseconds
  local job, err = client.async.create { friendly_name = town }
  if not job then return false, tostring(err) end
  founders[job] = player
  asked = asked + 1
  return true, town .. " is being founded."
end

minetest.register_chatcommand("town", {
  params = "<name>", description = "Founds a town with a trunk of its own",
  func = function(player, town) return found(player, town) end,
})

local rehearse = tonumber(minetest.settings:get "trunks.rehearse")

local function tell(job)
  local player = founders[job]
  local trunk, err = job:result()
  founders[job] = nil
  made, failed = made + (trunk and 1 or 0), failed + (trunk and 0 or 1)
  if not trunk then minetest.log("warning", tostring(err)) end
  minetest.chat_send_player(player, trunk
    and trunk.friendly_name .. " has its trunk."
    or "There is no trunk: " .. err.outcome)
end

-- A step never waits.
minetest.register_globalstep(function()
  for job in client.poll do tell(job) end
  if not rehearse then return end
  for _ = 1, math.min(2, rehearse - asked) do found("", "Town " .. asked) end
  if made + failed >= rehearse then
    rehearse = nil
    minetest.request_shutdown("All towns are founded.")
  end
end)

-- Calls that are on their way are given up.
minetest.register_on_shutdown(function()
  for job in client.poll do tell(job) end
  minetest.log("action", ("trunks: %d asked for, %d made, %d failed, %d on "
    .. "their way"):format(asked, made, failed, client.in_flight()))
end)
