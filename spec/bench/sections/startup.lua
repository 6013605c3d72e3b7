-- Start-up: require "trunking" against a C program that initialises libcurl.
-- Promises: each process is new; they alternate; a bare Lua is shown too.
-- May not know: what the goals are.
-- SPDX-License-Identifier: MIT

local pool = require "pool"
local roster = require "roster"
local stats = require "stats"

local startup = {}
local build = os.getenv "BENCH_BUILD"

local function lua(code)
  local words = { "env" }
  for _, word in ipairs(roster.ours.env) do words[#words + 1] = word end
  for _, word in ipairs { os.getenv "BENCH_LUA", "-e", code } do
    words[#words + 1] = word
  end
  return words
end

-- Wall seconds of one process.
local function time(words)
  local pipe = assert(io.popen(pool.line { build .. "/stopwatch" } .. " "
    .. pool.line(words)))
  local answer = pipe:read "n"
  pipe:close()
  return assert(answer, "a start-up command failed")
end

--- The median ratio of require "trunking" to the C program.
function startup.run(rounds)
  print "\nStart-up of a process"
  local rows = {
    { name = "C, curl_global_init", words = { build .. "/init" } },
    { name = 'Lua, require "trunking"', words = lua 'require "trunking"' },
    { name = "Lua, nothing", words = lua "" },
  }
  if not roster.twilio.absent then
    rows[4] = { name = 'node, require("twilio")', every = 5,
      words = { "env", roster.twilio.env[1], "node", "-e",
        'require("twilio")' } }
  end
  for _, row in ipairs(rows) do
    row.wall, row.ratio = {}, {}
    time(row.words)
  end
  for number = 1, rounds do
    local order = table.move(rows, 1, #rows, 1, {})
    for _, row in ipairs(stats.shuffle(order)) do
      row.last = number % (row.every or 1) == 0 and time(row.words)
      if row.last then row.wall[#row.wall + 1] = row.last end
    end
    for _, row in ipairs(rows) do
      if row.last then
        row.ratio[#row.ratio + 1] = row.last / rows[1].last
      end
    end
  end
  for _, row in ipairs(rows) do
    print(("  %-28s %7.2f ms  %s"):format(row.name,
      stats.median(row.wall) * 1e3, stats.spread(row.ratio)))
  end
  return stats.median(rows[2].ratio)
end

return startup
