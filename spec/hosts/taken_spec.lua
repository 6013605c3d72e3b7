-- A host that takes libraries away once a client is made.

local control = require "sandbox.control"
local helper = require "helper"

after_each(helper.tidy)

-- What f gives while the globals of these names, and package's paths, are gone.
local function without(names, f)
  local kept, path, cpath = {}, package.path, package.cpath
  for _, name in ipairs(names) do
    kept[name] = rawget(_G, name)
    rawset(_G, name, nil)
  end
  local searchers = package
  searchers.path, searchers.cpath = "", ""
  local results = { pcall(f) }
  searchers.path, searchers.cpath = path, cpath
  for name, value in pairs(kept) do rawset(_G, name, value) end
  assert(results[1], results[2])
  return results[2], results[3]
end

-- A copy of the module that has loaded nothing yet.
local function fresh()
  for name in pairs(package.loaded) do
    if name:find "^trunking" and name ~= "trunking.core" then
      package.loaded[name] = nil
    end
  end
  package.loaded["trunking.core"] = nil
  return require "trunking"
end

describe("a host that takes away require, os and the paths", function()
  local options, kept

  before_each(function()
    kept = {}
    for name, value in pairs(package.loaded) do
      if name:find "^trunking" then kept[name] = value end
    end
    options = {
      base_url = helper.origin "plain HTTP",
      account_sid = helper.sandbox "ACCOUNT_SID",
      auth_token = helper.sandbox "AUTH_TOKEN",
    }
  end)

  after_each(function()
    for name in pairs(package.loaded) do
      if name:find "^trunking" then package.loaded[name] = kept[name] end
    end
  end)

  it("keeps a client that calls, lists, walks and ensures", function()
    local client = assert(fresh().new(options))
    local name, n = without({ "require", "os" }, function()
      local trunk = assert(client.create { friendly_name = "n" })
      local count = 0
      for _ in client.each {} do count = count + 1 end
      assert(client.ensure { friendly_name = "n",
        domain_name = "taken.pstn.twilio.com" })
      return trunk.friendly_name, count
    end)
    assert.same({ "n", 1 }, { name, n })
    client.close()
  end)

  it("loses no intent and no hint", function()
    local client = assert(fresh().new(options))
    control.arm { method = "POST", close = true, apply = true }
    local lost, invalid = without({ "require", "os" }, function()
      local _, a = client.create { friendly_name = "lost" }
      local _, b = client.create { freindly_name = "x" }
      return a, b
    end)
    helper.check(lost, { outcome = "unknown" })
    assert.equal("lost", lost.intent.params.friendly_name)
    helper.check(invalid, { kind = "invalid", says = "friendly_name" })
    client.close()
  end)
end)

describe("each without its parentheses", function()
  it("raises at once, and says what to write", function()
    local client = helper.client "plain HTTP"
    local ok, why = pcall(function()
      for _ in client.each do error "the body ran" end
    end)
    assert.is_false(ok)
    assert.truthy(tostring(why):find("each()", 1, true), why)
    client.close()
  end)
end)
