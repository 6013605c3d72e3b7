-- trunking.openresty: see hosts/openresty.lua.
-- SPDX-License-Identifier: MIT

return require "trunking.hosts.openresty"
