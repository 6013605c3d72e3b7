-- What of src/ was reached: gcov's counts per file, lines and branches; then
-- each line that never ran, and each branch that was never taken.
-- Promises: leaves nothing out of the count; a branch that two objects of one
-- source hold was taken when it was in either. A line that builds for two Luas
-- made two things of (another number of branches) counts as both.
-- May not know: how the counts came about.
-- SPDX-License-Identifier: MIT

local cjson = require("cjson").new()
local unreached = dofile((arg[0]:gsub("report%.lua$", "unreached.lua")))

local LEAST = 95                             -- % of all branches
local WHOLE = { ["src/verdict.c"] = true }   -- 100 % of these

local function lines_of(command)
  local pipe = assert(io.popen(command))
  local list = {}
  for line in pipe:lines() do list[#list + 1] = line end
  pipe:close()
  return list
end

-- How often each branch of a line was taken, for as many as an object made of
-- it. They come in one order whenever they are as many.
local function add_branches(kinds, branches)
  local sums = kinds[#branches] or {}
  kinds[#branches] = sums
  for i, branch in ipairs(branches) do
    sums[i] = (sums[i] or 0) + branch.count
  end
end

-- file -> line number -> { count, kinds = { [how many] = { count, ... } } }
local function merge(files, object)
  for _, file in ipairs(object.files) do
    local name = file.file:match "src/[%w_]+%.c$"
    local seen = name and (files[name] or {})
    if name then files[name] = seen end
    for _, line in ipairs(name and file.lines or {}) do
      local at = seen[line.line_number] or { count = 0, kinds = {} }
      seen[line.line_number] = at
      at.count = at.count + line.count
      add_branches(at.kinds, line.branches)
    end
  end
end

-- Gives each line its branches, of all kinds.
local function lay_out(files)
  for _, lines in pairs(files) do
    for _, at in pairs(lines) do
      at.branches = {}
      for _, sums in pairs(at.kinds) do
        for _, taken in ipairs(sums) do
          at.branches[#at.branches + 1] = taken
        end
      end
    end
  end
  return files
end

local function read_counts(build)
  local files = {}
  local notes = lines_of(("find '%s' -name '*.gcno'"):format(build))
  for _, note in ipairs(notes) do
    local said = lines_of(("gcov --json-format --stdout --branch-counts "
      .. "--branch-probabilities '%s' 2>/dev/null"):format(note))
    for _, json in ipairs(said) do
      if json:find "^{" then merge(files, cjson.decode(json)) end
    end
  end
  return lay_out(files)
end

local function count(lines, sums)
  for _, at in pairs(lines) do
    sums.lines, sums.ran = sums.lines + 1, sums.ran + (at.count > 0 and 1 or 0)
    for _, taken in ipairs(at.branches) do
      sums.branches = sums.branches + 1
      sums.taken = sums.taken + (taken > 0 and 1 or 0)
    end
  end
  return sums
end

local function zero()
  return { lines = 0, ran = 0, branches = 0, taken = 0 }
end

local function percent(part, whole)
  return whole == 0 and 100 or 100 * part / whole
end

local function row(name, s)
  print(("%-14s %6.1f %% of %4d lines  %6.1f %% of %4d branches"):format(name,
    percent(s.ran, s.lines), s.lines, percent(s.taken, s.branches),
    s.branches))
end

local function sorted(map)
  local keys = {}
  for key in pairs(map) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

local function never(taken)
  local n = 0
  for _, times in ipairs(taken) do n = n + (times == 0 and 1 or 0) end
  return n
end

-- Why a line can't be reached here, if that is known.
local unnamed = 0
local function reason(name, text)
  for part, why in pairs(unreached[name] or {}) do
    if text:find(part, 1, true) then return "  -- " .. why end
  end
  unnamed = unnamed + 1
  return "  -- no reason known"
end

-- Lines that never ran, in ranges, and branches never taken, with the source.
local function name_gaps(name, lines)
  local source = {}
  for line in io.lines(name) do source[#source + 1] = line:match "^%s*(.*)" end
  local numbers, last = sorted(lines), nil
  for i, n in ipairs(numbers) do
    local at = lines[n]
    if at.count == 0 then
      last = last or n
      local following = numbers[i + 1]
      if not following or lines[following].count > 0 then
        print(("%s:%d%s: never ran: %s"):format(name, last,
          last < n and "-" .. n or "", source[last])
          .. reason(name, source[last]))
        last = nil
      end
    elseif never(at.branches) > 0 then
      print(("%s:%d: %d of %d branches never taken: %s"):format(name, n,
        never(at.branches), #at.branches, source[n])
        .. reason(name, source[n]))
    end
  end
end

local files = read_counts(arg[1])
local all, missed = zero(), {}
for _, name in ipairs(sorted(files)) do name_gaps(name, files[name]) end
for _, name in ipairs(sorted(files)) do
  local sums = count(files[name], zero())
  count(files[name], all)
  row(name, sums)
  if WHOLE[name] and sums.taken < sums.branches then
    missed[#missed + 1] = name .. " is to be whole"
  end
end
row("all", all)
print(("gaps without a reason in unreached.lua: %d"):format(unnamed))
if all.branches == 0 then missed[#missed + 1] = "nothing was measured" end
if percent(all.taken, all.branches) < LEAST then
  missed[#missed + 1] = ("%d %% of all branches are to be taken"):format(LEAST)
end
print(#missed == 0 and "coverage: as promised"
  or "coverage: short of the promise: " .. table.concat(missed, "; "))
os.exit(#missed == 0)
