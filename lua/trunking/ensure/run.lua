-- run: carries out what trunking.ensure.decide says, and keeps the state that
-- it decides by.
-- Promises: decides nothing itself; a look that failed takes back nothing that
-- an earlier one showed.
-- May not know: what is looked for, or how it is sent: that is the thing's.
-- SPDX-License-Identifier: MIT

local decide = require "trunking.ensure.decide"
local report = require "trunking.ensure.report"

local SHORT = 2 -- steps to settle where nothing was lost: a list may lag

-- What a request that did not succeed came to, as decide knows it.
local function said_by(thing, err)
  if err.outcome == "unknown" or err.outcome == "applied" then
    return "lost"
  elseif err.outcome ~= "refused" or err.kind == "rate_limit" then
    return "not_now"
  end
  return thing.refusal and thing.refusal(err) or "refused"
end

-- Keeps the first that was lost, or one that is known to be applied; and the
-- oldest intent, for that is when it may have been made.
local function keep_lost(run, err)
  local lost = run.lost
  if not lost or err.outcome == "applied" then
    run.lost = run.search:error(err, { intent = lost and lost.intent })
  end
  run.state.lost = true
end

-- What a look showed: found, or false for nothing; or nil and an error.
local function see(run, found, why)
  local state, thing = run.state, run.thing
  run.why = why
  if found then
    run.found = found
    state.seen = thing.judge and thing.judge(run, found) or "there"
  elseif found == false then
    state.seen = "absent"
  elseif state.seen ~= "absent" then
    state.seen = "blind"
  end
end

local steps = {}

function steps.look(run)
  local thing = run.thing
  if thing.look then return see(run, thing.look(run)) end
  see(run, run.search:patiently(function() return thing.ask(run) end))
end

function steps.settle(run, how)
  local thing = run.thing
  run.state.settled = true
  if thing.look then return see(run, thing.look(run)) end
  see(run, run.search:settle(function() return thing.ask(run) end,
    how == "short" and SHORT or nil))
end

function steps.ask_others(run)
  run.why = run.thing.ask_others()
  run.state.free = run.why == nil
end

function steps.send(run)
  local state = run.state
  state.sent = state.sent + 1
  state.seen, state.settled, state.free = nil, false, nil
  local record, err = run.thing.send(run)
  if record then
    state.said, run.found = "done", record
    return
  end
  state.said, run.err = said_by(run.thing, err), err
  if state.said == "lost" then keep_lost(run, err) end
end

--- Gets a thing into the state that is wanted.
-- @param thing table:
--   again, guarded: as decide has them; seen: what is seen already, or nil;
--   ask(run): looks once: what it found, false: nothing, or nil and an error;
--   look(run): looks in a way of its own, instead of ask;
--   judge(run, found): "there", "several" or "other"; else it is "there";
--   send(run): the record; or nil and an error;
--   refusal(err): "taken", "attached" or nil: another refusal;
--   ask_others(): an error, or nil: it may be sent;
--   made(run), keep(run), believe(run): what is returned with what is there;
--   tell, and words: see trunking.ensure.report
-- @return what made, keep or believe give; or nil and an error
return function(search, thing)
  local state = { again = thing.again, guarded = thing.guarded,
    seen = thing.seen, sent = 0, lost = false, settled = false }
  local run = { search = search, thing = thing, state = state }
  while true do
    state.time = search:left() > 0
    local act, how = decide(state)
    local step = steps[act]
    if step then
      step(run, how)
    elseif act == "fail" or act == "open" then
      return nil, report.of(run, how)
    else
      return thing[act](run)
    end
  end
end
