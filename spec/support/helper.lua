-- What the specs of the client share: clients of the sandbox, what it
-- received, and child interpreters. Start them under spec/support/sandbox/run.
-- SPDX-License-Identifier: MIT

local assert = require "luassert"
local control = require "sandbox.control"
local core = require "trunking.core"
local cjson = require("cjson").new()
local socket = require "socket"
local trunking = require "trunking"

local helper = { transports = { "plain HTTP", "TLS" } }

--- A bound in seconds that nothing reaches but what hangs.
helper.HANG = 120

--- The TLS library beneath libcurl, "OpenSSL" or "GnuTLS": what it says of a
-- fault, it says in its own words.
helper.tls_library = core.tls:match "^%a+"

local origins = {
  ["plain HTTP"] = "TRUNKING_SANDBOX_HTTP", TLS = "TRUNKING_SANDBOX",
}

--- The sandbox's address on a transport.
function helper.origin(transport)
  return assert(os.getenv(origins[transport]), "no sandbox")
end

--- What the sandbox's environment says: helper.sandbox "AUTH_TOKEN".
function helper.sandbox(name)
  return assert(os.getenv("TRUNKING_SANDBOX_" .. name), "no sandbox")
end

--- A client of the sandbox. `options` are added; false takes one away.
function helper.client(transport, options)
  local all = {
    base_url = helper.origin(transport),
    account_sid = helper.sandbox "ACCOUNT_SID",
    auth_token = helper.sandbox "AUTH_TOKEN",
    ca_file = transport == "TLS" and helper.sandbox "CA" or nil,
    connect_timeout = 20, timeout = 60, -- a machine may stall
  }
  for name, value in pairs(options or {}) do all[name] = value or nil end
  if options and options.validate == false then all.validate = false end
  return assert(trunking.new(all))
end

--- For after_each: a new account, and no client left of the test before.
function helper.tidy()
  control.reset()
  collectgarbage()
end

--- Waits until condition() gives something true, and gives that.
function helper.wait_until(condition)
  local latest = socket.gettime() + helper.HANG
  while true do
    local value = condition()
    if value then return value end
    assert(socket.gettime() < latest, "it does not come about")
    socket.sleep(0.005)
  end
end

--- Waits until the sandbox has received so many requests.
function helper.received(count)
  helper.wait_until(function() return control.ledger(0).count >= count end)
end

--- Time-outs, in seconds, to be tried in turn where one must strike at a time
-- of the spec's choice. Only a hang can use up the last.
helper.patience = { 0.2, 1, 5, 25 }

--- What f(timeout) returns when its time sufficed: as long as f returns true
-- besides, that the time was over before what f is about had come to pass, it
-- is called again on a new account with five times as much. Raises when f
-- takes so long that the time-out cannot have held.
function helper.in_time(f)
  local result, too_early
  for _, timeout in ipairs(helper.patience) do
    local start = core.clock()
    result, too_early = f(timeout)
    assert(core.clock() - start < 4 * timeout + 30, "it took too long")
    if not too_early then break end
    control.reset()
  end
  return result
end

--- The error of a create that must end by its time-out after it was sent, from
-- a server that keeps its reply.
-- @param fault what is armed; @param call function(client) -> result, err
function helper.timed_out(transport, fault, call)
  return helper.in_time(function(timeout)
    control.arm(fault)
    local client = helper.client(transport, { timeout = timeout })
    local err = helper.error_of(call(client))
    client.close()
    return err, err.outcome == "not_sent"
  end)
end

--- Every request the sandbox received, oldest first.
function helper.requests()
  return control.ledger().requests
end

--- "METHOD path?query" of every request, oldest first.
function helper.lines()
  local lines = {}
  for i, request in ipairs(helper.requests()) do
    local query = request.query
    lines[i] = request.method .. " " .. request.path
      .. (query and query ~= "" and "?" .. query or "")
  end
  return lines
end

--- The form of the one request it received.
function helper.only_form()
  local requests = helper.requests()
  assert.equal(1, #requests)
  assert.equal("POST", requests[1].method)
  return requests[1].form
end

--- The error of a call that must fail, which gives nil and that error and no
-- more: helper.error_of(client.fetch(sid)).
function helper.error_of(...)
  local result, err = ...
  assert.is_nil(result)
  assert.is_table(err)
  assert.equal(2, select("#", ...))
  return err
end

--- The error of a create that must fail.
function helper.failure(client, params)
  return helper.error_of(client.create(params or {}))
end

--- Checks the fields of an error that `expected` names: `says` is a part of
-- its message, false stands for absent, all else must be the same.
function helper.check(err, expected)
  local wanted, got = {}, {}
  for name, value in pairs(expected) do
    if name ~= "says" then wanted[name], got[name] = value, err[name] or false
    elseif not err.message:find(value, 1, true) then
      wanted.message, got.message = value, err.message
    end
  end
  assert.same(wanted, got)
  assert.is_nil(tostring(err):find "%c")
end

helper.json = cjson.encode

--- The name of an operation, a row of core.operations(), as errors give it:
-- "create", "origination_urls.create".
function helper.name_of(operation)
  local resource = operation.resource
  return (resource ~= "" and resource .. "." or "") .. operation.name
end

--- The table in which a client has an operation: itself, or one below it.
function helper.home_of(client, operation)
  return operation.resource == "" and client or client[operation.resource]
end

--- A SID: 32 times the digit behind the prefix.
function helper.sid(prefix, digit)
  return prefix .. digit:rep(32)
end

local specs = debug.getinfo(1, "S").source:match "^@(.*)support/helper.lua$"

--- The path of a file below spec/, in whatever directory this runs.
function helper.path(name)
  return specs .. name
end

--- A file of spec/fixtures, which are all JSON.
function helper.fixture(name)
  local path = helper.path("fixtures/" .. name .. ".json")
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return cjson.decode(text)
end

--- The command of the interpreter that runs this.
function helper.interpreter()
  local i = 0
  while _G.arg[i - 1] do i = i - 1 end
  return _G.arg[i]
end

--- A command that is ended if it hangs, where there is a program for that.
function helper.bounded(command)
  return ("$(command -v timeout >/dev/null && echo timeout -k 5 %d) %s")
    :format(helper.HANG, command)
end

local clean = "unset TWILIO_ACCOUNT_SID TWILIO_AUTH_TOKEN TWILIO_API_KEY "
  .. "TWILIO_API_SECRET TWILIO_EDGE TWILIO_REGION TRUNKING_BASE_URL "
  .. "TRUNKING_CA_FILE\n"

--- Starts a script in an interpreter of its own, without Twilio's variables but
-- for those of `env`, after `before` in the shell, run by the command `under`.
-- The pipe of what it writes, errors too.
function helper.start(script, env, before, under)
  local words = { before and before .. "\n" }
  for name, value in pairs(env or {}) do
    words[#words + 1] = ("export %s='%s'\n"):format(name, value)
  end
  return assert(io.popen(("%s%s%s %s - 2>&1 <<'END_OF_SCRIPT'\n%s\n%s\n")
    :format(clean, table.concat(words), under or "", helper.interpreter(),
      script, "END_OF_SCRIPT")))
end

--- The same, to its end: what it wrote.
function helper.run(...)
  local pipe = helper.start(...)
  local said = pipe:read "*a"
  pipe:close()
  return said
end

--- Takes all descriptors that this process may open: the files that have them.
function helper.use_up()
  local held = {}
  repeat
    local file = io.open "/dev/null"
    held[#held + 1] = file
    assert(#held < 4096, "no limit of descriptors")
  until not file
  return held
end

--- What is in a file; nil: there is none.
function helper.read(path)
  local file = io.open(path, "rb")
  local text = file and file:read "*a"
  if file then file:close() end
  return text
end

--- Makes a file of a text.
function helper.write(path, text)
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  file:close()
end

--- What a command of the shell says, without what is blank at the end.
function helper.sh(command)
  local pipe = assert(io.popen(command .. " 2>&1"))
  local text = pipe:read "*a"
  pipe:close()
  return (text:gsub("%s+$", ""))
end

--- Runs an example with its words, after `before` in the shell: what it says,
-- and its exit status.
function helper.example(words, before)
  local said = helper.sh(("%s %s examples/%s 2>&1; echo \"status $?\""):format(
    before or "", helper.interpreter(), words)) .. "\n"
  local text, status = said:match "^(.*)status (%d+)\n$"
  return text, tonumber(status)
end

--- Asserts that a text has a part.
function helper.has(text, part)
  assert.truthy(text:find(part, 1, true), part .. " is not in:\n" .. text)
end

--- Whether a command of the shell succeeds; os.execute says it in two ways.
function helper.succeeds(command)
  local said = os.execute(command)
  return said == true or said == 0
end

--- A trunk with a value in every field, awkward characters among them.
helper.every_field = {
  friendly_name = "B\195\188ro & S\195\182hne = 100% + a b",
  domain_name = "head-office.pstn.twilio.com",
  disaster_recovery_url = "https://example.com/dr?a=1&b=%20+#c",
  disaster_recovery_method = "HEAD",
  transfer_mode = "sip-only",
  transfer_caller_id = "from-transferor",
  secure = true,
  cnam_lookup_enabled = false,
}

--- Runs f in a forked child: whether it returned something true there.
function helper.in_child(f)
  local trouble = require "trouble"
  local pid = trouble.fork()
  if pid == 0 then
    local ok, result = pcall(f)
    trouble.exit(ok and result and 0 or 1)
  end
  return trouble.wait(pid)
end

--- Whether the machine has a program.
function helper.has(program)
  return helper.succeeds("command -v " .. program .. " >/dev/null")
end

return helper
