-- A page is data: its table holds its records and nothing else, so that it can
-- be encoded, counted and copied; and its cursor is a text that may go to
-- another process, or a stranger's browser, and back.

local cjson = require "cjson"
local control = require "sandbox.control"
local helper = require "helper"

local PATH = "/v1/Trunks"

local function link_of(query) return "https://trunking.twilio.com" .. PATH
  .. "?" .. query end

-- A reply with one trunk, and a link.
local function reply(next_page_url)
  return { method = "GET", status = 200, body = ([[
    {"trunks":[{"sid":"TK%s","friendly_name":"one"}],
     "meta":{"key":"trunks","page":0,"next_page_url":%s},"more":7}]])
    :format(("0"):rep(32), helper.json(next_page_url)) }
end

local function names_of(page)
  local names = {}
  for i, record in ipairs(page) do names[i] = record.friendly_name end
  return table.concat(names, " ")
end

after_each(helper.tidy)

for _, transport in ipairs(helper.transports) do
  describe("a page over " .. transport, function()
    local client
    before_each(function()
      client = helper.client(transport)
      for i = 5, 1, -1 do assert(client.create { friendly_name = "n" .. i }) end
    end)

    it("can be encoded, as the array of its records", function()
      local page = assert(client.list { page_size = 3 })
      local again = cjson.decode(cjson.encode(page))
      assert.equal(3, #again)
      for i = 1, 3 do assert.equal(page[i].sid, again[i].sid) end
      assert.is_nil(again.meta)
    end)

    it("shows pairs nothing but its records", function()
      for _, page in ipairs { (assert(client.list())),
        (assert(client.list { page_size = 2 }.next())),
        (assert(client.async.list():wait())) } do
        for key, record in pairs(page) do
          assert.is_number(key)
          assert.is_string(record.sid)
        end
      end
    end)

    it("is no less so on a client that waits", function()
      local waiting = helper.client(transport, { wait = function(job)
        job:wait()
      end })
      local page = assert(waiting.list { page_size = 3 })
      page = assert(page.next())
      assert.equal("n4 n5", names_of(page))
      for key in pairs(page) do assert.is_number(key) end
      assert.equal("n1 n2 n3", names_of(assert(waiting.list {
        cursor = page.previous_cursor })))
    end)

    it("has all else by name", function()
      control.arm(reply(link_of "PageSize=1&Page=1"))
      local page = assert(client.list())
      assert.same({ "trunks", 7, PATH .. "?PageSize=1&Page=1" },
        { page.meta.key, page.more, page.next_cursor })
      assert.is_nil(page.previous_cursor)
      assert.is_nil(page.trunks)
      assert.equal("n2", page.next()[1].friendly_name)
    end)

    it("gives a cursor that leads on, and one that leads back", function()
      local first = assert(client.list { page_size = 2 })
      assert.is_nil(first.previous_cursor)
      local second = assert(client.list { cursor = first.next_cursor })
      assert.equal("n3 n4", names_of(second))
      local third = assert(client.async.list { cursor = second.next_cursor }
        :wait())
      assert.equal("n5", names_of(third))
      assert.is_nil(third.next_cursor)
      assert.equal("n1 n2", names_of(assert(client.list {
        cursor = second.previous_cursor })))
      local lines = helper.lines()
      assert.equal(lines[7], "GET " .. first.next_cursor)
    end)

    it("gives a cursor that another client can take", function()
      local cursor = cjson.decode(cjson.encode { assert(client.list {
        page_size = 4 }).next_cursor })[1]
      client.close()
      assert.equal("n5", names_of(helper.client(transport).list {
        cursor = cursor }))
    end)

    it("starts a walk at a cursor", function()
      local page = assert(client.list { page_size = 1 })
      local names = {}
      for trunk in client.each { cursor = page.next_cursor, limit = 3 } do
        names[#names + 1] = trunk.friendly_name
      end
      assert.same({ "n2", "n3", "n4" }, names)
      assert.equal(9, #helper.lines())
    end)

    it("of a trunk's list has a cursor for that list", function()
      local trunk = assert(client.list())[1]
      for i = 1, 3 do
        assert(client.phone_numbers.create(trunk, helper.sid("PN", "" .. i)))
      end
      local list = client.phone_numbers.list
      local page = assert(list(trunk, { page_size = 2 }))
      assert.matches("^/v1/Trunks/TK%x+/PhoneNumbers%?", page.next_cursor)
      assert.equal(1, #assert(list(trunk, { cursor = page.next_cursor })))
      for _, call in ipairs { function() return client.list {
        cursor = page.next_cursor } end, function() return list(helper.sid(
        "TK", "1"), { cursor = page.next_cursor }) end } do
        helper.check(helper.error_of(call()), { kind = "invalid",
          outcome = "not_sent", field = "cursor",
          says = "leads to another list" })
      end
    end)

    it("whose link leads elsewhere has a cursor that is refused", function()
      for _, link in ipairs { "https://evil.example" .. PATH .. "?Page=1", 42,
        false, "x" } do
        control.arm(reply(link))
        local page = assert(client.list())
        assert.is_string(page.next_cursor) -- it is not the end
        helper.check(helper.error_of(client.list {
          cursor = page.next_cursor }), { kind = "invalid", field = "cursor" })
      end
    end)

    it("is none where what should be an array is an object", function()
      control.arm { method = "GET", status = 200, body =
        '{"trunks":{"next":{"sid":"x"}},"meta":{"key":"trunks"}}' }
      helper.check(helper.error_of(client.list()), { kind = "reply" })
    end)
  end)
end

describe("a cursor in strange hands", function()
  local client
  before_each(function() client = helper.client "plain HTTP" end)

  local OWN = helper.origin "plain HTTP" .. PATH
  for _, cursor in ipairs {
    "", "?", "x", "Page=1", "?Page=1", PATH, PATH .. "?", PATH .. "/?Page=1",
    "/v1/Trunks/../Trunks?Page=1", "/v2/Trunks?Page=1", "//evil.example?Page=1",
    "//evil.example" .. PATH .. "?Page=1", "/?Page=1",
    "https://evil.example" .. PATH .. "?Page=1", OWN:gsub("//", "//me:word@")
      .. "?Page=1", "file://" .. PATH .. "?Page=1", "javascript:alert(1)?x",
    PATH .. "?Page=1\r\nX-Evil: 1", PATH .. "?Page=1\n", PATH .. "?a\0b",
    PATH .. "?a b", PATH .. "?Page=1#x", PATH .. "?\195\188", PATH .. '?"',
    PATH .. "?" .. ("x"):rep(8193), ("x"):rep(100000), " " .. PATH .. "?Page=1",
    PATH .. "?Page=1\\", "\255\254", PATH .. "/TK" .. ("0"):rep(32) .. "?a=1",
  } do
    local shown = cursor:gsub("[%c%z\127-\255]", "."):sub(1, 60)
    it("is refused: '" .. shown .. "' of " .. #cursor, function()
      for _, call in ipairs { client.list, client.async.list } do
        local err = helper.error_of(call { cursor = cursor })
        helper.check(err, { kind = "invalid", outcome = "not_sent",
          field = "cursor", operation = "list", says = "cursor " })
        assert.is_true(#err.message < 200)
      end
      assert.equal(0, control.ledger(0).count)
    end)
  end

  for _, cursor in ipairs { 5, true, false, {}, cjson.null } do
    it("is refused where it is a " .. type(cursor), function()
      helper.check(helper.error_of(client.list { cursor = cursor }),
        { kind = "invalid", field = "cursor",
          says = "must be a string; got " .. type(cursor) })
    end)
  end

  it("goes to this list of this server, whatever it says besides", function()
    for _, cursor in ipairs { OWN .. "?PageSize=2", link_of "PageSize=2",
      PATH .. "?PageSize=2" } do
      assert(client.list { cursor = cursor })
    end
    assert.same({ "GET /v1/Trunks?PageSize=2", "GET /v1/Trunks?PageSize=2",
      "GET /v1/Trunks?PageSize=2" }, helper.lines())
  end)

  it("is refused by a client that checks no values", function()
    client = helper.client("plain HTTP", { validate = false })
    helper.check(helper.error_of(client.list { cursor = "//evil.example?x" }),
      { kind = "invalid", field = "cursor" })
  end)

  it("goes with no other field", function()
    for name, value in pairs { page_size = 5, PageSize = 5, page = 1,
      page_token = "PA1", limit = 5 } do
      helper.check(helper.error_of(client.list { cursor = PATH .. "?Page=1",
        [name] = value }), { kind = "invalid", field = name,
          says = "do not go together" })
    end
  end)

  it("is offered where it is misspelt", function()
    helper.check(helper.error_of(client.list { cursr = "x" }),
      { kind = "invalid", field = "cursr", says = "did you mean 'cursor'?" })
  end)

  it("is no field of anything else", function()
    helper.check(helper.error_of(client.create { cursor = "x" }),
      { kind = "invalid", field = "cursor", says = "unknown field" })
  end)
end)
