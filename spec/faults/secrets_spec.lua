-- A server, a gateway or a proxy that quotes the client's own secrets: they are
-- in no error, whatever the status, the operation and the kind of call; and a
-- record, which is data, is given as it is.

local control = require "sandbox.control"
local helper = require "helper"
local peer = require "peer"

local b64 = require "mime".b64

after_each(function()
  peer.tidy()
  helper.tidy()
end)

local TOKEN = helper.sandbox "AUTH_TOKEN"
local PAIR = b64(helper.sandbox "ACCOUNT_SID" .. ":" .. TOKEN)

-- What of a text of a secret is looked for: not all of it, so that one that is
-- masked but for its ends is found out.
local pieces = { TOKEN:sub(9, 24), TOKEN:sub(9, 24):upper(), PAIR:sub(60, 75) }

local function visit(value, found, seen)
  if type(value) == "string" then
    for _, piece in ipairs(pieces) do
      if value:find(piece, 1, true) then found[#found + 1] = value end
    end
  elseif type(value) == "table" and not seen[value] then
    seen[value] = true
    for k, v in pairs(value) do
      visit(k, found, seen)
      visit(v, found, seen)
    end
  end
  return found
end

-- Where a secret stands in an error, or in whatever else.
local function leaks(value)
  local found = visit(value, {}, {})
  return visit(tostring(value), found, {})
end

local function unicode(s)
  return (s:gsub(".", function(c) return ("\\u%04x"):format(c:byte()) end))
end

local function percent(s)
  return (s:gsub(".", function(c) return ("%%%02x"):format(c:byte()) end))
end

-- Bodies that quote: %s is the secret as JSON or a page may write it.
local bodies = {
  ["Twilio's message"] = '{"code":20003,"message":"no user %s",'
    .. '"more_info":"https://www.twilio.com/%s","status":401}',
  ["its details"] = '{"code":20001,"message":"x","details":{"a":["%s"],'
    .. '"%s":{"b":"(%s)"}}}',
  ["RFC 9457"] = '{"type":"https://a/%s","title":"%s","detail":"for %s",'
    .. '"errors":[{"detail":"%s"}]}',
  ["an error within"] = '{"error":{"message":"Bad header: Basic %s"}}',
  ["params"] = '{"code":1,"message":"m","params":[{"value":"%s"}]}',
  ["a page"] = "<html><title>Denied: %s</title><p>%s</p></html>",
  ["a text"] = "Unauthorized: Authorization: Basic %s\n",
}

local secrets = { plain = TOKEN, base64 = PAIR, capitals = TOKEN:upper(),
  ["escaped"] = unicode(TOKEN), ["percent-encoded"] = percent(TOKEN),
  ["escaped base64"] = (PAIR:gsub("[/]", "\\/")) }

describe("an error", function()
  for _, status in ipairs { 400, 401, 403, 404, 408, 409, 429, 500, 503, 302,
    200, 202 } do
    it(("of a create answered %d holds no secret that is quoted")
      :format(status), function()
        local events = {}
        local client = helper.client("TLS", { max_attempts = 1,
          on_attempt = function(event) events[#events + 1] = event end })
        for title, body in pairs(bodies) do
          for kind, secret in pairs(secrets) do
            control.arm { status = status, times = 1, body = body:gsub("%%s",
              (secret:gsub("%%", "%%%%"))), headers = {
              ["Twilio-Request-Id"] = kind == "plain" and "RQ" .. secret
                or PAIR:sub(-60) } }
            local result, err = client.create { friendly_name = "a" }
            assert.is_nil(visit(result, {}, {})[1])
            assert.same({}, leaks(err), title .. ", " .. kind)
            if err.intent then
              assert.equal("a", err.intent.params.friendly_name)
            end
          end
        end
        assert.is_true(#events >= 40)
        assert.same({}, leaks(events))
      end)
  end

  it("keeps the rest of the words", function()
    local client = helper.client "plain HTTP"
    control.arm { status = 401, body = ('{"code":20003,"message":"user \\"%s\\"'
      .. ' is unknown","more_info":"https://a/?b=%s&c","details":{"%s":1}}')
      :format(TOKEN, TOKEN, TOKEN) }
    local err = helper.failure(client)
    helper.check(err, { kind = "auth", code = 20003, outcome = "refused",
      more_info = "https://a/?b=***&c", says = 'user "***" is unknown' })
    assert.same({ ["***"] = 1 }, err.details)
  end)

  it("of each other operation holds none either", function()
    local client = helper.client("TLS", { max_attempts = 1 })
    local trunk = assert(client.create {})
    for _, call in ipairs {
      function() return client.fetch(trunk) end,
      function() return client.update(trunk, { friendly_name = "b" }) end,
      function() return client.delete(trunk) end,
      function() return client.list {} end,
      function() return client.recording.fetch(trunk) end,
      function() return client.phone_numbers.create(trunk,
        { phone_number_sid = helper.sid("PN", "1") }) end,
      function() return client.async.create({}):wait() end,
      function() return client.async.fetch(trunk):wait() end,
      function() return client.ensure { domain_name =
        "a.pstn.twilio.com" } end,
      function() return select(2, pcall(client.each())), nil end,
    } do
      control.arm { status = 400, times = 1,
        body = bodies["Twilio's message"]:gsub("%%s", TOKEN),
        headers = { ["Twilio-Request-Id"] = TOKEN } }
      local result, err = call()
      assert.same({}, leaks(result))
      assert.same({}, leaks(err))
      assert.matches("%*%*%*", tostring(err or result))
    end
  end)

  it("of a job holds none when its client is closed meanwhile", function()
    local client = helper.client "TLS"
    control.arm { status = 400,
      body = bodies["its details"]:gsub("%%s", PAIR) }
    local job = client.async.create {}
    helper.wait_until(function() return job:done() end)
    client.close()
    local result, err = job:wait()
    assert.is_nil(result)
    assert.same({}, leaks(err))
    assert.equal("rejected", err.kind)
  end)

  it("of a broken reply holds none", function()
    for _, raw in ipairs {
      "HTTP/1.1 401 %s\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 401 No\r\nContent-Length: %s\r\n\r\n",
      "HTTP/1.1 401 No\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 302 No\r\nLocation: http://%s.a/\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 400 No\r\nTransfer-Encoding: %s\r\n\r\n",
      "HTTP/1.1 400 No\r\nContent-Length: 999\r\n\r\nyou are %s",
      "%s\r\n\r\n", "HTTP/%s\r\n\r\n", "HTTP/1.1 201 Made\r\n"
        .. "Content-Length: 64\r\n\r\n%s", "HTTP/1.1 201 Made\r\n"
        .. 'Content-Length: 65\r\n\r\n{"sid":"%s"}',
    } do
      for _, transport in ipairs(helper.transports) do
        control.arm { raw = raw:gsub("%%s", TOKEN), times = 1 }
        local err = helper.failure(helper.client(transport,
          { max_attempts = 1 }))
        assert.same({}, leaks(err))
      end
    end
  end)

  it("of a page's link holds none", function()
    control.arm { status = 200, method = "GET", body = ('{"trunks":[],"meta":'
      .. '{"key":"trunks","next_page_url":"https://%s.example/v1/Trunks?a"}}')
      :format(TOKEN) }
    local page = assert(helper.client "TLS".list())
    local _, err = page.next()
    assert.same({}, leaks(err))
    assert.matches("leads to another server, %*%*%*%.example", err.message)
  end)
end)

describe("an event", function()
  it("holds no secret that a page's link quotes, and the link is followed",
    function()
      for _, how in ipairs { "call", "job" } do
        local events = {}
        local client = helper.client("TLS", { max_attempts = 2,
          on_attempt = function(event) events[#events + 1] = event end })
        control.arm { status = 200, method = "GET", body =
          ('{"trunks":[],"meta":{"key":"trunks","next_page_url":'
          .. '"https://trunking.twilio.com/v1/Trunks?PageSize=50&x=%s&y=%s"}}')
          :format(TOKEN, percent(TOKEN)) }
        local page
        if how == "call" then page = assert(client.list())
        else page = assert(client.async.list():wait()) end
        control.arm { status = 503, times = 1, method = "GET" }
        local result, err = page.next()
        if how == "job" then result, err = result:wait() end
        assert.is_true(result ~= nil or err ~= nil)
        assert.equal(3, #events)
        assert.same({}, leaks(events))
        assert.matches("^/v1/Trunks%?PageSize=50&x=%*%*%*&y=%*%*%*$",
          events[3].path)
        local requests = helper.requests()
        assert.matches("x=" .. TOKEN, requests[#requests].query)
        control.reset()
      end
    end)
end)

describe("a record", function()
  it("is data: what the API has is given, a name like the token too",
    function()
      for _, transport in ipairs(helper.transports) do
        local client = helper.client(transport)
        local trunk = assert(client.create { friendly_name = TOKEN })
        assert.equal(TOKEN, trunk.friendly_name)
        assert.equal(TOKEN, client.fetch(trunk).friendly_name)
        for found in client.each() do
          assert.equal(TOKEN, found.friendly_name)
        end
        control.reset()
      end
    end)

  it("that is lost leaves the name that was asked in its intent", function()
    control.arm { status = 503, apply = true }
    local err = helper.failure(helper.client "TLS", { friendly_name = TOKEN })
    assert.equal(TOKEN, err.intent.params.friendly_name)
    assert.is_nil(tostring(err):find(TOKEN, 1, true))
  end)
end)

-- ---- a proxy --------------------------------------------------------------

describe("a proxy that quotes its credentials", function()
  it("is not quoted", function()
    local server = peer.listen "plain HTTP"
    local client = helper.client("TLS", { max_attempts = 1, proxy =
      server.origin:gsub("//", "//somebody:hunter%%2F2@") })
    for _, line in ipairs { "HTTP/1.1 407 hunter/2", "HTTP/1.1 403 No\r\nX: "
      .. b64 "somebody:hunter/2", "HTTP/1.1 hunter%2F2", "hunter/2" } do
      local job = assert(client.async.create {})
      local connection = peer.accept(server)
      assert.matches("Proxy%-Authorization: Basic "
        .. b64 "somebody:hunter/2":gsub("%p", "%%%0"),
        table.concat(peer.head(connection), "\n"))
      connection:send(line .. "\r\n\r\n")
      connection:close()
      local err = helper.error_of(job:wait(peer.LONG))
      helper.check(err, { outcome = "not_sent", kind = "connect" })
      for _, secret in ipairs { "hunter", "somebody", b64 "somebody" } do
        assert.is_nil(tostring(err):find(secret, 1, true))
      end
    end
  end)

  it("by the server's mouth is not quoted either", function()
    local client = helper.client("plain HTTP", { max_attempts = 1 })
    control.arm { status = 502, body = "via socks5://somebody:hunter%2F2@a" }
    -- A proxy is not used for plain HTTP, so its credentials are no secret.
    assert.matches("hunter", tostring(helper.failure(client)))
  end)
end)
