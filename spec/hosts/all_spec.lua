-- trunking.all: once it is loaded, nothing asks for `require` or `package`
-- again, whatever is called.

local control = require "sandbox.control"
local helper = require "helper"

-- Loads it, and takes away what a host may take away.
local before = [[
  local trunking = require "trunking.all"
  local files = 0
  for _, name in ipairs { "searchers", "loaders" } do
    for i = 1, #(package[name] or {}) do
      package[name][i] = function() files = files + 1 end
    end
  end
  require, package = nil, nil
  local client = assert(trunking.new {
    base_url = os.getenv "TRUNKING_SANDBOX_HTTP",
    account_sid = os.getenv "TRUNKING_SANDBOX_ACCOUNT_SID",
    auth_token = os.getenv "TRUNKING_SANDBOX_AUTH_TOKEN",
    on_attempt = function() end, max_attempts = 1 })
]]

local after = [[
  print("files", files)
]]

local function says(script)
  return helper.run(before .. script .. after)
end

describe("trunking.all", function()
  after_each(helper.tidy)

  it("is the module itself", function()
    assert.equal(require "trunking", require "trunking.all")
  end)

  it("leaves nothing to load for a call, a page and an error", function()
    local out = says [[
      local trunk = assert(client.create { friendly_name = "a" })
      assert(client.list()[1].sid == trunk.sid)
      for one in client.each() do assert(one.sid == trunk.sid) end
      local job = assert(client.async.create {})
      assert(job:wait())
      local _, err = client.create { freindly_name = "a" }
      assert(tostring(err):find("friendly_name", 1, true), tostring(err))
      assert(trunking.transfer_mode.SIP_ONLY)
      assert(trunking.enum and trunking.time)
      print "called"
    ]]
    assert.truthy(out:find("called\nfiles\t0", 1, true), out)
    assert.equal(2, control.ledger(0).created)
  end)

  it("leaves nothing to load for a trunk that may exist", function()
    control.arm { close = true, apply = true }
    local out = says [[
      local _, err = client.create {
        domain_name = "lost.pstn.twilio.com" }
      print(err.outcome)
      local trunk, how = client.reconcile(err.intent)
      print(trunk and trunk.domain_name or how)
    ]]
    assert.truthy(out:find("unknown", 1, true), out)
    assert.truthy(out:find("lost.pstn.twilio.com\nfiles\t0", 1, true), out)
  end)

  it("leaves nothing to load, nor io, to report an error of on_attempt",
    function()
      local out = says [[
        local noisy = assert(trunking.new {
          base_url = os.getenv "TRUNKING_SANDBOX_HTTP",
          account_sid = os.getenv "TRUNKING_SANDBOX_ACCOUNT_SID",
          auth_token = os.getenv "TRUNKING_SANDBOX_AUTH_TOKEN",
          on_attempt = function() error "of the hook" end })
        io = nil
        assert(noisy.create {})
      ]]
      assert.truthy(out:find("of the hook", 1, true), out)
      assert.truthy(out:find("files\t0", 1, true), out)
      assert.equal(1, control.ledger(0).created)
    end)

  it("leaves nothing to load for ensure and a client that waits", function()
    local out = says [[
      local trunk = assert(client.ensure { friendly_name = "a",
        domain_name = "a.pstn.twilio.com" })
      print(trunk.friendly_name)
      local waits = assert(trunking.new {
        base_url = os.getenv "TRUNKING_SANDBOX_HTTP",
        account_sid = os.getenv "TRUNKING_SANDBOX_ACCOUNT_SID",
        auth_token = os.getenv "TRUNKING_SANDBOX_AUTH_TOKEN",
        wait = function(job) job:wait(1) end })
      print(assert(waits.create { friendly_name = "w" }).friendly_name)
    ]]
    assert.truthy(out:find("a\nw\nfiles\t0", 1, true), out)
  end)
end)
