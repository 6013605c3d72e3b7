-- trunking.core by itself: what it refuses though trunking.config let it
-- through, and the functions that lua/trunking alone is given.
-- SPDX-License-Identifier: MIT

local control = require "sandbox.control"
local core = require "trunking.core"
local helper = require "helper"

local function options(changes)
  local all = {
    origin = helper.origin "plain HTTP", user_agent = "core_spec",
    user = helper.sandbox "ACCOUNT_SID",
    secret = helper.sandbox "AUTH_TOKEN",
    timeout = 20, connect_timeout = 5, max_attempts = 1, max_in_flight = 4,
    validate = true, proxy = "",
  }
  for name, value in pairs(changes or {}) do all[name] = value or nil end
  return all
end

after_each(helper.tidy)

describe("core.new", function()
  for _, name in ipairs { "origin", "user", "secret", "user_agent",
    "max_in_flight", "proxy" } do
    it("raises without " .. name, function()
      local ok, why = pcall(core.new, options { [name] = false })
      assert.is_false(ok)
      assert.matches("that trunking.config has not checked", why, 1, true)
    end)
  end

  for title, bad in pairs { ["a line end"] = "a\r\nX: y", ["DEL"] = "a\127" }
  do
    it("raises for " .. title .. " in what becomes a header", function()
      local ok, why = pcall(core.new, options { user_agent = bad })
      assert.is_false(ok)
      assert.matches("user_agent holds a control character", why, 1, true)
    end)
  end

  it("shows nothing of a user that is too short to hide", function()
    local client = core.new(options { user = "AC12345" })
    assert.equal("trunking.client()", tostring(client))
  end)

  it("takes no account for its own that is none", function()
    local client = core.new(options { account_sid = ("A"):rep(99) })
    assert.truthy(client.create {})
  end)

  it("gives a call with no time the least there is", function()
    control.arm { hold = true }
    local client = core.new(options { timeout = 0 })
    helper.check(helper.failure(client), { kind = "timeout" })
  end)

  it("takes a file of CAs that is gone for what it is", function()
    local client = core.new(options { origin = helper.origin "TLS",
      ca_file = "/nowhere/ca.pem" })
    helper.check(helper.failure(client), { kind = "tls",
      outcome = "not_sent" })
  end)
end)

describe("the private table's asked", function()
  it("raises for what is no operation", function()
    local _, private = core.new(options())
    for _, name in ipairs { "", "none", "recordings", "recordingfetch",
      "recording", "recording.", "recording.none", "recording.create" } do
      local ok, why = pcall(private.asked, name, {})
      assert.is_false(ok)
      assert.matches("no such operation", why, 1, true)
    end
  end)

  it("gives what would be asked for", function()
    local _, private = core.new(options())
    assert.same({ friendly_name = "x", secure = "" },
      private.asked("create", { FriendlyName = "x", secure = core.null }))
    assert.same({ credential_list_sid = helper.sid("CL", "a") },
      private.asked("credential_lists.create", helper.sid("CL", "a")))
  end)
end)

describe("core's pauses", function()
  it("that last for ever can be cancelled", function()
    local _, private = core.new(options())
    local job = private.async_pause(1e9)
    assert.is_false(job:done())
    job:cancel()
    helper.check(helper.error_of(job:wait(helper.HANG)), { kind = "cancelled" })
  end)

  -- One that did let ensure look, and create, after its time.
  it("never end early", function()
    local _, private = core.new(options())
    local pause, async_pause = private.pause, private.async_pause
    for i = 1, 40 do
      local seconds = i * 0.00037
      for _, wait in ipairs { pause, function(s)
        return async_pause(s):wait()
      end, function(s) return not async_pause(60):wait(s) end } do
        local start = core.clock()
        assert.truthy(wait(seconds))
        assert.is_true(core.clock() - start >= seconds)
      end
    end
  end)

  it("of a closed client say so, and so does asked", function()
    local client, private = core.new(options())
    client.close()
    for _, f in ipairs { private.pause, private.async_pause, function()
      return private.asked("create", {})
    end } do
      helper.check(helper.error_of(f(1)), { kind = "config",
        outcome = "not_sent", says = "closed" })
    end
  end)
end)

describe("another page", function()
  it("of a closed client is none", function()
    local client = core.new(options())
    for i = 1, 3 do assert(client.create { friendly_name = "n" .. i }) end
    local page = assert(client.list { page_size = 2 })
    local job_page = assert(client.async.list { page_size = 2 }):wait()
    client.close()
    for _, next_page in ipairs { page.next, job_page.next } do
      helper.check(helper.error_of(next_page()), { kind = "config",
        outcome = "not_sent", says = "closed" })
    end
  end)

  it("with a token that is too long is refused, however long", function()
    local all = options()
    all.validate = false
    local client = core.new(all)
    for _, length in ipairs { 65516, 65520, 65526, 65527, 1e6 } do
      helper.check(helper.error_of(client.list {
        page_token = ("x"):rep(length) }), { kind = "invalid",
        outcome = "not_sent", says = "over its limit of 65536 bytes" })
    end
    assert.equal(0, control.ledger(0).count)
    helper.check(helper.error_of(client.list {
      page_token = ("x"):rep(65515) }), { outcome = "refused" })
  end)
end)

-- ---- the loader ---------------------------------------------------------

describe("trunking.load", function()
  it("says when trunking.core is not beside it", function()
    local load = assert(package.searchpath and package.searchpath(
      "trunking.load", package.cpath) or os.getenv "LUA_CPATH"
      :match "^[^;]*":gsub("%?", "trunking/load"))
    local said = helper.run(([[
      local function sh(command) assert(os.execute(command)) end
      local dir = os.tmpname()
      os.remove(dir)
      sh("mkdir " .. dir .. " && cp %s " .. dir)
      print(pcall(assert(package.loadlib(dir .. "/load.so",
        "luaopen_trunking_load"))))
      sh("cp " .. dir .. "/load.so " .. dir .. "/core.so")
      print(pcall(assert(package.loadlib(dir .. "/load.so",
        "luaopen_trunking_load"))))
      sh("rm -r " .. dir)
    ]]):format(load))
    local line = "false\ttrunking.core is not beside trunking.load\n"
    assert.equal(line .. line, said)
  end)
end)
