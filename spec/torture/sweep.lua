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
local TIMEOUT = 20       -- of a client under torture: a machine may stall
local WRONG_SHOWN = 5    -- per sweep

-- Every how-manyth request of a source fails, by transport; whole: whatever
-- the script says of that. A room is one for malloc, lua-cjson's calls of it
-- among them: it has so many bytes, and what does not fit is refused.
local each = { http = 1, tls = 1 }
local forms = {
  ["--short"] = { lua = { http = 1, tls = 7 }, curl = each, own = each,
    room = { http = 5, tls = 31 } },
  ["--sparse"] = { lua = { http = 5, tls = 31 }, curl = each, own = each,
    room = { http = 11, tls = 67 } },
  ["--long"] = { lua = each, curl = each, own = each, room = each,
    whole = true },
}

local form = assert(forms[arg[1]], "--short, --sparse or --long")

io.stdout:setvbuf "line" -- a crash must not swallow what came before

local passed, failed = 0, 0
local shown = {} -- said again at the end, where a log's readers look

local function env(name)
  return assert(os.getenv("TRUNKING_SANDBOX" .. name), "no sandbox")
end

local options = {
  http = { base_url = env "_HTTP" },
  tls = { base_url = env "", ca_file = env "_CA" },
}

for _, o in pairs(options) do
  o.account_sid, o.auth_token = env "_ACCOUNT_SID", env "_AUTH_TOKEN"
  o.timeout, o.connect_timeout = TIMEOUT, TIMEOUT
end

-- ---- what a point said ---------------------------------------------

local reads = { new = true, fetch = true, list = true, each = true,
  decode = true, start = true, intent = true, poll = true }

local words = {
  { "the request had been applied", "applied" },
  { "the request was not sent", "not_sent" },
  { "the request was refused", "refused" },
  { "may have been applied", "unknown" },
}

-- The outcome of one thing told. A raise without the words of an outcome says
-- that nothing was sent; one of a job's wait, that it told nothing; and so one
-- of an ensure (whose words are of one call of its own), when more failed than
-- one request for memory: then a create may have been lost before it.
local function outcome_of(told, is_vague)
  if told.outcome ~= "raised" then return told.outcome end
  if told.operation == "ensure" and is_vague then return "unknown" end
  for _, pair in ipairs(words) do
    if told.message:find(pair[1], 1, true) then return pair[2] end
  end
  return told.operation == "wait" and "unknown" or "not_sent"
end

-- What one thing told says of the book: effects between least and most, and
-- whether it may have sent a request.
local function effects_of(told, outcome)
  if reads[told.operation] or told.what == "unchanged" then
    return 0, 0, false
  elseif told.operation == "reconcile" then -- settles a create before it
    local found, absent = told.sid ~= "", told.what == "absent"
    return found and 1 or 0, absent and -1 or 0, false
  end
  local certain = outcome == "done" or outcome == "applied"
  return certain and 1 or 0, (certain or outcome == "unknown") and 1 or 0,
    outcome ~= "not_sent"
end

-- How often the book may have what the script was told: effects between least
-- and most, and no more requests than calls that may have sent one.
local function expected(result, is_vague)
  local all = { least = 0, most = 0, sent = 0, sids = {}, result = result }
  local flying = 0 -- jobs that were started, and not waited for
  for _, told in ipairs(result) do
    local outcome = outcome_of(told, is_vague)
    if told.operation == "start" and outcome == "done" then
      flying = flying + 1
    elseif told.operation == "wait" then
      flying = flying - 1
    end
    local least, most, sent = effects_of(told, outcome)
    all.least, all.most = all.least + least, all.most + most
    all.sent = all.sent + (sent and 1 or 0)
    if told.sid ~= "" then all.sids[#all.sids + 1] = told.sid end
  end
  all.most, all.sent = all.most + flying, all.sent + flying
  return all
end

local outcomes = { done = true, applied = true, refused = true,
  unknown = true, not_sent = true }

-- Lua 5.1's require refuses a module that failed before: that is its own. What
-- a script raises on purpose is said in its line of raises.
local function may_raise(message, raises)
  return message:find("not enough memory", 1, true)
    or message:find("loop or previous error loading module", 1, true)
    or raises and message:find(raises, 1, true)
end

local function wrong_by_itself(result, raises)
  for _, told in ipairs(result) do
    if told.outcome == "raised" and not may_raise(told.message, raises) then
      return ("%s raised '%s'"):format(told.operation, told.message)
    end
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
  local lines = { ("WRONG: %s, request %d of %d, %.1f s: %s"):format(
    sweep.title, n, result.requests, result.seconds, why) }
  for _, told in ipairs(result) do
    lines[#lines + 1] = ("  %s: %s %s %s"):format(told.operation, told.outcome,
      told.what, told.message)
  end
  if result.raised then lines[#lines + 1] = "  raised: " .. result.raised end
  shown[#shown + 1] = table.concat(lines, "\n")
  print(shown[#shown])
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
  local why = wrong_by_itself(result, sweep.raises)
  if why then show_wrong(sweep, n, why, result) end
  sweep.points, sweep.unsettled = sweep.points + 1, sweep.unsettled + 1
  sweep.open[n] = expected(result, sweep.faults or sweep.way == "on")
  sweep.seconds = sweep.seconds + result.seconds
  for _, told in ipairs(result) do
    if not reads[told.operation] then
      local outcome = told.what ~= "" and told.what or told.outcome
      sweep.counts[outcome] = (sweep.counts[outcome] or 0) + 1
    end
  end
  if sweep.unsettled == sweep.batch then settle(sweep) end
  return result
end

-- The script's own line "-- <what>: ...", with those below it that are
-- indented; or nil.
local function header(path, what)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  local line, at = text:match("\n%-%- " .. what .. ": ([^\n]*)()")
  while line do
    local more, past = text:match("^\n%-%-  +([^\n]*)()", at)
    if not more then break end
    line, at = line .. " " .. more, past
  end
  return line
end

-- How many requests of a source there are to each that fails: what makes a
-- script's sweep take seconds rather than minutes. Ours are few.
local function every_of(script)
  local every = form.whole and 1 or tonumber(header(script, "every") or 1)
  local curl = not form.whole and tonumber(header(script, "every of curl"))
  return { lua = every, curl = curl or every, own = 1, room = 1 }
end

-- Sweeps that one line of the report sums up.
local function new_group(script, what)
  local faults = header(script, "faults")
  return {
    script = script, what = what, counts = {}, points = 0, wrong = 0,
    seconds = 0, open = {}, faults = faults and cjson.decode(faults),
    told = assert(header(script, "told"), script .. ": no line of told"),
    raises = header(script, "raises"),
    attempts = tonumber(header(script, "attempts") or 1),
    every = every_of(script),
    batch = tonumber(header(script, "batch") or BATCH),
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
    list[i] = told.operation .. " "
      .. (told.what ~= "" and told.what or told.outcome)
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
    for _, way in ipairs(source == "room" and { "on" } or { "once", "on" }) do
      begin(sweep, transport, source, way)
      sweep_requests(sweep, steps[transport] * sweep.every[source])
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

for i = 2, #arg do
  for _, source in ipairs { "lua", "curl", "own", "room" } do
    sweep_source(arg[i], source, form[source])
  end
  sweep_collections(arg[i])
end
for _, text in ipairs(shown) do print(text) end
print(("%d passed, %d failed"):format(passed, failed))
return failed == 0
