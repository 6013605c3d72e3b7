-- A process whose memory is nearly full when the reply has come, which scarce.c
-- of spec/support plays to a child: lua-cjson, which ends the process where
-- malloc refuses, is not asked then. The error says what became of the request.

local control = require "sandbox.control"
local helper = require "helper"

-- A sanitizer's malloc comes before all others.
if (os.getenv "LD_PRELOAD" or ""):find("asan", 1, true) then
  describe("where memory is nearly full", function()
    pending "a sanitizer has a malloc of its own"
  end)
  return
end

local scarce

setup(function()
  scarce = os.tmpname()
  assert(helper.succeeds(("unset LD_PRELOAD; cc -shared -fPIC -D_GNU_SOURCE "
    .. "'%s' -o '%s' -ldl"):format(helper.path "support/scarce.c", scarce)))
end)
teardown(function() os.remove(scarce) end)
after_each(helper.tidy)

-- What a script says where malloc refuses 100,000 bytes.
local function run(script)
  local before = os.getenv "LD_PRELOAD"
  return helper.run(script .. "\nprint 'still here'", { SCARCE = "100000",
    LD_PRELOAD = (before and before .. " " or "") .. scarce })
end

-- A record that takes more than that, by one long text or by many short ones.
local function large(kind)
  local sid = helper.sid("TK", "a")
  if kind == "one long text" then
    return helper.json { sid = sid, x = ("x"):rep(900000) }
  end
  local record = { sid = sid }
  for i = 1, 10000 do record["x" .. i] = ("x"):rep(60) end
  return helper.json(record)
end

local create = [[
  local helper = require "helper"
  local client = helper.client("%s")
  local trunk, err = client.create { friendly_name = "a", secure = true }
  print(trunk, err.kind, err.outcome, err.status, err.attempts)
  print(err.message)
  print(err.intent.operation, err.intent.params.friendly_name,
    err.intent.params.secure)]]

for _, transport in ipairs(helper.transports) do
  describe("where memory is nearly full, over " .. transport, function()
    for _, kind in ipairs { "one long text", "many short ones" } do
      it("a create with a reply of " .. kind .. " is applied, with its intent",
        function()
          control.arm { body = large(kind), apply = true }
          assert.equal("nil\tmemory\tapplied\t201\t1\n"
            .. "it was done, but the reply could not be read (not enough "
            .. "memory to read the reply); look for it in the list before you "
            .. "try again\n"
            .. "create\ta\ttrue\nstill here\n", run(create:format(transport)))
        end)
    end

    it("the intent finds what was made", function()
      control.arm { body = large "one long text", apply = true }
      assert.matches("\na\tfriendly_name\nstill here\n$", run(create:format(
        transport) .. [[

  local found, by = client.reconcile(err.intent)
  print(found.friendly_name, by)]]))
    end)

    it("a job says so too", function()
      control.arm { body = large "one long text", apply = true }
      assert.equal("nil\tmemory\tapplied\ttable\nstill here\n", run(([[
        local helper = require "helper"
        local client = helper.client("%s")
        local trunk, err = client.async.create({}):wait()
        print(trunk, err.kind, err.outcome, type(err.intent))]])
          :format(transport)))
    end)

    it("a list is memory, and the client works on", function()
      control.arm { status = 200, body = large "many short ones" }
      assert.equal("nil\tmemory\tunknown\ntable\nstill here\n", run(([[
        local helper = require "helper"
        local client = helper.client("%s")
        local page, err = client.list()
        print(page, err.kind, err.outcome)
        print(type(client.list()))]]):format(transport)))
    end)

    it("a refusal is one, whatever its length", function()
      control.arm { status = 400, body = large "one long text" }
      assert.equal("nil\trejected\trefused\t400\nstill here\n", run(([[
        local helper = require "helper"
        local client = helper.client("%s")
        local trunk, err = client.create {}
        print(trunk, err.kind, err.outcome, err.status)]]):format(transport)))
    end)
  end)
end
