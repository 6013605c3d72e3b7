-- decide: what an ensure does next, from what is known so far.
-- Pure: no call, no clock, no error object. trunking.ensure.run carries out
-- what it says.
-- Promises: sends again only what cannot make a second record; never forgets
-- a request that was lost; every run of it ends.
-- SPDX-License-Identifier: MIT

local MOST_SENDS = 10

-- A request was lost, or none was: the end is "open" or "fail".
local function ends(state, why)
  return state.lost and "open" or "fail", why
end

local function send(state)
  if state.guarded and state.free == nil then return "ask_others" end
  if state.guarded and not state.free then return ends(state, "elsewhere") end
  return "send"
end

local function before_sending(state)
  local seen = state.seen
  if seen == nil then return "look" end
  if seen == "there" then return "keep" end
  if seen == "several" then return "fail", "several" end
  if seen == "blind" then return "fail", "unseen" end
  return send(state)
end

-- The look that is due after an attempt, or nil. A refusal is final, so one
-- look tells; a list may lag behind everything else.
local function look_due(state)
  local said, seen = state.said, state.seen
  local may_be_there = said == "taken" or said == "attached"
  if seen == nil and (may_be_there or said == "refused") then return "look" end
  if state.settled or said == "refused" then return nil end
  if seen ~= nil and seen ~= "absent" and seen ~= "blind" then return nil end
  return "settle", state.lost and "long" or "short"
end

-- What was lost cannot be seen: whether it may be sent again.
local function send_again(state)
  local blind = state.seen == "blind"
  if state.again == "never" and not blind then return "open", "no_proof" end
  if state.again ~= "always" and blind then return "open", "blind" end
  if not state.time then return "open", "no_time" end
  if state.sent >= MOST_SENDS then return "open", "given_up" end
  return send(state)
end

local function after_sending(state)
  local said = state.said
  if said == "done" then return "made" end
  if not state.lost and (said == "refused" or said == "not_now") then
    return "fail", "said"
  end
  local look, how = look_due(state)
  if look then return look, how end
  local seen = state.seen
  if seen == "there" then return "keep" end
  if seen == "several" then return "open", "several" end
  if seen == "other" then return ends(state, "other") end
  if said == "attached" then return "believe" end
  if said == "taken" then return ends(state, "taken") end
  if said == "refused" then return "open", "refused" end
  return send_again(state)
end

--- What to do next.
-- @param state table:
--   again: when a lost request may be sent again: "always", "if_absent" (a
--     look shows that it did nothing) or "never";
--   guarded: whether others are asked before each request; free: what they
--     said, true or false, or nil: not asked yet;
--   sent: how many requests went out; time: whether there is time left;
--   said: what the last one came to: "done", "lost", "not_now" (nothing was
--     done, another attempt may do it), "refused", "taken" (refused, as what
--     is wanted may be there already), "attached" (the server says that it
--     is), or nil: nothing was sent;
--   lost: whether one of them was lost, be it the last one or another;
--   seen: what the looks since then showed: "there", "absent" (no record, or
--     not with these values), "several", "other" (another record is in the
--     way), "blind" (none succeeded), or nil: none yet;
--   settled: whether these looks took the time that a list may lag
-- @return what to do: "look", "settle" (look after each step; "long": all of
--   them, "short": some), "ask_others", "send"; or how it ends: "made" (the
--   reply has the record), "keep" (the look has it), "believe" (the server
--   says it is there); "fail" (nothing of this call is open) or "open" (a
--   request may have been applied), each with a word for why
return function(state)
  if state.said == nil then return before_sending(state) end
  return after_sending(state)
end
