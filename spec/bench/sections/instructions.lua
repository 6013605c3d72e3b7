-- User-space instructions per create, by callgrind: the slope between 100 and
-- 300 creates, so that starting up does not count.
-- Promises: the floor's and a client's figures are from the same job.
-- May not know: what the goals are.
-- SPDX-License-Identifier: MIT

local pool = require "pool"
local roster = require "roster"
local stats = require "stats"

local instructions = {}
local scratch = os.getenv "TRUNKING_SANDBOX_DIR"

-- Instructions of a whole process that does so many creates.
local function count(client, target, creates)
  local path = scratch .. "/callgrind"
  local command = pool.command(client, target, {
    "valgrind", "--tool=callgrind", "--callgrind-out-file=" .. path .. ".out",
  })
  local pipe = assert(io.popen(("echo %d | %s 2>%s"):format(creates, command,
    pool.line { path .. ".err" })))
  local answer = pipe:read "a"
  pipe:close()
  if not answer:find "^ready\n%d" then
    error(("%s under callgrind: %s"):format(client.name, answer), 0)
  end
  for line in io.lines(path .. ".out") do
    local total = line:match "^totals: (%d+)"
    if total then return tonumber(total) end
  end
  error("callgrind wrote no totals", 0)
end

local function slope(client, target, repeats)
  local slopes = {}
  for i = 1, repeats do
    slopes[i] = (count(client, target, 300) - count(client, target, 100)) / 200
  end
  return stats.median(slopes)
end

--- Ratios of ours by target's name, or nil without valgrind.
function instructions.run(targets, repeats)
  print "\nInstructions per create (user space)"
  if not os.execute "command -v valgrind >/dev/null" then
    print "  left out: no valgrind"
    return nil
  end
  local ours = {}
  for _, target in ipairs(targets) do
    local floor
    for _, name in ipairs { "floor", "ours", "luacurl" } do
      local client = roster[name]
      local ok, value = pcall(slope, client, target, repeats)
      if not ok and name ~= "luacurl" then error(value, 0) end
      if ok then
        floor = floor or value
        print(("  %-5s %-28s %9.0f  %5.2f"):format(target.name, client.name,
          value, value / floor))
      else
        print("  left out: " .. value)
      end
      if name == "ours" then ours[target.name] = value / floor end
    end
  end
  return ours
end

return instructions
