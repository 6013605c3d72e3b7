-- trunking.luv: see hosts/luv.lua.
-- SPDX-License-Identifier: MIT

return require "trunking.hosts.luv"
