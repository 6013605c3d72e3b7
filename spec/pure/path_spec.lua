-- A path is made of SIDs of the right kind, and of nothing else.
-- The path room alone, through the probe: no client, no request.

local core = require "trunking.core"
local helper = require "helper"
local probe = require "probe"

local function sid(prefix, digit) return prefix .. (digit or "a"):rep(32) end

local name_of = helper.name_of

-- The prefixes in an operation's path, in order.
local function prefixes(operation)
  local list = {}
  for prefix in operation.path:gmatch "{(%u+)}" do list[#list + 1] = prefix end
  return list
end

local unpack = table.unpack or unpack

-- Texts that are not a SID with the prefix, and a part of the message.
local function wrong(prefix)
  local other = prefix == "PN" and "TK" or "PN"
  local hex = ("a"):rep(32)
  return {
    { "", "is empty; it must be " .. prefix }, { ".", "got '.'" },
    { "..", "got '..'" }, { "/", "got '/'" }, { "../" .. sid(prefix) },
    { sid(prefix) .. "/", "got '" }, { sid(prefix) .. "/x" },
    { prefix .. hex:sub(2) .. "/" }, { sid(prefix) .. "?a=b" },
    { sid(prefix) .. "#" }, { sid(prefix) .. "\0" },
    { prefix .. hex:sub(2) .. "\0" }, { "\0" .. sid(prefix) },
    { sid(prefix) .. "\r\nX: y" }, { " " .. sid(prefix) },
    { sid(prefix) .. " " }, { sid(prefix) .. "a" }, { prefix .. hex:sub(2) },
    { prefix }, { prefix:sub(1, 1) }, { prefix:lower() .. hex },
    { prefix .. hex:gsub("a", "g") }, { prefix .. ("%2e"):rep(10) .. "aa" },
    { prefix .. ("\195\169"):rep(16) }, { ("\255"):rep(34) },
    { sid(other), "must begin with " .. prefix .. "; this one begins with "
      .. other },
    { ("x"):rep(100000), "must be " .. prefix },
  }
end

describe("the path of", function()
  for _, operation in ipairs(core.operations()) do
    local name, wanted = name_of(operation), prefixes(operation)

    it(name .. " holds the SIDs in their places", function()
      local sids, at = {}, 0
      for i, prefix in ipairs(wanted) do sids[i] = sid(prefix, "0") end
      local expected = operation.path:gsub("{%u+}", function()
        at = at + 1
        return sids[at]
      end)
      assert.equal(expected, (probe.path(name, unpack(sids))))
    end)

    for i, prefix in ipairs(wanted) do
      local field = i == #wanted and operation.path:sub(-1) == "}" and "sid"
        or "trunk_sid"

      local function refused(value, words)
        local args = {}
        for n, known in ipairs(wanted) do args[n] = sid(known) end
        args[i] = value
        local path, message, at, kind = probe.path(name, unpack(args))
        assert.is_nil(path)
        assert.same({ field, "invalid" }, { at, kind })
        assert.equal(1, (message:find(field, 1, true)))
        assert.truthy(message:find(words or "32 hexadecimal digits", 1, true),
          message)
        assert.is_true(#message < 200)
      end

      it(("%s takes no other %s than a SID of %s"):format(name, field, prefix),
        function()
          for _, case in ipairs(wrong(prefix)) do refused(unpack(case)) end
        end)

      it(("%s takes a record for its %s, if it has a sid"):format(name, field),
        function()
          local args = {}
          for n, known in ipairs(wanted) do args[n] = sid(known) end
          local expected = probe.path(name, unpack(args))
          args[i] = { sid = args[i], friendly_name = "x" }
          assert.equal(expected, (probe.path(name, unpack(args))))
          refused({}, "has no sid")
          refused({ sid = 42 }, "has no sid")
          refused({ sid = false }, "has no sid")
          refused({ sid = {} }, "has no sid")
          refused({ sid = ".." })
          refused(setmetatable({}, { __index = { sid = sid(prefix) } }),
            "has no sid")
        end)
    end
  end

  it("a fetch takes hexadecimal digits of either case", function()
    for _, digit in ipairs { "0", "9", "a", "f", "A", "F" } do
      assert.equal("/v1/Trunks/" .. sid("TK", digit),
        (probe.path("fetch", sid("TK", digit))))
    end
  end)

  it("a fetch leaves out everything else of a byte", function()
    for byte = 0, 255 do
      local char = string.char(byte)
      local path = probe.path("fetch", sid("TK", char))
      assert.equal(char:find "^[0-9a-fA-F]$" ~= nil, path ~= nil)
    end
  end)
end)
