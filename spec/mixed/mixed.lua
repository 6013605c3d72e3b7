-- The random mix: programs that a seed decides (player.lua), two at once in
-- states and threads of their own, against a server that errs in half of all
-- requests. Afterwards each verdict is compared with the server's ledger:
-- nothing is doubled, what is done exists, what was refused or not sent does
-- not. No state leaves a descriptor behind; the sanitizers see the rest.
-- Usage: mixed.lua [--calls N] [--seed S [--program P]]
-- SPDX-License-Identifier: MIT
-- luacheck: globals play

local control = require "sandbox.control"
local dice = require "dice"
local socket = require "socket"
local trunking = require "trunking"

local PLAYER = arg[0]:gsub("[^/]*$", "") .. "player.lua"
local ROUND = 6   -- programs between two looks at the ledger
local CALLS = 25  -- of each player
local SHOWN = 5   -- wrong verdicts
local LAST = 0.3  -- seconds after which nothing happens by itself any more

local usage = "usage: mixed.lua [--calls N] [--seed S [--program P]]"
local asked = {}
do
  local i = 1
  while arg[i] do
    local name, value = arg[i]:match "^%-%-(%a+)$", tonumber(arg[i + 1])
    if not (name == "calls" or name == "seed" or name == "program")
      or not value then error(usage, 0) end
    asked[name], i = value, i + 2
  end
end
local seed = asked.seed or os.time() % 1000000
local total = asked.calls or 600

io.stdout:setvbuf "line" -- a crash must not swallow what came before

-- ---- the server's faults --------------------------------------------------

local writes = {
  { close = true }, { close = true, apply = true },
  { reset = true }, { reset = true, apply = true },
  { close = true, late = 0.05 }, { status = 503, late = 0.1 },
  { status = 500 }, { status = 502, apply = true },
  { status = 408, apply = true }, { body = "{}", apply = true },
  { status = 429, headers = { ["Retry-After"] = "0" } },
  { status = 429 }, { status = 401 },
  { cut = 40, apply = true }, { cut_headers = true, apply = true },
  { body = "<html>Created", apply = true }, { body = "", apply = true },
  { garbage = true }, { garbage = true, apply = true },
  { raw = "HTTP/1.1 20" }, { chunked = true, apply = true },
  { early = true, apply = true }, { delay = 0.05, apply = true },
  { delay = 0.3, apply = true }, { delay = 1.2, apply = true },
}
local reads = {
  { close = true }, { reset = true }, { status = 500 }, { status = 404 },
  { status = 429, headers = { ["Retry-After"] = "0" } },
  { cut = 300, apply = true }, { cut_headers = true, apply = true },
  { body = "<html>", apply = true }, { garbage = true },
  { stale = 0.05 }, { delay = 0.1, apply = true },
  { delay = 0.6, apply = true }, { chunked = true, apply = true },
}
local deletes = {
  { close = true }, { close = true, apply = true }, { reset = true },
  { reset = true, apply = true }, { status = 500, apply = true },
  { status = 503 }, { garbage = true, apply = true },
  { status = 429, headers = { ["Retry-After"] = "0" } },
  { delay = 0.3, apply = true }, { delay = 1.2, apply = true },
}

-- Each gets an equal share of half of all requests of its method. Its name
-- tells the ledger whether it let the request take effect: "close+".
local function share(method, faults, all)
  local left = 1
  for _, fault in ipairs(faults) do
    local own, word = { method = method, times = 1e9,
      chance = 0.5 / #faults / left }, nil
    for name, value in pairs(fault) do
      own[name] = value
      if name ~= "apply" then word = name end
    end
    own.name = word .. ((fault.apply or fault.stale) and "+" or "-")
    left = left - 0.5 / #faults
    all[#all + 1] = own
  end
end

local function arm()
  local all = {}
  share("POST", writes, all)
  share("GET", reads, all)
  share("DELETE", deletes, all)
  control.arm(all)
end

-- ---- the book -----------------------------------------------------------

local function client()
  return assert(trunking.new {
    base_url = os.getenv "TRUNKING_SANDBOX_HTTP", timeout = 30,
    account_sid = os.getenv "TRUNKING_SANDBOX_ACCOUNT_SID",
    auth_token = os.getenv "TRUNKING_SANDBOX_AUTH_TOKEN",
  })
end

-- What the server did: requests by each value of their forms; SIDs made, by
-- the same; the trunks that are there.
local function read_book()
  local before
  repeat -- what was sent by who is gone may still be on its way
    before = control.ledger(0).count
    socket.sleep(LAST)
    control.release()
  until control.ledger(0).count == before
  control.disarm()
  local book = { asked = {}, made = {}, held = {} }
  local own = client()
  for trunk in own.each { page_size = 1000 } do book.held[trunk.sid] = trunk end
  own.close()
  for _, entry in ipairs(control.ledger().requests) do
    for _, value in pairs(entry.form or {}) do
      local asked_for = book.asked[value] or {}
      book.asked[value] = asked_for
      asked_for[#asked_for + 1] = entry
      if entry.sid then
        local made = book.made[value] or {}
        book.made[value] = made
        made[entry.sid] = true
      end
    end
  end
  return book
end

local function count(set)
  local n = 0
  for _ in pairs(set or {}) do n = n + 1 end
  return n
end

-- ---- verdicts -------------------------------------------------------------

local judges = {}

-- A create made one record at most; that which was done is the one.
function judges.create(book, key, outcome, sid, attempts)
  local made, sent = book.made[key] or {}, #(book.asked[key] or {})
  local n = count(made)
  if n > 1 then return n .. " were made"
  elseif outcome == "done" and not made[sid] then
    return "it is not there"
  elseif outcome == "applied" and n == 0 then
    return "it is not there"
  elseif (outcome == "refused" or outcome == "not_sent") and n > 0 then
    return "it was made"
  elseif attempts and sent > attempts then
    return sent .. " requests in " .. attempts .. " attempts"
  end
end

function judges.ensure(book, key, outcome, sid)
  local made = book.made[key] or {}
  if count(made) > 1 then return count(made) .. " were made"
  elseif outcome == "done" and not made[sid] then return "it is not there"
  elseif (outcome == "refused" or outcome == "not_sent") and next(made) then
    return "it was made"
  end
end

-- An update says by its key what it wrote.
function judges.update(book, key, outcome, _, attempts)
  local all, certain, possible = book.asked[key] or {}, false, false
  for _, entry in ipairs(all) do
    local fault = entry.fault
    certain = certain or not fault and entry.status == 200
    possible = possible or not fault or fault:sub(-1) == "+"
  end
  if outcome == "done" and not possible then return "it was not done"
  elseif (outcome == "refused" or outcome == "not_sent") and certain then
    return "it was done"
  elseif attempts and #all > attempts then
    return #all .. " requests in " .. attempts .. " attempts"
  end
end

function judges.delete(book, key, outcome)
  if outcome == "done" and book.held[key] then return "it is there" end
end

-- What reconcile found is what was made.
function judges.reconcile(book, key, outcome, sid)
  if outcome == "done" and not (book.made[key] or {})[sid] then
    return "it is another"
  end
end

local words = {
  { "the request had been applied", "applied" },
  { "the request was not sent", "not_sent" },
  { "the request was refused", "refused" },
  { "may have been applied", "unknown" },
}

-- What may be raised: on purpose, or for a wrong argument, or by this Lua where
-- a program yields in the wrong place. Lua 5.1's require refuses a module that
-- was interrupted before: that is its own.
local function may_raise(kind, text)
  return text:find("MARK", 1, true) or text:find("to yield", 1, true)
    or text:find("loop or previous error loading module", 1, true)
    or kind == "wrong" and (text:find("bad argument", 1, true)
      or text:find("call it", 1, true))
    or kind == "each" and text:find("trunking", 1, true)
end

-- The outcome that a raise tells. Without a word on the request it was not
-- sent; where the call had a job, that may go on.
local function outcome_of(how, text)
  for _, pair in ipairs(words) do
    if text:find(pair[1], 1, true) then return pair[2] end
  end
  return how == "plain" and "not_sent" or "unknown"
end

local sums = { calls = 0, verdicts = 0, wrong = 0, raised = 0, programs = 0 }
local told = {} -- outcome -> how many

-- How to play a program again.
local function title_of(program)
  return ('make mixed MIXED="--seed %d --program %d"'):format(seed, program)
end

local function report(program, line, why)
  sums.wrong = sums.wrong + 1
  if sums.wrong > SHOWN then return end
  print(("  wrong: %s: %s\n    %s"):format(line, why, title_of(program)))
end

local function judge_line(book, program, line)
  local word, kind, key, rest = line:match "^(%S+) (%S+) (%S+) ?(.*)$"
  if word == "begin" then
    sums.calls = sums.calls + 1
  elseif word == "end" or word == "raised" then
    local outcome, sid, attempts
    if word == "end" then
      outcome, sid, attempts = rest:match "^(%S+) (%S+) (%S+)$"
    else
      local how, text = rest:match "^(%S+) (.*)$"
      sums.raised = sums.raised + 1
      if not may_raise(kind, text) then report(program, line, "it raised") end
      if how == "vague" and kind == "ensure" then outcome = "unknown"
      else outcome = outcome_of(how, text) end
    end
    sums.verdicts = sums.verdicts + 1
    told[outcome] = (told[outcome] or 0) + 1
    local why = judges[kind]
      and judges[kind](book, key, outcome, sid, tonumber(attempts))
    if why then report(program, line, why) end
  else
    report(program, line, "a program says so")
  end
end

-- ---- programs -------------------------------------------------------------

local function play_one(program)
  local random = dice(seed * 1000003 + program)
  local players = random.upto(3) == 1 and 2 or 1
  return play(PLAYER, random.upto(1000000), players, CALLS, title_of(program))
end

local function round(first, last)
  control.reset { seed = seed + first, keep = 1000000, remember = 1000000 }
  arm()
  local all = {}
  for program = first, last do all[program] = play_one(program) end
  local book = read_book()
  for program, players in pairs(all) do
    sums.programs = sums.programs + 1
    if players.descriptors > 0 then
      report(program, "-", players.descriptors .. " descriptors are left")
    end
    for _, player in ipairs(players) do
      if player.raised then report(program, player.raised, "it raised") end
      for line in player.notes:gmatch "[^\n]+" do
        judge_line(book, program, line)
      end
    end
  end
end

print("seed " .. seed)
local began = socket.gettime()
if asked.program then
  round(asked.program, asked.program)
else
  local program = 0
  while sums.calls < total and sums.wrong == 0 do
    round(program + 1, program + ROUND)
    program = program + ROUND
    if program % (20 * ROUND) == 0 then print(sums.calls .. " calls") end
  end
end
local list = {}
for outcome, n in pairs(told) do list[#list + 1] = outcome .. " " .. n end
table.sort(list)
print(("%s: %d calls of %d programs in %.0f s: %s; %d of them raised"):format(
  jit and jit.version or _VERSION, sums.calls, sums.programs,
  socket.gettime() - began, table.concat(list, ", "), sums.raised))
local good = sums.wrong == 0 and sums.verdicts > 0
print((good and "ok" or "FAILED") .. ": " .. sums.verdicts .. " verdicts, "
  .. sums.wrong .. " wrong")
print(good and "1 passed, 0 failed" or "0 passed, 1 failed")
return good
