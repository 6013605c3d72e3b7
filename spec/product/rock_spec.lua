-- The rock, as a user gets it: `luarocks make` into an empty tree, from a copy
-- of the checkout, then a create from elsewhere. lua-cjson is Debian's, told
-- to LuaRocks as provided, so that the whole dependency check runs.

local function sh(command)
  local pipe = assert(io.popen("(" .. command .. ") 2>&1; echo \"rc=$?\""))
  local text = pipe:read "*a"
  pipe:close()
  return text:match "rc=(%d+)%s*$" == "0", text
end

local script = [[
local trunking = require "trunking"
assert(package.searchpath == nil or
  package.searchpath("trunking.core", package.cpath):find(TREE, 1, true) == 1)
local client = assert(trunking.new {
  base_url = os.getenv "TRUNKING_SANDBOX",
  ca_file = os.getenv "TRUNKING_SANDBOX_CA",
  account_sid = os.getenv "TRUNKING_SANDBOX_ACCOUNT_SID",
  auth_token = os.getenv "TRUNKING_SANDBOX_AUTH_TOKEN",
})
print("created " .. assert(client.create { friendly_name = "rock" }).sid)
]]

describe("make install", function()
  it("installs what a create needs, and make uninstall takes it away",
    function()
      local pipe = io.popen "mktemp -d"
      local dir = pipe:read "*l"
      pipe:close()
      local make = "make -s %s LUA=5.4 PREFIX=" .. dir
      assert(sh(make:format "install"))
      local file = assert(io.open(dir .. "/try.lua", "w"))
      file:write((script:gsub("TREE", ("%q"):format(dir))))
      file:close()
      local run = ("cd / && LUA_PATH='%s/share/lua/5.4/?.lua;"
        .. "%s/share/lua/5.4/?/init.lua;;' LUA_CPATH='%s/lib/lua/5.4/?.so;;' "
        .. "lua5.4 %s/try.lua"):format(dir, dir, dir, dir)
      local ok, text = sh(run)
      assert.is_true(ok, text)
      assert.truthy(text:find "created TK%x+")
      assert(sh(make:format "uninstall"))
      ok, text = sh("find " .. dir .. " -type f")
      assert.is_true(ok)
      assert.equal(dir .. "/try.lua", text:match "^(.-)\n")
      sh("rm -rf " .. dir)
    end)
end)

describe("a directory with blanks and quotes in its name", function()
  local dir, name = nil, "my dir/it's \"x\" & co"

  before_each(function()
    local pipe = io.popen "mktemp -d"
    dir = pipe:read "*l"
    pipe:close()
  end)

  after_each(function() sh("rm -rf " .. dir) end)

  -- The same in a shell where D is the temporary directory and N the name.
  local function there(command)
    return sh(("D=%s; N='%s'; %s"):format(dir, name:gsub("'", "'\\''"),
      command))
  end

  it("is installed to by make install, staged or not", function()
    for _, words in ipairs { 'PREFIX="$D/$N"', 'PREFIX="/$N" DESTDIR="$D"',
      'PREFIX=/usr DESTDIR="$D/$N"' } do
      local ok, text = there("make -s install LUA=5.4 " .. words)
      assert.is_true(ok, text)
      ok, text = there [[find "$D/my dir" -name core.so -o -name init.lua]]
      assert.is_true(ok, text)
      assert.equal(2, select(2, text:gsub('/it\'s "x" & co/', "")), text)
      ok, text = there("make -s uninstall LUA=5.4 " .. words)
      assert.is_true(ok, text)
      ok, text = there [[find "$D" -type f]]
      assert.is_true(ok)
      assert.equal("rc=0", text:match "^%S*")
    end
  end)

  it("is a checkout's, and make env says so", function()
    local ok, text = there [[
      mkdir -p "$D/$N" && cp -r Makefile src lua build "$D/$N" && cd "$D/$N" &&
      eval "$(make -s env LUA=5.4)" && cd / &&
      lua5.4 -e 'print(package.searchpath("trunking.core", package.cpath))']]
    assert.is_true(ok, text)
    assert.equal(("%s/%s/build/5.4/trunking/core.so"):format(dir, name),
      text:match "^[^\n]*")
  end)
end)

describe("the rock", function()
  local dir
  local rockspec = ("trunking-%s-1.rockspec"):format(
    require "trunking.core".version)

  setup(function()
    local pipe = io.popen "mktemp -d"
    dir = pipe:read "*l"
    pipe:close()
    assert(sh("mkdir " .. dir .. "/src && cp -r src lua doc examples LICENSE "
      .. rockspec .. " README.md " .. dir .. "/src"))
    local config = assert(io.open(dir .. "/config.lua", "w"))
    config:write 'rocks_provided = { ["lua-cjson"] = "2.1.0-1" }\n'
    config:close()
  end)

  teardown(function() sh("rm -rf " .. dir) end)

  it("has a rockspec without faults", function()
    local ok, text = sh("luarocks lint " .. rockspec)
    assert.is_true(ok, text)
  end)

  it("has every file of lua/ as a module, and every one of src/", function()
    local env = setmetatable({}, { __index = _G })
    local chunk = assert(loadfile(rockspec, "t", env))
    if setfenv then setfenv(chunk, env) end
    chunk()
    local listed, there = {}, {}
    for name, module in pairs(env.build.modules) do
      if type(module) == "string" then
        listed[module] = true
        assert.equal(name, (module:gsub("^lua/", ""):gsub("%.lua$", "")
          :gsub("/init$", ""):gsub("/", ".")))
      else
        for _, source in ipairs(module.sources) do listed[source] = true end
      end
    end
    local _, text = sh "find lua src -name '*.lua' -o -name '*.c'"
    for path in text:gmatch "[^\n]+%.[luac]+" do there[path] = true end
    assert.same(there, listed)
  end)

  -- What a Lua lacks here for a rock to be built and used, or nil.
  local function lacks(version)
    if not sh("lua" .. version .. " -v") then return "it is not there" end
    local header = io.open("/usr/include/lua" .. version .. "/lua.h")
    if not header then return "it has no headers here" end
    header:close()
    local ok = sh(("unset LUA_CPATH; lua%s -e 'require \"cjson\"'")
      :format(version))
    return not ok and "it has no lua-cjson here" or nil
  end

  for _, version in ipairs { "5.5", "5.4", "5.2", "5.1" } do
    it("installs into an empty tree and creates, Lua " .. version, function()
      local why = lacks(version)
      if why then pending("Lua " .. version .. ": " .. why) return end
      local tree = dir .. "/tree" .. version
      local ok, text = sh(("cd %s/src && LUAROCKS_CONFIG=%s/config.lua "
        .. "luarocks --lua-version=%s make --tree %s"):format(dir, dir,
        version, tree))
      assert.is_true(ok, text)
      local file = assert(io.open(dir .. "/try.lua", "w"))
      file:write((script:gsub("TREE", ("%q"):format(tree))))
      file:close()
      local paths = ("eval \"$(luarocks --lua-version=%s --tree %s path)\"")
        :format(version, tree)
      local clean = "unset LUA_PATH LUA_CPATH; cd / && "
      ok, text = sh(clean .. paths .. " && lua" .. version .. " " .. dir
        .. "/try.lua")
      assert.is_true(ok, text)
      assert.truthy(text:find "created TK%x+")
      ok = sh("rm -rf " .. tree .. "; " .. clean .. paths .. " && lua"
        .. version .. " " .. dir .. "/try.lua")
      assert.is_false(ok, "found without its tree")
    end)
  end
end)
