-- update: brings a record up to what is wanted.
-- Promises: sends no more than what differs. An update may be sent again: it
-- sets values. After one that was lost it looks first, and then sends what
-- still differs. What the server keeps otherwise is said, and not sent again
-- by this client.
-- SPDX-License-Identifier: MIT

local intents = require "trunking.ensure.intent"
local report = require "trunking.ensure.report"
local run = require "trunking.ensure.run"
local same = require "trunking.ensure.same"

local M = {}

local function subset(params, names)
  local out = {}
  for _, name in ipairs(names) do out[name] = params[name] end
  return out
end

--- Learns from a record that the server gave for what was sent: the names of
-- the fields that it has otherwise; or nil.
function M.learn(search, thing, record)
  local names = intents.differences(thing.wanted, record, thing.fields)
  if not names then return nil end
  local differs = {}
  for _, name in ipairs(names) do differs[name] = true end
  for _, field in ipairs(thing.fields) do
    if differs[field.name] then
      same.learn(search.own.memory, field, thing.wanted[field.name],
        record[field.name])
    end
  end
  return names
end

--- The results of an ensure: the names that are kept otherwise, if any, last.
function M.told(record, what, kept)
  if kept then return record, what, kept end
  return record, what
end

-- The server answers, and has it otherwise all the same.
local ANSWERS = 2

--- Updates a record where it differs from what is wanted.
-- @param thing wanted, fields, update(sid, params), fetch(sid), sid: what the
--   record is called in errors, where it has no SID
-- @param record as it is
-- @param what is told of it: "unchanged" (it becomes "updated" when something
--   is sent) or "adopted"
-- @return the record, what was done, and the fields that the server keeps
--   otherwise, if any; or nil and an error
function M.run(search, thing, record, what)
  local sid, step, answers = record.sid, 0, 0
  local memory = search.own.memory
  local function differences()
    return intents.differences(thing.wanted, record, thing.fields, memory)
  end
  local names = differences()

  local function fetch()
    local seen, err = thing.fetch(sid)
    if not seen then return nil, err end
    record = seen
    if answers >= ANSWERS then M.learn(search, thing, record) end
    names = differences()
    return not names and seen
  end

  -- One look after each update, each after the next step.
  local function look()
    step = step % #search.steps + 1
    if not search:pause(search.steps[step]) then return nil end
    return search:patiently(fetch)
  end

  local function done(of, sent)
    local kept = intents.differences(thing.wanted, of, thing.fields)
    return M.told(of, what == "unchanged" and sent > 0 and "updated" or what,
      kept)
  end

  return run(search, {
    again = "if_absent",
    seen = names and "absent" or "there",
    look = look,
    send = function()
      local after, err = thing.update(sid, subset(thing.wanted, names))
      if after then return after end
      local status = err.status or 0
      if status >= 200 and status < 300 then answers = answers + 1 end
      return nil, err
    end,
    made = function(at)
      M.learn(search, thing, at.found)
      return done(at.found, at.state.sent)
    end,
    keep = function(at) return done(record, at.state.sent) end,
    words = {
      what = report.sid_of(thing.sid or sid), blind = "",
      no_look = "there was no time to look again",
      said = function(err)
        return ("%s of %s could not be set: %s"):format(
          table.concat(names, ", "), report.sid_of(thing.sid or sid),
          err.message)
      end,
    },
  })
end

return M
