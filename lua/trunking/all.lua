-- trunking.all: the module, with all that its calls load at their first use
-- loaded already. For a host that lets its programs load nothing later: a game
-- whose mods lose `require`, a program after chroot. Modules for event loops
-- are not among it.
-- SPDX-License-Identifier: MIT

local trunking = require "trunking"

for _, name in ipairs { "cjson", "trunking.config", "trunking.ensure",
  "trunking.ensure.job", "trunking.ensure.reconcile", "trunking.enum",
  "trunking.error", "trunking.hook", "trunking.hosts.wait", "trunking.pages",
  "trunking.suggest", "trunking.time" } do
  require(name)
end

return trunking
