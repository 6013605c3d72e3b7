-- Sets up a working trunk:
--
--   provision.lua [--move] DOMAIN CREDENTIAL_LIST PHONE_NUMBER SIP_URL \
--     BACKUP_SIP_URL
--
-- Who has a password of the credential list (CL...) can call out through
-- DOMAIN; calls to the phone number (PN...) go to SIP_URL, or to
-- BACKUP_SIP_URL when that does not answer; all calls are recorded. A number
-- that another trunk has is taken from it only with --move.
--
-- Each step looks first, and does what is lacking. So it can be run again:
-- after a step that failed it goes on from there, and where all is set up it
-- changes nothing. It never deletes. Exits with 0 when all is set up, 1 when a
-- step failed, 2 for a wrong call, and 3 when nobody knows whether a step was
-- done: then, too, run it again.
--
-- Credentials come from the environment. With those of the sandbox (make
-- sandbox prints them) it needs no arguments; with Twilio's it makes a real
-- trunk.

local trunking = require "trunking"

local USAGE = "usage: provision.lua [--move] DOMAIN CREDENTIAL_LIST "
  .. "PHONE_NUMBER SIP_URL BACKUP_SIP_URL"

-- Name, pattern, and what the sandbox gets. Checked before anything is made: a
-- failure later leaves half a trunk.
local hex = ("%x"):rep(32)
local parameters = {
  { "DOMAIN", "^[%w.-]+%.pstn%.twilio%.com$", "office.pstn.twilio.com" },
  { "CREDENTIAL_LIST", "^CL" .. hex .. "$", "CL" .. ("c1"):rep(16) },
  { "PHONE_NUMBER", "^PN" .. hex .. "$", "PN" .. ("f1"):rep(16) },
  { "SIP_URL", "^sip:%S+$", "sip:sbc1.example.com" },
  { "BACKUP_SIP_URL", "^sip:%S+$", "sip:sbc2.example.com" },
}

local function complain(message, ...)
  io.stderr:write("provision: ", message:format(...), "\n")
end

local function read_words()
  local words, move = {}, false
  for _, word in ipairs(arg) do
    if word == "--help" then
      print(USAGE)
      os.exit(0, true)
    elseif word == "--move" then
      move = true
    else
      words[#words + 1] = word
    end
  end
  return words, move
end

local function read_arguments()
  local words, move = read_words()
  local want, wrong = { move = move }, #words > #parameters
  local practice = #words == 0 and os.getenv "TRUNKING_SANDBOX"
    and os.getenv "TRUNKING_SANDBOX" == os.getenv "TRUNKING_BASE_URL"
  for i, parameter in ipairs(parameters) do
    local name, pattern = parameter[1], parameter[2]
    local value = words[i] or practice and parameter[3] or ""
    if not value:find(pattern) then
      wrong = true
      if words[i] then complain("'%s' cannot be the %s", value, name) end
    end
    want[name] = value
  end
  if want.SIP_URL ~= "" and want.SIP_URL == want.BACKUP_SIP_URL then
    wrong = true
    complain "the two SIP URLs are the same"
  end
  if not wrong then return want end
  complain("%s", USAGE)
  os.exit(2, true)
end

-- One step: says what was done, or raises why not.
local step_name
local function step(name, call, ...)
  step_name = name
  local record, what = call(...)
  if not record then error(what, 0) end
  print(("done: %s %s (%s)"):format(name, record.sid or record.mode, what))
  return record
end

local function ensure_recording(sid, mode)
  local now, err = trunking.recording.fetch(sid)
  if not now then return nil, err end
  if now.mode == mode then return now, "unchanged" end
  now, err = trunking.recording.update(sid, { mode = mode })
  return now, now and "updated" or err
end

local function set_up(want)
  local sid = step("trunk", trunking.ensure, {
    friendly_name = want.DOMAIN:match "^[^.]+", domain_name = want.DOMAIN,
  }).sid
  local urls = trunking.origination_urls
  step("origination URL", urls.ensure, sid, {
    friendly_name = "Main", sip_url = want.SIP_URL,
    priority = 10, weight = 10, enabled = true,
  })
  step("backup origination URL", urls.ensure, sid, {
    friendly_name = "Backup", sip_url = want.BACKUP_SIP_URL,
    priority = 20, weight = 10, enabled = true,
  })
  step("credential list", trunking.credential_lists.ensure, sid,
    want.CREDENTIAL_LIST)
  local recording = step("recording", ensure_recording, sid,
    trunking.recording_mode.RECORD_FROM_ANSWER)
  local number = step("phone number", trunking.phone_numbers.ensure, sid,
    want.PHONE_NUMBER, { move = want.move })
  return sid, number, recording
end

-- The exit status, after a step that failed. Any other error than the module's
-- is Ctrl-C, which may come at any time.
local function give_up(err)
  complain("%s: %s", step_name or "start", tostring(err))
  if type(err) == "table" and err.kind == "config" then return 2 end
  complain "nothing was deleted; run this again, and it goes on from there"
  local certain = type(err) == "table"
    and (err.outcome == "not_sent" or err.outcome == "refused")
  return certain and 1 or 3
end

io.stdout:setvbuf "line"
local want = read_arguments()
local ok, sid, number, recording = pcall(set_up, want)
if not ok then os.exit(give_up(sid), true) end
print(("\n%s is set up"):format(sid))
print(("  calls out: through %s, by who is in %s"):format(want.DOMAIN,
  want.CREDENTIAL_LIST))
print(("  calls in:  %s to %s, else to %s"):format(
  number.phone_number or want.PHONE_NUMBER, want.SIP_URL,
  want.BACKUP_SIP_URL))
print("  recording: " .. recording.mode)
