-- Replies that JSON allows and lua-cjson does not read. They are read all the
-- same, and what is no JSON is not.

local control = require "sandbox.control"
local helper = require "helper"

local BOM = "\239\187\191"
local FFFD = "\239\191\189"

local function trunk(name)
  return ('{"sid":"%s","account_sid":"%s","friendly_name":"%s"}'):format(
    helper.sid("TK", "a"), helper.sandbox "ACCOUNT_SID", name)
end

local function page(records)
  return ('{"meta":{"key":"trunks","page":0},"trunks":[%s]}'):format(
    table.concat(records, ", "))
end

-- What is sent, and the name that is read.
local readable = {
  { "a byte-order mark before it", BOM .. trunk "x", "x" },
  { "a byte-order mark and a line's end before it", BOM .. "\r\n" .. trunk "x",
    "x" },
  { "half a surrogate pair", trunk "a\\ud800b", "a" .. FFFD .. "b" },
  { "the other half", trunk "\\udc00", FFFD },
  { "halves and a pair", trunk "\\ud800\\ud83d\\ude00\\ud800",
    FFFD .. "\240\159\152\128" .. FFFD },
  { "both", BOM .. trunk "\\udbff", FFFD },
}

after_each(helper.tidy)

for _, transport in ipairs(helper.transports) do
  describe("a record over " .. transport, function()
    local client
    before_each(function() client = helper.client(transport) end)

    for _, row in ipairs(readable) do
      it("is read with " .. row[1], function()
        control.arm { body = row[2], apply = true }
        local made = assert(client.create {})
        assert.equal(helper.sid("TK", "a"), made.sid)
        assert.equal(row[3], made.friendly_name)
      end)
    end

    it("is read with a name that has half a pair", function()
      control.arm { body = trunk('x","\\ud800":"y'), apply = true }
      assert.equal("y", assert(client.create {})[FFFD])
    end)

    it("keeps what is beside such a half", function()
      control.arm { body = ('{"sid":"%s","n":10,"o":null,"h":1.5,"x":"\\ud800",'
        .. '"l":[null,2]}'):format(helper.sid("TK", "a")), apply = true }
      local made = assert(client.create {})
      assert.same({ 10, 1.5, FFFD, 2 }, { made.n, made.h, made.x, made.l[2] })
      assert.is_nil(made.o)
      if math.type then assert.equal("integer", math.type(made.n)) end
    end)

    for _, row in ipairs {
      { "two byte-order marks", BOM .. BOM .. trunk "x" },
      { "one behind it", trunk "x" .. BOM },
      { "half a pair where no text is", trunk 'x","y":\\ud800,"z":"' },
      { "half a pair whose digits are cut", trunk "\\ud8" },
      { "half a pair, cut short", BOM .. trunk("\\ud800"):sub(1, -2) },
    } do
      it("is applied with " .. row[1], function()
        control.arm { body = row[2], apply = true }
        helper.check(helper.failure(client), { kind = "reply",
          outcome = "applied" })
      end)
    end
  end)

  describe("a page over " .. transport, function()
    it("is given, with half a pair in one of its 50 records", function()
      local client, records = helper.client(transport), {}
      for i = 1, 50 do
        records[i] = trunk(i == 17 and "\\udead" or "t" .. i)
      end
      control.arm { status = 200, body = page(records) }
      local list = assert(client.list())
      assert.equal(50, #list)
      assert.equal("t16", list[16].friendly_name)
      assert.equal(FFFD, list[17].friendly_name)
      control.arm { status = 200, body = BOM .. page(records) }
      local seen = 0
      for record in client.each() do
        seen = seen + 1
        assert.equal(helper.sid("TK", "a"), record.sid)
      end
      assert.equal(50, seen)
    end)
  end)

  describe("an error over " .. transport, function()
    it("has its words, with a byte-order mark and half a pair", function()
      control.arm { status = 400, body = BOM
        .. '{"code":21248,"message":"taken \\ud800","status":400}' }
      helper.check(helper.failure(helper.client(transport)), { code = 21248,
        outcome = "refused", says = "taken " .. FFFD })
    end)
  end)
end
