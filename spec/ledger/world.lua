-- What the ledger test's programs share: the client they use, the faults of
-- the server, the policies, and how long to settle.
-- SPDX-License-Identifier: MIT

local trunking = require "trunking"

local world = {}

-- Settling is scaled down to the server's own lags, all of which end before
-- the last look: 0.02 .. 0.25 s. No search may end for want of time: on a
-- machine that was starved some did, and were "unknown".
world.options = { settle = { 0.03, 0.06, 0.12, 0.24 }, timeout = 600,
  page_size = 1000 }
world.named = { settle = world.options.settle, timeout = 600,
  page_size = 1000, by = "friendly_name" }
-- For what is older than all lags.
world.settled = { settle = { 0.01, 0.02 }, page_size = 1000 }
world.LAST = 0.5 -- seconds after which nothing happens by itself any more

function world.client(more)
  local options = {
    base_url = os.getenv "TRUNKING_SANDBOX",
    ca_file = os.getenv "TRUNKING_SANDBOX_CA",
    account_sid = os.getenv "TRUNKING_SANDBOX_ACCOUNT_SID",
    auth_token = os.getenv "TRUNKING_SANDBOX_AUTH_TOKEN",
    timeout = 1, -- a machine may be busy
  }
  for name, value in pairs(more or {}) do options[name] = value end
  return assert(trunking.new(options))
end

-- Of a request that changes something, and of any.
local writes = {
  { close = true }, { close = true, apply = true },
  { reset = true }, { reset = true, apply = true },
  { close = true, late = 0.05 }, { reset = true, late = 0.15 },
  { status = 503, late = 0.25 }, { status = 500 },
  { status = 500, apply = true }, { status = 502, apply = true },
  { status = 408, apply = true }, { status = 200, apply = true },
  { status = 429, headers = { ["Retry-After"] = "0" } },
  { cut = 40, apply = true }, { cut_headers = true, apply = true },
  { body = "<html>Created", apply = true }, { body = "", apply = true },
  { garbage = true }, { garbage = true, apply = true },
  { raw = "HTTP/1.1 20" }, { delay = 0.1, apply = true },
  { delay = 1.5, apply = true }, -- longer than a client waits
  { again = 0, apply = true }, { again = 0.001, apply = true },
  { again = 0.002, apply = true }, { again = 0.01, apply = true },
}
local reads = {
  { close = true }, { reset = true }, { status = 500 }, { status = 503 },
  { status = 429, headers = { ["Retry-After"] = "0" } },
  { cut = 300, apply = true }, { cut_headers = true, apply = true },
  { body = "<html>", apply = true }, { garbage = true },
  { stale = 0.02 }, { stale = 0.08 }, { stale = 0.15 },
  { delay = 0.1, apply = true }, { stale = 0.1, delay = 0.05 },
  { again = 0, apply = true }, { again = 0.002, apply = true },
}

-- Each gets an equal share of half of all requests of its method.
local function share(faults, method, all)
  local left = 1
  for _, fault in ipairs(faults) do
    local own = { method = method, times = 1e9,
      chance = 0.5 / #faults / left }
    for name, value in pairs(fault) do own[name] = value end
    left = left - 0.5 / #faults
    all[#all + 1] = own
  end
end

--- The faults to arm.
function world.faults()
  local all = {}
  share(writes, "POST", all)
  share(reads, "GET", all)
  return all
end

-- ---- policies: number -> a line of the account it gives ----------------

local policies = {}

local function verdict(trunk, what)
  if trunk then return "yes " .. trunk.sid .. " " .. what end
  local outcome = what.outcome
  if outcome == "applied" then outcome = "unknown" end
  return (outcome == "unknown" and "maybe - " or "no - ") .. tostring(what)
end

-- With a domain name.
function policies.domain(client, name)
  return verdict(client.ensure({ friendly_name = name, secure = true,
    domain_name = name .. ".pstn.twilio.com" }, world.options))
end

-- Without: by a name that only we know to be unique.
function policies.name(client, name)
  return verdict(client.ensure({ friendly_name = name, secure = true },
    world.named))
end

-- What a create gave, or else what reconcile finds.
local function settled(client, trunk, err)
  if not trunk and err.intent then
    local found, how = client.reconcile(err.intent, world.options)
    if found then return verdict(found, how) end
  end
  return verdict(trunk, trunk and "created" or err)
end

-- create, and reconcile where it leaves something open.
function policies.create(client, name)
  return settled(client,
    client.create { friendly_name = name, secure = true })
end

-- The same with jobs: how one begins, and what is made of it.
local jobs = {}

function jobs.jobs(client, name)
  return assert(client.async.create { friendly_name = name, secure = true })
end

function policies.jobs(client, job)
  return settled(client, job:wait())
end

-- What must not be done: again, on any failure.
function policies.careless(client, name)
  local trunk, err
  for _ = 1, 4 do
    trunk, err = client.create { friendly_name = name, secure = true }
    if trunk then break end
  end
  return verdict(trunk, trunk and "created" or err)
end

world.policies, world.jobs = policies, jobs

return world
