-- Lists: one page at a time, all of them lazily, and no link that leads
-- anywhere but to the list that was asked, on our own origin.

local control = require "sandbox.control"
local helper = require "helper"
local pages = require "trunking.pages"

local OWN, PATH = "https://127.0.0.1:8443", "/v1/Trunks"
local Q = "PageSize=50&Page=1&PageToken=PA1"
local ELSEWHERE, UNCLEAR = "leads to another server", "is not understood"
local OTHER, BAD = "leads to another list", "has a query"

describe("the query of a link", function()
  -- link, origin, path; what is taken of it by default is Q
  for _, case in ipairs {
    { OWN .. PATH .. "?" .. Q },
    { PATH .. "?" .. Q },
    { "HTTPS://127.0.0.1:8443" .. PATH .. "?" .. Q },
    { "https://trunking.twilio.com" .. PATH .. "?" .. Q },
    { "https://TRUNKING.Twilio.com" .. PATH .. "?" .. Q },
    { "https://trunking.dublin.ie1.twilio.com" .. PATH .. "?" .. Q },
    { "https://trunking.twilio.com/v1/trunks?" .. Q },
    { "https://trunking.twilio.com:443" .. PATH .. "?" .. Q },
    { "https://trunking.ie1.twilio.com" .. PATH .. "?" .. Q },
    { "https://a.example" .. PATH .. "?" .. Q, "https://a.example:443" },
    -- By whichever scheme: it is not what is used of a link.
    { "http://trunking.twilio.com" .. PATH .. "?" .. Q },
    { "HTTP://trunking.dublin.ie1.twilio.com:80" .. PATH .. "?" .. Q },
    { "http://trunking.twilio.com:443" .. PATH .. "?" .. Q },
    { "https://trunking.twilio.com:80" .. PATH .. "?" .. Q },
    { "http://127.0.0.1:8443" .. PATH .. "?" .. Q },
    { "https://localhost:8080" .. PATH .. "?" .. Q, "http://localhost:8080" },
    { "http://a.example" .. PATH .. "?" .. Q, "https://a.example" },
    { "http://localhost:80" .. PATH .. "?" .. Q, "http://localhost" },
    { "https://trunking.twilio.com" .. PATH .. "?" .. Q,
      "https://trunking.ashburn.us1.twilio.com" },
    { "https://trunking.sydney.au1.twilio.com" .. PATH .. "/TK1/PhoneNumbers?"
      .. Q, "https://trunking.twilio.com", "/v1/Trunks/TK1/PhoneNumbers" },
    { "http://127.0.0.1:8080" .. PATH .. "?" .. Q, "http://127.0.0.1:8080" },
    { "http://[::1]:8080" .. PATH .. "?" .. Q, "http://[::1]:8080" },
    { PATH .. "?a=%20%2F&b='()*!$,;:@/?~-._+", query =
      "a=%20%2F&b='()*!$,;:@/?~-._+" },
    { PATH .. "?https://evil.example/", query = "https://evil.example/" },
    { PATH .. "?" .. ("x"):rep(8192), query = ("x"):rep(8192) },
  } do
    it("is taken from " .. case[1]:sub(1, 70), function()
      assert.same({ case.query or Q },
        { pages.query_of(case[1], case[2] or OWN, case[3] or PATH) })
    end)
  end

  -- link, what is said of it, origin
  for _, case in ipairs {
    { "https://evil.example" .. PATH .. "?" .. Q, ELSEWHERE },
    { "https://trunking.twilio.com@evil.example" .. PATH .. "?" .. Q,
      ELSEWHERE },
    { "https://127.0.0.1:8443@evil.example" .. PATH .. "?" .. Q, ELSEWHERE },
    { "https://user:secret@trunking.twilio.com" .. PATH .. "?" .. Q,
      ELSEWHERE },
    { "https://user@127.0.0.1:8443" .. PATH .. "?" .. Q, ELSEWHERE },
    { "https://trunking.twilio.com.evil.example" .. PATH .. "?" .. Q,
      ELSEWHERE },
    { "https://eviltrunking.twilio.com" .. PATH .. "?" .. Q, ELSEWHERE },
    { "https://trunking-twilio.com" .. PATH .. "?" .. Q, ELSEWHERE },
    { "https://trunking.a.b.c.twilio.com" .. PATH .. "?" .. Q, ELSEWHERE },
    { "https://trunking.a.b.eviltwilio.com" .. PATH .. "?" .. Q, ELSEWHERE },
    { "https://trunking.a.b.twilio.com.evil" .. PATH .. "?" .. Q, ELSEWHERE },
    { "https://trunking.a_b.c.twilio.com" .. PATH .. "?" .. Q, ELSEWHERE },
    { "https://api.twilio.com" .. PATH .. "?" .. Q, ELSEWHERE },
    { "https://trunking.twilio.com." .. PATH .. "?" .. Q, ELSEWHERE },
    { "https://trunking.twilio.com:8443" .. PATH .. "?" .. Q, ELSEWHERE },
    { "http://evil.example" .. PATH .. "?" .. Q, ELSEWHERE },
    { "http://trunking.twilio.com@evil.example" .. PATH .. "?" .. Q,
      ELSEWHERE },
    { "http://trunking.twilio.com:8080" .. PATH .. "?" .. Q, ELSEWHERE },
    { "http://trunking.twilio.com:443:80" .. PATH .. "?" .. Q, ELSEWHERE },
    { "ws://127.0.0.1:8443" .. PATH .. "?" .. Q, ELSEWHERE },
    { "https://127.0.0.1:8444" .. PATH .. "?" .. Q, ELSEWHERE },
    { "https://127.0.0.1" .. PATH .. "?" .. Q, ELSEWHERE },
    { "https://" .. PATH .. "?" .. Q, ELSEWHERE },
    { "https://%74runking.twilio.com" .. PATH .. "?" .. Q, ELSEWHERE },
    { "file://" .. PATH .. "?" .. Q, ELSEWHERE },
    { "ftp://trunking.twilio.com" .. PATH .. "?" .. Q, ELSEWHERE },
    { "//evil.example" .. PATH .. "?x", UNCLEAR },
    { "//trunking.twilio.com" .. PATH .. "?" .. Q, UNCLEAR },
    { "///v1/Trunks?" .. Q, UNCLEAR },
    { "https:" .. PATH .. "?" .. Q, UNCLEAR },
    { "https:/trunking.twilio.com" .. PATH .. "?" .. Q, UNCLEAR },
    { "javascript:alert(1)?" .. Q, UNCLEAR },
    { "\\\\evil.example\\v1\\Trunks?" .. Q, UNCLEAR },
    { "https://trunking.twilio.com\\@evil.example" .. PATH .. "?x", UNCLEAR },
    { "https:\\\\evil.example" .. PATH .. "?" .. Q, UNCLEAR },
    { " " .. OWN .. PATH .. "?" .. Q, UNCLEAR },
    { "?" .. Q, UNCLEAR }, { "v1/Trunks?" .. Q, UNCLEAR },
    { "./v1/Trunks?" .. Q, UNCLEAR }, { "", UNCLEAR }, { "?", UNCLEAR },
    { PATH, UNCLEAR }, { OWN .. PATH, UNCLEAR }, { OWN .. "?" .. Q, UNCLEAR },
    { OWN .. PATH .. "#?" .. Q, UNCLEAR },
    { OWN .. PATH .. "?" .. Q .. "#top", UNCLEAR },
    { OWN .. PATH .. "?" .. Q .. "#", UNCLEAR },
    { "https://evil.example#" .. OWN .. PATH .. "?" .. Q, UNCLEAR },
    { "https://evil.example?" .. OWN .. PATH .. "?" .. Q, UNCLEAR },
    { OWN .. "/v1/Trunks/?" .. Q, OTHER },
    { OWN .. "/v1/Trunks/TK1?" .. Q, OTHER },
    { OWN .. "/v2/Trunks?" .. Q, OTHER },
    { OWN .. "/v1/%54runks?" .. Q, OTHER },
    { OWN .. "/v1/x/../Trunks?" .. Q, OTHER },
    { OWN .. "//v1/Trunks?" .. Q, UNCLEAR },
    { OWN .. "/?" .. Q, OTHER }, { PATH .. "\\?" .. Q, OTHER },
    { PATH .. "\0?" .. Q, OTHER },
    { PATH .. "?", BAD }, { PATH .. "?a b", BAD }, { PATH .. "?a\tb", BAD },
    { PATH .. "?a\r\nHost: evil.example", BAD }, { PATH .. "?a\nb", BAD },
    { PATH .. "?a\0b", BAD }, { PATH .. "?a\127", BAD },
    { PATH .. "?\195\188", BAD }, { PATH .. "?a\\b", BAD },
    { PATH .. "?a[]=b", BAD }, { PATH .. '?"', BAD }, { PATH .. "?<", BAD },
    { PATH .. "?" .. ("x"):rep(8193), BAD },
    { 42, "is not a text" }, { true, "is not a text" },
    { {}, "is not a text" },
  } do
    local shown = tostring(case[1]):gsub("[%c%z\127-\255]", ".")
      :gsub("table: .*", "a table"):sub(1, 70)
    it("is not taken from " .. shown, function()
      local query, why = pages.query_of(case[1], case[3] or OWN, PATH)
      assert.is_nil(query)
      assert.equal(case[2], why:sub(1, #case[2]))
      assert.is_true(#why < 160)
    end)
  end
end)

-- ---- against the sandbox ----------------------------------------------

local function sid(n) return ("TK%032x"):format(n) end

-- A page of records, by their numbers; its links are left as they are given.
local function page_of(numbers, links)
  local records = {}
  for i, n in ipairs(numbers) do records[i] = '{"sid":"' .. sid(n) .. '"}' end
  local meta = { key = "trunks", page = 0, page_size = 50 }
  for name, link in pairs(links or {}) do meta[name .. "_page_url"] = link end
  return { status = 200, method = "GET", body = ('{"trunks":[%s],"meta":%s}')
    :format(table.concat(records, ","), helper.json(meta)) }
end

local function link(page, origin)
  return (origin or "https://trunking.twilio.com") .. "/v1/Trunks?PageSize=2"
    .. "&Page=" .. page .. "&PageToken=PA" .. page
end

-- All names that an iterator gives, and the error it raises, if it does.
local function walk(iterator, field)
  local got = {}
  local ok, err = pcall(function()
    for record in iterator do got[#got + 1] = record[field or "sid"] end
  end)
  return got, not ok and err or nil
end

local function sids(...)
  local list = {}
  for i, n in ipairs { ... } do list[i] = sid(n) end
  return list
end

after_each(helper.tidy)

for _, transport in ipairs(helper.transports) do
  describe("five trunks over " .. transport, function()
    local client
    before_each(function()
      client = helper.client(transport)
      for i = 5, 1, -1 do assert(client.create { friendly_name = "n" .. i }) end
    end)

    local function lines(from)
      local all, some = helper.lines(), {}
      for i = 5 + from, #all do some[#some + 1] = all[i] end
      return some
    end

    it("come on pages of two, on to the end and back", function()
      local page, names = assert(client.list { page_size = 2 }), {}
      while page do
        assert.is_true(#page <= 2)
        assert.equal("trunks", page.meta.key)
        assert.equal(2, page.meta.page_size)
        assert.equal(#names, page.meta.page)
        names[#names + 1] = page[1].friendly_name
        local following, err = page.next()
        if not following then
          assert.is_nil(err)
          break
        end
        page = following
      end
      assert.same({ "n1", "n3", "n5" }, names)
      local back = assert(page.previous())
      assert.same({ "n3", "n4" }, { back[1].friendly_name,
        back[2].friendly_name })
      assert.equal("n1", assert(back.previous())[1].friendly_name)
      assert.equal(5, #lines(1))
    end)

    it("come with meta of each page's own call", function()
      local page, meta = client.list { page_size = 2 }
      local _, next_meta = page.next()
      local requests = helper.requests()
      assert.same({ 200, 1, requests[6].request_id },
        { meta.status, meta.attempts, meta.request_id })
      assert.equal(requests[7].request_id, next_meta.request_id)
    end)

    it("come by page and token, as they were linked", function()
      local first = assert(client.list { page_size = 3 })
      local token = first.meta.next_page_url:match "PageToken=(%w+)"
      local page = assert(client.list { page_size = 3, page = 1,
        page_token = token })
      assert.same({ "n4", "n5" }, { page[1].friendly_name,
        page[2].friendly_name })
      assert.same({ "GET /v1/Trunks?PageSize=3",
        "GET /v1/Trunks?PageSize=3&Page=1&PageToken=" .. token }, lines(1))
    end)

    it("are all walked over, a page when it is needed", function()
      local iterator, names = client.each { page_size = 2 }, {}
      assert.equal(0, #lines(1))
      for i, requests in ipairs { 1, 1, 2, 2, 3 } do
        names[i] = iterator().friendly_name
        assert.equal(requests, #lines(1))
      end
      assert.is_nil(iterator())
      assert.is_nil(iterator())
      assert.same({ "n1", "n2", "n3", "n4", "n5" }, names)
      assert.equal(3, #lines(1))
      assert.equal("GET /v1/Trunks?PageSize=2", lines(1)[1])
      assert.matches("^GET /v1/Trunks%?PageSize=2&Page=1&PageToken=PA%x+$",
        lines(1)[2])
    end)

    it("are left at once by a break", function()
      for trunk in client.each { page_size = 2 } do
        if trunk.friendly_name == "n3" then break end
      end
      assert.equal(2, #lines(1))
      assert(client.create {})
    end)

    for title, case in pairs {
      ["none"] = { 0, 0 }, ["one"] = { 1, 1, "GET /v1/Trunks?PageSize=1" },
      ["a page"] = { 2, 1, "GET /v1/Trunks?PageSize=2" },
      ["all"] = { 5, 1, "GET /v1/Trunks?PageSize=5" },
      ["more than there are"] = { 7, 1, "GET /v1/Trunks?PageSize=7" },
      ["more than a page"] = { 60, 1, "GET /v1/Trunks?PageSize=50" },
      ["all there ever are"] = { math.huge, 1, "GET /v1/Trunks?PageSize=50" },
    } do
      it("are limited to " .. title, function()
        local names = walk(client.each { limit = case[1] })
        assert.equal(math.min(5, case[1]), #names)
        assert.equal(case[2], #lines(1))
        assert.equal(case[3], lines(1)[1])
      end)
    end

    it("are limited within the pages that were asked for", function()
      assert.equal(3, #walk(client.each { limit = 3, page_size = 2 }))
      assert.equal(2, #lines(1))
      assert.equal(4, #walk(client.each { limit = 4, PageSize = 2 }))
      assert.equal(4, #lines(1))
    end)

    it("take the caller's params, and leave them as they were", function()
      local params = { limit = 3, page_size = 2 }
      assert.equal(3, #walk(client.each(params)))
      assert.same({ limit = 3, page_size = 2 }, params)
    end)
  end)

  describe("a link over " .. transport, function()
    local client
    before_each(function() client = helper.client(transport) end)

    for _, host in ipairs { "https://trunking.twilio.com", "",
      "https://trunking.dublin.ie1.twilio.com" } do
      it("of " .. (host == "" and "no host" or host) .. " comes to us",
        function()
          control.arm { page_of({ 1 }, { next = link(1, host) }),
            page_of({ 2 }, { previous = link(0, host) }), page_of { 1 } }
          local second = assert(assert(client.list {}).next())
          assert.equal(sid(2), second[1].sid)
          assert.equal(sid(1), assert(second.previous())[1].sid)
          assert.same({ "GET /v1/Trunks",
            "GET /v1/Trunks?PageSize=2&Page=1&PageToken=PA1",
            "GET /v1/Trunks?PageSize=2&Page=0&PageToken=PA0" }, helper.lines())
        end)
    end

    it("to elsewhere goes nowhere, and is an error", function()
      for word, bad in pairs { next = link(1, "https://evil.example"),
        previous = "//evil.example/v1/Trunks?x" } do
        control.arm(page_of({ 1 }, { [word] = bad }))
        local page = assert(client.list {})
        helper.check(helper.error_of(page[word]()), { kind = "reply",
          outcome = "not_sent", operation = "list", status = false,
          says = "the link to the " .. word .. " page" })
      end
      assert.equal(2, control.ledger(0).count)
    end)

    it("with what is no record ends a walk with an error", function()
      for _, odd in ipairs { "null", "1", '"x"', "true" } do
        local page = page_of { 1 }
        page.body = page.body:gsub("%]", "," .. odd .. "]", 1)
        control.arm(page)
        local got, err = walk(client.each())
        assert.same({}, got)
        helper.check(err, { kind = "reply", operation = "list" })
      end
    end)

    it("to elsewhere ends a walk with an error", function()
      control.arm(page_of({ 1, 2 }, { next = link(1, "https://evil.example") }))
      local got, err = walk(client.each())
      assert.same(sids(1, 2), got)
      helper.check(err, { kind = "reply", outcome = "not_sent", records = 2,
        operation = "list", says = "another server, evil.example" })
      helper.check(err, { says = "2 records came before it" })
      assert.equal(1, control.ledger(0).count)
    end)
  end)

  describe("pages in a circle over " .. transport, function()
    local A, B = page_of({ 1, 2 }, { next = link(1) }),
      page_of({ 3, 4 }, { next = link(2) })
    local back = page_of({ 3, 4 }, { next = link(0) })
    local A0 = page_of({ 1, 2 }, { next = link(0) })
    local relative = page_of({ 3, 4 }, { next = link(1, "") })

    -- title, the pages as they come, what is given before the error
    for _, case in ipairs {
      { "of one", { A0, A0, A0, A0 }, sids(1, 2) },
      { "of two", { A, back, A, back, A, back }, sids(1, 2, 3, 4) },
      { "of the last", { A, B, B, B, B }, sids(1, 2, 3, 4) },
      { "of one that links itself another way", { A, relative, relative,
        relative }, sids(1, 2, 3, 4) },
    } do
      it(case[1] .. " are an error before a record comes twice", function()
        control.arm(case[2])
        local got, err = walk(helper.client(transport).each())
        assert.same(case[3], got)
        helper.check(err, { kind = "reply", operation = "list",
          records = #case[3], says = "circle" })
        assert.is_true(control.ledger(0).count <= #case[3] / 2 + 1)
      end)
    end
  end)

  describe("a page that fails over " .. transport, function()
    local client
    before_each(function()
      client = helper.client(transport, { max_attempts = 1 })
    end)

    -- title, fault, kind
    for _, case in ipairs {
      { "with a 500", { status = 500 }, "server", "unknown" },
      { "with a 401", { status = 401 }, "auth", "refused" },
      { "with a connection that closes", { close = true }, "network",
        "unknown" },
      { "with what is no JSON", { status = 200, body = "<html>" }, "reply",
        "unknown" },
      { "with another account's records", { status = 200, body =
        '{"meta":{"key":"trunks"},"trunks":[{"sid":"' .. sid(1)
        .. '","account_sid":"' .. helper.sid("AC", "0") .. '"}]}' }, "config",
        "unknown" },
    } do
      it(case[1] .. " raises, and says how many came before", function()
        control.arm { page_of({ 1, 2 }, { next = link(1) }),
          page_of({ 3 }, { next = link(2) }), case[2] }
        local got, err = walk(client.each())
        assert.same(sids(1, 2, 3), got)
        helper.check(err, { kind = case[3], outcome = case[4], records = 3,
          operation = "list", says = "(3 records came before it)",
          request_id = case[3] ~= "network"
            and helper.requests()[3].request_id or nil })
      end)

      it(case[1] .. " as the first raises as it is", function()
        control.arm(case[2])
        local got, err = walk(client.each())
        assert.same({}, got)
        helper.check(err, { kind = case[3], outcome = case[4],
          records = false, operation = "list" })
        assert.is_nil(err.message:find "came before")
      end)
    end

    it("comes back from next() as nil and the error", function()
      control.arm { page_of({ 1 }, { next = link(1) }), { status = 500 },
        page_of { 2 } }
      local page = assert(client.list())
      helper.check(helper.error_of(page.next()), { kind = "server",
        status = 500, operation = "list" })
      assert.equal(sid(2), assert(page.next())[1].sid)
    end)

    it("is tried again like any other GET", function()
      control.arm { page_of({ 1 }, { next = link(1) }), { close = true },
        page_of { 2 } }
      local got, err = walk(helper.client(transport).each())
      assert.same(sids(1, 2), got)
      assert.is_nil(err)
      assert.equal(3, control.ledger(0).count)
    end)
  end)
end

describe("a page", function()
  local client
  before_each(function() client = helper.client "plain HTTP" end)

  it("of 1000 records is accepted, and is 50 by default", function()
    assert(client.list { page_size = 1000 })
    assert.equal(50, assert(client.list()).meta.page_size)
    assert(client.list(nil))
    walk(client.each { page_size = 1000 })
    assert.same({ "GET /v1/Trunks?PageSize=1000", "GET /v1/Trunks",
      "GET /v1/Trunks", "GET /v1/Trunks?PageSize=1000" }, helper.lines())
  end)

  it("of 1000 records comes whole", function()
    local numbers = {}
    for n = 1, 1000 do numbers[n] = n end
    control.arm(page_of(numbers))
    local page = assert(client.list { page_size = 1000 })
    assert.equal(1000, #page)
    assert.equal(sid(1000), page[1000].sid)
  end)

  it("that is empty but has a next is walked past", function()
    control.arm { page_of({ 1 }, { next = link(1) }),
      page_of({}, { next = link(2) }), page_of { 2 } }
    assert.same({ sids(1, 2) }, { walk(client.each()) })
  end)

  it("keeps what else a reply has", function()
    control.arm { status = 200, body = '{"meta":{"key":"trunks","x":{"y":1}},'
      .. '"trunks":[],"more":true,"none":null}' }
    local page = assert(client.list())
    assert.same({ true, { y = 1 } }, { page.more, page.meta.x })
    assert.is_nil(page.none)
    assert.is_nil(page.trunks)
  end)

  it("has no next where the link is absent, null or ''", function()
    for _, tail in ipairs { "", ',"next_page_url":null',
      ',"next_page_url":""' } do
      control.arm { status = 200, body = ('{"meta":{"key":"trunks"%s},'
        .. '"trunks":[]}'):format(tail) }
      local page = assert(client.list())
      assert.is_nil(page.next())
      assert.equal(1, select("#", page.next()))
    end
  end)

  it("of a closed client says so when asked for the next", function()
    control.arm(page_of({ 1 }, { next = link(1) }))
    local page = assert(client.list())
    client.close()
    helper.check(helper.error_of(page.next()), { kind = "config",
      outcome = "not_sent", operation = "list", says = "closed" })
  end)

  it("outlives the client that nobody holds", function()
    control.arm { page_of({ 1 }, { next = link(1) }), page_of { 2 } }
    local page = assert(client.list())
    client = nil
    collectgarbage()
    collectgarbage()
    assert.equal(sid(2), assert(page.next())[1].sid)
  end)

  -- The body of a reply that is no page.
  for title, body in pairs {
    ["no meta"] = '{"trunks":[]}', ["a meta that is a list"] =
      '{"trunks":[],"meta":[]}', ["a meta that is a word"] =
      '{"trunks":[],"meta":"trunks"}',
    ["no key"] = '{"trunks":[],"meta":{}}',
    ["a key that is no text"] = '{"trunks":[],"meta":{"key":1}}',
    ["a key that names nothing"] = '{"trunks":[],"meta":{"key":"x"}}',
    ["a key that names meta"] = '{"trunks":[],"meta":{"key":"meta"}}',
    ["an object for a list"] =
      '{"trunks":{"sid":"x"},"meta":{"key":"trunks"}}',
    ["words for records"] = '{"trunks":["x"],"meta":{"key":"trunks"}}',
    ["null for the first record"] = '{"trunks":[null,{"sid":"' .. sid(1)
      .. '"}],"meta":{"key":"trunks"}}',
    ["records without a sid"] = '{"trunks":[{}],"meta":{"key":"trunks"}}',
    ["records of another kind"] = '{"trunks":[{"sid":"'
      .. helper.sid("CL", "a") .. '"}],"meta":{"key":"trunks"}}',
    ["a record, and no list"] = '{"sid":"' .. sid(1) .. '"}',
    ["nothing"] = "", ["a list"] = "[]",
  } do
    it("cannot be made of " .. title, function()
      control.arm { status = 200, body = body }
      helper.check(helper.error_of(client.list()), { kind = "reply",
        outcome = "unknown", status = 200, operation = "list", attempts = 1 })
      assert.equal(1, control.ledger(0).count)
    end)
  end

  for title, bad in pairs { number = 42, ["list"] = { "x" },
    ["false"] = false } do
    it("whose link is a " .. title .. " has an error for its next", function()
      control.arm(page_of({ 1 }, { next = bad }))
      local page = assert(client.list())
      helper.check(helper.error_of(page.next()), { kind = "reply",
        outcome = "not_sent", says = "is not a text" })
      assert.equal(1, control.ledger(0).count)
    end)
  end
end)

describe("each", function()
  local client
  before_each(function() client = helper.client "plain HTTP" end)

  it("holds one page at a time, and none while it asks for the next",
    function()
      control.arm { page_of({ 1, 2 }, { next = link(1) }),
        page_of({ 3, 4 }, { next = link(2) }), page_of { 5, 6 } }
      local held, n, alive = setmetatable({}, { __mode = "v" }), 0, 0
      local function count() -- the newest is the loop's own
        collectgarbage()
        collectgarbage()
        for i = 1, n - 1 do alive = alive + (held[i] and 1 or 0) end
      end
      client = helper.client("plain HTTP", { on_attempt = count })
      for trunk in client.each { page_size = 2 } do
        n = n + 1
        held[n] = trunk
        if n % 2 == 1 then count() end
      end
      assert.same({ 6, 0 }, { n, alive })
    end)

  it("holds no page when it is at its limit", function()
    control.arm(page_of { 1, 2, 3 })
    local iterator = client.each { limit = 2 }
    local held = setmetatable({ iterator(), iterator() }, { __mode = "v" })
    assert.is_nil(iterator())
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(held))
    assert.is_nil(iterator())
  end)

  it("may run within another of the same client", function()
    for i = 1, 4 do assert(client.create { friendly_name = "n" .. i }) end
    local pairs_seen = 0
    for outer in client.each { page_size = 3 } do
      for inner in client.each { page_size = 1 } do
        assert.is_string(outer.sid .. inner.sid)
        pairs_seen = pairs_seen + 1
      end
    end
    assert.equal(16, pairs_seen)
  end)

  it("walks a trunk's own lists, given the trunk or its SID", function()
    local trunk = assert(client.create {})
    for i = 1, 3 do
      assert(client.phone_numbers.create(trunk, helper.sid("PN", "" .. i)))
    end
    for _, parent in ipairs { trunk, trunk.sid } do
      assert.equal(3, #walk(client.phone_numbers.each(parent,
        { page_size = 2 })))
    end
    assert.matches("^GET /v1/Trunks/TK%x+/PhoneNumbers%?PageSize=2&Page=1&",
      helper.lines()[6])
  end)

  -- params, field
  for _, case in ipairs {
    { { limit = -1 }, "limit" }, { { limit = 1.5 }, "limit" },
    { { limit = "5" }, "limit" }, { { limit = 0 / 0 }, "limit" },
    { { limit = true }, "limit" },
  } do
    it("raises at once for a limit of " .. tostring(case[1].limit), function()
      local ok, err = pcall(client.each, case[1])
      assert.is_false(ok)
      helper.check(err, { kind = "invalid", outcome = "not_sent",
        field = "limit", operation = "list" })
      assert.equal(0, control.ledger(0).count)
    end)
  end

  for title, case in pairs {
    ["a page size of 0"] = { { page_size = 0 }, "page_size" },
    ["a misspelt name"] = { { pag_size = 5 }, "pag_size" },
    ["both spellings"] = { { page_size = 5, PageSize = 5 }, "page_size" },
  } do
    it("raises for " .. title, function()
      local got, err = walk(client.each(case[1]))
      assert.same({}, got)
      helper.check(err, { kind = "invalid", outcome = "not_sent",
        field = case[2], operation = "list" })
      assert.equal(0, control.ledger(0).count)
    end)
  end

  it("raises for what is no SID of a trunk", function()
    local got, err = walk(client.phone_numbers.each "..")
    assert.same({}, got)
    helper.check(err, { kind = "invalid", field = "trunk_sid",
      operation = "phone_numbers.list" })
    assert.equal(0, control.ledger(0).count)
  end)
end)

describe("a page that is too large", function()
  it("says how to ask for a smaller one", function()
    control.arm { status = 200, method = "GET",
      body = '{"trunks":["' .. ("x"):rep(4 * 2 ^ 20) .. '"]}' }
    local err = helper.error_of(helper.client("plain HTTP",
      { max_attempts = 1 }).list())
    helper.check(err, { kind = "reply", says = "page_size" })
    assert.matches("4 MiB", err.message)
  end)

  it("is a page: of another reply that is, nothing is said of it", function()
    control.arm { status = 201, body = ("x"):rep(2 ^ 20 + 1) }
    local err = helper.failure(helper.client "plain HTTP")
    helper.check(err, { outcome = "applied", says = "over the limit of 1 MiB" })
    assert.is_nil(err.message:find("page_size", 1, true))
  end)
end)
