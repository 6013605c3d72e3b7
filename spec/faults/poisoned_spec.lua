-- A kept connection on which something waits before the next request goes out:
-- a second reply that nobody asked for, or its end. libcurl takes what it finds
-- for the answer to the request it then sends, and says "201 Created" of a
-- trunk that was not made. What waits is never believed: the request goes out
-- once, over a new connection, and the reply to it is returned.
--
-- The sandbox answers a first create by itself, whole, and keeps the
-- connection; a moment later it says more on it. The replies that wait name
-- this account, and the domain that is asked for, so that only the connection
-- tells that they are not the answer.

local control = require "sandbox.control"
local helper = require "helper"
local socket = require "socket"

local POISON = helper.sid("TK", "b")
local params = { friendly_name = "x", domain_name = "x.pstn.twilio.com" }

local function reply(status, record)
  local body = helper.json(record)
  return ("HTTP/1.1 %s\r\nContent-Type: application/json\r\n"
    .. "Content-Length: %d\r\n\r\n%s"):format(status, #body, body)
end

local function trunk(sid)
  return { sid = sid, account_sid = helper.sandbox "ACCOUNT_SID",
    friendly_name = "x", domain_name = params.domain_name }
end

-- What waits on the connection.
local poisons = {
  { "a reply that fits", function()
    return reply("201 Created", trunk(POISON))
  end },
  { "a reply without a domain", function()
    return reply("201 Created", { sid = POISON })
  end },
  { "a 400", function()
    return reply("400 Bad Request", { code = 21248, message = "taken" })
  end },
  { "a 408 of a server that waited too long", function()
    return reply("408 Request Timeout", {})
  end },
  { "a 503", function()
    return reply("503 Service Unavailable", {})
  end },
  { "half a reply", function() return "HTTP/1.1 201 Cre" end },
  { "one byte", function() return "H" end },
}

-- Returns once the sandbox has said something unasked: then it is here, too.
-- (The sandbox's connections are of this machine.)
local function wait_for_it(before)
  local latest = socket.gettime() + helper.HANG
  repeat
    assert(socket.gettime() < latest, "the sandbox said nothing")
    socket.sleep(0.02)
  until control.ledger(0).unasked > before
  socket.sleep(0.02)
end

-- A client whose kept connection has this waiting on it.
local function poisoned(transport, poison, options)
  local client = helper.client(transport, options)
  local before = control.ledger(0).unasked
  control.arm { raw = reply("201 Created", { sid = helper.sid("TK", "a") }),
    unasked = poison }
  assert.equal(helper.sid("TK", "a"), assert(client.create {}).sid)
  wait_for_it(before)
  return client
end

-- The requests after the first, whose connection it was.
local function requests()
  local list = helper.lines()
  table.remove(list, 1)
  return list
end

after_each(helper.tidy)

for _, transport in ipairs(helper.transports) do
  describe("over " .. transport, function()
    for _, case in ipairs(poisons) do
      it(case[1] .. " that waits is not believed by a create", function()
        local client = poisoned(transport, case[2]())
        local made, meta = assert(client.create(params))
        assert.not_equal(POISON, made.sid)
        assert.equal(1, meta.attempts)
        assert.same({ "POST /v1/Trunks" }, requests())
        assert.same(made, (assert(client.fetch(made.sid))))
        assert.equal(1, control.ledger(0).trunks)
      end)
    end

    it("neither does a fetch believe it, nor a delete", function()
      local made = assert(helper.client(transport).create(params))
      for name, method in pairs { fetch = "GET", delete = "DELETE" } do
        control.arm { raw = reply("200 OK", trunk(made.sid)), method = "GET",
          unasked = reply("404 Not Found", {}) }
        local client = helper.client(transport)
        local before = control.ledger(0).unasked
        assert(client.fetch(made.sid))
        wait_for_it(before)
        local result, meta = assert(client[name](made.sid))
        assert.is_truthy(result)
        assert.equal(1, meta.attempts)
        local lines = helper.lines()
        assert.equal(method .. " /v1/Trunks/" .. made.sid, lines[#lines])
        if name == "delete" then
          assert.equal(0, control.ledger(0).trunks)
          made = assert(helper.client(transport).create {})
        end
      end
    end)

    it("a stale connection is no attempt, not even the only one", function()
      local client = poisoned(transport, poisons[1][2](),
        { max_attempts = 1 })
      assert.not_equal(POISON, assert(client.create(params)).sid)
    end)

    it("the new connection is kept in its turn", function()
      local client = poisoned(transport, "x")
      for i = 1, 3 do
        assert(client.create { friendly_name = "n" .. i })
      end
      control.arm { apply = true, close = true }
      helper.check(helper.failure(client, params), { outcome = "unknown",
        says = "the connection closed before a reply came", attempts = 1 })
      assert.equal(4, #requests())
    end)

    it("what comes with the first reply is not believed either", function()
      local client = helper.client(transport)
      control.arm { raw = reply("201 Created", { sid = helper.sid("TK", "a") })
        .. reply("201 Created", trunk(POISON)), unasked = "" }
      assert.equal(helper.sid("TK", "a"), assert(client.create {}).sid)
      assert.not_equal(POISON, assert(client.create(params)).sid)
      assert.same({ "POST /v1/Trunks" }, requests())
    end)

    it("a job is no different", function()
      local client = poisoned(transport, poisons[1][2]())
      local made = assert(assert(client.async.create(params)):wait(helper.HANG))
      assert.not_equal(POISON, made.sid)
      assert.same({ "POST /v1/Trunks" }, requests())
    end)
  end)
end
