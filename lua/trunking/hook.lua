-- Keeps on_attempt from doing harm: an error in it changes nothing, and is
-- reported once.
-- SPDX-License-Identifier: MIT

local io = io -- the host may take it away later

local function to_stderr(line)
  io.stderr:write(line, "\n")
end

-- An error's own __tostring may raise.
local function shown(err)
  local ok, text = pcall(tostring, err)
  return ok and text or "an error that cannot be shown"
end

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
    pcall(report or to_stderr, "trunking: on_attempt raised an error; it "
      .. "will not be reported again: " .. shown(err))
  end
end
