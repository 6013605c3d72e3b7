-- What the specs stand on: the sandbox's start, and where cjson comes from.

local helper = require "helper"

local dir

-- What a shell says, and its status. A sanitizer watches none of it.
local function sh(command)
  local pipe = assert(io.popen("unset LD_PRELOAD; (" .. command
    .. ") 2>&1; echo \"rc=$?\""))
  local text = pipe:read "*a"
  pipe:close()
  local said, status = text:match "^(.-)\n?rc=(%d+)\n$"
  return tonumber(status), said
end

before_each(function() dir = select(2, sh "mktemp -d") end)
after_each(function() sh("rm -rf " .. dir) end)

describe("the sandbox", function()
  -- The cjson that is built for Lua 5.5 stood in LUA_CPATH before the one of
  -- nginx's own LuaJIT, which tried to load it and did not start.
  it("starts though LUA_CPATH leads to a cjson for another Lua", function()
    sh("echo not for LuaJIT >" .. dir .. "/cjson.so")
    assert.same({ 0, "it runs" }, { sh(("LUA_CPATH='%s/?.so;;' "
      .. "spec/support/sandbox/run echo it runs"):format(dir)) })
  end)
end)

describe("spec/support/cjson", function()
  local version = helper.interpreter():find "jit" and "jit"
    or _VERSION:match "5%.%d"

  it("builds none where there is one, and says nothing", function()
    assert.same({ 0, "" }, { sh("spec/support/cjson " .. version .. " "
      .. dir .. "/lib") })
    assert.same({ 0, "" }, { sh("ls " .. dir .. "/lib") })
  end)

  it("says in one line why it builds none", function()
    sh(("ln -s $(command -v sh mkdir) %s"):format(dir))
    assert.same({ 1, "no lua-cjson for lua5.4: no lua5.4" },
      { sh(("PATH=%s spec/support/cjson 5.4 %s/lib"):format(dir, dir)) })
  end)

  it("knows the Luas by their versions", function()
    assert.same({ 2, "usage: cjson LUA DIR" },
      { sh("spec/support/cjson 5.6 " .. dir) })
  end)
end)

describe("spec/support/listing", function()
  local listing = require "listing"
  local path

  before_each(function() path = os.tmpname() end)
  after_each(function() os.remove(path) end)

  it("tells the tests of a file that run from those that are pending",
    function()
      local file = assert(io.open(path, "w"))
      assert(file:write [[
        describe("a noun", function()
          before_each(error)
          describe("of a kind", function()
            it("runs", function() error "not here" end)
          end)
          it "is not written"
          pending("waits", function() end)
          it("gives up", function()
            pending "some day"
          end)
          it("runs where it can", function()
            if true then pending "not here" end
          end)
        end)]])
      file:close()
      assert.same({
        ["a noun of a kind runs"] = "runs",
        ["a noun is not written"] = "is pending",
        ["a noun waits"] = "is pending",
        ["a noun gives up"] = "is pending",
        ["a noun runs where it can"] = "runs",
      }, listing.read(path))
    end)

  it("misses a test or a file that is not there", function()
    assert.equal('suggest_spec.lua: "suggest no more" is not there',
      listing.lacks("suggest", "suggest no more"))
    assert.equal("there is no gone_spec.lua", listing.lacks("gone", "a test"))
  end)
end)
