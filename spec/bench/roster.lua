-- The clients that are measured: how each is started, and its batch.
-- Promises: `floor` is first, and what all others are compared with.
-- May not know: how a batch is timed.
-- SPDX-License-Identifier: MIT

-- Creates of a batch: so many that the caches, which the others' batches have
-- emptied, are warm for nearly all of it.
local BATCH = 600

local here, build = os.getenv "BENCH_HERE", os.getenv "BENCH_BUILD"

local function lua(name, interpreter, file, env)
  env = env or {}
  local path = "LUA_PATH=" .. here .. "/clients/?.lua;"
  return {
    name = name, batch = BATCH, warm = 2 * BATCH,
    env = { path .. (env.path or ";"), "LUA_CPATH=" .. (env.cpath or ";;") },
    words = { os.getenv(interpreter), here .. "/clients/" .. file },
  }
end

local function c(name, program, mode)
  return {
    name = name, batch = BATCH, warm = 2 * BATCH,
    words = { build .. "/" .. program }, more = mode and { mode },
  }
end

local path = os.getenv "LUA_PATH"

local roster = {
  floor = c("FLOOR: C, libcurl, no JSON", "floor"),
  again = c("FLOOR again (A/A)", "floor"),
  ours = lua("ours, Lua 5.4", "BENCH_LUA", "ours.lua",
    { path = path, cpath = os.getenv "LUA_CPATH" }),
  ours_jit = lua("ours, LuaJIT", "BENCH_LUAJIT", "ours.lua",
    { path = path, cpath = os.getenv "BENCH_CPATH_51" }),
  luacurl = lua("lua-curl + cjson, Lua 5.1", "BENCH_LUA51", "luacurl.lua"),
  luasocket = lua("luasocket/luasec + cjson", "BENCH_LUA", "luasocket.lua"),
  twilio = {
    name = "twilio-node 6.2.0", batch = 50, warm = 2000, every = 8,
    absent = os.getenv "BENCH_NO_TWILIO",
    env = { "NODE_PATH=" .. build .. "/node/node_modules" },
    words = { "node", here .. "/clients/twilio.js" },
  },
  cold_cached = c("C, CA store cached", "cold", "cached"),
  cold_default = c("C, libcurl's defaults", "cold", "default"),
}

--- So many creates at once: a C program on curl_multi, and ours.
function roster.multi(width)
  return c("C, curl_multi, no JSON", "multi", tostring(width))
end

function roster.many(width)
  local client = lua("ours, jobs, Lua 5.4", "BENCH_LUA", "many.lua",
    { path = path, cpath = os.getenv "LUA_CPATH" })
  client.more = { tostring(width) }
  return client
end

--- The same in twilio-node; it may be absent.
function roster.crowd(width)
  return setmetatable({ more = { tostring(width) } },
    { __index = roster.twilio })
end

-- A new connection for each create, and over TLS a stall of 40 ms: in every
-- round it would part the others' batches by a second.
roster.luasocket.batch, roster.luasocket.warm = 20, 5
roster.luasocket.every = 12
roster.cold_default.batch = 8
if roster.twilio.absent == "" then roster.twilio.absent = nil end

--- The rows of the table of kept-alive creates.
roster.sequential = {
  roster.floor, roster.again, roster.ours, roster.ours_jit,
  roster.luacurl, roster.luasocket, roster.twilio,
}

return roster
