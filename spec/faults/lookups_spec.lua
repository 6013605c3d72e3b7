-- Look-ups of names that are given up still run: the resolver of the system
-- cannot be stopped, and each has a thread. They are bounded, for a client and
-- for the process, and who cannot start one is told so.

local helper = require "helper"

local host -- plays a resolver that hangs: support/host.c
local asked

setup(function()
  host = os.tmpname()
  assert(helper.succeeds(("unset LD_PRELOAD; cc -shared -fPIC -D_GNU_SOURCE "
    .. "'%s' -o '%s' -ldl"):format(helper.path "support/host.c", host)))
end)

teardown(function() os.remove(host) end)

before_each(function() asked = os.tmpname() end)
after_each(function()
  os.remove(asked)
  helper.tidy()
end)

local client = [[
  local trunking = require "trunking"
  local function client(host, in_flight)
    return trunking.new { base_url = "https://" .. host,
      account_sid = "AC" .. ("0"):rep(32), auth_token = ("0"):rep(32),
      connect_timeout = 0.1, max_attempts = 1, max_in_flight = in_flight }
  end
  local counts = {}
  local function count(_, err)
    local what = err.kind .. " " .. err.outcome
    counts[what] = (counts[what] or 0) + 1
  end
  local function report()
    print("timeout", counts["timeout not_sent"], "dns", counts["dns not_sent"])
  end
]]

local function hanging(script)
  local before = os.getenv "LD_PRELOAD"
  return helper.run(client .. script, {
    LD_PRELOAD = (before and before .. " " or "") .. host,
    HOST_DNS = "600000", HOST_LOOKUPS = asked })
end

-- Look-ups that were started: one of each family from libcurl 8.20 on.
local function lookups()
  local four, six = 0, 0
  for line in io.lines(asked) do
    if line == "4" then four = four + 1 else six = six + 1 end
  end
  return four, six
end

describe("look-ups that hang", function()
  it("are bounded for a client that blocks, and the error says so", function()
    assert.equal("timeout\t20\tdns\t10\n"
      .. "the name server does not answer: too many look-ups still wait\n",
      hanging [[
        local one, message = client("name.shim:1", 1)
        for _ = 1, 30 do
          local _, err = one.create {}
          count(nil, err)
          message = err.message
        end
        report()
        print(message)]])
    assert.is_true(lookups() <= 20)
  end)

  it("are bounded for 64 calls in flight, round after round", function()
    hanging [[
      local one = client("name.shim:1", 64)
      for _ = 1, 8 do
        local jobs = {}
        for i = 1, 64 do jobs[i] = assert(one.async.create {}) end
        for i = 1, 64 do count(jobs[i]:wait(20)) end
      end]]
    local four, six = lookups()
    assert.is_true(four > 0 and four + six <= 128, four .. " " .. six)
  end)

  it("count for the process when their client is closed", function()
    assert.equal("timeout\t256\tdns\t64\n", hanging [[
      for _ = 1, 20 do
        local one, jobs = client("name.shim:1", 16), {}
        for i = 1, 16 do jobs[i] = assert(one.async.create {}) end
        for i = 1, 16 do count(jobs[i]:wait(20)) end
        one.close()
      end
      report()]])
  end)

  it("count when a job is cancelled amid one", function()
    assert.equal("cancelled\t20\tdns\n", hanging [[
      local one, err = client("name.shim:1", 4)
      local cancelled = 0
      for _ = 1, 20 do
        local job = assert(one.async.create {})
        job:wait(0.05)
        job:cancel()
        _, err = job:wait(20)
        cancelled = cancelled + (err.kind == "cancelled" and 1 or 0)
      end
      _, err = one.create {}
      print("cancelled", cancelled, err.kind)]])
  end)

  it("keep no other name's host from a call that needs no look-up", function()
    assert.equal("timeout\t20\tdns\t2\nconnect\n", hanging [[
      local one = client("name.shim:1", 1)
      for _ = 1, 22 do count(one.create {}) end
      report()
      local _, err = client("127.0.0.1:1", 1).create {}
      print(err.kind)]])
  end)
end)

describe("a connection that hangs", function()
  it("is no look-up, however often", function()
    local server = assert(require "socket".bind("127.0.0.1", 0, 1))
    local _, port = server:getsockname()
    local said = hanging(([[
      local one = client("127.0.0.1:%d", 1)
      for _ = 1, 24 do count(one.create {}) end
      report()]]):format(port))
    server:close()
    assert.equal("timeout\t24\tdns\tnil\n", said)
  end)
end)
