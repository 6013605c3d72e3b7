-- Calls where the running coroutine cannot yield: that is known before anything
-- is sent, and a wait that raises loses no verdict.

local control = require "sandbox.control"
local core = require "trunking.core"
local helper = require "helper"

local is_puc51 = _VERSION == "Lua 5.1" and not rawget(_G, "jit")

-- What f gives in a coroutine, which must not have been suspended.
local function within(f)
  local thread = coroutine.create(f)
  local ok, value = coroutine.resume(thread)
  assert(ok, value)
  assert.equal("dead", coroutine.status(thread))
  return value
end

local function in_gsub(f)
  local value
  local _ = ("x"):gsub("x", function() value = f() end)
  return value
end

local function in_sort(f)
  local value
  table.sort({ 1, 2 }, function(a, b) value = f() return a < b end)
  return value
end

local function in_tostring(f)
  local value
  local _ = tostring(setmetatable({}, { __tostring = function()
    value = f()
    return ""
  end }))
  return value
end

local function in_require(f)
  local value
  package.preload["a module of the spec"] = function() value = f() end
  package.loaded["a module of the spec"] = nil
  require "a module of the spec"
  return value
end

local places = { gsub = in_gsub, sort = in_sort, require = in_require }
if not rawget(_G, "jit") then -- LuaJIT's tostring lets a yield through
  places["__tostring"] = in_tostring
end

after_each(helper.tidy)

describe("can_yield", function()
  it("is false in the main thread", function()
    assert.is_false(core.can_yield())
  end)

  it("is true in a coroutine, however it was called", function()
    local function nested() return (core.can_yield()) end
    local home = { f = nested }
    assert.is_true(within(function() return (core.can_yield()) end))
    assert.is_true(within(function() return core.can_yield() end))
    assert.is_true(within(function() return (home.f()) end))
    assert.is_true(within(function() return home["f"]() end))
    assert.is_true(coroutine.wrap(function()
      coroutine.yield(nested())
    end)())
  end)

  for name, place in pairs(places) do
    it("is false in " .. name, function()
      assert.is_false(within(function()
        return place(function() return (core.can_yield()) end)
      end))
    end)
  end

  it("is the truth in for, metamethods and pcall", function()
    local function truth()
      return (core.can_yield())
    end
    local seen = within(function()
      local out = {}
      for value in function() if #out == 0 then return { truth() } end end do
        out[1] = value[1]
      end
      local t = setmetatable({}, { __index = function() return { truth() } end,
        __add = function() return { truth() } end })
      out[2], out[3] = t.x[1], (t + 1)[1]
      out[4] = select(2, pcall(truth))
      return out
    end)
    local through = not is_puc51
    assert.same({ through, through, through, through }, seen)
  end)
end)

describe("a client with wait, where no yield is possible", function()
  for name, place in pairs(places) do
    it("blocks in " .. name, function()
      local client = helper.client("plain HTTP", { wait = coroutine.yield })
      local trunk = within(function()
        return place(function()
          return assert(client.create { friendly_name = "n" })
        end)
      end)
      assert.equal("n", trunk.friendly_name)
      assert.equal(1, control.ledger(0).created)
      client.close()
    end)
  end

  it("blocks in the main thread", function()
    local client = helper.client("plain HTTP", { wait = coroutine.yield })
    -- busted itself may run in a coroutine, which sort keeps from yielding
    local trunk = in_sort(function() return assert(client.create {}) end)
    assert.truthy(trunk.sid)
    client.close()
  end)
end)

describe("a wait that raises", function()
  it("ends the call, which says what became of it", function()
    control.arm { apply = true, hold = true }
    local client = helper.client("plain HTTP", { wait = function()
      helper.received(1)
      error("enough", 0)
    end })
    local err = helper.failure(client, { friendly_name = "lost" })
    helper.check(err, { kind = "cancelled", outcome = "unknown",
      says = "wait raised enough" })
    assert.equal("lost", err.intent.params.friendly_name)
    control.release()
    assert.equal(0, client.in_flight())
    client.close()
  end)

  it("may raise anything", function()
    for _, what in ipairs { {}, false, setmetatable({}, {
      __tostring = function() error "no" end }) } do
      local client = helper.client("plain HTTP",
        { wait = function() error(what, 0) end })
      local trunk, err = client.create {}
      assert.is_true(trunk ~= nil or err.kind == "cancelled")
      client.close()
    end
  end)
end)
