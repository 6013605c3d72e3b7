-- The modules for event loops: 20 calls at once while a ticker ticks; what
-- each does outside its loop, and what it leaves behind.

local has_copas, why_not = pcall(require, "copas") -- not after socket.http
local control = require "sandbox.control"
local helper = require "helper"
local socket = require "socket"

-- How each loop is run: spawn(f) begins a coroutine, loop(ticker) runs until
-- those are over and calls ticker every 10 ms meanwhile.
local loops = {}

function loops.cqueues()
  local cqueues = require "cqueues"
  local controller, left = cqueues.new(), 0
  return {
    spawn = function(f)
      left = left + 1
      controller:wrap(function()
        f()
        left = left - 1
      end)
    end,
    loop = function(ticker)
      controller:wrap(function()
        while left > 0 do
          cqueues.sleep(0.01)
          ticker()
        end
      end)
      assert(controller:loop(20))
      assert.equal(0, left)
    end,
  }
end

function loops.luv()
  local uv = require "luv"
  local left, why = 0, nil
  return {
    spawn = function(f)
      left = left + 1
      coroutine.wrap(function()
        f()
        left = left - 1
      end)()
    end,
    loop = function(ticker)
      local timer, latest = uv.new_timer(), socket.gettime() + 20
      timer:start(10, 10, function()
        ticker()
        if left == 0 or socket.gettime() > latest then timer:close() end
      end)
      uv.run()
      assert.equal(0, left, why)
      assert.is_false(uv.loop_alive()) -- nothing of ours is left in it
    end,
  }
end

function loops.copas()
  local copas = require "copas"
  local left = 0
  return {
    spawn = function(f)
      left = left + 1
      copas.addthread(function()
        f()
        left = left - 1
      end)
    end,
    loop = function(ticker)
      local latest = socket.gettime() + 20
      while left > 0 and socket.gettime() < latest do
        copas.step(0.01)
        ticker()
      end
      assert.equal(0, left)
    end,
  }
end

local function nothing() end

local function options(more)
  local all = {
    base_url = helper.origin "TLS", ca_file = helper.sandbox "CA",
    account_sid = helper.sandbox "ACCOUNT_SID",
    auth_token = helper.sandbox "AUTH_TOKEN", max_in_flight = 20,
  }
  for name, value in pairs(more or {}) do all[name] = value end
  return all
end

local function behaves(name)
  local trunking, client, loop
  before_each(function()
    trunking = require("trunking." .. name)
    client = assert(trunking.new(options()))
    loop = loops[name]()
  end)
  after_each(function()
    client.close()
    helper.tidy()
  end)

  -- Two creates of a client in the loop: how many returned.
  local function two_at_once(own)
    local done = 0
    for _ = 1, 2 do
      loop.spawn(function()
        assert(own.create {})
        done = done + 1
      end)
    end
    loop.loop(nothing)
    return done
  end

  it("has the shape of the module", function()
    local plain = require "trunking"
    for field, value in pairs(plain) do
      if field ~= "_default" and field ~= "_new" then
        assert.equal(type(value), type(trunking[field]), field)
      end
    end
    assert.equal("sip-only", trunking.transfer_mode.SIP_ONLY)
    assert.equal(plain.null, trunking.null)
    assert.equal(0, trunking.time "1970-01-01T00:00:00Z")
    assert.truthy(trunking.enum.contains(trunking.http_method, "GET"))
    assert.is_false((pcall(trunking.new, 42)))
    assert.is_nil((trunking.new { wait = 42 }))
  end)

  it("makes 20 calls at once while the loop ticks", function()
    local faults, sids, seen, ticks, most = {}, {}, {}, 0, 0
    for i = 1, 20 do faults[i] = { apply = true, delay = 0.2 } end
    control.arm(faults)
    for i = 1, 20 do
      loop.spawn(function() sids[i] = assert(client.create {}).sid end)
    end
    loop.loop(function()
      ticks, most = ticks + 1, math.max(most, client.in_flight())
    end)
    assert.is_true(most > 10, most .. " at once")
    assert.is_true(ticks >= 2, ticks .. " ticks")
    for i = 1, 20 do
      assert.is_nil(seen[sids[i]])
      seen[sids[i]] = true
    end
    assert.equal(20, control.ledger(0).created)
    assert.equal(0, client.in_flight())
  end)

  it("goes on with other calls, and with other clients", function()
    local other, count = assert(trunking.new(options())), 0
    for i = 1, 6 do
      loop.spawn(function()
        local c = i % 2 == 0 and client or other
        local sid = assert(c.create {}).sid
        assert(c.fetch(sid))
        local next_trunk = c.each { page_size = 1 }
        while next_trunk() do count = count + 1 end
      end)
    end
    loop.loop(nothing)
    assert.is_true(count >= 6)
    loop.spawn(function() assert(client.create {}) end) -- a second round
    loop.loop(nothing)
    other.close()
  end)

  -- It was lost: nothing polled, nothing in flight, and the watcher rested.
  it("wakes a job that is done between its last two looks", function()
    local plain = require "trunking"
    local new = plain._new
    finally(function() plain._new = new end)
    plain._new = function(given)
      local made, own = new(given)
      local in_flight = made.in_flight
      made.in_flight = function()
        while in_flight() > 0 do socket.sleep(0.001) end
        return 0
      end
      return made, own
    end
    local slow = assert(trunking.new(options()))
    control.arm { skip = 1, delay = 0.2, apply = true }
    assert.equal(2, two_at_once(slow))
    slow.close()
  end)

  it("runs jobs of async to their end, and asks for them itself", function()
    local job
    loop.spawn(function()
      job = assert(client.async.create {})
      assert(client.create {})
    end)
    loop.loop(nothing)
    assert(job:wait())
    for _, taken in ipairs { "poll", "fd" } do
      local ok, why = pcall(client[taken])
      assert.is_false(ok)
      assert.truthy(why:find("client." .. taken
        .. " belongs to the event loop"))
    end
  end)

  it("blocks outside the loop", function()
    assert.truthy(assert(client.create {}).sid)
    assert.equal(0, client.in_flight())
  end)

  it("wakes what waits for a client that is closed", function()
    control.arm { { delay = 20 }, { delay = 20 } }
    local errs = {}
    for i = 1, 2 do
      loop.spawn(function() errs[i] = select(2, client.create {}) end)
    end
    loop.loop(function()
      if client.in_flight() == 2 then client.close() end
    end)
    assert.same({ "cancelled", "cancelled" }, { errs[1].kind, errs[2].kind })
  end)

  it("goes on when a close within a call is refused", function()
    control.arm { delay = 0.2, apply = true, times = 2 }
    local calls, mine = 0, nil
    local given = options()
    given.on_attempt = function()
      calls = calls + 1
      if calls == 1 then assert.is_false((pcall(mine.close))) end
    end
    mine = assert(trunking.new(given))
    assert.same({ 2, 2 }, { two_at_once(mine), calls })
    mine.close()
  end)

  it("says what is wrong as the plain module does", function()
    helper.check(helper.failure(client, { freindly_name = 1 }),
      { kind = "invalid" })
    local ok, why = pcall(function() client.create(42) end)
    assert.is_false(ok)
    assert.truthy(why:find "hosts_spec.lua:%d+: bad argument #1 to 'create'")
  end)

  it("makes its own client from the environment, at the first call",
    function()
      local said = helper.run(("local trunking = require 'trunking.%s'\n%s")
        :format(name, "print(trunking.create {})"))
      assert.truthy(said:find "^nil\t.*no credentials: set")
    end)
end

for name in pairs(loops) do
  describe("trunking." .. name, function()
    local ok, why = pcall(require, name)
    if name == "copas" and not has_copas then why = why_not end
    if ok then
      behaves(name)
    else
      it("works", function()
        pending(name .. " is not there: " .. why:match "[^\n]*")
      end)
    end
  end)
end
