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
    { "takes the first of several, with blanks",
      '{"a": null, "b": 1}', '{"b": 1}' },
    { "takes the last, with blanks", '{"a": 1, "b": null}', '{"a": 1}' },
    { "takes the middle, with blanks", '{"a": 1, "b": null, "c": 2}',
      '{"a": 1, "c": 2}' },
    { "takes all, with blanks", '{"a": null, "b": null, "c": null}', '{}' },
    { "takes several behind another, with blanks",
      '{"x": 1, "a": null, "b": null}', '{"x": 1}' },
    { "takes several before another, with blanks",
      '{"a": null, "b": null, "x": 1}', '{"x": 1}' },
    { "takes those of inner objects, with blanks",
      '{"o": {"a": null, "b": [{"c": null}, {"d": null, "e": []}]}, "f": null}',
      '{"o": {"b": [{}, {"e": []}]}}' },
    { "takes one with a blank behind the comma alone", '{"a":1, "b":null}',
      '{"a":1}' },
    { "leaves an element, with blanks", '{"a": [null, 1, null]}', nil, 2 },
    { "leaves one with other white space",
      '{"a":  null,"b":null ,"c":1,"d":\tnull,  "e":null,\n"f":null}',
      nil, 5 },
    { "leaves one behind a bracket and a blank", '{ "a":null}', nil, 1 },
    { "does not make a comma and a blank valid", '{"a": null, }', nil, 1 },
    { "does not make two commas and blanks valid", '{"x": 1, , "a": null}',
      nil, 1 },
    { "does not make a blank and a comma valid", '{ , "a": null}', nil, 1 },
    { "does not make a text that begins so valid", ', "a": null}', nil, 1 },
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

  -- As other servers write it: a blank behind each colon and each comma that
  -- is in no text.
  local function spaced(text)
    local at, out = 1, {}
    while at <= #text do
      local sign = text:sub(at, at)
      local last = at
      if sign == '"' then
        repeat
          last = text:find('"', last + 1, true)
        until #text:sub(at, last - 1):match "\\*$" % 2 == 0
      end
      out[#out + 1] = text:sub(at, last)
        .. ((sign == ":" or sign == ",") and " " or "")
      at = last + 1
    end
    return table.concat(out)
  end

  local function random_document(...)
    local value = {}
    for i, depth in ipairs { ... } do value["m" .. i] = random_value(depth) end
    local text = cjson.encode(value)
    return math.random(2) == 1 and text or spaced(text), value
  end

  it("changes nothing but nulls, in 2,000 random documents", function()
    for _ = 1, 2000 do
      local text = random_document(3, 2)
      local cut, left = probe.json_trim(text)
      assert.same(without_nulls(cjson.decode(text)),
        without_nulls(cjson.decode(cut)), text)
      local _, null = cut:gsub("null", "")
      assert.is_true(left >= null, text)
    end
  end)

  it("never misses a number, in 2,000 random documents", function()
    for _ = 1, 2000 do
      local text, value = random_document(2)
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
    { "members with white space", '{"a": 1,"b" :2,"c":  3,"d":\t4}', 4 },
    { "none in a record of texts, with blanks",
      '{"a": "1", "b": "2015-01-02T11:23:45Z", "c": [], "d": {}}', 0 },
    { "members, with blanks", '{"a": 1, "b": -1, "c": {"d": 0}}', 3 },
    { "no array of texts, with blanks", '{"a": ["x", "y"], "b": []}', 0 },
    { "an array behind texts, with blanks", '{"a": ["x", "y", 1]}', 1 },
    { "one at the end of a long text", '{"a":"' .. ("x:"):rep(50) .. '","b":1}',
      1 },
    { "each, wherever sixteen bytes end",
      "[" .. ('{"a":1,"bcdefg":"h","i":[2]},'):rep(32) .. "[]]", 64 },
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
