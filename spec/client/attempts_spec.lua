-- The attempts of a call: when there is another, by method; what a result says
-- of them (meta), and what on_attempt is told.

local control = require "sandbox.control"
local core = require "trunking.core"
local helper = require "helper"
local trunking = require "trunking"

local unpack = table.unpack or unpack

local CL = helper.sid("CL", "c")
local URL = { sip_url = "sip:pbx.example.com", friendly_name = "PBX",
  weight = 10, priority = 20, enabled = true }

local name_of = helper.name_of

-- Calls an operation with SIDs that fit and, for a create, all it needs.
local function call(client, operation)
  local args, digit = {}, "a"
  for prefix in operation.path:gmatch "{(%u+)}" do
    args[#args + 1] = helper.sid(prefix, digit)
  end
  local fields = operation.fields
  if #fields == 1 and fields[1].type == "sid" then
    args[#args + 1] = helper.sid(fields[1].prefix, digit)
  elseif operation.resource == "origination_urls"
    and operation.name == "create" then
    args[#args + 1] = URL
  elseif #fields > 0 then
    args[#args + 1] = {}
  end
  local home = helper.home_of(client, operation)
  return home[operation.name](unpack(args))
end

local function path_of(operation)
  return (operation.path:gsub("{(%u+)}", function(prefix)
    return helper.sid(prefix, "a")
  end))
end

local function copy_of(line, n)
  local list = {}
  for i = 1, n do list[i] = line end
  return list
end

after_each(helper.tidy)

-- ---- another attempt, or none -----------------------------------------

-- Each may have been applied, and none is known to have been. A status is the
-- same on either transport.
local unknown = {
  { "a connection that closes", { close = true }, "network" },
  { "a connection that is reset", { reset = true }, "network" },
  { "half a status line", { raw = "HTTP/1.1 2" }, "network" },
  { "garbage", { garbage = true }, "reply" },
  { "a 500", { status = 500 }, "server", "plain HTTP" },
  { "a 502", { status = 502 }, "server", "plain HTTP" },
  { "a 503", { status = 503 }, "server", "plain HTTP" },
  { "a 504", { status = 504 }, "server", "plain HTTP" },
}

local function arm(fault, more)
  local own = {}
  for _, part in ipairs { fault, more or {} } do
    for name, value in pairs(part) do own[name] = value end
  end
  control.arm(own)
end

describe("after a closed connection", function()
  for _, operation in ipairs(core.operations()) do
    local again = operation.method ~= "POST"
    it(("%s is %s again"):format(name_of(operation), again and "tried"
      or "not tried"), function()
      control.arm { close = true }
      local _, err = call(helper.client "TLS", operation)
      local line = operation.method .. " " .. path_of(operation)
      assert.same(copy_of(line, again and 2 or 1), helper.lines())
      if not again then
        helper.check(err, { kind = "network", outcome = "unknown",
          attempts = 1, operation = name_of(operation), status = false })
      end
    end)
  end
end)

for _, transport in ipairs(helper.transports) do
  describe("over " .. transport, function()
    local client, trunk
    before_each(function()
      client = helper.client(transport)
      trunk = assert(client.create { friendly_name = "x" })
    end)

    local function methods()
      local list = {}
      for i, request in ipairs(helper.requests()) do
        list[i] = request.method
      end
      return table.concat(list, " ")
    end

    local function survives(case)
      it("a GET is tried again after " .. case[1], function()
        arm(case[2])
        local got, meta = client.fetch(trunk)
        assert.same(trunk, got)
        assert.equal(2, meta.attempts)
        assert.equal("POST GET GET", methods())
      end)

      it("a DELETE that had been applied succeeds after " .. case[1],
        function()
          arm(case[2], { apply = true, method = "DELETE" })
          local done, meta = client.delete(trunk)
          assert.is_true(done)
          assert.same({ 2, 404 }, { meta.attempts, meta.status })
          assert.equal("POST DELETE DELETE", methods())
          assert.equal(0, control.ledger(0).trunks)
        end)

      it("an update is not tried again after " .. case[1], function()
        arm(case[2], { apply = true, method = "POST" })
        local err = helper.error_of(client.update(trunk, { secure = true }))
        helper.check(err, { kind = case[3], outcome = "unknown",
          attempts = 1, operation = "update" })
        assert.equal("POST POST", methods())
        assert.is_true(assert(client.fetch(trunk)).secure)
      end)
    end

    for _, case in ipairs(unknown) do
      if (case[4] or transport) == transport then survives(case) end
    end

    for title, fault in pairs { ["a body"] = { cut = 40 },
      ["a body before it began"] = { cut = 0 } } do
      it("a GET is tried again after " .. title .. " cut short", function()
        arm(fault, { apply = true })
        local got, meta = client.fetch(trunk)
        assert.same(trunk, got)
        assert.equal(2, meta.attempts)
        assert.equal("POST GET GET", methods())
      end)
    end

    it("a GET is not tried again after a whole reply that is wrong",
      function()
        control.arm { body = "<html>", apply = true }
        helper.check(helper.error_of(client.fetch(trunk)), { kind = "reply",
          outcome = "unknown", status = 200, attempts = 1 })
        control.arm { body = ("x"):rep(2 ^ 20 + 1), apply = true }
        helper.check(helper.error_of(client.fetch(trunk)), { kind = "reply",
          outcome = "unknown", status = 200, attempts = 1, says = "limit" })
        assert.equal("POST GET GET", methods())
      end)

    it("a DELETE is tried again, and may then be done", function()
      control.arm { close = true }
      local done, meta = client.delete(trunk)
      assert.is_true(done)
      assert.same({ 2, 204 }, { meta.attempts, meta.status })
      assert.equal("POST DELETE DELETE", methods())
    end)

    it("a GET gives up after three attempts", function()
      control.arm { status = 503, times = 9 }
      helper.check(helper.error_of(client.fetch(trunk)), { kind = "server",
        outcome = "unknown", status = 503, attempts = 3,
        request_id = helper.requests()[4].request_id })
      assert.equal("POST GET GET GET", methods())
    end)

    it("a DELETE gives up after three attempts, and cannot tell", function()
      control.arm { close = true, times = 9 }
      helper.check(helper.error_of(client.delete(trunk)), { kind = "network",
        outcome = "unknown", attempts = 3, operation = "delete",
        says = "may or may not have been applied" })
      assert.equal("POST DELETE DELETE DELETE", methods())
    end)

    it("a kept connection that dies is no loss to a GET", function()
      for _ = 1, 3 do
        control.arm { close = true }
        assert.same(trunk, assert(client.fetch(trunk)))
      end
      assert.equal("POST" .. (" GET"):rep(6), methods())
    end)

    it("a client with max_attempts = 1 never tries again", function()
      local once = helper.client(transport, { max_attempts = 1 })
      control.arm { { close = true }, { status = 503 }, { status = 429 } }
      helper.check(helper.error_of(once.fetch(trunk)),
        { outcome = "unknown", attempts = 1 })
      helper.check(helper.error_of(once.delete(trunk)),
        { outcome = "unknown", attempts = 1 })
      helper.check(helper.error_of(once.list()),
        { outcome = "refused", attempts = 1 })
      assert.equal("POST GET DELETE GET", methods())
    end)
  end)
end

describe("a DELETE", function()
  local client, trunk
  before_each(function()
    client = helper.client "plain HTTP"
    trunk = assert(client.create {})
  end)

  it("answered 404 is not found, if no attempt before may have done it",
    function()
      control.arm { { status = 429 }, { status = 404 } }
      helper.check(helper.error_of(client.delete(trunk)), { kind =
        "not_found", outcome = "refused", status = 404, attempts = 2 })
    end)

  it("refused after an attempt that may have done it stays unknown",
    function()
      control.arm { { close = true }, { status = 401 } }
      helper.check(helper.error_of(client.delete(trunk)), { kind = "auth",
        outcome = "unknown", status = 401, attempts = 2 })
    end)

  for _, status in ipairs { 200, 202, 204 } do
    it(("answered %d is done, and sent once"):format(status), function()
      local before = control.ledger(0).count
      control.arm { status = status, body = status ~= 204 and "{}" or nil }
      assert.is_true(client.delete(trunk))
      assert.equal(1, control.ledger(0).count - before)
    end)
  end

  it("of what is attached leaves the rest", function()
    assert(client.credential_lists.create(trunk, CL))
    control.arm { close = true, apply = true, method = "DELETE" }
    assert.is_true(client.credential_lists.delete(trunk, CL))
    assert.equal(0, #assert(client.credential_lists.list(trunk)))
    assert.equal(1, control.ledger(0).trunks)
  end)
end)

describe("an update answered", function()
  local client, trunk
  before_each(function()
    client = helper.client "plain HTTP"
    trunk = assert(client.create { friendly_name = "before" })
  end)

  -- title, fault, outcome, kind
  for _, case in ipairs {
    { "with a body cut short", { cut = 40 }, "applied", "reply" },
    { "with headers cut short", { cut_headers = true }, "applied", "reply" },
    { "with nothing", { body = "" }, "applied", "reply" },
    { "with a page of HTML", { body = "<html>" }, "applied", "reply" },
    { "without a sid", { body = "{}" }, "applied", "reply" },
    { "with a sid of another kind", { body = '{"sid":"'
      .. helper.sid("CL", "a") .. '"}' }, "applied", "reply" },
    { "with 201 and no record", { status = 201, body = "{}" }, "applied",
      "reply" },
    { "with 204", { status = 204 }, "applied", "reply" },
    { "with 302", { status = 302 }, "unknown", "reply" },
    { "with 408", { status = 408 }, "unknown", "timeout" },
    { "with 400", { status = 400 }, "refused", "rejected" },
    { "with 404", { status = 404 }, "refused", "not_found" },
    { "with 401", { status = 401 }, "refused", "auth" },
  } do
    it(("%s is %s, after one POST"):format(case[1], case[3]), function()
      arm(case[2], { apply = true })
      local err = helper.error_of(client.update(trunk,
        { friendly_name = "after" }))
      helper.check(err, { kind = case[4], outcome = case[3], attempts = 1,
        operation = "update", says = case[3] == "applied"
          and "it was done, but the reply could not be read" or "" })
      if case[3] == "applied" then
        helper.check(err, { says = "fetch it to see" })
      end
      assert.equal(2, control.ledger(0).count)
      assert.equal("after", assert(client.fetch(trunk)).friendly_name)
    end)
  end

  it("with 429 is sent again", function()
    control.arm { status = 429 }
    local updated, meta = client.update(trunk, { friendly_name = "after" })
    assert.equal("after", updated.friendly_name)
    assert.equal(2, meta.attempts)
    assert.equal(3, control.ledger(0).count)
  end)
end)

-- ---- meta -------------------------------------------------------------

local function check_meta(meta, status, attempts)
  local keys = {}
  for name in pairs(meta) do keys[#keys + 1] = name end
  table.sort(keys)
  assert.same({ "attempts", "elapsed", "request_id", "status" }, keys)
  local requests = helper.requests()
  assert.same({ status, attempts or 1, requests[#requests].request_id },
    { meta.status, meta.attempts, meta.request_id })
  assert.is_number(meta.elapsed)
  assert.is_true(meta.elapsed >= 0)
end

for _, transport in ipairs(helper.transports) do
  describe("meta over " .. transport, function()
    local client, trunk, url
    before_each(function()
      client = helper.client(transport)
      trunk = assert(client.create {})
      url = assert(client.origination_urls.create(trunk, URL))
    end)

    -- operation, its call, status
    for _, case in ipairs {
      { "create", function() return client.create {} end, 201 },
      { "fetch", function() return client.fetch(trunk) end, 200 },
      { "update", function() return client.update(trunk, {}) end, 200 },
      { "list", function() return client.list() end, 200 },
      { "delete", function() return client.delete(trunk) end, 204 },
      { "origination_urls.create", function()
        return client.origination_urls.create(trunk, URL) end, 201 },
      { "origination_urls.update", function()
        return client.origination_urls.update(trunk, url, {}) end, 200 },
      { "origination_urls.delete", function()
        return client.origination_urls.delete(trunk, url) end, 204 },
      { "credential_lists.create", function()
        return client.credential_lists.create(trunk, CL) end, 201 },
      { "phone_numbers.list", function()
        return client.phone_numbers.list(trunk) end, 200 },
      { "recording.fetch", function()
        return client.recording.fetch(trunk) end, 200 },
      { "recording.update", function()
        return client.recording.update(trunk, {}) end, 200 },
    } do
      it("comes second from " .. case[1], function()
        local results = { case[2]() }
        assert.equal(2, select("#", unpack(results)))
        assert.is_truthy(results[1])
        check_meta(results[2], case[3])
      end)
    end

    it("counts the attempts, and tells of the last", function()
      control.arm { close = true }
      local _, meta = client.fetch(trunk)
      check_meta(meta, 200, 2)
    end)

    it("tells how long all took", function()
      control.arm { delay = 0.1 }
      local start = core.clock()
      local _, meta = client.fetch(trunk)
      assert.is_true(meta.elapsed > 0.08)
      assert.is_true(meta.elapsed <= core.clock() - start)
    end)
  end)
end

describe("meta", function()
  it("has no request_id when the reply has none", function()
    control.arm { raw = "HTTP/1.1 200 OK\r\nContent-Length: 46\r\n\r\n"
      .. '{"sid":"' .. helper.sid("TK", "a") .. '"}  ' }
    local got, meta = helper.client "plain HTTP".fetch(helper.sid("TK", "a"))
    assert.is_table(got)
    assert.is_nil(meta.request_id)
    assert.equal(200, meta.status)
  end)
end)

-- ---- on_attempt -------------------------------------------------------

-- A client, and the events that it was told of.
local function watched(transport, more)
  local events = {}
  local options = { on_attempt = function(event)
    events[#events + 1] = event
  end }
  for name, value in pairs(more or {}) do options[name] = value end
  return helper.client(transport, options), events
end

local function strings_of(value, out)
  if type(value) == "string" then out[#out + 1] = value end
  if type(value) == "table" then
    for k, v in pairs(value) do
      strings_of(k, out)
      strings_of(v, out)
    end
  end
  return out
end

for _, transport in ipairs(helper.transports) do
  describe("on_attempt over " .. transport, function()
    it("is told of each operation", function()
      local client, events = watched(transport)
      for i, operation in ipairs(core.operations()) do
        local result, err = call(client, operation)
        assert.equal(i, #events)
        assert.same({ name_of(operation), operation.method,
          path_of(operation), 1, result and "done" or err.outcome },
          { events[i].operation, events[i].method, events[i].path,
            events[i].attempt, events[i].outcome })
        assert.equal(helper.requests()[i].request_id, events[i].request_id)
      end
    end)

    it("is told of one attempt in these words", function()
      local client, events = watched(transport)
      local _, meta = client.create { friendly_name = "x" }
      local event = events[1]
      assert.same({ operation = "create", method = "POST",
        path = "/v1/Trunks", status = 201, attempt = 1, outcome = "done",
        request_id = meta.request_id, elapsed = event.elapsed }, event)
      assert.is_number(event.elapsed)
      assert.is_true(event.elapsed >= 0 and event.elapsed <= meta.elapsed)
      assert.equal(1, #events)
    end)

    it("is told of every attempt, before the next", function()
      local counts, client, events = {}
      client = helper.client(transport, { on_attempt = function(event)
        events[#events + 1] = event
        counts[#counts + 1] = control.ledger(0).count
      end })
      events = {}
      control.arm { { status = 503 }, { close = true } }
      local _, meta = client.list { page_size = 7 }
      assert.same({ 1, 2, 3 }, counts)
      local requests = helper.requests()
      local first, second, last = unpack(events)
      assert.same({ "unknown", 503, 1, requests[1].request_id },
        { first.outcome, first.status, first.attempt, first.request_id })
      assert.same({ "unknown", 2 }, { second.outcome, second.attempt })
      assert.same({}, { second.status, second.request_id })
      assert.same({ "done", 200, 3, meta.request_id },
        { last.outcome, last.status, last.attempt, last.request_id })
      for _, event in ipairs { first, second } do
        assert.is_number(event.retry_delay)
        assert.is_true(event.retry_delay >= 0 and event.retry_delay <= 2)
        assert.equal("/v1/Trunks?PageSize=7", event.path)
      end
      assert.is_nil(last.retry_delay)
    end)

    it("is told how long to wait after a 429", function()
      local client, events = watched(transport)
      control.arm { status = 429, headers = { ["Retry-After"] = "0" } }
      assert(client.create {})
      assert.same({ "refused", 429, 1 }, { events[1].outcome,
        events[1].status, events[1].attempt })
      assert.is_true(events[1].retry_delay >= 0.1) -- no less is waited
      assert.same({ "done", 2 }, { events[2].outcome, events[2].attempt })
    end)

    -- title, fault, what is called, outcome of the result and the last event
    for _, case in ipairs {
      { "201 with garbage", { body = "<html>", apply = true }, "create",
        "applied" },
      { "201 with another account's trunk", { status = 201, body = '{"sid":"'
        .. helper.sid("TK", "a") .. '","account_sid":"'
        .. helper.sid("AC", "0") .. '"}' }, "create", "applied" },
      { "201 with what was not asked for", { status = 201, body = '{"sid":"'
        .. helper.sid("TK", "a") .. '","friendly_name":"other"}' },
        "create", "unknown", { friendly_name = "this" } },
      { "201 with headers without end", { raw = "HTTP/1.1 201 Created\r\n"
        .. ("X: " .. ("x"):rep(1000) .. "\r\n"):rep(80) .. "\r\n" }, "create",
        "applied" },
      { "400", { status = 400 }, "create", "refused" },
      { "a closed connection", { close = true }, "create", "unknown" },
      { "200 with garbage", { status = 200, body = "x" }, "list", "unknown" },
      { "404", { status = 404 }, "list", "refused" },
    } do
      it("ends with what the result says: " .. case[1], function()
        local client, events = watched(transport)
        control.arm(case[2])
        local err = helper.error_of(client[case[3]](case[5] or {}))
        assert.equal(1, #events)
        assert.same({ case[4], case[4] }, { err.outcome, events[1].outcome })
        assert.same({ err.status, err.request_id },
          { events[1].status, events[1].request_id })
        assert.is_nil(events[1].retry_delay)
      end)
    end

    it("ends with done for a DELETE that had been applied", function()
      local client, events = watched(transport)
      local trunk = assert(client.create {})
      control.arm { close = true, apply = true }
      assert.is_true(client.delete(trunk))
      assert.same({ "unknown", "done", 404 }, { events[2].outcome,
        events[3].outcome, events[3].status })
    end)

    it("may make calls of its own on the same client", function()
      local client, inner, done = nil, {}, false
      client = helper.client(transport, { on_attempt = function(event)
        if done or event.operation ~= "create" then return end
        done = true
        inner.trunk = assert(client.create { friendly_name = "inner" })
        inner.fetched = assert(client.fetch(inner.trunk))
        inner.listed = #assert(client.list())
      end })
      local outer = assert(client.create { friendly_name = "outer" })
      assert.equal("outer", outer.friendly_name)
      assert.same(inner.trunk, inner.fetched)
      assert.same({ "inner", 2 },
        { inner.trunk.friendly_name, inner.listed })
      assert.equal("after", assert(client.create { friendly_name = "after" })
        .friendly_name)
      assert.equal(3, control.ledger(0).created)
    end)

    it("may make calls of its own between two attempts", function()
      local client, inner
      client = helper.client(transport, { on_attempt = function(event)
        if event.retry_delay and not inner then
          inner = assert(client.create { friendly_name = "inner" })
        end
      end })
      control.arm { { status = 503 } }
      local page, meta = client.list() -- may be sent while inner's is
      assert.is_table(page)
      assert.equal(2, meta.attempts)
      assert.equal("inner", inner.friendly_name)
      assert.equal(3, control.ledger(0).count)
    end)
  end)
end

describe("on_attempt", function()
  it("is told of attempts that never left", function()
    local client, events = watched("plain HTTP",
      { base_url = "http://127.0.0.1:1" })
    local err = helper.failure(client)
    helper.check(err, { kind = "connect", outcome = "not_sent" })
    assert.equal(err.attempts, #events)
    for i, event in ipairs(events) do
      assert.same({ "not_sent", i }, { event.outcome, event.attempt })
      assert.same({}, { event.status, event.request_id })
      assert.equal(i < #events, event.retry_delay ~= nil)
    end
  end)

  it("is told nothing of a call that makes no attempt", function()
    local client, events = watched "plain HTTP"
    helper.failure(client, { nonsense = 1 })
    helper.error_of(client.fetch "..")
    assert.is_false(pcall(client.fetch, 42))
    client.close()
    helper.failure(client)
    assert.equal(0, #events)
  end)

  it("is told of each page", function()
    local client, events = watched "plain HTTP"
    for _ = 1, 3 do assert(client.create {}) end
    local page = assert(client.list { page_size = 2 })
    assert(page.next())
    for _ in client.each { page_size = 2 } do assert.truthy(_) end
    local paths = {}
    for i = 4, #events do
      assert.equal("list", events[i].operation)
      paths[#paths + 1] = "GET " .. events[i].path
    end
    local lines = helper.lines()
    assert.same({ unpack(lines, 4) }, paths)
    assert.equal(4, #paths)
  end)

  it("is told no secret and nothing of a form", function()
    local client, events = watched "TLS"
    control.arm { { status = 429 }, { skip = 1, close = true } }
    assert(client.create { friendly_name = "form canary",
      disaster_recovery_url = "https://user:canary@e.example/" })
    local trunk = assert(client.list())[1]
    assert(client.update(trunk, { friendly_name = "another canary" }))
    assert(client.origination_urls.create(trunk, { sip_url =
      "sip:canary@e.example", friendly_name = "canary", weight = 1,
      priority = 1, enabled = true }))
    local told = table.concat(strings_of(events, {}), "\n")
    assert.is_true(#events >= 5)
    for _, word in ipairs { "canary", helper.sandbox "AUTH_TOKEN",
      helper.sandbox "ACCOUNT_SID", "Basic", "FriendlyName" } do
      assert.is_nil(told:find(word, 1, true), word)
    end
  end)

  it("gets a table of its own each time", function()
    local client, trunk
    client = helper.client("plain HTTP", { on_attempt = function(event)
      for name in pairs(event) do event[name] = nil end
      event.outcome, event.status = "refused", 500
    end })
    trunk = assert(client.create {})
    control.arm { status = 503 }
    local _, meta = client.fetch(trunk)
    assert.same({ 200, 2 }, { meta.status, meta.attempts })
  end)

  it("may raise, in every way, and changes nothing", function()
    for _, raise in ipairs {
      function() error "broken" end, function() error() end,
      function() error {} end, function() return nil + 1 end,
      function() coroutine.yield() end,
    } do
      local own = io.stderr
      io.stderr = { write = function() end } -- luacheck: ignore
      local ok, why = pcall(function()
        local client = helper.client("plain HTTP", { on_attempt = raise })
        local trunk = assert(client.create { friendly_name = "x" })
        control.arm { status = 503 }
        assert.same(trunk, assert(client.fetch(trunk)))
        coroutine.wrap(function()
          assert.is_true(client.delete(trunk))
        end)()
      end)
      io.stderr = own -- luacheck: ignore
      assert.is_true(ok, tostring(why))
    end
  end)

  it("cannot close the client during its own call, but after it", function()
    local client, closed
    client = helper.client("plain HTTP", { on_attempt = function(event)
      local ok, why = pcall(client.close)
      closed = closed or {}
      closed[#closed + 1] = ok or why
      assert.equal(event.retry_delay == nil, ok)
    end })
    control.arm { status = 503 }
    assert(client.list())
    assert.equal(2, #closed)
    assert.matches("can't be closed during its own call", closed[1])
    assert.is_true(closed[2])
    helper.check(helper.failure(client), { kind = "config", says = "closed" })
  end)

  it("must be a function", function()
    for _, wrong in ipairs { true, 42, "print", {} } do
      local client, err = trunking.new { account_sid = helper.sid("AC", "0"),
        auth_token = "x", on_attempt = wrong }
      assert.is_nil(client)
      helper.check(err, { kind = "config", field = "on_attempt",
        says = "must be a function" })
    end
  end)

  it("is held no longer than its client", function()
    local held = setmetatable({}, { __mode = "k" })
    local function use() -- a scope of its own: a stack slot may hold on
      local own = {}
      local function f() return own end
      held[f] = true
      assert(helper.client("plain HTTP", { on_attempt = f }).create {})
    end
    coroutine.wrap(use)()
    if jit then jit.flush() end -- a trace may hold on, too
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(held))
  end)

  it("has its error told on the standard error, once", function()
    local said = helper.run([[
      local trunking = require "trunking"
      local client = assert(trunking.new { base_url = os.getenv "BASE",
        account_sid = os.getenv "SID", auth_token = os.getenv "TOKEN",
        on_attempt = function() error "broken hook" end })
      for i = 1, 3 do
        print(i, assert(client.create { friendly_name = "n" .. i })
          .friendly_name)
      end
    ]], { BASE = helper.origin "plain HTTP",
      SID = helper.sandbox "ACCOUNT_SID",
      TOKEN = helper.sandbox "AUTH_TOKEN" })
    assert.truthy(said:find("1\tn1", 1, true), said)
    assert.truthy(said:find("3\tn3", 1, true), said)
    local _, count = said:gsub("trunking: on_attempt raised an error; it "
      .. "will not be reported again: [^\n]*broken hook\n", "")
    assert.equal(1, count)
    local _, lines = said:gsub("\n", "")
    assert.equal(4, lines)
  end)
end)
