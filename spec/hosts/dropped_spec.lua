-- A host that makes a client for each request, and keeps none: each has
-- connections, and a thread where there are jobs, until it is collected. To Lua
-- it is a few bytes, so that the descriptors ended long before the collector
-- ran. A client weighs something for the collector, and one that begins where
-- no descriptors are left has the others collected. openresty_spec has the like
-- in an nginx worker.

local helper = require "helper"

local FEW = 64 -- descriptors

local script = [[
  local trunking = require "trunking"
  local function client()
    return assert(trunking.new { max_attempts = 1,
      base_url = os.getenv "TRUNKING_SANDBOX",
      ca_file = os.getenv "TRUNKING_SANDBOX_CA",
      account_sid = os.getenv "TRUNKING_SANDBOX_ACCOUNT_SID",
      auth_token = os.getenv "TRUNKING_SANDBOX_AUTH_TOKEN" })
  end
]]

local function run(body)
  return helper.run(script .. body, nil, "ulimit -n " .. FEW)
end

describe("clients that are dropped", function()
  after_each(helper.tidy)

  it("leave descriptors for calls of others", function()
    assert.equal("done\n", run [[
      for _ = 1, 150 do assert(client().list { page_size = 1 }) end
      print "done"]])
  end)

  it("leave them for jobs of others", function()
    assert.equal("done\n", run [[
      for _ = 1, 150 do
        assert(assert(client().async.list { page_size = 1 }):wait())
      end
      print "done"]])
  end)

  it("leave them where the collector has been stopped", function()
    assert.equal("done\n", run [[
      collectgarbage "stop"
      for _ = 1, 100 do assert(client().list { page_size = 1 }) end
      print "done"]])
  end)
end)
