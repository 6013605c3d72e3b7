-- require "trunking": what it leaves alone, what it offers, and that no secret
-- can be reached from Lua once a client has been made.

local helper = require "helper"
local cjson = require "cjson"

local AC = "AC" .. ("a1"):rep(16)

-- Made anew each time, so that no table, upvalue or constant holds it whole.
local function canary() return ("canary"):rep(3) .. "7" end

local function unload()
  for name in pairs(package.loaded) do
    if name:find "^trunking" then package.loaded[name] = nil end
  end
end

local function fresh()
  unload()
  return require "trunking"
end

local function options(more)
  local o = { account_sid = AC, auth_token = canary() }
  for name, value in pairs(more or {}) do o[name] = value end
  return o
end

-- Runs f with another os.getenv.
local function with_getenv(getenv, f)
  local own = os.getenv
  os.getenv = getenv -- luacheck: ignore
  local ok, a, b = pcall(f)
  os.getenv = own -- luacheck: ignore
  if not ok then error(a, 0) end
  return a, b
end

-- A call that ends before anything is sent, but after all is loaded.
local function first_call()
  local trunk, err = fresh().create { nonsense = 1 }
  assert(trunk == nil and err.outcome == "not_sent")
end

-- The decoder that the core makes for itself at the first call.
local function decoder()
  local own, instance = cjson.new, nil
  cjson.new = function() -- luacheck: ignore
    instance = own()
    return instance
  end
  local ok, why = pcall(first_call)
  cjson.new = own -- luacheck: ignore
  assert(ok, why)
  return instance.decode
end

-- ---- a walk over all that Lua code, with debug, can reach -------------
-- (PUC Lua 5.1 hides the upvalues of C functions even from debug.)

local function each_upvalue(f, visit)
  for n = 1, 255 do
    local name, value = debug.getupvalue(f, n)
    if not name then break end
    visit(value)
  end
end

local function each_part(value, visit)
  local kind = type(value)
  if kind == "table" then
    for k, v in next, value do visit(k) visit(v) end
  elseif kind == "function" then
    each_upvalue(value, visit)
  elseif kind == "userdata" and debug.getuservalue then
    visit((debug.getuservalue(value)))
  end
  if debug.getfenv and (kind == "userdata" or kind == "function") then
    visit(debug.getfenv(value))
  end
  visit(debug.getmetatable(value))
end

-- Whether a string that holds one of words can be reached from root.
local function reaches(root, words)
  local seen, todo, found = {}, { root }, false
  local function visit(value)
    if type(value) == "string" then
      for _, word in ipairs(words) do
        found = found or value:find(word, 1, true) ~= nil
      end
    elseif value ~= nil and value == value and not seen[value] then
      seen[value], todo[#todo + 1] = true, value
    end
  end
  while #todo > 0 and not found do each_part(table.remove(todo), visit) end
  return found
end

-- The canary, and the middle of it as an Authorization header has it.
local function leaked(root)
  collectgarbage()
  collectgarbage()
  return reaches(root, { canary(), "YW5hcnljYW5hcnljYW5hcnk3" })
end

describe("require 'trunking'", function()
  after_each(unload)

  it("sets no global", function()
    local G, before = package.loaded._G, {}
    for name, value in pairs(G) do before[name] = value end
    fresh()
    for name, value in pairs(G) do assert.equal(before[name], value, name) end
  end)

  it("does not read the environment", function()
    local trunking = with_getenv(function(name) error("read " .. name) end,
      fresh)
    assert.is_table(trunking)
  end)

  it("reads the environment at the first call, and says what it lacks",
    function()
      local read, trunking = {}, fresh()
      local trunk, err = with_getenv(function(name) read[name] = true end,
        function() return trunking.create {} end)
      assert.is_nil(trunk)
      assert.same({ "config", "account_sid" }, { err.kind, err.field })
      assert.is_true(read.TWILIO_ACCOUNT_SID and read.TWILIO_API_KEY)
    end)

  it("leaves another module's cjson as it was", function()
    local depth = cjson.decode_max_depth()
    local numbers = cjson.decode_invalid_numbers()
    first_call()
    assert.equal(depth, cjson.decode_max_depth())
    assert.equal(numbers, cjson.decode_invalid_numbers())
  end)

  it("has a decoder that another module's settings do not touch", function()
    local decode, depth = decoder(), cjson.decode_max_depth()
    cjson.decode_max_depth(1)
    local ok, value = pcall(decode, '{"a":{"b":{}}}')
    cjson.decode_max_depth(depth)
    assert.is_true(ok)
    assert.same({ a = { b = {} } }, value)
  end)

  it("has a decoder that takes no NaN and nothing 17 deep", function()
    local decode = decoder()
    for _, text in ipairs { "[NaN]", "[Infinity]", "[0x10]",
      ("["):rep(17) .. ("]"):rep(17) } do
      assert.is_false((pcall(decode, text)))
    end
    assert.is_true((pcall(decode, ("["):rep(16) .. ("]"):rep(16))))
  end)
end)

describe("trunking", function()
  local trunking = fresh()
  local core = require "trunking.core"

  it("says its version", function()
    assert.truthy(trunking._VERSION:find "^trunking %d+%.%d+%.%d+$")
  end)

  it("has cjson's null", function()
    assert.equal(cjson.null, trunking.null)
  end)

  it("has nil for what it does not have", function()
    assert.is_nil(trunking.nonsense)
    assert.is_nil(trunking[1])
  end)

  it("has what is loaded when first touched, and keeps it", function()
    for _, name in ipairs { "enum", "time", "transfer_mode", "http_method" } do
      local value = trunking[name]
      assert.truthy(value)
      assert.is_true(rawequal(value, rawget(trunking, name)))
    end
  end)

  it("makes a client of the same shape", function()
    local client = assert(trunking.new(options()))
    for _, operation in ipairs(core.operations()) do
      local home = helper.home_of(client, operation)
      assert.is_function(home[operation.name])
    end
    assert.is_function(client.close)
  end)

  it("raises at the caller's line for options that are no table", function()
    for _, value in ipairs { 42, "x", true } do
      local line = debug.getinfo(1, "l").currentline + 1
      local _, why = pcall(function() return (trunking.new(value)) end)
      assert.truthy(why:find(("module_spec.lua:%d: bad argument #1 to 'new'")
        :format(line), 1, true), why)
    end
  end)

  it("says why it makes no client", function()
    local client, err = trunking.new(options { tiemout = 1 })
    assert.is_nil(client)
    assert.same({ "config", "tiemout" }, { err.kind, err.field })
  end)

  it("shows of a client the ends of its account's SID", function()
    assert.equal("trunking.client(AC\226\128\166a1a1)",
      tostring(trunking.new(options())))
    assert.equal("trunking.client(default)", tostring(fresh()))
  end)

  it("can be opened twice in one state, and both work", function()
    local first = trunking.new(options())
    package.loaded["trunking.core"] = nil
    local again = require "trunking.core"
    assert.is_false(rawequal(core, again))
    local second = fresh().new(options())
    for _, client in ipairs { first, second, first } do
      local trunk, err = client.create { frendly_name = "x" }
      assert.is_nil(trunk)
      assert.same({ "invalid", "frendly_name" }, { err.kind, err.field })
    end
  end)
end)

describe("the quick way to the C module", function()
  it("gives the same module as the plain way", function()
    assert.equal("same\n", helper.run [[
      require "trunking"
      print(package.loaded["trunking.load"] == require "trunking.core"
        and "same" or "another")
    ]])
  end)

  it("is not needed: a program may have the module linked in", function()
    assert.equal("function\n", helper.run [[
      package.preload["trunking.load"] = function() error "none" end
      print(type(require "trunking".create))
    ]])
  end)

  -- It went first, and a file from somewhere took the place of what the
  -- program had in it.
  for place, how in pairs { preload = "function() return core end",
    loaded = "core" } do
    it("is not taken by a program that has it in package." .. place, function()
      assert.equal("its own\n", helper.run(([[
        local core = require "trunking.core"
        package.loaded["trunking.core"] = nil
        package.%s["trunking.core"] = %s
        require "trunking"
        print(package.loaded["trunking.load"] == nil
          and require "trunking.core" == core and "its own" or "a file")
      ]]):format(place, how)))
    end)
  end
end)

describe("a secret", function()
  after_each(unload)

  it("that is planted anywhere is found by this walk", function()
    local held = canary()
    local up = function() return held end
    for title, root in pairs { key = { [canary()] = 1 }, upvalue = { { up } },
      metatable = setmetatable({}, { a = { canary() } }),
      header = { "Basic xYW5hcnljYW5hcnljYW5hcnk3" } } do
      assert.is_true(leaked(root), title)
    end
  end)

  it("cannot be reached from a client of its own", function()
    local client = assert(fresh().new(options()))
    assert.is_false(leaked(client))
    assert.is_nil(client.create { frendly_name = "x" })
    assert.is_false(leaked(client))
  end)

  it("cannot be reached from the default client", function()
    local trunking = fresh()
    local _, err = with_getenv(function(name)
      return name == "TWILIO_ACCOUNT_SID" and AC
        or name == "TWILIO_AUTH_TOKEN" and canary() or nil
    end, function() return trunking.create { frendly_name = "x" } end)
    assert.equal("invalid", err.kind)
    assert.is_false(leaked { trunking, err })
  end)

  it("cannot be reached from the registry or a loaded module", function()
    local client = assert(fresh().new(options()))
    assert.is_false(leaked { debug.getregistry(), package.loaded, client })
  end)

  it("cannot be reached from an error", function()
    local all = {}
    for i, more in ipairs { { tiemout = 1 }, { timeout = -1 },
      { base_url = "ftp://x" }, { auth_token = canary() .. "\n" } } do
      local _, err = fresh().new(options(more))
      all[i] = { err, tostring(err) }
    end
    assert.equal(4, #all)
    assert.is_false(leaked(all)) -- once: it walks over all of busted's too
  end)
end)
