-- look: what ensure and reconcile share: their options, whole lists, waiting
-- for a list that lags, one deadline. It changes nothing on the server.
-- Promises: a list of which a page failed is an error, never an empty list;
-- nothing begins after the deadline.
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

--- Raises, at the line that called the client's function.
-- @param depth 1 in a function that trunking.init calls, 2 in one that such a
--   function calls
function M.bad_argument(depth, n, name, expected, value)
  error(("bad argument #%d to '%s' (%s expected, got %s)"):format(n, name,
    expected, type(value)), depth + 3)
end

--- Raises there, unless the first argument is a table, and the second one or
-- nil.
function M.check_tables(name, first, options)
  if type(first) ~= "table" then
    M.bad_argument(2, 1, name, "table", first)
  elseif options ~= nil and type(options) ~= "table" then
    M.bad_argument(2, 2, name, "table", options)
  end
end

function M.invalid(operation, field, message, ...)
  return errors.new { kind = "invalid", outcome = "not_sent",
    operation = operation, field = field,
    message = select("#", ...) > 0 and message:format(...) or message }
end

local function is_seconds(value)
  return type(value) == "number" and value >= 0 and value <= 86400
end

-- The steps of the option settle: a list of seconds as it is; or a total,
-- shared out like the default steps; or nil where it is neither.
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
    own = own, operation = operation, options = options,
    steps = steps_of(options.settle),
    deadline = own.clock() + (options.timeout or TIMEOUT),
    page_size = options.page_size or PAGE_SIZE,
  }, search)
end

--- Seconds until the deadline.
function search:left()
  if self.own.cancelled then return 0 end
  return self.deadline - self.own.clock()
end

--- Calls an operation, which takes no longer than there is time.
-- @param name "create", "origination_urls.list"
-- @return what it gives
function search:call(name, ...)
  local left = self:left()
  if left > 0 then return self.own.within(name, left, ...) end
  return nil, errors.new { kind = self.own.cancelled and "cancelled"
    or "timeout", outcome = "not_sent", operation = name,
    message = self.own.cancelled and "the call was cancelled"
      or "there was no time left; give a longer timeout" }
end

--- The account that this client is of, in words for errors.
function search:account()
  local ok, now = self.own.pause(0)
  return ok and now.account_sid and "the account " .. now.account_sid
    or "this account"
end

--- Waits, but not beyond the deadline.
-- @return whether there is time left
function search:pause(seconds)
  local left = self:left()
  if left <= 0 then return false end
  if not self.own.pause(math.min(seconds, left)) then return false end
  return self:left() > 0
end

-- The server's time now, or nil.
local function server_time(self)
  local ok, now = self.own.pause(0)
  return ok and now.since or nil
end

--- When the create of an intent began, by the server's clock. Where no reply
-- had told it yet, one that comes later does, in the same process: so much time
-- has passed since.
-- @return seconds since 1970, no later than it was; or nil: not known
function search:since(intent)
  local began = intent.since == nil and errors.began[intent]
  if not began then return intent.since end
  local now = server_time(self)
  if not now then
    self:call("list", { page_size = 1 })
    now = server_time(self)
  end
  return now and math.floor(now - (self.own.clock() - began))
end

--- A copy of an error, under this search's name and with other fields.
function search:error(err, fields)
  fields.operation = self.operation
  return errors.with(err, fields)
end

local function bad_list(operation, what, why)
  return nil, errors.new { kind = "reply", outcome = "unknown",
    operation = operation, message = ("the list of %s %s"):format(what, why) }
end

--- Walks a whole list.
-- @param list the operation's name: "list"
-- @param what is in it, for errors: "trunks"
-- @param parent the trunk's SID, for the lists of a trunk
-- @param visit function(record); a value, or nil and an error, ends the walk
-- @return that value; true after the whole list; or nil and an error: then
--   not every record was visited
function search:walk(list, what, parent, visit)
  local function first(...) return self:call(list, ...) end
  local more = pages.chain(first, self.operation,
    { page_size = self.page_size }, parent,
    function() return math.max(1 / 1000, self:left()) end)
  local page, err = more()
  while page do
    for _, record in ipairs(page) do
      if type(record) ~= "table" or type(record.sid) ~= "string" then
        return bad_list(self.operation, what, "has no SIDs in it")
      end
      local result, why = visit(record)
      if result ~= nil or why ~= nil then return result, why end
    end
    if page.meta.next_page_url ~= nil and self:left() <= 0 then
      return bad_list(self.operation, what,
        "is too long for the time there was")
    end
    page, err = more()
  end
  if err then return nil, err end
  return true
end

-- The kinds of errors that may be gone a second later. A server that cannot be
-- reached is not among them: nothing was sent, and the caller may call again.
local passing = { network = true, timeout = true, server = true, reply = true,
  rate_limit = true }

--- Whether an error is of such a kind.
function M.may_pass(err)
  return passing[err.kind] == true
end

--- Waits for look number i as long as that step is. After the last step the
-- wait doubles each time, up to a second; a last step that is longer stays as
-- it is, and after a last step of 0 there are no more looks.
-- @return whether there is time left for the look
function search:wait_for(i)
  local steps = self.steps
  if i <= #steps then return self:pause(steps[i]) end
  local last = steps[#steps]
  return last > 0
    and self:pause(math.max(last, math.min(1, last * 2 ^ (i - #steps))))
end

--- Calls `ask` until it succeeds, fails for good, or time is up.
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

--- Calls `ask` after each step until it gives a value. While looks fail and
-- there is time, it goes on after the last step.
-- @param ask function() -> a value; false: nothing there; nil and an error
-- @param most how many steps, if not all
-- @return the value; or false: the last look that succeeded showed nothing; or
--   nil and an error: no look succeeded
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
