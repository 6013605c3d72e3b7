-- The resources of the API as data: their keys, fields, and JSON shapes.
-- Promises: adding a field is one line here. A resource differs from another
-- in this table only; sandbox.lua walks it.
-- May not know: HTTP, who asks, or which fault is armed.
-- SPDX-License-Identifier: MIT

local checks = require "trunking.sandbox.checks"
local collection = require "trunking.sandbox.collection"
local domains = require "trunking.sandbox.domains"
local wire = require "trunking.sandbox.wire"

local concat = table.concat
local null = wire.null

local function field(form, name, check, default)
  return { form = form, name = name, check = check, default = default }
end

-- A field without a default must be there, and cannot be cleared.
local trunk_fields = {
  field("FriendlyName", "friendly_name", checks.text(64), null),
  field("DomainName", "domain_name", checks.domain, null),
  field("DisasterRecoveryUrl", "disaster_recovery_url", checks.url, null),
  field("DisasterRecoveryMethod", "disaster_recovery_method",
    checks.http_method, null),
  field("TransferMode", "transfer_mode",
    checks.word("disable-all", "enable-all", "sip-only"), "disable-all"),
  field("TransferCallerId", "transfer_caller_id",
    checks.word("from-transferee", "from-transferor"), "from-transferee"),
  field("Secure", "secure", checks.boolean, false),
  field("CnamLookupEnabled", "cnam_lookup_enabled", checks.boolean, false),
}

local origination_url_fields = {
  field("Weight", "weight", checks.integer(0, 65535)),
  field("Priority", "priority", checks.integer(0, 65535)),
  field("Enabled", "enabled", checks.boolean),
  field("FriendlyName", "friendly_name", checks.text(64)),
  field("SipUrl", "sip_url", checks.sip_url),
}

local recording_fields = {
  field("Mode", "mode", checks.word("do-not-record", "record-from-ringing",
    "record-from-answer", "record-from-ringing-dual",
    "record-from-answer-dual"), "do-not-record"),
  field("Trim", "trim", checks.word("trim-silence", "do-not-trim"),
    "do-not-trim"),
}

--- The trunk's list of a sub-resource; made when it is first asked for.
local function items_of(store, trunk, name)
  local items = trunk[name]
  if not items then
    items = collection.new(store.keep)
    trunk[name] = items
  end
  return items
end

local function holds(trunk, name)
  return trunk[name] ~= nil and trunk[name].count > 0
end

local function auth_types(trunk)
  local types = {}
  if holds(trunk, "IpAccessControlLists") then types[1] = "IP_ACL" end
  if holds(trunk, "CredentialLists") then
    types[#types + 1] = "CREDENTIAL_LIST"
  end
  return types
end

local trunk_shape = {
  "sid", "account_sid", "domain_name", "disaster_recovery_method",
  "disaster_recovery_url", "friendly_name", "secure", "cnam_lookup_enabled",
  "recording", "transfer_mode", "transfer_caller_id", "date_created",
  "date_updated",
}

-- The URL comes last because its end differs from trunk to trunk: see
-- wire.object.
local function render_trunk(_, trunk, url)
  local types = auth_types(trunk)
  return wire.object(trunk_shape, trunk, {
    ',"symmetric_rtp_enabled":false,"auth_type":"', concat(types, ","),
    '","auth_type_set":', types[1] and wire.encode(types) or "[]",
    ',"links":{"origination_urls":"', url, '/OriginationUrls"',
    ',"credential_lists":"', url, '/CredentialLists"',
    ',"ip_access_control_lists":"', url, '/IpAccessControlLists"',
    ',"phone_numbers":"', url, '/PhoneNumbers"},"url":"', url, '"',
  })
end

local function domain_taken(store, _, values, trunk)
  local domain = values.domain_name
  if domain and domain ~= null
    and domains.taken(store.domains, domain, trunk and trunk.sid, store.now())
  then return 21248, "Trunk Domain already taken" end
end

-- After a create or update: `before` is the domain it had.
local function enter_trunk(store, trunk, before)
  local after = trunk.domain_name
  if before == after then return end
  if before and before ~= null then domains.free(store.domains, before) end
  if after ~= null then domains.take(store.domains, after, trunk.sid) end
end

local function leave_trunk(store, trunk, evicted)
  local domain, numbers = trunk.domain_name, trunk.PhoneNumbers
  if domain ~= null and evicted then
    domains.free(store.domains, domain)
  elseif domain ~= null then
    domains.retire(store.domains, domain, store.now())
  end
  for sid in pairs(numbers and numbers.by_sid or {}) do
    store.numbers[sid] = nil
  end
end

local origination_url_shape = {
  "sid", "account_sid", "trunk_sid", "weight", "priority", "enabled",
  "friendly_name", "sip_url", "date_created", "date_updated",
}

local attached_shape = {
  "sid", "account_sid", "trunk_sid", "friendly_name", "date_created",
  "date_updated",
}

local function render_as(shape)
  return function(_, record, url)
    return wire.object(shape, record, { ',"url":"', url, '"' })
  end
end

local function render_recording(_, recording)
  return wire.encode(recording)
end

local phone_number_constants = {
  api_version = "2010-04-01", address_requirements = "none", beta = false,
  voice_caller_id_lookup = null, voice_url = null, voice_method = "POST",
  voice_fallback_url = null, voice_fallback_method = null,
  voice_application_sid = "", status_callback = "",
  status_callback_method = "POST", sms_url = "", sms_method = "POST",
  sms_fallback_url = "", sms_fallback_method = "POST",
  sms_application_sid = "",
  capabilities = { voice = true, sms = true, mms = true },
}

-- The account's numbers live in another API: here one is told by its SID.
local function render_phone_number(store, record, url)
  local sid, account = record.sid, store.account_sid
  local digits = ("%07d"):format(tonumber(sid:sub(3, 8), 16) % 10000000)
  local view = {
    sid = sid, account_sid = account, trunk_sid = record.trunk_sid, url = url,
    date_created = record.date_created, date_updated = record.date_updated,
    phone_number = "+1415" .. digits,
    friendly_name = ("(415) %s-%s"):format(digits:sub(1, 3), digits:sub(4)),
    links = { phone_number = "https://api.twilio.com/2010-04-01/Accounts/"
      .. account .. "/IncomingPhoneNumbers/" .. sid },
  }
  for name, value in pairs(phone_number_constants) do view[name] = value end
  return wire.encode(view)
end

local function already_attached(_, items, values)
  if collection.find(items, values.sid) then
    return 21245, "Trunk Validation Error: " .. values.sid
      .. " is already associated with this trunk"
  end
end

-- A number is on one trunk at a time: attaching it moves it.
local function move_number(store, _, values)
  local record = store.numbers[values.sid]
  local trunk = record and collection.find(store.trunks, record.trunk_sid)
  if trunk then collection.remove(trunk.PhoneNumbers, record) end
end

local function name_attached(_, record)
  record.friendly_name = "List " .. record.sid:sub(-8)
end

local function enter_number(store, record)
  store.numbers[record.sid] = record
end

local function leave_number(store, record)
  store.numbers[record.sid] = nil
end

local function nothing() end

local function attached(key, prefix, form)
  return {
    key = key, prefix = prefix, attached = true,
    fields = { field(form, "sid", checks.sid(prefix)) },
    render = render_as(attached_shape),
    admit = already_attached, enter = name_attached, leave = nothing,
  }
end

-- admit(store, items, values, record) answers a code and message, or nothing;
-- enter and leave keep up what else must know of a record.
local resources = {
  Trunks = {
    key = "trunks", prefix = "TK", fields = trunk_fields,
    render = render_trunk, admit = domain_taken,
    enter = enter_trunk, leave = leave_trunk,
  },
  OriginationUrls = {
    key = "origination_urls", prefix = "OU", fields = origination_url_fields,
    render = render_as(origination_url_shape),
    admit = nothing, enter = nothing, leave = nothing,
  },
  CredentialLists =
    attached("credential_lists", "CL", "CredentialListSid"),
  IpAccessControlLists =
    attached("ip_access_control_lists", "AL", "IpAccessControlListSid"),
  PhoneNumbers = {
    key = "phone_numbers", prefix = "PN", attached = true,
    fields = { field("PhoneNumberSid", "sid", checks.sid("PN")) },
    render = render_phone_number,
    admit = move_number, enter = enter_number, leave = leave_number,
  },
  Recording = {
    single = true, fields = recording_fields, render = render_recording,
  },
}

--- Reads a form by a resource's fields: a table of values, or nil and what is
-- wrong. With `creating`, fields that were not sent get their default.
local function read(resource, form, creating)
  local values, fields = {}, resource.fields
  for i = 1, #fields do
    local known, value, why = fields[i]
    local text, default = form[known.form], known.default
    if text and text ~= "" then
      value, why = known.check(text)
      if why then
        return nil, "Invalid parameter " .. known.form .. ": " .. why
      end
      values[known.name] = value
    elseif default == nil and (creating or text) then
      return nil,
        "Missing required parameter " .. known.form .. " in the post body"
    elseif creating or text then
      values[known.name] = default
    end
  end
  return values
end

return { by_name = resources, items_of = items_of, read = read }
