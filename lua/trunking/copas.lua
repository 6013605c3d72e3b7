-- trunking.copas: see hosts/copas.lua.
-- SPDX-License-Identifier: MIT

return require "trunking.hosts.copas"
