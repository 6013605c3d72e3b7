-- The pages are run, those of the root and doc/*.md: each Lua block against the
-- sandbox, each shell line by the runner of its command, and the reference
-- against the C module. A block that is a part of an example says so in its
-- first line, and must stand in that file, which specs of its own run.

local control = require "sandbox.control"
local helper = require "helper"

local read = helper.read

local function output_of(command)
  local pipe = assert(io.popen("(" .. command .. ") 2>&1; echo \"rc=$?\""))
  local text, status = pipe:read "*a":match "^(.*)rc=(%d+)\n$"
  pipe:close()
  return text, tonumber(status)
end

local pages = { "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md" }
for path in output_of "ls doc/*.md":gmatch "[^\n]+" do
  pages[#pages + 1] = path
end

-- The code blocks of a page: language and code.
local function blocks(path)
  local found = {}
  for language, code in ("\n" .. read(path)):gmatch "\n```(%l*)\n(.-)\n```" do
    found[#found + 1] = { language = language, code = code .. "\n" }
  end
  return found
end

-- ---- Lua ------------------------------------------------------------

local function credentials()
  return {
    base_url = os.getenv "TRUNKING_SANDBOX",
    ca_file = os.getenv "TRUNKING_SANDBOX_CA",
    account_sid = os.getenv "TRUNKING_SANDBOX_ACCOUNT_SID",
    auth_token = os.getenv "TRUNKING_SANDBOX_AUTH_TOKEN",
  }
end

local kept_by = { base_url = true, edge = true, account_sid = true,
  api_key = true }

-- A module as the reader has it, but with the sandbox in place of Twilio, for
-- its own client and for new clients that name neither server nor account.
local function sandboxed(name)
  local real = require(name)
  local module = setmetatable({}, { __index = real })
  for key, value in pairs(assert(real.new(credentials()))) do
    module[key] = value
  end
  function module.new(options)
    for key in pairs(options) do
      if kept_by[key] then return real.new(options) end
    end
    local all = credentials()
    for key, value in pairs(options) do all[key] = value end
    return real.new(all)
  end
  return module
end

-- What a Lua block prints, line by line.
local function run(code)
  local printed, loaded = {}, {}
  local env = setmetatable({
    require = function(name)
      if not name:find "^trunking" or name == "trunking.sandbox" then
        return require(name)
      end
      loaded[name] = loaded[name] or sandboxed(name)
      return loaded[name]
    end,
    print = function(...)
      local line = {}
      for i = 1, select("#", ...) do line[i] = tostring((select(i, ...))) end
      printed[#printed + 1] = table.concat(line, "\t")
    end,
    os = setmetatable({ exit = function() error "os.exit" end },
      { __index = os }),
  }, { __index = _G })
  local chunk
  if setfenv then
    chunk = setfenv(assert(loadstring(code, "=page")), env)
  else
    chunk = assert(load(code, "=page", "t", env))
  end
  chunk()
  return printed
end

-- What follows --> must be printed, in that order.
local function check_printed(code, printed)
  local n = 0
  for expected in code:gmatch "%-%->%s*([^\n]-)%s*\n" do
    repeat
      n = n + 1
      assert.is_true(n <= #printed, ("%s: not in:\n%s"):format(expected,
        table.concat(printed, "\n")))
    until printed[n] == expected
  end
end

-- ---- shell ----------------------------------------------------------

local function runs(command)
  local text, status = output_of(command)
  assert.equal(0, status, command .. "\n" .. text)
  return text
end

-- The packages that make demo installs, but what serves its sandbox.
local function needed()
  local deps = read "spec/support/deps"
  return deps:match 'build="(.-)"' .. deps:match 'echo "(lua5%.4[^"]*)"'
end

-- By the first word of a line: what must be true of it.
local runners = {}

function runners.make(line)
  local target = line:match "^make%s+([%l-]+)"
  runs(("make -n %s"):format(target))
end

function runners.eval(line)
  runs(line)
end

function runners.sudo(line)
  local packages = line:match "^sudo apt%-get install %-y (.*)$"
  assert.truthy(packages, line)
  for package in packages:gmatch "%S+" do
    assert.truthy(package == "luarocks" or needed():find(package, 1, true),
      package .. " is not what make demo installs")
  end
end

-- rock_spec.lua does it into a tree of its own: here, that it knows the words.
function runners.luarocks(line)
  if not helper.has "luarocks" then pending "no luarocks here" end
  local help = runs("luarocks help " .. line:match "^luarocks[^#]*%s(%l+)")
  for option in line:gmatch "%s(%-%-[%l-]+)" do
    assert.truthy(help:find(option, 1, true) or
      runs "luarocks help":find(option, 1, true), option)
  end
end

function runners.curl(line)
  if not helper.has "curl" then pending "no curl here" end
  assert.is_nil(runs(line):find("message", 1, true), line)
end

-- An example runs; a measurement takes too long.
runners["spec/support/sandbox/run"] = function(line)
  local script = line:match "^spec/support/sandbox/run%s+lua5%.4%s+(%S+)"
  if script:find "^examples/" then runs(line) end
  assert(io.open(script)):close()
end

-- The lines of a shell block, without comments; \ joins two.
local function lines_of(code)
  local lines = {}
  for line in code:gsub("\\\n%s*", ""):gmatch "[^\n]+" do
    line = line:gsub("%s*#.*$", "")
    if line ~= "" then lines[#lines + 1] = line end
  end
  return lines
end

local function check_shell(code)
  for _, line in ipairs(lines_of(code)) do
    for command in (line .. " && "):gmatch "(.-)%s*&&%s*" do
      local runner = runners[command:match "^%S+"]
      assert.truthy(runner, "this spec cannot run: " .. command)
      runner(command)
    end
  end
end

-- ---- parts of examples ----------------------------------------------

-- The file that a block is a part of, and the part.
local function quoted(code)
  local line, rest = code:match "^([^\n]*)\n(.*)$"
  local path = line:match "^[-#/*%s]+(examples/%S+)"
  if path then return path, rest end
end

local function check_quoted(path, part)
  local text = "\n" .. read(path):gsub("\n[ \t]+", "\n")
  part = "\n" .. part:gsub("^[ \t]+", ""):gsub("\n[ \t]+", "\n")
  assert.truthy(text:find(part, 1, true), "not in " .. path .. ":\n" .. part)
end

local function check(block)
  local path, part = quoted(block.code)
  if path then return check_quoted(path, part) end
  if block.language == "lua" then
    return check_printed(block.code, run(block.code))
  elseif block.language == "sh" then
    return check_shell(block.code)
  end
  error("no way to run a block of '" .. block.language .. "'")
end

for _, path in ipairs(pages) do
  describe(path, function()
    before_each(function() control.reset() end)

    for i, block in ipairs(blocks(path)) do
      it(("runs in its block %d, of %s"):format(i, block.language), function()
        check(block)
      end)
    end

    it("has links that lead somewhere", function()
      for target in read(path):gmatch "%]%(([^)#]+)" do
        if not target:find "^%a+:" then
          local from = path:match "^doc/" or ""
          assert.equal(0, select(2, output_of("ls " .. from .. target)), target)
        end
      end
    end)

    it("has no line over 80 columns but in tables", function()
      for line in read(path):gmatch "[^\n]+" do
        local _, count = line:gsub("[^\128-\191]", "")
        assert.is_true(count <= 80 or line:find "^|" ~= nil, line)
      end
    end)
  end)
end

describe("the README", function()
  it("fits into 250 lines", function()
    assert.is_true(select(2, read "README.md":gsub("\n", "")) <= 250)
  end)

  it("creates exactly the trunk of its first example", function()
    control.reset()
    for _, block in ipairs(blocks "README.md") do
      if block.language == "lua" then run(block.code) break end
    end
    local ledger = control.ledger()
    assert.equal(1, ledger.count)
    assert.same({ FriendlyName = "Head office", Secure = "true",
      DomainName = "head-office.pstn.twilio.com", TransferMode = "sip-only" },
      ledger.requests[1].form)
  end)

  it("has a demo that creates a trunk over TLS", function()
    local text = output_of "make -s demo"
    assert.truthy(text:find "Created TK%x+ as trunking.client")
    assert.truthy(text:find("Trunk Domain already taken", 1, true))
    assert.truthy(text:find("did you mean 'friendly_name'", 1, true))
  end)
end)

describe("doc/hosts.md", function()
  it("names all libraries of Lua that a client needs", function()
    local open = {}
    for line in read "doc/hosts.md":gmatch "\n| base,[^\n]*every client" do
      for name in line:gmatch "`(%l+)`" do open[name] = true end
    end
    assert.is_true(open.table and open.string)
    local script = [[
      for name in ("coroutine debug io math os string table utf8")
        :gmatch "%l+" do
        if not OPEN[name] then _G[name], package.loaded[name] = nil end
      end
      local trunking = require "trunking"
      local client = assert(trunking.new { account_sid = ACCOUNT,
        base_url = ORIGIN, auth_token = TOKEN })
      assert(client.create { friendly_name = "a" })
      assert(assert(client.async.create { friendly_name = "b" }):wait())
      for trunk in client.each() do assert(trunk.sid) end
      assert(client.ensure { domain_name = "a.pstn.twilio.com" })
      assert(select(2, client.create { freindly_name = "a" }).field)
      print "done"]]
    local words = ""
    for name in pairs(open) do words = words .. name .. " = true, " end
    script = ("OPEN = { %s}; ACCOUNT, ORIGIN, TOKEN = %q, %q, %q\n%s")
      :format(words, os.getenv "TRUNKING_SANDBOX_ACCOUNT_SID",
        os.getenv "TRUNKING_SANDBOX_HTTP",
        os.getenv "TRUNKING_SANDBOX_AUTH_TOKEN", script)
    assert.equal("done\n", (output_of(helper.interpreter()
      .. " - <<'END'\n" .. script .. "\nEND\n")))
  end)
end)

describe("doc/testing.md", function()
  it("names specs that are there", function()
    local all = output_of "find spec -name '*_spec.lua'"
    for name in read "doc/testing.md":gmatch "`([%l_]+_spec%.lua)`" do
      assert.truthy(all:find("/" .. name, 1, true), name)
    end
  end)
end)

describe("doc/reference.md", function()
  it("is printed from the C module's own table", function()
    local shown = read "doc/reference.md":match
      "<!%-%- reference %-%->\n(.-)<!%-%- /reference %-%->"
    assert.equal(dofile "spec/support/reference.lua", shown)
  end)
end)

describe("set-up", function()
  -- Debian has libcurl's headers with OpenSSL or with GnuTLS, never both: the
  -- demo took away those that its user had.
  for absent, asked in pairs { ["libcurl4-openssl-dev"] = false,
    ["libcurl4-*"] = true } do
    it(("%s libcurl's headers where %s is absent"):format(
      asked and "installs" or "leaves", absent), function()
        local pipe = assert(io.popen(([[
          dir=$(mktemp -d) && cd "$dir" && mkdir bin || exit
          printf '#!/bin/sh\nfor p; do :; done\ncase $p in %s) exit 1; esac
            echo install ok installed' >bin/dpkg-query
          printf '#!/bin/sh\necho "$*" >>"%%s"' "$dir/asked" >bin/apt-get
          printf '#!/bin/sh\necho 0' >bin/id
          printf '#!/bin/sh\nexit 1' >bin/pkg-config
          printf '#!/bin/sh\necho "  Candidate: 1"' >bin/apt-cache
          chmod +x bin/*
          : >asked
          PATH=$dir/bin:$PATH "$OLDPWD/spec/support/deps" demo 2>/dev/null
          cat asked
          rm -r "$dir"]]):format(absent)))
        local text = pipe:read "*a"
        pipe:close()
        assert.equal(asked, text:find "install.* libcurl4%-openssl%-dev" ~= nil)
        if not asked then assert.equal("", text) end
      end)
  end
end)
