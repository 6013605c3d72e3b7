-- report: the error of a run that did not succeed, by the word that decide
-- gives for why.
-- Promises: where a request was lost, the error is that one's, with its intent
-- and what else was learnt; and it says how many were sent.
-- SPDX-License-Identifier: MIT

local M = {}

--- The SID of a record, or of a SID.
function M.sid_of(value)
  if type(value) == "table" then return tostring(value.sid) end
  return tostring(value)
end

-- What is looked at, in words.
local function thing_of(run)
  local words = run.thing.words.what
  return type(words) == "function" and words() or words
end

--- The error for a request whose fate stays open.
-- @param why words for what kept it open
-- @param more fields, or nil
function M.left_open(run, why, more)
  local lost = run.lost or run.err
  local fields = { attempts = run.state.sent,
    message = lost.message .. "; " .. why }
  for name, value in pairs(more or {}) do fields[name] = value end
  return run.search:error(lost, fields)
end

--- A lost request was sent once more, and refused: the error of the lost one,
-- with the reason of the refusal.
function M.refused(run)
  local err = run.err
  return M.left_open(run, "sent once more, it was refused: " .. err.message, {
    status = err.status, code = err.code, more_info = err.more_info,
    request_id = err.request_id })
end

--- The error of the last request, as it is. words.said has a message for it.
function M.said(run)
  local words = run.thing.words.said
  return run.search:error(run.err, {
    message = words and words(run.err) or nil })
end

-- The kinds whose words say enough: what was asked for is not right.
local plain = { not_found = true, invalid = true, config = true }

--- The error of a look before anything was sent. Its outcome is of the whole
-- call: a server that answered has refused it.
-- @param what could not be looked at: "the trunks"
function M.nothing_done(search, err, what)
  local words, refused = err.message, (err.status or 0) >= 300
  if not plain[err.kind] then
    words = ("%s could not be looked at, and nothing was changed: %s"):format(
      what, words)
  end
  return search:error(err, { message = words,
    outcome = refused and "refused" or "not_sent" })
end

function M.unseen(run)
  return M.nothing_done(run.search, run.why, thing_of(run))
end

function M.blind(run)
  local words = run.thing.words
  return M.left_open(run, words.blind
    .. (run.why and run.why.message or words.no_look))
end

function M.no_proof(run)
  return M.left_open(run, ("%s do not show it, which is no proof: reconcile "
    .. "the intent later, before you create it again"):format(
    thing_of(run)))
end

function M.no_time(run)
  return M.left_open(run, run.search.own.cancelled and "the call was cancelled"
    or "there was no time to go on; call again: it looks first")
end

function M.given_up(run)
  return M.left_open(run, "it was given up; call again later: it looks first")
end

function M.elsewhere(run)
  if run.lost then return M.left_open(run, run.why.message) end
  return run.why
end

--- The error of a run that ends for this reason. A thing's tell has those that
-- only it can give; its words are what (cannot be looked at; may be a function
-- that gives it), blind (what is
-- said before a look's error), no_look (there was no time for one) and said.
function M.of(run, why)
  local tell = run.thing.tell
  return (tell and tell[why] or M[why])(run)
end

return M
