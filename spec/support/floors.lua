-- floors.lua: the house as the includes have it. A room is a name.c with its
-- name.h; it stands one floor above the highest room that it includes. Prints
-- the floors from the top: of each room what it includes of the world outside,
-- and the rooms below that it uses. Exit status 1 if rooms go round in a
-- circle.
-- SPDX-License-Identifier: MIT

local world = { ["curl/curl.h"] = "libcurl", ["lua.h"] = "Lua",
  ["lauxlib.h"] = "Lua", ["pthread.h"] = "threads" }

local rooms = {} -- name -> { uses = { name = true }, sees = { word = true } }

local function read(path)
  local name = path:match "([%w_]+)%.[ch]$"
  local room = rooms[name] or { uses = {}, sees = {} }
  rooms[name] = room
  for line in io.lines(path) do
    local own = line:match '^#include "([%w_]+)%.h"'
    local outside = line:match "^#include <([%w_/.]+)>"
    if own and own ~= name then room.uses[own] = true end
    if outside and world[outside] then room.sees[world[outside]] = true end
  end
end

local function sorted(set)
  local names = {}
  for name in pairs(set) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local circles = {}

-- The floor of a room: 1 stands on the ground.
local function floor_of(name, path)
  local room = assert(rooms[name], name .. ".h is included, and not there")
  if room.floor then return room.floor end
  if room.open then
    circles[#circles + 1] = path .. " > " .. name
    return 0
  end
  room.open = true
  local below = 0
  for _, used in ipairs(sorted(room.uses)) do
    below = math.max(below, floor_of(used, path .. " > " .. name))
  end
  room.open = false
  room.floor = below + 1
  return room.floor
end

for _, path in ipairs(arg) do read(path) end
local floors = {}
for _, name in ipairs(sorted(rooms)) do
  local floor = floor_of(name, "")
  floors[floor] = floors[floor] or {}
  table.insert(floors[floor], name)
end
for number = #floors, 1, -1 do
  for _, name in ipairs(floors[number]) do
    local uses, outside = sorted(rooms[name].uses), sorted(rooms[name].sees)
    print(("%2d  %-9s %-17s %s"):format(number, name,
      table.concat(outside, ", "), table.concat(uses, " ")))
  end
end
for _, circle in ipairs(circles) do
  print("a circle:" .. circle:gsub("^ >", ""))
end
os.exit(#circles == 0)
