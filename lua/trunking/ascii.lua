-- The case of ASCII letters, whatever the host's locale is: string.lower makes
-- an i without its dot of an I in a Turkish one, and changes half a character
-- of UTF-8 in one of Latin-1. (For the same reason the patterns of this module
-- have ranges, [A-Za-z], where %a would do.) Pure.
-- SPDX-License-Identifier: MIT

local M = {}

local to_lower, to_upper = {}, {}
for byte = ("A"):byte(), ("Z"):byte() do
  local upper, lower = string.char(byte), string.char(byte + 32)
  to_lower[upper], to_upper[lower] = lower, upper
end

function M.lower(text) return (text:gsub("[A-Z]", to_lower)) end

function M.upper(text) return (text:gsub("[a-z]", to_upper)) end

return M
