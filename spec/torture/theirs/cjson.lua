-- promise: none. It shows that lua-cjson alone, without this module, loses
-- memory where lsan.supp says so: run it without that file.
-- told: decode done
-- SPDX-License-Identifier: MIT
local _, _, told = ...
local cjson = require("cjson").new()
told("decode", cjson.decode, '{"a":["b",{"c":"d"}]}')
