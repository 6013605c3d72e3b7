-- A client from its making to its end, and what it shows of itself.

local helper = require "helper"

after_each(helper.tidy)

describe("a client", function()
  local client
  before_each(function() client = helper.client "plain HTTP" end)

  it("that is closed says so, however often it was closed", function()
    client.close()
    client.close()
    helper.check(helper.failure(client), { kind = "config",
      outcome = "not_sent", operation = "create", says = "closed" })
    assert.equal("trunking.client(closed)", tostring(client))
    assert.equal(0, #helper.requests())
  end)

  if _VERSION >= "Lua 5.2" then
    it("is of use in a finalizer, and so are its jobs", function()
      assert.equal("polled\ttrue\n", helper.run [[
        local client = require "helper".client "plain HTTP"
        assert(client.fd())
        held = setmetatable({}, { __gc = function()
          print("polled", client.poll():result().sid ~= nil)
        end })
        job = assert(client.async.create {})
        for _ = 1, 1e8 do if client.in_flight() == 0 then break end end]])
    end)
  end

  -- In generational mode the first that Lua takes after a restart collects:
  -- that is where the call is made ready already, and not yet sent.
  for title, call in pairs(_VERSION >= "Lua 5.4" and {
    ["a call"] = function(c, params) return c.create(params) end,
    ["a job"] = function(c, params) return c.async.create(params) end,
  } or {}) do
    it("that a finalizer closes at the last moment refuses " .. title,
      function()
        local params, ends = { not_in_the_table = "x" }, 0
        client = helper.client("plain HTTP", { validate = false })
        assert(client.list {})
        assert(assert(client.async.create {}):wait())
        collectgarbage "generational"
        collectgarbage "stop"
        setmetatable({}, { __gc = function()
          ends = ends + 1
          client.close()
        end })
        collectgarbage "restart"
        local result, err = call(client, params)
        collectgarbage "incremental"
        assert.same({ nil, 1 }, { result, ends })
        helper.check(err, { kind = "config", outcome = "not_sent",
          says = "closed" })
        assert.equal(2, #helper.requests())
      end)
  end

  if _VERSION >= "Lua 5.4" then
    it("is closed at the end of its scope", function()
      assert(load "local c <close> = ...")(client)
      helper.check(helper.failure(client), { kind = "config" })
    end)
  end

  it("that nobody holds is collected, with what it holds", function()
    local held = setmetatable({ client, client.create }, { __mode = "v" })
    assert(client.create {})
    client = nil
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(held))
  end)

  it("tells its account by four digits, and never its secret", function()
    local account = helper.sandbox "ACCOUNT_SID"
    assert.equal("trunking.client(AC\226\128\166" .. account:sub(-4) .. ")",
      tostring(client))
    assert.is_false(getmetatable(client))
    for name, value in pairs(client) do
      local shown = tostring(name) .. tostring(value)
      assert.is_nil(shown:find(helper.sandbox "AUTH_TOKEN", 1, true))
    end
  end)

  it("may be used in a coroutine, and there by another", function()
    local names = {}
    for i = 1, 3 do
      coroutine.wrap(function()
        names[i] = assert(client.create { friendly_name = "n" .. i })
          .friendly_name
      end)()
    end
    assert.same({ "n1", "n2", "n3" }, names)
  end)

  it("raises at the caller's line for what is no table", function()
    local line = debug.getinfo(1, "l").currentline
    for _, call in ipairs {
      function() local _ = client.create() end,
      function() local _ = client.create(42) end,
      function() local _ = client.create "x" end,
      function() local _ = client.create(nil) end,
    } do
      line = line + 1
      local ok, why = pcall(call)
      assert.is_false(ok)
      assert.matches("life_spec.lua:" .. line + 1 .. ": bad argument #1",
        why, 1, true)
    end
  end)
end)

describe("the default client", function()
  local script = [[
    local trunking = require "trunking"
    print(tostring(trunking))
    local trunk, err = trunking.create { friendly_nam = "x" }
    print(trunk, err.kind, err.outcome, err.operation, tostring(trunking))
    print(err.message)]]

  it("says at its first call that it has no credentials", function()
    local said = helper.run((script:gsub("friendly_nam ", "friendly_name ")))
    assert.matches("trunking.client(default)\nnil\tconfig\tnot_sent\t", said,
      1, true)
    assert.matches("TWILIO_ACCOUNT_SID", said, 1, true)
  end)

  it("is made at its first call, from the environment", function()
    local said = helper.run(script, { TWILIO_AUTH_TOKEN = ("7"):rep(32),
      TWILIO_ACCOUNT_SID = "AC" .. ("0"):rep(28) .. "1234" })
    assert.matches("nil\tinvalid\tnot_sent\tcreate\ttrunking.client(AC", said,
      1, true)
    assert.matches("1234)\n", said, 1, true)
    assert.is_nil(said:find("77777777", 1, true))
  end)
end)

describe("the environment's proxy", function()
  local closed = "http://127.0.0.1:9"
  local env = { https_proxy = closed, HTTPS_PROXY = closed,
    http_proxy = closed, all_proxy = closed, ALL_PROXY = closed,
    no_proxy = "", NO_PROXY = "" }

  local function ask(transport, options)
    return helper.run(([[
      local client = require "helper".client("%s", %s)
      local trunk, err = client.create {}
      print(trunk and trunk.sid or err.kind .. " " .. err.outcome)
    ]]):format(transport, options or "{}"), env)
  end

  it("is not asked for TLS, unless the client is told so", function()
    assert.matches("^TK%x+\n$", ask "TLS")
    assert.equal("connect not_sent\n",
      ask("TLS", "{ proxy = 'env', max_attempts = 1 }"))
  end)

  it("is never asked for plain HTTP, where it would see the secret",
    function()
      assert.matches("^TK%x+\n$", ask "plain HTTP")
      assert.matches("^TK%x+\n$", ask("plain HTTP", "{ proxy = 'env' }"))
    end)
end)
