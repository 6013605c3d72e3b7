-- Drives the torture program: every script, every source of memory, every
-- point; then compares what each script was told with the sandbox's book.
-- Promises: a point is wrong unless all of law L6 holds at it: no crash, no
-- block or descriptor left, in time, and a verdict that the book confirms.
-- May not know: how a fault is made. That is torture.c.
-- SPDX-License-Identifier: MIT
-- luacheck: globals point

local control = require "sandbox.control"
local cjson = require("cjson").new()

local BATCH = 2000       -- points between two looks at the book
local MOST = 200000      -- points of a sweep: more is a script without end
local TIMEOUT = 5        -- of a client under torture
local WRONG_SHOWN = 5    -- per sweep

io.stdout:setvbuf "line" -- a crash must not swallow what came before

local passed, failed = 0, 0

local function env(name)
  return assert(os.getenv("TRUNKING_SANDBOX" .. name), "no sandbox")
end

local options = {
  http = { base_url = env "_HTTP" },
  tls = { base_url = env "", ca_file = env "_CA" },
}

for _, o in pairs(options) do
  o.account_sid, o.auth_token = env "_ACCOUNT_SID", env "_AUTH_TOKEN"
  o.timeout = TIMEOUT
end

-- ---- what a point said ---------------------------------------------

local reads = { new = true, fetch = true, list = true, each = true,
  decode = true, start = true }

local words = {
  { "the request had been applied", "applied" },
  { "the request was not sent", "not_sent" },
  { "the request was refused", "refused" },
  { "may have been applied", "unknown" },
}

-- The outcome of one thing told. A raise without the words of an outcome says
-- that nothing was sent; one of a job's wait, that it told nothing.
local function outcome_of(told)
  if told.outcome ~= "raised" then return told.outcome end
  for _, pair in ipairs(words) do
    if told.message:find(pair[1], 1, true) then return pair[2] end
  end
  return told.operation == "wait" and "unknown" or "not_sent"
end

-- How often the book may have what the script was told: effects between least
-- and most, and no more requests than calls that may have sent one.
local function expected(result)
  local least, most, sent = 0, 0, 0
  local sids, flying = {}, 0 -- jobs that were started, and not waited for
  for _, told in ipairs(result) do
    local outcome = outcome_of(told)
    if told.operation == "start" and outcome == "done" then
      flying = flying + 1
    elseif told.operation == "wait" then
      flying = flying - 1
    end
    if not reads[told.operation] then
      local certain = outcome == "done" or outcome == "applied"
      least = least + (certain and 1 or 0)
      most = most + ((certain or outcome == "unknown") and 1 or 0)
      sent = sent + (outcome ~= "not_sent" and 1 or 0)
      if told.sid ~= "" then sids[#sids + 1] = told.sid end
    end
  end
  return { least = least, most = most + flying, sent = sent + flying,
    sids = sids, result = result }
end

local outcomes = { done = true, applied = true, refused = true,
  unknown = true, not_sent = true }

local function wrong_by_itself(result)
  for _, told in ipairs(result) do
    if told.malformed or not outcomes[outcome_of(told)] then
      return ("a malformed error from %s (%s)"):format(told.operation,
        told.message)
    end
  end
  for _, what in ipairs { "lua", "own", "curl", "fds" } do
    if result[what] ~= 0 then
      return ("%d left of %s"):format(result[what], what)
    end
  end
  if result.seconds > TIMEOUT + 1 then
    return ("took %.1f s"):format(result.seconds)
  end
end

-- ---- the book ------------------------------------------------------

local function took_effect(entry)
  return entry.sid ~= nil or
    entry.status and entry.status >= 200 and entry.status < 300
end

-- The book does not say what a DELETE did that a fault spoilt.
local function may_have(entry)
  return entry.method == "DELETE" and entry.fault ~= nil
end

-- Requests that write, by the tag in their User-Agent.
local function read_book()
  local book = {}
  for _, entry in ipairs(control.ledger().requests) do
    local tag = entry.user_agent and entry.user_agent:match "^(torture%-%d+)"
    if tag and entry.method ~= "GET" then
      local page = book[tag] or { requests = 0, effects = 0, maybe = 0,
        sids = {} }
      book[tag] = page
      page.requests = page.requests + 1
      page.effects = page.effects + (took_effect(entry) and 1 or 0)
      page.maybe = page.maybe + (may_have(entry) and 1 or 0)
      if entry.sid then page.sids[entry.sid] = true end
    end
  end
  return book
end

local nothing = { requests = 0, effects = 0, maybe = 0, sids = {} }

local function wrong_by_the_book(told, page, attempts)
  if page.effects + page.maybe < told.least or page.effects > told.most then
    return ("told %d to %d, in the book %d"):format(told.least, told.most,
      page.effects)
  elseif page.requests > told.sent * attempts then
    return ("%d calls, %d requests"):format(told.sent, page.requests)
  end
  for _, sid in ipairs(told.sids) do
    if not page.sids[sid] then return sid .. " is not in the book" end
  end
end

-- ---- a sweep -------------------------------------------------------

local function show_wrong(sweep, n, why, result)
  sweep.wrong = sweep.wrong + 1
  if sweep.wrong > WRONG_SHOWN then return end
  print(("WRONG: %s, request %d: %s"):format(sweep.title, n, why))
  for _, told in ipairs(result) do
    print(("  %s: %s %s"):format(told.operation, told.outcome, told.message))
  end
  if result.raised then print("  raised: " .. result.raised) end
end

-- A request on its way when its client gave up is in the book a moment later.
local function settle(sweep)
  local book = read_book()
  for n, told in pairs(sweep.open) do
    local why = wrong_by_the_book(told, book["torture-" .. n] or nothing,
      sweep.attempts)
    if why then show_wrong(sweep, n, why, told.result) end
  end
  sweep.open, sweep.unsettled = {}, 0
  control.reset { keep = 1000000, remember = 20000 }
  if sweep.faults then control.arm(sweep.faults) end
end

local function one_point(sweep, n)
  local o = options[sweep.transport]
  local tag = "torture-" .. n
  o.user_agent = tag
  local result = point(sweep.script, sweep.source, n, sweep.way, o, tag)
  local why = wrong_by_itself(result)
  if why then show_wrong(sweep, n, why, result) end
  sweep.points, sweep.unsettled = sweep.points + 1, sweep.unsettled + 1
  sweep.open[n] = expected(result)
  sweep.seconds = sweep.seconds + result.seconds
  for _, told in ipairs(result) do
    if not reads[told.operation] then
      local outcome = told.outcome
      sweep.counts[outcome] = (sweep.counts[outcome] or 0) + 1
    end
  end
  if sweep.unsettled == BATCH then settle(sweep) end
  return result
end

-- The script's own line "-- <what>: ...", or nil.
local function header(path, what)
  local file = assert(io.open(path))
  local line = file:read("*a"):match("\n%-%- " .. what .. ": ([^\n]*)")
  file:close()
  return line
end

-- Sweeps that one line of the report sums up.
local function new_group(script, what)
  local faults = header(script, "faults")
  return {
    script = script, what = what, counts = {}, points = 0, wrong = 0,
    seconds = 0, open = {}, faults = faults and cjson.decode(faults),
    told = assert(header(script, "told"), script .. ": no line of told"),
    attempts = tonumber(header(script, "attempts") or 1),
    every = tonumber(header(script, "every") or 1),
  }
end

local function begin(sweep, transport, source, way)
  settle(sweep)
  sweep.transport, sweep.source, sweep.way = transport, source, way
  sweep.title = ("%s over %s, %s %s"):format(sweep.script, transport, source,
    way)
end

local function finish(sweep)
  settle(sweep)
  passed = passed + sweep.points - math.min(sweep.wrong, sweep.points)
  failed = failed + sweep.wrong
  local list = {}
  for outcome, count in pairs(sweep.counts) do
    list[#list + 1] = ("%s %d"):format(outcome:gsub("_", " "), count)
  end
  table.sort(list)
  print(("%-8s %-7s %5d points, %d wrong, %4.1f s: %s"):format(
    sweep.script:match "([^/]*)%.lua$", sweep.what, sweep.points, sweep.wrong,
    sweep.seconds, table.concat(list, ", ")))
end

-- What the script must be told when nothing failed: "new done, create done".
local function check_told(sweep, n, result)
  local list = {}
  for i, told in ipairs(result) do
    list[i] = told.operation .. " " .. told.outcome
  end
  local line = table.concat(list, ", ")
  if line ~= sweep.told then
    show_wrong(sweep, n, "without a failure it was told " .. line, result)
  end
end

-- Fails each step-th request until the script gets through without a failure.
local function sweep_requests(sweep, step)
  local n = 1 - step
  local result
  repeat
    n = n + step
    result = one_point(sweep, n)
  until result.requests < n or n > MOST
  check_told(sweep, n, result)
end

local function sweep_source(script, source, steps)
  local sweep = new_group(script, source)
  for _, transport in ipairs { "http", "tls" } do
    for _, way in ipairs { "once", "on" } do
      begin(sweep, transport, source, way)
      local every = source == "own" and 1 or sweep.every -- those are few
      sweep_requests(sweep, steps[transport] * every)
    end
  end
  finish(sweep)
end

-- A full collection at every chance must change nothing.
local function sweep_collections(script)
  local sweep, collections = new_group(script, "collect"), 0
  for _, way in ipairs { "hook", "request" } do
    for n, transport in ipairs { "http", "tls" } do
      if way == "hook" or _VERSION ~= "Lua 5.1" then
        begin(sweep, transport, "lua", way)
        local result = one_point(sweep, n)
        check_told(sweep, n, result)
        collections = collections + result.collections
      end
    end
  end
  sweep.counts.collections = collections
  finish(sweep)
end

-- ---- what to sweep -------------------------------------------------

-- Every how-manyth request of a source fails, by transport.
local all = { http = 1, tls = 1 }
local forms = {
  ["--short"] = { lua = { http = 1, tls = 7 }, curl = all, own = all },
  ["--sparse"] = { lua = { http = 5, tls = 31 }, curl = all, own = all },
  ["--long"] = { lua = all, curl = all, own = all },
}

local form = assert(forms[arg[1]], "--short, --sparse or --long")
for i = 2, #arg do
  for _, source in ipairs { "lua", "curl", "own" } do
    sweep_source(arg[i], source, form[source])
  end
  sweep_collections(arg[i])
end
print(("%d passed, %d failed"):format(passed, failed))
return failed == 0
