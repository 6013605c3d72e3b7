-- Sets up a working trunk from nothing:
--
--   provision.lua DOMAIN CREDENTIAL_LIST PHONE_NUMBER SIP_URL BACKUP_SIP_URL
--
-- Who has a password of the credential list (CL...) can call out through
-- DOMAIN; calls to the phone number (PN...) go to SIP_URL, or to
-- BACKUP_SIP_URL when that does not answer; all calls are recorded.
--
-- When a step fails, the new trunk is deleted again, but nothing is ever
-- deleted or repeated on a guess. Exits with 0 when all is set up, 1 when it
-- failed and nothing is left, 2 for a wrong call, and 3 when something is
-- left, or may be: the last lines say what.
--
-- With TRUNKING_SANDBOX set (make sandbox prints the lines) it talks to the
-- sandbox and needs no arguments; else to Twilio with the credentials of the
-- environment, where it makes a real trunk and moves a real number to it.

local trunking = require "trunking"

local sandbox = os.getenv "TRUNKING_SANDBOX"
local hex = ("%x"):rep(32)

-- Name, pattern, and what the sandbox gets. Checked before anything is made: a
-- failure later costs the domain name, which stays reserved for up to 30 days.
local parameters = {
  { "DOMAIN", "^[%w.-]+%.pstn%.twilio%.com$",
    ("office-%d.pstn.twilio.com"):format(os.time()) },
  { "CREDENTIAL_LIST", "^CL" .. hex .. "$", "CL" .. ("c1"):rep(16) },
  { "PHONE_NUMBER", "^PN" .. hex .. "$", "PN" .. ("f1"):rep(16) },
  { "SIP_URL", "^sip:%S+$", "sip:sbc1.example.com" },
  { "BACKUP_SIP_URL", "^sip:%S+$", "sip:sbc2.example.com" },
}

local function complain(message, ...)
  io.stderr:write("provision: ", message:format(...), "\n")
end

local function read_arguments()
  local want, names, wrong = {}, {}, #arg > #parameters
  for i, parameter in ipairs(parameters) do
    local name, pattern, practice = parameter[1], parameter[2], parameter[3]
    local value = arg[i] or sandbox and #arg == 0 and practice or ""
    if not value:find(pattern) then
      wrong = true
      if arg[i] then complain("'%s' cannot be the %s", value, name) end
    end
    want[name], names[i] = value, name
  end
  if not wrong then return want end
  complain("usage: provision.lua %s", table.concat(names, " "))
  os.exit(2, true)
end

local function connect()
  local client, err = trunking.new(sandbox and {
    base_url = sandbox,
    ca_file = os.getenv "TRUNKING_SANDBOX_CA",
    account_sid = os.getenv "TRUNKING_SANDBOX_ACCOUNT_SID",
    auth_token = os.getenv "TRUNKING_SANDBOX_AUTH_TOKEN",
  } or {})
  if client then return client end
  complain("%s", tostring(err))
  os.exit(2, true)
end

-- Whether a request is known to have changed nothing. Any other error than the
-- module's is Ctrl-C, which may come at any time.
local function changed_nothing(err)
  return type(err) == "table"
    and (err.outcome == "not_sent" or err.outcome == "refused")
end

-- One step: says what it made and notes it in `made`, or raises why not.
local function step(made, what, call, ...)
  made.step = what
  local record, err = call(...)
  if not record then error(err, 0) end
  made[what] = record
  made[#made + 1] = what .. " " .. (record.sid or record.mode)
  print("done: " .. made[#made])
  return record
end

-- A number leaves the trunk it was on, and nothing tells us which that was. So
-- this step is not given up while it may have been done: we look.
local function attach_number(client, trunk_sid, sid)
  local number, err = client.phone_numbers.create(trunk_sid, sid)
  if number or changed_nothing(err) then return number, err end
  return (client.phone_numbers.fetch(trunk_sid, sid)), err
end

-- The number comes last: all else can be undone.
local function set_up(client, want, made)
  local sid = step(made, "trunk", client.create, {
    friendly_name = want.DOMAIN:match "^[^.]+", domain_name = want.DOMAIN,
  }).sid
  step(made, "origination URL", client.origination_urls.create, sid, {
    friendly_name = "Main", sip_url = want.SIP_URL,
    priority = 10, weight = 10, enabled = true,
  })
  step(made, "backup origination URL", client.origination_urls.create, sid, {
    friendly_name = "Backup", sip_url = want.BACKUP_SIP_URL,
    priority = 20, weight = 10, enabled = true,
  })
  step(made, "credential list", client.credential_lists.create, sid,
    want.CREDENTIAL_LIST)
  step(made, "recording", client.recording.update, sid,
    { mode = trunking.recording_mode.RECORD_FROM_ANSWER })
  step(made, "phone number", attach_number, client, sid, want.PHONE_NUMBER)
end

-- Nobody knows the SID of the trunk, or whether there is one. A domain name
-- is unique, so the list of trunks can tell; but the user decides.
local function look_for(client, domain)
  local found = false
  complain("nothing is deleted or repeated; looking for %s in the list",
    domain)
  local whole, why = pcall(function()
    for trunk in client.each { page_size = 1000 } do
      if (trunk.domain_name or ""):lower() == domain:lower() then
        found = true
        complain("%s has it, created %s: go on with it or delete it, if it "
          .. "is the one", trunk.sid, tostring(trunk.date_created))
      end
    end
  end)
  if not whole then complain("the list ended early: %s", tostring(why)) end
  if not found then
    complain("not found, but it may yet appear: look again later, with "
      .. "list_trunks.lua, before you repeat this")
  end
end

-- Deleting the trunk is enough: its URLs and settings go with it, the list and
-- the number are let go. No guess: its SID came in reply to our own create.
local function undo(client, made, err)
  complain("deleting %s", made.trunk.sid)
  local deleted, why = client.delete(made.trunk.sid)
  if deleted or why.kind == "not_found" then
    complain("nothing is left, but the domain name of a deleted trunk stays "
      .. "reserved for up to 30 days")
    return true
  end
  complain("the clean-up failed: %s", tostring(why))
  complain(changed_nothing(why) and "left:" or "perhaps left:")
  for _, line in ipairs(made) do complain("  %s", line) end
  if not changed_nothing(err) then complain("  perhaps: %s", made.step) end
end

-- The exit status, after a step that failed.
local function give_up(client, want, made, err)
  local certain = changed_nothing(err)
  complain("%s: %s", made.step, tostring(err))
  if not made.trunk then
    if certain then return 1 end
    look_for(client, want.DOMAIN)
    return 3
  end
  local undone = undo(client, made, err)
  if made.step == "phone number" and not certain then
    complain("%s may have been moved here: if it was on another trunk, "
      .. "attach it there again", want.PHONE_NUMBER)
    return 3
  end
  return undone and 1 or 3
end

io.stdout:setvbuf "line"
local want, client, made = read_arguments(), connect(), {}
local ok, err = pcall(set_up, client, want, made)
if not ok then os.exit(give_up(client, want, made, err), true) end
print(("\n%s is set up"):format(made.trunk.sid))
print(("  calls out: through %s, by who is in %s"):format(want.DOMAIN,
  want.CREDENTIAL_LIST))
print(("  calls in:  %s to %s, else to %s"):format(
  made["phone number"].phone_number or want.PHONE_NUMBER, want.SIP_URL,
  want.BACKUP_SIP_URL))
print("  recording: " .. made.recording.mode)
client.close()
