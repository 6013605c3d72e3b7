-- trunking.cqueues: see hosts/cqueues.lua.
-- SPDX-License-Identifier: MIT

return require "trunking.hosts.cqueues"
