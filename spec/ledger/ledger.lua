-- The ledger test: a server that errs in half of all requests, in every way
-- that the sandbox has, applies late and lists stale. What
-- each call said is compared with the server's book afterwards: nothing
-- doubled, no verdict wrong, and with a domain name none left open. Children
-- are killed at random moments, and their intents reconciled. A careless
-- policy must double, or the server has lost its teeth.
-- Usage: ledger.lua [--long] [--seed N]
-- SPDX-License-Identifier: MIT

local cjson = require("cjson").new()
local control = require "sandbox.control"
local core = require "trunking.core"
local socket = require "socket"
local world = require "world"

local here = arg[0]:match "^(.*)/[^/]*$" or "."
local long, seed = false, nil
do
  local i = 1
  while arg[i] do
    if arg[i] == "--long" then long = true
    elseif arg[i] == "--seed" then i, seed = i + 1, tonumber(arg[i + 1])
    else error("usage: ledger.lua [--long] [--seed N]", 0) end
    i = i + 1
  end
end
seed = seed or os.time() % 1000000

local sizes = long
  and { domain = 40000, name = 5000, create = 5000, jobs = 5000, careless = 500,
    kills = 1000 }
  or { domain = 2000, name = 250, create = 250, jobs = 250, careless = 100,
    kills = 200 }
local ROUND, WORKERS, VICTIMS = 250, 16, 20
local AT_ONCE = 64 -- jobs of one client
local LONGEST = 0.3 -- seconds that a child has left; most have far less

local passed, failed = 0, 0
local function check(ok, ...)
  local words = string.format(...)
  if ok then passed = passed + 1 else failed = failed + 1 end
  print((ok and "ok: " or "FAILED: ") .. words)
  io.stdout:flush()
end

local function interpreter()
  local i = 0
  while arg[i - 1] do i = i - 1 end
  return arg[i]
end

local function quoted(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

-- ---- the book -----------------------------------------------------------

-- What the server holds: name -> array of SIDs. The count of creations that
-- took effect must say the same, so that none can hide.
local function read_book()
  local before
  repeat -- what was sent by who is gone may still be on its way
    before = control.ledger(0).count
    socket.sleep(world.LAST)
    control.release()
  until control.ledger(0).count == before
  control.disarm()
  local client = world.client { timeout = 30 }
  local book, count = {}, 0
  for trunk in client.each { page_size = 1000 } do
    local name = trunk.friendly_name
    book[name] = book[name] or {}
    table.insert(book[name], trunk.sid)
    count = count + 1
  end
  client.close()
  local ledger = control.ledger(0)
  assert(ledger.created == count and ledger.trunks == count,
    "the book and the ledger differ")
  return book, ledger.count
end

-- ---- creates ------------------------------------------------------------

local sums -- of one policy

-- One verdict against the book. What is wrong with it, or nil.
local function judge(name, said, sid, book)
  local held = book[name] or {}
  if #held > 1 then
    sums.doubled = sums.doubled + 1
    return #held .. " trunks"
  end
  sums[said] = sums[said] + 1
  if said == "yes" and held[1] ~= sid then return "the book says otherwise"
  elseif said == "no" and held[1] then return "it exists"
  end
end

local function wrong(policy, line, why)
  sums.wrong = sums.wrong + 1
  if policy ~= "careless" and sums.wrong <= 5 then
    print(("  wrong: %s: %s: %s"):format(policy, line, why))
  end
end

-- With a domain name nothing is to stay open.
local function left_open(policy, said, line)
  if policy == "domain" and said == "maybe" then
    print("  unknown: " .. line)
  end
end

local function round(policy, first, last, n)
  control.reset { seed = seed + n, keep = 1000000 }
  control.arm(world.faults())
  local each, pipes = math.ceil((last - first + 1) / WORKERS), {}
  if world.jobs[policy] then each = AT_ONCE end
  for i = 1, WORKERS do
    local from = first + (i - 1) * each
    local to = math.min(last, from + each - 1)
    if from <= to then
      pipes[#pipes + 1] = assert(io.popen(("%s %s %s %d %d 2>&1"):format(
        interpreter(), quoted(here .. "/worker.lua"), policy, from, to)))
    end
  end
  local lines = {}
  for _, pipe in ipairs(pipes) do
    for line in pipe:lines() do lines[#lines + 1] = line end
    pipe:close()
  end
  local book, requests = read_book()
  sums.requests = sums.requests + requests
  for _, line in ipairs(lines) do
    local name, said, sid, what = line:match "^(t%d+) (%a+) (%S+) (.*)$"
    if not name then wrong(policy, line, "no verdict")
    else
      sums.verdicts = sums.verdicts + 1
      sums.adopted = sums.adopted + (what == "adopted" and 1 or 0)
      left_open(policy, said, line)
      local why = judge(name, said, sid, book)
      if why then wrong(policy, line, why) end
    end
  end
end

local function creates(policy, title, total)
  sums = { yes = 0, no = 0, maybe = 0, doubled = 0, wrong = 0, verdicts = 0,
    requests = 0, adopted = 0 }
  local start, n = core.clock(), 0
  for first = 1, total, ROUND do
    n = n + 1
    round(policy, first, math.min(total, first + ROUND - 1), n)
  end
  print(("%s: %d creates in %d requests and %.0f s: %d exist (%d adopted), "
    .. "%d do not, %d unknown"):format(title, total, sums.requests,
    core.clock() - start, sums.yes, sums.adopted, sums.no, sums.maybe))
  check(sums.verdicts == total, "%s: %d verdicts", title, sums.verdicts)
  return sums
end

local function careful(policy, title, total)
  local s = creates(policy, title, total)
  check(s.doubled == 0, "%s: %d doubled", title, s.doubled)
  check(s.wrong == 0, "%s: %d wrong verdicts", title, s.wrong)
  check(s.yes > total / 2, "%s: most exist", title)
  return s
end

-- ---- kills --------------------------------------------------------------

local function read_file(path)
  local file = io.open(path, "r")
  if not file then return nil end
  local text = file:read "*a"
  file:close()
  return text
end

-- Starts children, kills each in its time, and waits for all. Most are left
-- to save their intent first: before that, there is little to get wrong.
local function kill_some(dir, first, last)
  local script = {}
  for n = first, last do
    local path = dir .. "/v" .. n
    local domain = n % 2 == 0 and ("v%d.pstn.twilio.com"):format(n) or ""
    assert(io.open(path .. ".alive", "w")):close()
    script[#script + 1] = ("sh -c 'echo $$; exec \"$0\" \"$@\"' %s %s %s v%d "
      .. "'%s' 2>/dev/null | { read -r pid; %s sleep %.4f; kill -9 $pid; } "
      .. "2>/dev/null &"):format(interpreter(), quoted(here .. "/victim.lua"),
      quoted(path), n, domain, n % 10 == 1 and "" or "read -r saved;",
      math.random() ^ 4 * LONGEST)
  end
  os.execute(table.concat(script, "\n") .. "\nwait")
end

local kills -- counts

-- How a saved intent ended: what is wrong with it, or nil.
local function settle_one(client, intent, held)
  local found, how = nil, nil
  for _ = 1, 20 do
    found, how = client.reconcile(intent, world.settled)
    if found ~= nil then break end
  end
  if #held > 1 then return #held .. " trunks"
  elseif found then
    kills.found = kills.found + 1
    return found.sid ~= held[1] and "another trunk" or nil
  elseif found == nil then
    kills.errors = kills.errors + 1
    return tostring(how)
  end
  kills[how] = kills[how] + 1
  if how == "absent" and held[1] then return "it exists" end
end

local function settle_victim(client, path, name, book)
  local held = book[name] or {}
  local text = read_file(path)
  if read_file(path .. ".alive") then kills.killed = kills.killed + 1 end
  if not text then
    kills.early = kills.early + 1
    return held[1] and "created before its intent was saved"
  end
  return settle_one(client, cjson.decode(text), held)
end

local function kill_round(dir, first, last, n)
  control.reset { seed = seed + 7000 + n, keep = 1000000 }
  control.arm(world.faults())
  kill_some(dir, first, last)
  local client = world.client()
  local book = read_book()
  control.arm(world.faults()) -- while it is settled, too
  for i = first, last do
    local name = "v" .. i
    local why = settle_victim(client, dir .. "/" .. name, name, book)
    if why then
      kills.wrong = kills.wrong + 1
      print(("  wrong: %s: %s"):format(name, why))
    end
  end
  client.close()
end

local function killing(total)
  kills = { killed = 0, early = 0, found = 0, absent = 0, ambiguous = 0,
    errors = 0, wrong = 0 }
  local dir, start = os.tmpname(), core.clock()
  os.remove(dir)
  os.execute("mkdir " .. quoted(dir))
  local children = 0
  while kills.killed < total and children < 5 * total do
    kill_round(dir, children + 1, children + VICTIMS, children)
    children = children + VICTIMS
  end
  os.execute("rm -rf " .. quoted(dir))
  print(("kill -9: %d of %d children in %.0f s, %d before they had saved an "
    .. "intent; reconciled: %d found, %d absent, %d ambiguous"):format(
      kills.killed, children, core.clock() - start, kills.early,
      kills.found, kills.absent, kills.ambiguous))
  check(kills.killed >= total, "kill -9: %d killed", kills.killed)
  check(kills.wrong == 0, "kill -9: %d wrong verdicts", kills.wrong)
  check(kills.found > total / 10 and kills.absent > total / 50,
    "kill -9: killed before and after the create")
end

-- ---- all ----------------------------------------------------------------

print("seed " .. seed .. (long and ", long" or ", short"))
math.randomseed(seed)
local s = careful("domain", "ensure with a domain name", sizes.domain)
check(s.maybe == 0, "ensure with a domain name: %d unknown", s.maybe)
careful("name", "ensure by friendly_name", sizes.name)
careful("create", "create, then reconcile", sizes.create)
careful("jobs", "64 creates at once, then reconcile", sizes.jobs)
killing(sizes.kills)
s = creates("careless", "control: again on any failure", sizes.careless)
check(s.doubled > 0, "control: the careless policy doubled %d", s.doubled)
print(("%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0 and 0 or 1)
