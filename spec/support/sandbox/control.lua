-- Steers a running sandbox from a spec: reset it, arm faults, read its ledger.
-- Promises: raises, at the caller's line, whatever went wrong.
-- May not know: the client under test; it speaks to the sandbox by luasocket.
-- SPDX-License-Identifier: MIT

local cjson = require("cjson").new()
local http = require "socket.http"
local ltn12 = require "ltn12"

local control = {}

local function call(method, path, body)
  local origin = os.getenv "TRUNKING_SANDBOX_HTTP"
  if not origin then
    error("no sandbox: start this under spec/support/sandbox/run", 3)
  end
  local chunks = {}
  local ok, status = http.request {
    url = origin .. "/_sandbox/" .. path, method = method,
    headers = { ["content-length"] = body and #body or 0 },
    source = body and ltn12.source.string(body),
    sink = ltn12.sink.table(chunks),
  }
  local reply = table.concat(chunks)
  if not ok or status ~= 200 then
    error(("sandbox: %s %s: %s %s"):format(method, path, status, reply), 3)
  end
  return cjson.decode(reply)
end

--- A new account: nothing in it, no faults, an empty ledger, and nothing on
-- hold. `options` are those of trunking.sandbox.new, such as {keep = 1000}.
function control.reset(options)
  call("POST", "reset", cjson.encode(options or {}))
end

--- Arms a list of faults, or one fault.
function control.arm(list)
  call("POST", "arm", cjson.encode(list))
end

--- Takes back all faults that are armed.
function control.disarm()
  call("POST", "disarm")
end

--- Lets go all replies that are on hold, and has all that is late take effect
-- now. A reply is on hold from when its request is in the ledger.
function control.release()
  call("POST", "release")
end

--- What the sandbox received: {count, created, trunks, requests}; with `last`,
-- only the newest requests (0: just the counts).
function control.ledger(last)
  return call("GET", "ledger" .. (last and "?last=" .. last or ""))
end

return control
