-- The faults that are armed, and which request gets which.
-- Promises: a list of faults is a script: the first that fits a request owns it
-- (lets it pass while `skip` lasts), so {skip = 1, reset = true} and then
-- {status = 503} read: one good reply, one reset, one 503, then good again. A
-- fault with a `chance` lets a request go on to the next one, or hits it.
-- May not know: the store, or how a fault is performed on a wire.
-- SPDX-License-Identifier: MIT

local faults = {}

-- `late` seconds after its reply, a request that was kept from taking effect
-- takes effect after all; a `stale` list is as it was so many seconds ago. A
-- reply on `hold` waits until the server is told to release it. A reply that
-- comes `again` is sent a second time, so many seconds later. With `tidy` the
-- server stores names without blanks at their ends, and SIP hosts in small
-- letters.
-- Every field a fault may have. A misspelt one would pass for "no fault" and
-- make the test that armed it lie.
local types = {
  name = "string", times = "number", skip = "number",
  method = "string", path = "string",
  apply = "boolean", status = "number", headers = "table", body = "string",
  delay = "number", hold = "boolean", close = "boolean", reset = "boolean",
  cut = "number", cut_headers = "boolean", raw = "string", garbage = "boolean",
  early = "boolean", chunked = "boolean", unasked = "string",
  late = "number", stale = "number", chance = "number",
  again = "number", tidy = "boolean",
}

-- What a fault without a name is called in the ledger: the first it has.
local names = {
  "late", "stale", "again", "reset", "close", "raw", "garbage",
  "cut_headers", "cut", "early", "chunked", "status", "hold", "delay", "tidy",
  "apply",
}

local function name_of(fault)
  for _, name in ipairs(names) do
    if fault[name] then return name end
  end
  return "status"
end

local function copy(fault)
  if type(fault) ~= "table" then error("a fault must be a table", 0) end
  local own = {}
  for field, value in pairs(fault) do
    if not types[field] then
      error("a fault has no field '" .. tostring(field) .. "'", 0)
    elseif type(value) ~= types[field] then
      error("a fault's " .. field .. " must be a " .. types[field], 0)
    end
    own[field] = value
  end
  own.name = own.name or name_of(own)
  own.times, own.skip = own.times or 1, own.skip or 0
  if (own.stale or own.tidy) and own.apply == nil then own.apply = true end
  if own.late and own.apply then
    error("a fault that is late cannot apply at once", 0)
  end
  return own
end

--- Adds faults behind those armed already. Takes a list, or one fault; raises
-- on a field it does not know, and then arms none of them.
function faults.arm(armed, list)
  if list[1] == nil and next(list) ~= nil then list = { list } end
  local checked = {}
  for i, fault in ipairs(list) do checked[i] = copy(fault) end
  for _, fault in ipairs(checked) do armed[#armed + 1] = fault end
end

local function fits(fault, method, path)
  return (not fault.method or fault.method == method)
    and (not fault.path or path:sub(1, #fault.path) == fault.path)
end

--- The fault this request gets, or nil; counts it as used.
-- @param draw function(store) -> a number in [0, 1), for faults with a chance
function faults.take(armed, method, path, draw, store)
  for i, fault in ipairs(armed) do
    if fits(fault, method, path)
      and (not fault.chance or draw(store) < fault.chance) then
      if fault.skip > 0 then
        fault.skip = fault.skip - 1
        return nil
      end
      fault.times = fault.times - 1
      if fault.times <= 0 then table.remove(armed, i) end
      return fault
    end
  end
end

return faults
