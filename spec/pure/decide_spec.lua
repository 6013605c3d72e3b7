-- What an ensure does next: a table of every state, and every run from the
-- first look to its end. No server, no clock.

local decide = require "trunking.ensure.decide"

-- ---- every state --------------------------------------------------------

-- "-" is nil. Whether others are asked, and what they said, are one word here.
local VALUES = {
  { "again", "always", "if_absent", "never" },
  { "others", "nobody", "unasked", "free", "elsewhere" },
  { "time", true, false },
  { "said", "-", "done", "lost", "not_now", "refused", "taken", "attached" },
  { "sent", 0, 1, 9, 10 },
  { "lost", true, false },
  { "seen", "-", "there", "absent", "several", "other", "blind" },
  { "settled", true, false },
}

-- Whether a run can be in a state at all.
local function possible(s)
  if s.said == "-" and (s.lost or s.settled or s.seen == "other") then
    return false
  end
  return (s.said == "-") == (s.sent == 0) and (s.said ~= "lost" or s.lost)
    and not (s.settled and s.seen == "-")
end

local function each_state(visit, state, n)
  state, n = state or {}, n or 1
  local values = VALUES[n]
  if not values then
    if possible(state) then visit(state) end
    return
  end
  for i = 2, #values do
    state[values[1]] = values[i]
    each_state(visit, state, n + 1)
  end
end

-- The state as decide is given it.
local function given(s)
  local free = nil
  if s.others == "free" then free = true end
  if s.others == "elsewhere" then free = false end
  return { again = s.again, guarded = s.others ~= "nobody", free = free,
    time = s.time, said = s.said ~= "-" and s.said or nil, sent = s.sent,
    lost = s.lost, seen = s.seen ~= "-" and s.seen or nil,
    settled = s.settled }
end

-- "open no_time": what to do, and how or why.
local function decided(s)
  local act, how = decide(given(s))
  return how and act .. " " .. how or act
end

local function describe_state(s)
  local words = {}
  for i, values in ipairs(VALUES) do
    words[i] = values[1] .. "=" .. tostring(s[values[1]])
  end
  return table.concat(words, " ")
end

local function matches(candidate, s)
  for name, expected in pairs(candidate[2]) do
    local any = type(expected) ~= "table" and expected == s[name]
    if type(expected) == "table" then
      for _, value in ipairs(expected) do any = any or value == s[name] end
    end
    if not any then return false end
  end
  return true
end

local ROWS = {}
local function row(action, conditions)
  ROWS[#ROWS + 1] = { action, conditions }
end

local UNSEEN = { "absent", "blind" }
local MAY_BE_THERE = { "taken", "attached" }
local MAY_GO_ON = { "lost", "not_now" }

-- A request may go out in these states: it does, once others were asked.
local function request(conditions, ending)
  for action, others in pairs {
    send = { "nobody", "free" }, ask_others = "unasked",
    [ending .. " elsewhere"] = "elsewhere" } do
    local all = { others = others }
    for name, value in pairs(conditions) do all[name] = value end
    row(action, all)
  end
end

-- Nothing was sent.
row("look", { said = "-", seen = "-" })
row("keep", { said = "-", seen = "there" })
row("fail several", { said = "-", seen = "several" })
row("fail unseen", { said = "-", seen = "blind" })
request({ said = "-", seen = "absent" }, "fail")

-- The reply tells all.
row("made", { said = "done" })
row("fail said", { said = { "refused", "not_now" }, lost = false })

-- A look is due: one where the end is a refusal, else all that a list takes.
row("look", { said = "refused", lost = true, seen = "-" })
row("look", { said = MAY_BE_THERE, seen = "-" })
row("settle long", { said = MAY_BE_THERE, seen = UNSEEN, settled = false,
  lost = true })
row("settle short", { said = MAY_BE_THERE, seen = UNSEEN, settled = false,
  lost = false })
row("settle long", { said = MAY_GO_ON, lost = true, settled = false,
  seen = { "-", "absent", "blind" } })

-- The look shows something, whatever was said.
for _, said in ipairs {
  { said = { "lost", "not_now", "refused" }, lost = true },
  { said = MAY_BE_THERE },
} do
  row("keep", { said = said.said, lost = said.lost, seen = "there" })
  row("open several", { said = said.said, lost = said.lost,
    seen = "several" })
end
row("open other", { said = { "lost", "not_now", "refused", "taken",
  "attached" }, lost = true, seen = "other" })
row("fail other", { said = MAY_BE_THERE, lost = false, seen = "other" })

-- It shows nothing, after a refusal.
row("open refused", { said = "refused", lost = true, seen = UNSEEN })
row("open taken", { said = "taken", lost = true, seen = UNSEEN,
  settled = true })
row("fail taken", { said = "taken", lost = false, seen = UNSEEN,
  settled = true })
row("believe", { said = "attached", seen = UNSEEN, settled = true })

-- It shows nothing, and a request was lost.
row("open no_proof", { said = MAY_GO_ON, lost = true, settled = true,
  seen = "absent", again = "never" })
row("open blind", { said = MAY_GO_ON, lost = true, settled = true,
  seen = "blind", again = { "never", "if_absent" } })
for _, safe in ipairs {
  { seen = "absent", again = { "always", "if_absent" } },
  { seen = "blind", again = "always" },
} do
  local function but(time, sent)
    return { said = MAY_GO_ON, lost = true, settled = true, seen = safe.seen,
      again = safe.again, time = time, sent = sent }
  end
  row("open no_time", but(false))
  row("open given_up", but(true, 10))
  request(but(true, { 1, 9 }), "open")
end

describe("decide", function()
  it("has one answer for every state, and it is the table's", function()
    local met, count = {}, 0
    each_state(function(s)
      local found
      count = count + 1
      for i, candidate in ipairs(ROWS) do
        if matches(candidate, s) then
          if found then error("two rows for " .. describe_state(s)) end
          found, met[i] = candidate, true
        end
      end
      if not found then error("no row for " .. describe_state(s)) end
      assert.equal(found[1], decided(s), describe_state(s))
    end)
    for i, each in ipairs(ROWS) do
      assert.is_true(met[i], ("row %d, %s, is no state's"):format(i, each[1]))
    end
    assert.is_true(count > 5000)
  end)

  it("changes nothing in the state that it is given", function()
    each_state(function(s)
      local state, before = given(s), given(s)
      decide(state)
      for name, value in pairs(before) do assert.equal(value, state[name]) end
      for name in pairs(state) do assert.is_not_nil(before[name]) end
    end)
  end)
end)

-- ---- what holds in all of them ------------------------------------------

describe("decide never", function()
  -- Whatever the state: what must not be answered there.
  local function never(title, where, what)
    it(title, function()
      local count = 0
      each_state(function(s)
        if not where(s) then return end
        count = count + 1
        local said = decided(s)
        assert.is_nil(said:find(what), describe_state(s) .. ": " .. said)
      end)
      assert.is_true(count > 0)
    end)
  end

  never("sends a lost request again that might make a second record",
    function(s) return s.again == "never" and s.lost end, "^send")
  never("sends one again, unless it can see or need not",
    function(s) return s.again == "if_absent" and s.seen ~= "absent" end,
    "^send")
  never("sends again what was refused", function(s)
    return s.said == "refused" or s.said == "taken" or s.said == "attached"
  end, "^send")
  never("sends what another has, or may have", function(s)
    return s.others == "elsewhere" or s.others == "unasked"
  end, "^send")
  never("sends again after the time, or the tenth", function(s)
    return s.sent > 0 and (not s.time or s.sent == 10)
  end, "^send")
  never("says that nothing is open when a request was lost",
    function(s) return s.lost end, "^fail")
  never("says that something is open before anything was sent",
    function(s) return s.sent == 0 end, "^open")
end)

-- ---- every run ----------------------------------------------------------

-- What may come of an act: states that follow.
local function copy(s, changes)
  local to = {}
  for name, value in pairs(s) do to[name] = value end
  for name, value in pairs(changes) do to[name] = value end
  return to
end

local function after_look(s, settled)
  local list = {}
  for _, seen in ipairs { "there", "absent", "several", "other", "blind" } do
    if seen ~= "other" or s.said == "taken" then
      if seen == "blind" and s.seen == "absent" then seen = "absent" end
      list[#list + 1] = copy(s, { seen = seen, settled = settled })
    end
  end
  return list
end

local follow = {
  look = function(s) return after_look(s, s.settled) end,
  ["settle long"] = function(s) return after_look(s, true) end,
  ["settle short"] = function(s) return after_look(s, true) end,
  ask_others = function(s)
    return { copy(s, { others = "free" }), copy(s, { others = "elsewhere" }) }
  end,
  send = function(s)
    local list = {}
    for _, said in ipairs { "done", "lost", "not_now", "refused", "taken",
      "attached" } do
      list[#list + 1] = copy(s, { said = said, sent = s.sent + 1, seen = "-",
        settled = false, lost = s.lost or said == "lost",
        others = s.others == "nobody" and "nobody" or "unasked" })
    end
    return list
  end,
}

-- Walks all runs from a state: their ends, as a set. Time may be up after any
-- act. A state that is met again on its own way would go on for ever.
local function walk(s, ends, known)
  local key = describe_state(s)
  if known[key] == "done" then return end
  assert.is_nil(known[key], "goes round in a circle: " .. key)
  known[key] = "on the way"
  local act = decided(s)
  local next_of = follow[act]
  if not next_of then
    ends[act] = (ends[act] or 0) + 1
  else
    for _, after in ipairs(next_of(s)) do
      walk(after, ends, known)
      if after.time then walk(copy(after, { time = false }), ends, known) end
    end
  end
  known[key] = "done"
end

local function ends_of(again, others)
  local ends, known = {}, {}
  walk({ again = again, others = others, time = true, said = "-", sent = 0,
    lost = false, seen = "-", settled = false }, ends, known)
  local names = {}
  for name in pairs(ends) do names[#names + 1] = name end
  table.sort(names)
  return names
end

describe("every run ends, and with one of its own ends,", function()
  local COMMON = { "believe", "fail other", "fail said", "fail several",
    "fail taken", "fail unseen", "keep", "made", "open several" }
  local LOST = { "open given_up", "open no_time", "open other",
    "open refused", "open taken" }
  for title, case in pairs {
    ["by a domain"] = { "always", "nobody", LOST },
    ["by a name"] = { "never", "nobody", { "open blind", "open no_proof" } },
    ["by a SID"] = { "if_absent", "nobody", LOST, { "open blind" } },
    ["of a number"] = { "if_absent", "unasked", LOST, { "open blind",
      "open elsewhere", "fail elsewhere" } },
  } do
    it(title, function()
      local expected = {}
      for _, names in ipairs { COMMON, case[3], case[4] } do
        for _, name in ipairs(names) do expected[#expected + 1] = name end
      end
      table.sort(expected)
      assert.same(expected, ends_of(case[1], case[2]))
    end)
  end
end)
