-- Who has which termination domain.
-- Promises: a domain has one owner, whatever the case of its letters; a deleted
-- trunk's domain stays taken for 30 days; the memory of that is bounded.
-- May not know: what a trunk is; the time comes as an argument.
-- SPDX-License-Identifier: MIT

local lower = require "trunking.sandbox.wire".lower

local domains = {}

local COOL_DOWN = 30 * 24 * 3600

--- An empty register that remembers at most `keep` domains of deleted trunks.
function domains.new(keep)
  return {
    keep = keep, owner = {},
    expiry = {}, queue = {}, first = 1, last = 0,
  }
end

--- Whether a domain is another's than `sid`, or cooling down.
function domains.taken(register, domain, sid, now)
  local key = lower(domain)
  local owner, expiry = register.owner[key], register.expiry[key]
  return owner and owner ~= sid or expiry and now < expiry or false
end

--- Gives a domain to a trunk.
function domains.take(register, domain, sid)
  register.owner[lower(domain)] = sid
end

--- Frees a domain at once, as a rename does.
function domains.free(register, domain)
  register.owner[lower(domain)] = nil
end

-- Oldest first: what has cooled down, and what is more than we may remember.
local function forget(register, now)
  local queue, expiry = register.queue, register.expiry
  while register.first <= register.last do
    local key = queue[register.first]
    local held = register.last - register.first + 1
    if (expiry[key] or 0) > now and held < register.keep then return end
    expiry[key], queue[register.first] = nil, nil
    register.first = register.first + 1
  end
end

--- Frees a domain after the cool-down, as a delete does.
function domains.retire(register, domain, now)
  local key = lower(domain)
  forget(register, now)
  register.owner[key] = nil
  register.last = register.last + 1
  register.queue[register.last] = key
  register.expiry[key] = now + COOL_DOWN
end

return domains
