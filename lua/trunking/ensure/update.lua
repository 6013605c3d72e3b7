-- update: brings a record up to what is wanted.
-- Promises: sends no more than what differs. An update may be sent again: it
-- sets values. After one that was lost it looks first, and then sends what
-- still differs.
-- SPDX-License-Identifier: MIT

local intents = require "trunking.ensure.intent"
local run = require "trunking.ensure.run"

local function subset(params, names)
  local out = {}
  for _, name in ipairs(names) do out[name] = params[name] end
  return out
end

--- Updates a record where it differs from what is wanted.
-- @param thing wanted, fields, update(sid, params), fetch(sid)
-- @param record as it is
-- @param what is told of it: "unchanged" (it becomes "updated" when something
--   is sent) or "adopted"
-- @return the record and what was done; or nil and an error
return function(search, thing, record, what)
  local sid, step = record.sid, 0
  local names = intents.differences(thing.wanted, record, thing.fields)

  local function fetch()
    local seen, err = thing.fetch(sid)
    if not seen then return nil, err end
    record = seen
    names = intents.differences(thing.wanted, seen, thing.fields)
    return not names and seen
  end

  -- One look after each update, each after the next step.
  local function look()
    step = step % #search.steps + 1
    if not search:pause(search.steps[step]) then return nil end
    return search:patiently(fetch)
  end

  local function done(of, sent)
    if what == "unchanged" and sent > 0 then return of, "updated" end
    return of, what
  end

  return run(search, {
    again = "if_absent",
    seen = names and "absent" or "there",
    look = look,
    send = function()
      return thing.update(sid, subset(thing.wanted, names))
    end,
    made = function(at) return done(at.found, at.state.sent) end,
    keep = function(at) return done(record, at.state.sent) end,
    words = {
      blind = "", no_look = "there was no time to look again",
      said = function(err)
        return ("%s of %s: %s"):format(table.concat(names, ", "), sid,
          err.message)
      end,
    },
  })
end
