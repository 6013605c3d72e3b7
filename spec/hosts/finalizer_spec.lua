-- Wherever Lua takes memory it may collect, and run a finalizer that calls:
-- the call it interrupts goes out as it was asked, and once. (To be run by
-- itself, as make test does: in a large heap the collector comes too seldom.)

local control = require "sandbox.control"
local helper = require "helper"

local CALLS = os.getenv "TRUNKING_SLOW" and 40 or 80

-- Garbage whose end is f.
local function litter(f)
  local proxy = newproxy and newproxy(true) -- luacheck: ignore 113
  local meta = proxy and getmetatable(proxy) or {}
  meta.__gc = f
  return proxy or setmetatable({}, meta)
end

-- The collector's pace; what it was. Lua 5.5 gives it another name.
local function set(name, value)
  if _VERSION >= "Lua 5.5" then return collectgarbage("param", name, value) end
  return collectgarbage("set" .. name, value)
end

describe("a call that a finalizer's interrupts", function()
  local client, pause, mul
  before_each(function()
    client = helper.client "plain HTTP"
    pause = set("pause", 1)
    mul = set("stepmul", 10000)
    collectgarbage() -- else the old pace would hold until its cycle ends
  end)
  after_each(function()
    set("pause", pause)
    set("stepmul", mul)
    client.close()
    helper.tidy()
  end)

  it("attaches to its own trunk what it was asked to", function()
    local mine, other = assert(client.create {}), assert(client.create {})
    local ends = 0
    for i = 1, CALLS do
      litter(function()
        ends = ends + 1
        client.fetch(other)
      end)
      local sid = ("CL%032x"):format(i)
      local list, err = client.credential_lists.create(mine,
        { credential_list_sid = sid })
      assert.equal(sid, list and list.sid, err)
      assert.equal(mine.sid, list.trunk_sid)
    end
    assert.is_true(ends > CALLS / 4)
  end)

  it("lists what it was asked to", function()
    local mine = assert(client.create {})
    for i = 1, CALLS do
      litter(function() client.create { friendly_name = "n" .. i } end)
      local page = assert(client.credential_lists.list(mine))
      assert.equal("credential_lists", page.meta.key)
    end
  end)

  -- Each client is called until the finalizer has closed it.
  for title, call in pairs {
    ["a call"] = function(short, trunk, list)
      return short.credential_lists.create(trunk, {
        credential_list_sid = list })
    end,
    ["a job"] = function(short, trunk, list)
      local job, err = short.async.credential_lists.create(trunk, {
        credential_list_sid = list })
      if not job then return nil, err end
      return job:wait()
    end,
  } do
    it(title .. " is refused when the client is closed, and harmed by nothing",
      function()
        for i = 1, 10 do
          local short, n, err = helper.client "plain HTTP", 0
          litter(function() pcall(short.close) end)
          repeat
            n = n + 1
            assert(n < 1000, "no finalizer came")
            err = select(2, call(short, ("TK%032x"):format(i),
              ("CL%032x"):format(n)))
          until err.kind == "config" or err.kind == "cancelled"
        end
      end)
  end

  -- The call of a job that is being read was given away in the middle. (Lua
  -- 5.4 collects every 8 KiB, which takes a page; the others at once.)
  it("reads a job whole, though the finalizer asks for the same one", function()
    local trunks = _VERSION >= "Lua 5.4" and 40 or 1
    for i = 1, trunks do assert(client.create { friendly_name = "n" .. i }) end
    for _ = 1, 10 do
      local job, ends = assert(client.async.list {}), {}
      repeat until job:done()
      for i = 1, 5 do
        ends[i] = litter(function()
          tostring(job:result())
          assert(client.fetch(("TK%032x"):format(i)) == nil)
        end)
      end
      assert.equal(5, #ends)
      ends = nil -- luacheck: ignore 311
      local page, err = job:result()
      assert.equal(trunks, page and #page, err)
      assert.equal(page, (job:result()))
    end
  end)

  it("is polled once, whoever polls", function()
    local counts, n = {}, 0
    local function poll()
      for job in client.poll do
        counts[job], n = (counts[job] or 0) + 1, n + 1
      end
    end
    for _ = 1, CALLS / 4 do
      litter(poll)
      for _ = 1, 4 do assert(client.async.create {}) end
      repeat poll() until client.in_flight() == 0
      poll()
    end
    for _, count in pairs(counts) do assert.equal(1, count) end
    assert.equal(CALLS, n)
  end)

  -- As life_spec has it: the first that is taken after a restart collects.
  if _VERSION >= "Lua 5.4" then
    it("is polled once, when a finalizer polls amid a poll", function()
      local jobs, inner = {}, nil
      for i = 1, 2 do jobs[i] = assert(client.async.create {}) end
      repeat until client.in_flight() == 0
      collectgarbage "generational"
      collectgarbage "stop"
      litter(function() inner = client.poll() end)
      collectgarbage "restart"
      local outer = client.poll()
      collectgarbage "incremental"
      assert.truthy(inner and outer)
      assert.are_not.equal(inner, outer)
      for _, job in ipairs(jobs) do assert.truthy(job:result()) end
      assert.is_nil(client.poll())
    end)
  end

  it("never doubles a create", function()
    for i = 1, CALLS do
      litter(function() client.create { friendly_name = "end " .. i } end)
      assert(client.create { friendly_name = "call " .. i })
    end
    local seen = {}
    for _, request in ipairs(control.ledger().requests) do
      local name = request.form.FriendlyName
      assert.is_nil(seen[name], name)
      seen[name] = true
    end
    for i = 1, CALLS do assert.is_true(seen["call " .. i]) end
  end)
end)
