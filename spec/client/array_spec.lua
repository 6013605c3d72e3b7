-- An empty array of a reply stays one: encoded again by the host's lua-cjson it
-- is [], where that lua-cjson can tell (OpenResty's branch, which LuaRocks has
-- too; Debian 12's cannot).

local control = require "sandbox.control"
local cjson = require "cjson"
local helper = require "helper"

local function record()
  return ('{"sid":"%s","auth_type_set":[],"links":{},"list":[1,null]}')
    :format(helper.sid("TK", "a"))
end

-- Before the module: a lua-cjson that can tell, played by the one that is here.
-- What it marks are arrays that are empty, whose text it changes first.
local played = [[
  local cjson = require "cjson"
  local array_mt = {}
  local function marked(value)
    if value == "EMPTY" then return setmetatable({}, array_mt) end
    if type(value) ~= "table" then return value end
    for k, v in pairs(value) do value[k] = marked(v) end
    return value
  end
  local function able(instance)
    local decode, on = instance.decode, false
    instance.array_mt = array_mt
    instance.decode_array_with_array_mt = function(value)
      if value ~= nil then on = value end
      return on
    end
    instance.decode = function(text)
      if not on then return decode(text) end
      return marked(decode((text:gsub("%[%]", '"EMPTY"'))))
    end
    return instance
  end
  local new = cjson.new
  cjson.new = function() return able(new()) end
  able(cjson)
]]

local script = [[
  local client = require "helper".client "plain HTTP"
  local trunk = assert(client.create {})
  print(getmetatable(trunk.auth_type_set) == require "cjson".array_mt,
    getmetatable(trunk.links), #trunk.auth_type_set, next(trunk.auth_type_set))
  print(require "cjson".decode_array_with_array_mt())
]]

after_each(helper.tidy)

describe("an empty array", function()
  it("is marked as one by a lua-cjson that can", function()
    control.arm { apply = true, body = record() }
    assert.equal("true\tnil\t0\tnil\nfalse\n", helper.run(played .. script))
  end)

  for _, transport in ipairs(helper.transports) do
    it("is encoded again as one, over " .. transport, function()
      if not cjson.array_mt then
        pending "this lua-cjson does not tell an empty array from an object"
        return
      end
      control.arm { apply = true, body = record() }
      local trunk = assert(helper.client(transport).create {})
      assert.equal("[]", cjson.encode(trunk.auth_type_set))
      assert.equal("{}", cjson.encode(trunk.links))
      assert.equal("[1,null]", cjson.encode(trunk.list))
      control.arm { status = 200, body = '{"meta":{"key":"trunks","page":0},'
        .. '"trunks":[]}' }
      assert.equal(0, #assert(helper.client(transport).list()))
      assert.equal("{}", cjson.encode(cjson.decode "[]"))
    end)
  end
end)
