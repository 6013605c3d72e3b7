-- What spec/bench/run runs beside a running sandbox: the sections one after
-- another, then each goal with the figure seen.
-- With --gate the instructions alone.
-- Promises: leaves no process behind; exit status 0 whatever the figures, but
-- for a void run (2) and for --gate (1 when its goal is missed).
-- SPDX-License-Identifier: MIT

local here = os.getenv "BENCH_HERE"
package.path = here .. "/?.lua;" .. here .. "/../support/?.lua;" .. package.path

local control = require "sandbox.control"
local pool = require "pool"
local cold = require "sections.cold"
local concurrent = require "sections.concurrent"
local frames = require "sections.frames"
local instructions = require "sections.instructions"
local memory = require "sections.memory"
local openresty = require "sections.openresty"
local page = require "sections.page"
local sequential = require "sections.sequential"
local startup = require "sections.startup"
local walk = require "sections.walk"

local short, gate = false, false
for _, option in ipairs(arg) do
  short, gate = short or option == "--short", gate or option == "--gate"
end

local targets = {
  { name = "HTTP", url = os.getenv "TRUNKING_SANDBOX_HTTP" },
  { name = "TLS", url = os.getenv "TRUNKING_SANDBOX",
    ca = os.getenv "TRUNKING_SANDBOX_CA" },
}

-- The same, of a server that has no account to keep.
local brief = {
  { name = "HTTP", url = os.getenv "TRUNKING_SANDBOX_BRIEF_HTTP" },
  { name = "TLS", url = os.getenv "TRUNKING_SANDBOX_BRIEF",
    ca = os.getenv "TRUNKING_SANDBOX_CA" },
}

local function fresh(keep)
  control.reset { keep = keep or 1000, remember = 100 }
end

-- A void run is tried once more. Returns ours' ratios and whether they count.
local function measure_sequential(rounds)
  local ratios, steady
  for attempt = 1, 2 do
    fresh()
    print(("Creates on a kept connection, medians of %d rounds [quartiles]")
      :format(rounds))
    ratios, steady = sequential.run(targets, rounds)
    if steady then return ratios, true end
    print(attempt == 1 and "\nvoid: FLOOR differs from itself; once more"
      or "\nVOID: FLOOR differs from itself by more than 5%")
  end
  return ratios, false
end

local goals = {}

-- Notes a goal and the figures seen for it (none: it was not measured).
-- least: the figures must not be below the limit, instead of above.
local function note(least, text, limit, format, ...)
  local figures, bad = {}, 0
  for i = 1, select("#", ...) do
    local value = select(i, ...)
    if value then
      figures[#figures + 1] = format:format(value)
      local fine = value <= limit
      if least then fine = value >= limit end
      if not fine then bad = bad + 1 end
    end
  end
  local met = #figures > 0 and bad == 0
  goals[#goals + 1] = ("  %-48s %-12s %s"):format(text,
    #figures > 0 and table.concat(figures, ", ") or "-",
    met and "met" or #figures > 0 and "NOT MET" or "not measured")
  return met
end

local function goal(...) return note(false, ...) end
local function at_least(...) return note(true, ...) end

-- Counts are the same in every run, so that this one can be a check.
local function measure_instructions(runs)
  fresh()
  local ratio = instructions.run(targets, runs) or {}
  -- 0.1 of it is what doc/performance.md lists: the price of promises.
  return goal("instructions / FLOOR <= 1.40 (HTTP, TLS)", 1.40, "%.2f",
    ratio.HTTP, ratio.TLS)
end

local function measure()
  local cpu, counts = measure_sequential(short and 12 or 80)
  if not (counts or short) then return 2 end
  measure_instructions(short and 1 or 3)
  local cold_cpu, cold_wall = cold.run(short and 5 or 11)
  local frame_p99, frame_most = frames.run(short and 240 or 1200)
  fresh()
  local shares, apart, cold_many = concurrent.run(targets, brief,
    short and 5 or 21)
  fresh()
  local growth = memory.run(targets[2], short and 5000 or 100000)
  local pages = page.run(targets, short and 11 or 41, fresh)
  local trunks = short and 10000 or 100000
  fresh(trunks)
  local walked = walk.run(targets[2], trunks)
  local start = startup.run(25)
  print "\nOther requests of an nginx worker whose requests call the API"
  local ping, last, added, share = openresty.run(short and 1 or 5, fresh)
  goal("CPU / FLOOR <= 1.3 (HTTP, TLS)" .. (counts and "" or ", void"), 1.3,
    "%.2f", cpu.HTTP, cpu.TLS)
  goal("cold TLS / cached C <= 1.2 (CPU, wall)", 1.2, "%.2f", cold_cpu,
    cold_wall)
  goal("a frame's 99th percentile, CPU <= 0.1 ms", 0.1, "%.3f ms", frame_p99)
  goal("a frame's most, CPU <= 1 ms", 1, "%.3f ms", frame_most)
  at_least("64 at once, 50 ms: share >= 0.95 (HTTP, TLS)", 0.95, "%.3f",
    shares.HTTP, shares.TLS)
  at_least("64 at once on one core, TLS: rate / C >= 0.8", 0.8, "%.2f",
    apart.c.TLS)
  at_least("the same / twilio-node >= 8", 8, "%.1f", apart.node.TLS)
  goal("64 cold TLS at once / cached C <= 1.2 (wall)", 1.2, "%.2f", cold_many)
  goal("growth of the resident set <= 256 KiB", 256, "%d KiB", growth)
  goal("page of 1,000 / cjson.decode <= 1.15 (HTTP, TLS)", 1.15, "%.2f",
    pages.HTTP, pages.TLS)
  goal("growth of a walk after its third page <= 2 MiB", 2048, "%d KiB",
    walked)
  goal('require "trunking" / curl_global_init <= 1.3', 1.3, "%.2f", start)
  goal("nginx: a ping's median <= 1 ms", 1, "%.2f ms", ping)
  goal("nginx: a ping's 99th percentile <= 10 ms", 10, "%.2f ms", last)
  goal("nginx: a call's added latency <= 0.3 ms", 0.3, "%.2f ms", added)
  goal("nginx: CPU of an idle worker <= 1 %", 1, "%.2f %%", share)
  return 0
end

local function run()
  local status
  if gate then
    status = measure_instructions(short and 1 or 3) and 0 or 1
  else
    status = measure()
  end
  if #goals > 0 then print("\nGoals\n" .. table.concat(goals, "\n")) end
  return status
end

io.stdout:setvbuf "line"
math.randomseed(os.time())
local ok, status = xpcall(run, function(why)
  return type(why) == "string" and not why:find "^%S+%.lua:" and why
    or debug.traceback(why)
end)
pool.stop_all()
if not ok then
  io.stderr:write("bench: ", tostring(status), "\n")
  status = 1
end
os.exit(status, true)
