-- What is done to a JSON text that lua-cjson refuses: what JSON allows is made
-- readable, no value changes, and what is no JSON stays none.

local cjson = require "cjson".new()
local probe = require "probe"

cjson.decode_invalid_numbers(false)

local BOM = "\239\187\191"

describe("mending a JSON text", function()
  for _, row in ipairs {
    { "takes a byte-order mark away", BOM .. '{"a":1}', '{"a":1}' },
    { "takes one of two away", BOM .. BOM .. "{}", BOM .. "{}" },
    { "leaves one within the text", '{"a":"' .. BOM .. '"}' },
    { "replaces the first half of a pair", [["\ud800"]], [["\ufffd"]] },
    { "replaces the second half", [["\uDFFF."]], [["\ufffd."]] },
    { "replaces two first halves", [["\ud800\ud801"]], [["\ufffd\ufffd"]] },
    { "replaces a first half before a pair", [["\ud800\ud83d\ude00"]],
      [["\ufffd\ud83d\ude00"]] },
    { "replaces a second half behind a pair", [["\ud83d\ude00\ude00"]],
      [["\ud83d\ude00\ufffd"]] },
    { "replaces a half at the end of a text", [=[["\ud83d","\ude00"]]=],
      [=[["\ufffd","\ufffd"]]=] },
    { "replaces a half before another escape", [["\ud83d\n"]],
      [["\ufffd\n"]] },
    { "replaces a half in a name", [[{"\udbff":1}]], [[{"\ufffd":1}]] },
    { "leaves a pair", [["\ud83d\ude00"]] },
    { "leaves other escapes", [["\u00e4\ud7ff\ue000\\\"\/\b\f\n\r\t"]] },
    { "leaves a backslash that is escaped", [["\\ud800"]] },
    { "leaves what follows such a one", [["\\\\ud800\\"]] },
    { "leaves an escape that is cut", [["\ud80"]] },
    { "leaves a text that is cut", [["\]] },
    { "leaves one that is cut behind a half", [["\ud83d\]],
      [["\ufffd\]] },
    { "leaves what is outside of texts", [[\ud800]] },
    { "turns a fraction into a whole number", "1.5", "15e-1" },
    { "turns a negative one", "[-12.25]", "[-1225e-2]" },
    { "takes its exponent over", "[1.5e3,1.5E+3,1.5e-3,1.50e1]",
      "[15e2,15e2,15e-4,150e-1]" },
    { "takes zeros away that would lead", "[0.5,0.05,-0.25,0.0,-0.0]",
      "[5e-1,5e-2,-25e-2,0e-1,-0e-1]" },
    { "leaves whole numbers", "[0,-1,10,1e5,-2E-7]" },
    { "leaves numbers within texts", '["1.5","-0.5e1"]' },
    { "leaves a number that ends in a point", "[1.]" },
    { "leaves a number that begins with one", "[-.5,.5]" },
    { "leaves a sign alone", "[-,1]" },
    { "does not make an exponent of none", "[1.5e]", "[15e-1e]" },
    { "does not make zeros that lead valid", "[00.5]", "[005e-1]" },
    { "leaves other texts", '{"a":[true,false,null," "]} ' },
    { "leaves nothing", "" },
  } do
    it(row[1], function()
      assert.equal(row[3] or row[2], probe.mend(row[2]))
    end)
  end

  it("bounds an exponent", function()
    assert.matches("^15e%d+$", probe.mend "1.5e99999999999999999999")
    assert.matches("^15e%-%d+$", probe.mend "1.5e-99999999999999999999")
  end)

  it("changes no number, in 5,000 at random", function()
    for _ = 1, 5000 do
      local number = ("%s%d.%0" .. math.random(1, 9) .. "d"):format(
        math.random(2) == 1 and "-" or "",
        math.random(3) == 1 and 0 or math.random(0, 99999),
        math.random(0, 9999))
      if math.random(2) == 1 then
        number = number .. ("e%d"):format(math.random(-40, 40))
      end
      local mended = probe.mend("[" .. number .. "]")
      assert.is_nil(mended:find(".", 1, true))
      assert.equal(cjson.decode("[" .. number .. "]")[1],
        cjson.decode(mended)[1], number)
    end
  end)

  -- Halves and pairs, in texts full of what could mislead.
  it("makes every text of escapes one that can be read", function()
    local parts = { "\\ud83d", "\\ude00", "\\\\", '\\"', "u", "d800", "\\u00e4",
      "\\n", "1.5", BOM }
    for _ = 1, 5000 do
      local list = {}
      for i = 1, math.random(0, 8) do list[i] = parts[math.random(#parts)] end
      local text = '["' .. table.concat(list) .. '"]'
      local mended = probe.mend(text)
      local ok, value = pcall(cjson.decode, mended)
      assert.is_true(ok, text)
      local before, was = pcall(cjson.decode, text)
      if before then assert.same(was, value, text) end
    end
  end)
end)
