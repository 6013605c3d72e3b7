-- What kamailio.cfg beside this file runs. app_lua loads it once in each
-- worker, so each has a client of its own. A call blocks the worker that makes
-- it; the others serve on.
-- luacheck: globals KSR create

local trunking = require "trunking"

--- For lua_run. Leaves the SID in $var(sid), or a reason in $var(reason).
function create(name)
  local trunk, err = trunking.create { friendly_name = name }
  if trunk then return KSR.pv.sets("$var(sid)", trunk.sid) end
  KSR.err(tostring(err) .. "\n") -- all of it, into Kamailio's log
  KSR.pv.sets("$var(reason)", "No trunk: " .. err.outcome)
end
