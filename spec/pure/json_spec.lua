-- What is done to a JSON text before it is decoded: null members go, and what
-- would need a walk over the table is counted. Whatever is cut, the decoded
-- table must be the one that a walk over the whole text's table would give.

local cjson = require "cjson".new()
local probe = require "probe"

local function without_nulls(value)
  if type(value) ~= "table" then return value end
  for k, v in pairs(value) do
    if v == cjson.null then value[k] = nil else without_nulls(v) end
  end
  return value
end

describe("trimming a JSON text", function()
  for _, row in ipairs {
    { "takes a null out of the middle", '{"a":1,"b":null,"c":2}',
      '{"a":1,"c":2}' },
    { "takes the first of several", '{"a":null,"b":1}', '{"b":1}' },
    { "takes the last", '{"a":1,"b":null}', '{"a":1}' },
    { "takes the only one", '{"a":null}', '{}' },
    { "takes several in a row", '{"a":null,"b":null,"c":null}', '{}' },
    { "takes several in a row behind another", '{"x":1,"a":null,"b":null}',
      '{"x":1}' },
    { "takes several in a row before another", '{"a":null,"b":null,"x":1}',
      '{"x":1}' },
    { "takes those of inner objects", '{"o":{"a":null,"b":[{"c":null}]}}',
      '{"o":{"b":[{}]}}' },
    { "takes them behind an array or an object",
      '{"o":[],"a":null,"p":{},"b":null}', '{"o":[],"p":{}}' },
    { "leaves an element of an array", '{"a":[null,1,null]}', nil, 2 },
    { "leaves one with white space", '{"a": null,"b":null ,"c":1}', nil, 2 },
    { "leaves a name it does not know the end of", '{"a b":null}', nil, 1 },
    { "leaves a name with an escape", '{"a\\"b":null,"c":1}', nil, 1 },
    { "leaves a text that looks like a member",
      '{"a":"{\\"b\\":null}","c":":null,"}', nil, 2 },
    { "leaves a text that begins like one", '{"a":":null,\\"b\\":null"}',
      nil, 2 },
    { "leaves a name with another character", '{"a~":null}', nil, 1 },
    { "leaves a name with a bracket", '{"a[":null}', nil, 1 },
    { "takes names of all that names have", '{"aZ9_":null,"Z":null}', "{}" },
    { "leaves null as such", "null", nil, 1 },
    { "leaves longer words", '{"a":nullable}', nil, 1 },
    { "leaves a text without any", '{"a":"b"}', nil, 0 },
    { "does not make a trailing comma valid", '{"a":null,}', nil, 1 },
    { "does not make a leading comma valid", '{,"a":null}', nil, 1 },
    { "does not make a double comma valid", '{"x":1,,"a":null}', nil, 1 },
    { "does not make an array of members valid", '["a":null]', nil, 1 },
    { "does not mend a cut text", '{"a":null', nil, 1 },
    { "does not mend one whose begin is cut", '"a":null}', nil, 1 },
    { "does not mend one that begins with a comma", ',"a":null}', nil, 1 },
    { "takes nothing from nothing", "", nil, 0 },
  } do
    it(row[1], function()
      local text, left = probe.json_trim(row[2])
      assert.same({ row[3] or row[2], row[4] or 0 }, { text, left })
    end)
  end

  -- Random documents: names and texts full of what could mislead.
  local words = { "null", ":null", '":null,"', "\\", "a", "{", "}", ",",
    '"', "[", "b_1", " ", "5", ":", "-" }

  local function random_text()
    local out = {}
    for i = 1, math.random(0, 4) do out[i] = words[math.random(#words)] end
    return table.concat(out)
  end

  local function random_value(depth)
    local n = math.random(depth > 0 and 9 or 6)
    if n <= 3 then return cjson.null end
    if n == 4 then return math.random(1000) end
    if n <= 6 then return random_text() end
    local out = {}
    if n == 7 then -- of tables, of others, or of both
      local low = math.random(2) == 1 and 0 or depth - 1
      for i = 1, math.random(0, 4) do out[i] = random_value(low) end
    else
      for _ = 1, math.random(0, 5) do
        out["k" .. random_text()] = random_value(depth - 1)
      end
    end
    return out
  end

  local function has_number(value)
    if type(value) == "number" then return true end
    for _, v in pairs(type(value) == "table" and value or {}) do
      if has_number(v) then return true end
    end
    return false
  end

  it("changes nothing but nulls, in 2,000 random documents", function()
    for _ = 1, 2000 do
      local text = cjson.encode { m = random_value(3), n = random_value(2) }
      local cut, left = probe.json_trim(text)
      assert.same(without_nulls(cjson.decode(text)),
        without_nulls(cjson.decode(cut)), text)
      local _, null = cut:gsub("null", "")
      assert.is_true(left >= null, text)
    end
  end)

  it("never misses a number, in 2,000 random documents", function()
    for _ = 1, 2000 do
      local value = { m = random_value(2) }
      local text = cjson.encode(value)
      if probe.json_numbers(text) == 0 then
        assert.is_false(has_number(value), text)
      end
    end
  end)
end)

describe("counting what may be numbers", function()
  for _, row in ipairs {
    { "none in a record of texts", '{"a":"1","b":"2015-01-02T11:23:45Z"}', 0 },
    { "members", '{"a":1,"b":-1,"c":{"d":0}}', 3 },
    { "members with white space", '{"a": 1,"b" :2}', 2 },
    { "an array once", '{"a":[1,2,3]}', 1 },
    { "an array behind a text", '{"a":["x",1]}', 1 },
    { "no array of texts", '{"a":["x","y"],"b":[]}', 0 },
    { "no member without a name", ":1", 0 },
    { "none in empty ones", '{"a":[],"b":{},"c":[{}]}', 0 },
    { "an array of objects and numbers", '{"a":[{},1]}', 1 },
    { "an array of arrays and numbers", '{"a":[[], -1]}', 1 },
    { "a number behind others", '{"a":[{},true,0]}', 1 },
    { "a number behind a text", '{"a":[{},"b",0]}', 1 },
    { "a number behind a text with an escape", '{"a":[{},"\\":",0]}', 1 },
    { "none in arrays of objects and arrays", '{"a":[{},[],{} ,[{}]]}', 0 },
    { "none behind an object that a member holds",
      '{"a":{},"b":{} , "c" :[],"d":"1"}', 0 },
    { "none behind the last bracket", '{"a":[{}]}\n', 0 },
  } do
    it("finds " .. row[1], function()
      assert.equal(row[3], probe.json_numbers(row[2]))
    end)
  end
end)
