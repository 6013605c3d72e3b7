-- Looking for what a lost reply left open: whole lists, time to settle, one
-- deadline. What ensure and reconcile share; it changes nothing on the server.
-- Promises: a list with a page that failed is void, not empty; never later
-- than its deadline, but for a call that was already on its way.
-- May not know: what is looked for.
-- SPDX-License-Identifier: MIT

local errors = require "trunking.error"
local pages = require "trunking.pages"
local suggest = require "trunking.suggest"

local M = {}

local TIMEOUT = 60           -- seconds for all of it
local SETTLE = { 1, 2, 4, 8 } -- seconds to wait before each look
local MOST_STEPS = 64
local PAGE_SIZE = 200

-- ---- arguments --------------------------------------------------------

--- Raises at the line of who called the client's function.
-- @param depth how many of our functions the caller of this is below it: 1
function M.bad_argument(depth, n, name, expected, value)
  error(("bad argument #%d to '%s' (%s expected, got %s)"):format(n, name,
    expected, type(value)), depth + 3)
end

function M.invalid(operation, field, message, ...)
  return errors.new { kind = "invalid", outcome = "not_sent",
    operation = operation, field = field,
    message = select("#", ...) > 0 and message:format(...) or message }
end

local function is_seconds(value)
  return type(value) == "number" and value >= 0 and value <= 86400
end

-- A list of steps, or a total, which is shared out as the default's steps are.
local function steps_of(settle)
  if settle == nil then return SETTLE end
  local steps = {}
  if is_seconds(settle) then
    for i, step in ipairs(SETTLE) do steps[i] = settle * step / 15 end
    return steps
  elseif type(settle) ~= "table" or #settle > MOST_STEPS then
    return nil
  end
  for i, step in ipairs(settle) do
    if not is_seconds(step) then return nil end
    steps[i] = step
  end
  return steps[1] and steps or { 0 }
end

local checks = {
  settle = { function(value) return steps_of(value) ~= nil end,
    "seconds, or a list of at most 64 of them" },
  timeout = { function(value) return is_seconds(value) and value > 0 end,
    "seconds, up to 86400" },
  page_size = { function(value)
    return type(value) == "number" and value >= 1 and value <= 1000
      and value % 1 == 0
  end, "a whole number from 1 to 1000" },
  by = { function(value)
    return value == "domain_name" or value == "sid" or value == "friendly_name"
  end, "'domain_name', 'sid' or 'friendly_name'" },
  move = { function(value) return type(value) == "boolean" end,
    "true or false" },
}

local function check_options(operation, options, known)
  for name, value in pairs(options) do
    local check = type(name) == "string" and checks[name]
    if not check or not known[name] then
      local names = {}
      for other in pairs(known) do names[#names + 1] = other end
      table.sort(names)
      local meant = suggest(name, names)
      return M.invalid(operation, tostring(name), "unknown option '%s'; %s",
        tostring(name), meant and ("did you mean '%s'?"):format(meant)
          or "known are " .. table.concat(names, ", "))
    elseif not check[1](value) then
      return M.invalid(operation, name, "option %s must be %s", name, check[2])
    end
  end
end

-- ---- a search ---------------------------------------------------------

local search = {}
search.__index = search

--- A search: the time it has, and how it waits.
-- @param own what trunking gives its own files: see trunking.init
-- @param operation its name, for errors
-- @param options of the caller, or nil
-- @param known set of the options there are
-- @return a search, or nil and an error of kind "invalid"
function M.new(own, operation, options, known)
  options = options or {}
  local err = check_options(operation, options, known)
  if err then return nil, err end
  return setmetatable({
    own = own, client = own.client, operation = operation, options = options,
    steps = steps_of(options.settle),
    deadline = own.clock() + (options.timeout or TIMEOUT),
    page_size = options.page_size or PAGE_SIZE,
  }, search)
end

--- Seconds until the deadline.
function search:left()
  return self.deadline - self.own.clock()
end

--- Waits, but not beyond the deadline. Whether there is time left.
function search:pause(seconds)
  local left = self:left()
  if left <= 0 then return false end
  if not self.own.pause(math.min(seconds, left)) then return false end
  return self:left() > 0
end

--- An error of this search from another's.
function search:error(err, fields)
  fields.operation = self.operation
  return errors.with(err, fields)
end

local function void(operation, what, why)
  return nil, errors.new { kind = "reply", outcome = "unknown",
    operation = operation, message = ("the list of %s %s"):format(what, why) }
end

--- Walks a whole list.
-- @param list an operation's function
-- @param what its name, for errors: "trunks"
-- @param parent the trunk's SID, for the lists of a trunk
-- @param visit function(record); the walk ends with what it gives, unless nil
-- @return what visit gave, or true; or nil and an error, and then what was
--   visited says nothing of what was not
function search:walk(list, what, parent, visit)
  local more = pages.chain(list, self.operation,
    { page_size = self.page_size }, parent)
  local page, err = more()
  while page do
    for _, record in ipairs(page) do
      if type(record) ~= "table" or type(record.sid) ~= "string" then
        return void(self.operation, what, "has no SIDs in it")
      end
      local result, why = visit(record)
      if result ~= nil or why ~= nil then return result, why end
    end
    if page.meta.next_page_url ~= nil and self:left() <= 0 then
      return void(self.operation, what, "is too long for the time there was")
    end
    page, err = more()
  end
  if err then return nil, err end
  return true
end

-- What may have passed a second later. (A server that cannot be reached is
-- told at once: nothing was sent, and the caller may call again.)
local passing = { network = true, timeout = true, server = true, reply = true,
  rate_limit = true }

--- Whether an error may be gone a second later.
function M.may_pass(err)
  return passing[err.kind] == true
end

--- Waits for look number i: as the steps say, and from the last one on twice as
-- long each time up to a second, or as long as that step. Whether there is
-- time left for it; steps of nothing have an end.
function search:wait_for(i)
  local steps = self.steps
  if i <= #steps then return self:pause(steps[i]) end
  local last = steps[#steps]
  return last > 0
    and self:pause(math.max(last, math.min(1, last * 2 ^ (i - #steps))))
end

--- Does what `ask` does until it succeeds, fails for good, or time is up.
-- @param ask function() -> a value, or nil and an error
function search:patiently(ask)
  local value, err = ask()
  local i = 1
  while value == nil and passing[err.kind] and self:wait_for(i) do
    value, err = ask()
    i = i + 1
  end
  return value, err
end

--- Looks after each step, until there is something to see; goes on after the
-- last step while nothing can be seen and there is time.
-- @param ask function() -> a value; false: nothing there; nil and an error
-- @param most steps, when not all
-- @return the value; false: nothing was there the last time it could be seen;
--   nil and an error: it could not be seen once
function search:settle(ask, most)
  most = math.min(most or #self.steps, #self.steps)
  local last, err, value, why
  local i = 1
  while (i <= most or value == nil and passing[why.kind])
    and self:wait_for(i) do
    value, why = ask()
    if value then return value end
    if value == false then last = false else err = why end
    if why and why.kind == "auth" then break end
    i = i + 1
  end
  if last == false then return false end
  return nil, err
end

return M
