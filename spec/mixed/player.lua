-- A random program: calls of every kind, blocking and as jobs, with good and
-- bad arguments, in coroutines, pages and finalizers; clients that are closed
-- or dropped amid all that, and callbacks that raise, yield, call again or
-- close. What is begun and what is told goes into notes, a line each; mixed.lua
-- holds them against the server's ledger. The seed alone decides what is tried.
-- Arguments: the seed, the player's number, how many calls; and of mixed.c
-- note, trouble and pace.
-- SPDX-License-Identifier: MIT

local seed, number, budget, note, trouble, pace = ...

local make = require "calls"
local dice = require "dice"
local trunking = require "trunking"

local random = dice(seed * 7919 + number * 104729)
local chance, pick = random.chance, random.pick
local unpack = table.unpack or unpack
local SECRET = os.getenv "TRUNKING_SANDBOX_AUTH_TOKEN"
local MARK = "MARK of the program"
local DEEPEST = 2 -- calls within calls within calls

local world = { clients = {}, jobs = {}, pages = {}, threads = {},
  trunks = {}, things = {}, intents = {} }
local begun, keys, depth = 0, 0, 0

local function say(...) note(table.concat({ ... }, " ")) end

local function wrong(...)
  say("wrong", (table.concat({ ... }, " "):gsub("%s+", " ")))
end

-- At most so many of a list; the rest is garbage.
local function put(list, thing, most)
  if #list >= most then list[random.upto(#list)] = thing
  else list[#list + 1] = thing end
end

-- Takes one of a list at random, out of it; or nil.
local function take(list)
  if #list == 0 then return nil end
  local i = random.upto(#list)
  local thing = list[i]
  list[i] = list[#list]
  list[#list] = nil
  return thing
end

-- ---- what a call told ---------------------------------------------------

local kinds = {}
for kind in ("config invalid dns connect tls timeout network auth not_found "
  .. "rate_limit rejected server reply cancelled memory"):gmatch "%S+" do
  kinds[kind] = true
end
local outcomes = { not_sent = true, refused = true, applied = true,
  unknown = true }

local function is_error(err, call)
  local text = tostring(err)
  if type(err) ~= "table" or not kinds[err.kind] or not outcomes[err.outcome]
    or type(err.message) ~= "string" or err.message == "" then
    wrong(call.kind, call.key, "an error is not as it should be:", text)
    return false
  elseif text:find(SECRET, 1, true) then
    wrong(call.kind, call.key, "an error holds the secret")
  end
  if call.kind == "bad" and err.kind ~= "invalid" and err.kind ~= "config" then
    wrong("bad", call.name, "is an error of kind", err.kind)
  end
  return true
end

local function keep(call, result)
  if call.kind == "fetch" and result.sid ~= call.key then
    wrong("fetch", call.key, "gave", tostring(result.sid))
  elseif call.name == "create" then
    put(world.trunks, result, 8)
  elseif call.name == "list" or call.name:find "%.list$" then
    put(world.pages, result, 4)
  elseif call.name:find "%.create$" then
    put(world.things, { call.name:match "^(.*)%.", call.args[1], result.sid },
      8)
  end
end

-- Notes what a call gave: results, or nil and an error.
local function told(call, result, meta)
  local outcome, sid, attempts = "done", "-", "-"
  if result then
    if type(result) == "table" and type(result.sid) == "string" then
      sid = result.sid
    end
    if type(meta) == "table" and meta.attempts then attempts = meta.attempts end
    if type(result) == "table" then keep(call, result) end
    if call.kind == "bad" then wrong("bad", call.name, "was taken") end
  elseif call.is_optional and meta == nil then
    outcome = "done" -- there is no such page
  elseif is_error(meta, call) then
    outcome, attempts = meta.outcome, meta.attempts or "-"
    if meta.intent then put(world.intents, { meta.intent, call.key }, 4) end
  else
    return
  end
  say("end", call.kind, call.key, outcome, sid, attempts)
  return outcome
end

local function raised(call, why, how)
  local text = type(why) == "table" and tostring(why) or tostring(why)
  say("raised", call.kind, call.key, how, (text:gsub("%s+", " ")))
end

local function begin(call)
  begun = begun + 1
  say("begin", call.kind, call.key)
end

-- ---- jobs -----------------------------------------------------------

-- Reads a job that may be done. Every reading gives the same.
local function read(entry, result, meta)
  if not result and type(meta) == "table"
    and tostring(meta.message):find "not done yet" then return end
  if entry.outcome then
    local now = result and "done" or type(meta) == "table" and meta.outcome
    if now ~= entry.outcome and not (entry.call.is_optional and not meta) then
      wrong(entry.call.kind, entry.call.key, "was", entry.outcome,
        "and is", tostring(now))
    end
    return
  end
  entry.outcome = told(entry.call, result, meta)
end

local uses = {
  function(job) job:done() end,
  function(job) job:done() end,
  function(job) job:cancel() end,
  function(job) assert(tostring(job):find "trunking.job") end,
  function(job, entry) read(entry, job:wait(random.upto(5) / 100)) end,
  function(job, entry) read(entry, job:wait(0)) end,
  function(job, entry) read(entry, job:wait()) end,
  function(job, entry) if job:done() then read(entry, job:result()) end end,
  function(job, entry)
    if job:done() then read(entry, job:result()) end
    read(entry, job:wait())
  end,
}

local function use(entry)
  local f = pick(uses)
  if chance(0.1) then
    trouble("raise", random.upto(60), f, entry.job, entry)
  else
    f(entry.job, entry)
  end
end

local function find(job)
  for _, entry in ipairs(world.jobs) do
    if entry.job == job then return entry end
  end
end

local function poll(client)
  for _ = 1, random.upto(4) do
    local job = client.poll()
    if not job then return end
    local entry = find(job)
    if not job:done() then wrong("poll - gave a job that is not done") end
    if entry then read(entry, job:result()) end
  end
end

-- ---- clients --------------------------------------------------------

local act -- does something at random

-- What a callback does: with the client or its things, and then it may raise.
local function mischief(client)
  if depth >= DEEPEST then return end
  depth = depth + 1
  local ok, why = pcall(function()
    local which = random.upto(12)
    if which == 1 then collectgarbage()
    elseif which == 2 then client.close()
    elseif which == 3 then
      for job in client.poll do find(job) end
    elseif which == 4 then world.jobs = {}
    elseif which == 5 then error(MARK, 0)
    elseif which == 6 then coroutine.yield "MARK"
    elseif which == 7 and world.jobs[1] then use(pick(world.jobs))
    elseif which <= 9 and begun < budget then act()
    end
  end)
  depth = depth - 1
  if not ok and chance(0.3) then error(why, 0) end
end

-- Garbage whose end is some mischief.
local function litter(client)
  local function over() pcall(mischief, client) end
  local proxy = newproxy and newproxy(true) -- luacheck: ignore 113
  if proxy then getmetatable(proxy).__gc = over
  else setmetatable({}, { __gc = over }) end
end

-- Whether a wait may yield here, as far as this Lua can tell.
local function can_yield()
  if coroutine.isyieldable then return coroutine.isyieldable() end
  local thread, is_main = coroutine.running()
  return thread and not is_main
end

local function wait_of(holder)
  local patience = random.upto(4) / 200
  return pick {
    function(job) job:wait() end,
    function(job) job:wait(patience) end, -- returns early
    function(job)
      if can_yield() then coroutine.yield "MARK" else job:wait(patience) end
    end,
    function(job)
      if can_yield() then coroutine.yield "MARK" else job:wait(patience) end
    end,
    function(job)
      if chance(0.2) then error(MARK, 0) end
      job:wait(patience)
    end,
    function(job)
      if chance(0.2) then mischief(holder.client) end
      job:wait(patience)
    end,
    function(job)
      if chance(0.1) then job:cancel() end
      job:wait(patience)
    end,
  }
end

local transports = {
  { "TRUNKING_SANDBOX_HTTP" },
  { "TRUNKING_SANDBOX_HTTP" },
  { "TRUNKING_SANDBOX", "TRUNKING_SANDBOX_CA" },
  { "TRUNKING_SANDBOX_CLOSING", "TRUNKING_SANDBOX_CA" },
}

local bad_options = {
  { timeout = -1 }, { timeuot = 1 }, { base_url = "http://example.com" },
  { max_attempts = 0.5 }, { on_attempt = 5 }, { account_sid = "AC1" },
  { ca_file = "/nowhere" }, { proxy = "://" }, { edge = "EDGE" },
}

local function options_of(holder)
  local transport = pick(transports)
  local options = {
    base_url = os.getenv(transport[1]),
    ca_file = transport[2] and os.getenv(transport[2]),
    account_sid = os.getenv "TRUNKING_SANDBOX_ACCOUNT_SID",
    auth_token = SECRET,
    timeout = pick { 0.05, 0.2, 0.5, 1, 1, 2, 2 },
    max_in_flight = pick { 1, 2, 4, 16 },
    max_attempts = chance(0.3) and random.upto(3) or nil,
    validate = chance(0.9),
  }
  if chance(0.4) then
    options.on_attempt = function() mischief(holder.client) end
  end
  if chance(0.4) then
    options.wait = wait_of(holder)
    holder.waits = true
  end
  holder.is_lax = not options.validate
  return options
end

-- An event loop: its watchers ring when an act says so, and its coroutines are
-- resumed at random, so that each wait may return early.
local watchers = {}

local function watch(_, _, ready, failed)
  if chance(0.2) then return nil end
  local watcher = { ready = ready, failed = failed }
  watchers[watcher] = true
  return function() watchers[watcher] = nil end
end

local loop = {
  current = function() return can_yield() and coroutine.running() or nil end,
  suspend = function() coroutine.yield "MARK" end,
  resume = function() end,
  watch = watch,
  block = function(job) job:wait(0.01) end,
}

local function turn()
  local watcher = next(watchers)
  if not watcher then return end
  if chance(0.8) then return watcher.ready() end
  watchers[watcher] = nil
  watcher.failed()
end

local function new_client()
  local holder, new = {}, trunking.new
  if chance(0.2) then
    holder.is_hosted, holder.waits = true, true
    new = require "trunking.hosts.host" (loop).new
  end
  local options = options_of(holder)
  if holder.is_hosted then options.wait = nil end
  holder.client = assert(new(options))
  if chance(0.5) then litter(holder.client) end
  put(world.clients, holder, 4)
  return holder
end

local function a_client()
  if not world.is_ending and (#world.clients == 0 or chance(0.05)) then
    return new_client()
  end
  return pick(world.clients)
end

-- ---- calls ----------------------------------------------------------

-- The function of a client, or of its async, by its full name.
local function named(home, name)
  for word in name:gmatch "[^.]+" do home = home[word] end
  return home
end

local function new_call(holder)
  keys = keys + 1 -- first: a finalizer may call meanwhile
  local call = make(random, world, ("m%dp%dn%d"):format(seed, number, keys))
  if call.kind == "bad" and holder.is_lax then call.kind = "other" end
  return call
end

-- In every way a call may be made now. A plain call that raises without a word
-- on the request sent none; where the client waits, its job may go on.
local function block()
  local holder = a_client()
  local call = new_call(holder)
  local how = (holder.waits or call.is_composed) and "vague" or "plain"
  local f = named(holder.client, call.name)
  local ok, result, meta
  begin(call)
  if chance(0.15) then
    ok, result, meta = trouble(pick { "raise", "raise", "yield", "collect" },
      random.upto(pick { 40, 400 }), f, unpack(call.args, 1, call.n))
  else
    ok, result, meta = pcall(f, unpack(call.args, 1, call.n))
  end
  if ok then told(call, result, meta) else raised(call, result, how) end
end

local function launch()
  local holder = a_client()
  local call = new_call(holder)
  if call.is_composed then return block() end
  local f = named(holder.client.async, call.name)
  begin(call)
  local ok, job, err
  if chance(0.1) then
    ok, job, err = trouble("raise", random.upto(200), f,
      unpack(call.args, 1, call.n))
  else
    ok, job, err = pcall(f, unpack(call.args, 1, call.n))
  end
  if not ok then
    return raised(call, job, holder.is_hosted and "vague" or "plain")
  end
  if not job then return told(call, job, err) end
  if call.kind == "wrong" then wrong("wrong", call.name, "was taken") end
  local entry = { job = job, call = call }
  if chance(0.9) then put(world.jobs, entry, 12) end -- else it is garbage
  if chance(0.3) then use(entry) end
end

-- A coroutine that calls, without a pcall, which may not be yielded across.
local function spawn()
  local holder, thread = a_client(), { how = "vague" }
  thread.co = coroutine.create(function()
    for _ = 1, random.upto(3) do
      local call = new_call(holder)
      thread.call = call
      thread.how = (holder.waits or call.is_composed) and "vague" or "plain"
      begin(call)
      local result, meta = named(holder.client, call.name)(
        unpack(call.args, 1, call.n))
      thread.how = "vague" -- a hook may raise here
      told(call, result, meta)
      if chance(0.2) then coroutine.yield "MARK" end
    end
  end)
  put(world.threads, thread, 6)
end

local function resume()
  local thread = take(world.threads)
  if not thread then return spawn() end
  for _ = 1, random.upto(20) do
    local ok, why = coroutine.resume(thread.co)
    if not ok then -- or a hook raised before it had a call
      return thread.call and raised(thread.call, why, thread.how)
    end
    if coroutine.status(thread.co) == "dead" then return end
  end
  if chance(0.8) then put(world.threads, thread, 6) end
end

local function walk()
  local page = take(world.pages)
  if page then
    local word = pick { "next", "next", "previous" }
    local call = { kind = "list", key = "-", name = "list", is_optional = true,
      args = {} }
    begin(call)
    local ok, result, meta = pcall(page[word])
    if not ok then return raised(call, result, "vague") end
    if type(result) == "userdata" then -- the page of a job
      return put(world.jobs, { job = result, call = call }, 12)
    end
    return told(call, result, meta)
  end
  local holder, n = a_client(), 0
  local call = { kind = "each", key = "-", name = "each" }
  begin(call)
  local ok, why = pcall(function()
    for trunk in holder.client.each { page_size = random.upto(3), limit = 7 } do
      n = n + 1
      if type(trunk.sid) ~= "string" then wrong("each - gave no trunk") end
      if n > 7 then wrong("each - gave more than its limit") end
      if chance(0.1) then break end
    end
  end)
  if ok then say("end each - done - -")
  elseif type(why) == "table" then told(call, nil, why)
  else raised(call, why, "vague") end
end

local function settle()
  local one = take(world.intents)
  if not one then return block() end
  local holder = a_client()
  local call = { kind = "reconcile", key = one[2], name = "reconcile" }
  begin(call)
  local ok, result, meta = pcall(holder.client.reconcile, one[1],
    { settle = { 0.01, 0.02 }, timeout = 2 })
  if not ok then raised(call, result, "vague")
  elseif result then say("end reconcile", one[2], "done", result.sid, "-")
  elseif result == nil then told(call, result, meta) end
end

local scope = _VERSION >= "Lua 5.4" and load [[
  local client, f = ...
  local held <close> = client
  return f(held)]]

local function close()
  local holder = take(world.clients)
  if not holder then return end
  if chance(0.4) then return end -- it is garbage, with its jobs or without
  if scope and chance(0.3) then
    scope(holder.client, function() if chance(0.5) then block() end end)
  else
    holder.client.close()
  end
  if chance(0.15) then put(world.clients, holder, 4) end -- and is used again
  if chance(0.2) then holder.client.close() end
end

local function refuse()
  local client, err = trunking.new(pick(bad_options))
  if client or not err or err.kind ~= "config" then
    wrong("new - took bad options")
  end
end

-- Opens the module once more in the same state.
local function reload()
  for name in pairs(package.loaded) do
    if name:find "^trunking" then package.loaded[name] = nil end
  end
  trunking = require "trunking"
end

local ways = { "plain", "each", "each", "request", "generational" }

local acts = {
  { 10, block }, { 14, launch }, { 6, spawn }, { 14, resume }, { 5, walk },
  { 3, settle }, { 4, close }, { 1, refuse },
  { 12, function() if world.jobs[1] then use(pick(world.jobs)) end end },
  { 4, function()
    local holder = a_client()
    if not holder.is_hosted then poll(holder.client) end
  end },
  { 4, turn }, { 1, reload },
  { 3, function() take(world.jobs) end },
  { 1, function() take(world.threads) end },
  { 1, function() take(world.pages) end },
  { 2, function() litter(a_client().client) end },
  { 1, function() collectgarbage() end },
  { 1, function() pace(pick(ways)) end },
  { 1, function() a_client().client.in_flight() end },
  { 1, function()
    local holder = a_client()
    if not holder.is_hosted then holder.client.fd() end
  end },
  { 1, function() assert(tostring(a_client().client):find "trunking") end },
}
local weight = 0
for _, one in ipairs(acts) do weight = weight + one[1] end

function act()
  local left = random.upto(weight)
  for _, one in ipairs(acts) do
    left = left - one[1]
    if left <= 0 then
      if chance(0.05) then
        return trouble("raise", random.upto(pick { 50, 1000 }), one[2])
      end
      return one[2]()
    end
  end
end

-- ---- all ------------------------------------------------------------

-- What an act may raise: a close within a call, what a callback raised, and
-- what this Lua says of a yield.
local function is_ours(why)
  local text = tostring(why)
  if text:find("loop or previous error loading module", 1, true) then
    reload() -- Lua 5.1's require was interrupted
    return true
  end
  return text:find("MARK", 1, true) or text:find("to yield", 1, true)
    or text:find("can't be closed during its own call", 1, true)
end

-- There it is told that on_attempt raised.
rawset(io, "stderr", { write = function() end })
-- LuaJIT's compiled code can spin where each allocation collects.
if jit and chance(0.7) then jit.off() -- luacheck: ignore 113
elseif jit then ways = { "plain" } end -- luacheck: ignore 113
pace(pick(ways))
for _ = 1, budget * 8 do
  if begun >= budget then break end
  local ok, why = pcall(act)
  if not ok and not is_ours(why) then wrong("raised", tostring(why)) end
end
if chance(0.5) then -- most that is in flight is waited for
  for _, entry in ipairs(world.jobs) do
    local ok, why = pcall(function() read(entry, entry.job:wait()) end)
    if not ok and not is_ours(why) then wrong("raised", tostring(why)) end
  end
end
-- Finalizers go on calling while the state is closed. They make no client: from
-- 5.4 on Lua would not finalize it.
if #world.clients > 0 then
  budget, world.is_ending = budget + 10, true
end
