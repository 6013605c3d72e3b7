-- on_attempt, kept from doing harm: an error in it changes nothing, and is
-- reported once.
-- SPDX-License-Identifier: MIT

--- Wraps a client's on_attempt.
-- @param f function(event)
-- @param report function(line), for the first error; by default it goes to
--   the standard error
return function(f, report)
  local reported = false
  return function(event)
    local ok, err = pcall(f, event)
    if ok or reported then return end
    reported = true
    local line = "trunking: on_attempt raised an error; it will not be "
      .. "reported again: " .. tostring(err)
    if report then report(line) else io.stderr:write(line, "\n") end
  end
end
