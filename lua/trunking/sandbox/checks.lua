-- What a form value may be. Each check takes the text that was sent and gives
-- the value to keep, or nil and what is wrong with it.
-- Promises: pure; refuses what Twilio's description of the API refuses, with
-- the one exception told at `http_method`.
-- May not know: which resource or parameter it is used for.
-- SPDX-License-Identifier: MIT

local wire = require "trunking.sandbox.wire"

local checks = {}

--- Text of at most `limit` characters (not bytes).
function checks.text(limit)
  return function(text)
    local length = wire.length(text)
    if not length then return nil, "is not UTF-8" end
    if length > limit then
      return nil, "must be at most " .. limit .. " characters long"
    end
    return text
  end
end

--- One of some words.
function checks.word(...)
  local known, list = {}, table.concat({ ... }, ", ")
  for _, word in ipairs { ... } do known[word] = true end
  return function(text)
    if known[text] then return text end
    return nil, "must be one of " .. list
  end
end

--- A whole number in a range.
function checks.integer(low, high)
  return function(text)
    local number = #text <= 9 and text:find("^%d+$") and tonumber(text)
    if number and number >= low and number <= high then return number end
    return nil, "must be an integer from " .. low .. " to " .. high
  end
end

--- A SID with this prefix.
function checks.sid(prefix)
  return function(text)
    if #text == 34 and text:find("^" .. prefix .. "%x+$") then return text end
    return nil, "must be a SID: " .. prefix .. " and 32 hexadecimal digits"
  end
end

--- true or false, in any case of letters.
function checks.boolean(text)
  local word = wire.lower(text)
  if word == "true" then return true end
  if word == "false" then return false end
  return nil, "must be true or false"
end

--- An absolute http: or https: URL.
function checks.url(text)
  if text:find("^[Hh][Tt][Tt][Pp][Ss]?://[0-9A-Za-z%[][!-~\128-\255]*$")
    and wire.length(text) then return text end
  return nil, "must be an http or https URL"
end

--- A sip: URI; sips: is not supported by the API.
function checks.sip_url(text)
  if text:find("^[Ss][Ii][Pp]:[!-~\128-\255]+$") and wire.length(text) then
    return text
  end
  return nil, "must be a sip: URI"
end

--- A termination domain: letters, digits and `-` before .pstn.twilio.com.
function checks.domain(text)
  local folded = wire.lower(text)
  if #text <= 63 and folded:find("^[0-9A-Za-z-]+%.pstn%.twilio%.com$") then
    return text -- as most are: one label
  end
  local labels = folded:match("^(.+)%.pstn%.twilio%.com$")
  if not labels then return nil, "must end with .pstn.twilio.com" end
  for label in (labels .. "."):gmatch("([^.]*)%.") do
    if #label > 63 or not label:find("^[0-9A-Za-z-]+$") then
      return nil, "may contain only letters, digits and -"
    end
  end
  return text
end

--- The description lists GET and POST; the API's page lists all six, and its
-- example sends HEAD.
checks.http_method =
  checks.word("HEAD", "GET", "POST", "PATCH", "PUT", "DELETE")

return checks
