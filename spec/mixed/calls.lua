-- Makes a random call: its name, its arguments, and the key by which the
-- server's ledger knows it. Good and bad, of every operation.
-- A call has kind ("create", "update", "delete", "fetch", "list", "ensure",
-- "bad": refused before it is sent, "wrong": raises), key, name, args and n.
-- SPDX-License-Identifier: MIT

-- The trunk as a caller may give it: its SID, the record, or another table.
local function form_of(random, trunk)
  return random.pick {
    trunk.sid, trunk, { sid = trunk.sid },
    setmetatable({ sid = trunk.sid }, { __index = function()
      error("MARK of a record", 0)
    end }),
  }
end

local function sid_of(random, prefix)
  local digits = {}
  for i = 1, 32 do digits[i] = ("%x"):format(random.upto(16) - 1) end
  return prefix .. table.concat(digits)
end

local attached = {
  { "credential_lists", "CL", "credential_list_sid" },
  { "ip_access_control_lists", "AL", "ip_access_control_list_sid" },
  { "phone_numbers", "PN", "phone_number_sid" },
}

local function create(random, _, key)
  local params = { friendly_name = key, secure = random.chance(0.5) }
  if random.chance(0.3) then params.domain_name = key .. ".pstn.twilio.com" end
  if random.chance(0.3) then params.transfer_mode = "sip-only" end
  if random.chance(0.2) then
    params = { FriendlyName = key, CnamLookupEnabled = true }
  end
  return { kind = "create", key = key, name = "create", args = { params } }
end

local with_trunk = {
  function(random, trunk)
    return { kind = "fetch", key = trunk.sid, name = "fetch",
      args = { form_of(random, trunk) } }
  end,
  function(random, trunk, key)
    return { kind = "update", key = "https://x.example/" .. key,
      name = "update", args = { form_of(random, trunk),
        { disaster_recovery_url = "https://x.example/" .. key } } }
  end,
  function(random, trunk)
    return { kind = "delete", key = trunk.sid, name = "delete",
      args = { form_of(random, trunk) } }
  end,
  function(random, trunk, key)
    return { kind = "create", key = key, name = "origination_urls.create",
      args = { form_of(random, trunk), { friendly_name = key, priority = 1,
        sip_url = "sip:a.example", weight = random.upto(9),
        enabled = random.chance(0.5) } } }
  end,
  function(random, trunk)
    local one = random.pick(attached)
    local sid = sid_of(random, one[2])
    return { kind = "create", key = sid, name = one[1] .. ".create",
      args = { form_of(random, trunk),
        random.chance(0.5) and sid or { [one[3]] = sid } } }
  end,
  function(random, trunk)
    local name = random.pick { "origination_urls", "credential_lists",
      "phone_numbers", "ip_access_control_lists" }
    return { kind = "list", key = "-", name = name .. ".list",
      args = { form_of(random, trunk), { page_size = random.upto(3) } } }
  end,
  function(random, trunk)
    return { kind = "recording", key = "-", name = "recording.fetch",
      args = { form_of(random, trunk) } }
  end,
  function(random, trunk)
    return { kind = "recording", key = "-", name = "recording.update",
      args = { form_of(random, trunk), { trim = "trim-silence" } } }
  end,
  function(random, trunk, key)
    return { kind = "ensure", key = key, name = "origination_urls.ensure",
      is_composed = true,
      args = { trunk.sid, { friendly_name = key, priority = 1, weight = 1,
        sip_url = "sip:" .. key .. ".example", enabled = true },
        { settle = { 0.01, random.upto(3) / 100 }, timeout = 2 } } }
  end,
}

local without = {
  create, create,
  function(random)
    return { kind = "list", key = "-", name = "list",
      args = { random.chance(0.8) and { page_size = random.upto(3) } or nil } }
  end,
  function(random, _, key)
    return { kind = "ensure", key = key, name = "ensure", is_composed = true,
      args = { { friendly_name = key, secure = true,
        domain_name = random.chance(0.7) and key .. ".pstn.twilio.com" or nil },
        { settle = { 0.01, random.upto(3) / 100 }, timeout = 2,
          by = random.chance(0.5) and "friendly_name" or nil } } }
  end,
}

local bad = {
  { "create", { bogus = 1 } }, { "create", { friendly_name = {} } },
  { "create", { friendly_name = "a", FriendlyName = "b" } },
  { "fetch", "TK1" },
  { "update", "TK1", {} }, { "delete", "" }, { "list", { page_sise = 1 } },
  { "origination_urls.create", "TK" .. ("0"):rep(32), {} },
  { "phone_numbers.fetch", "TK" .. ("0"):rep(32), "CL" .. ("0"):rep(32) },
}

local wrong = {
  { "create", 42 }, { "create" }, { "fetch" }, { "fetch", true },
  { "list", "x" }, { "delete", print }, { "update", "TK1" },
  { "phone_numbers.create", "TK1" }, { "recording.update" },
}

local function from(list, kind)
  return function(random)
    local one = random.pick(list)
    return { kind = kind, key = "-", name = one[1],
      args = { one[2], one[3] }, n = #one - 1 }
  end
end

-- A thing of a trunk's that is fetched or deleted.
local function with_thing(random, world)
  local thing = random.pick(world.things)
  local word = random.pick { "fetch", "delete" }
  return { kind = word == "fetch" and "fetch" or "other", key = thing[3],
    name = thing[1] .. "." .. word, args = { thing[2], thing[3] } }
end

local refused, raising = from(bad, "bad"), from(wrong, "wrong")

--- @param random of dice.lua
-- @param world what there is: trunks (records) and things (the resource's name,
--   the trunk, the SID)
-- @param key that no other call of the program has
return function(random, world, key)
  local call
  if random.chance(0.06) then call = refused(random)
  elseif random.chance(0.04) then call = raising(random)
  elseif world.things[1] and random.chance(0.1) then
    call = with_thing(random, world)
  elseif world.trunks[1] and random.chance(0.6) then
    call = random.pick(with_trunk)(random, random.pick(world.trunks), key)
  else
    call = random.pick(without)(random, world, key)
  end
  call.n = call.n or #call.args
  return call
end
