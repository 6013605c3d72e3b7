-- The README is run: every Lua block against the sandbox, its reference table
-- against the C module, its shell lines against the Makefile.

local trunking = require "trunking"
local control = require "sandbox.control"

local function readme()
  local file = assert(io.open "README.md")
  local text = file:read "*a"
  file:close()
  return text
end

local function blocks(language)
  local found = {}
  for code in readme():gmatch("```" .. language .. "\n(.-)```") do
    found[#found + 1] = code
  end
  return found
end

-- The module as the README's reader has it, but with the sandbox's client in
-- place of Twilio's.
local function sandboxed()
  local client = assert(trunking.new {
    base_url = os.getenv "TRUNKING_SANDBOX",
    ca_file = os.getenv "TRUNKING_SANDBOX_CA",
    account_sid = os.getenv "TRUNKING_SANDBOX_ACCOUNT_SID",
    auth_token = os.getenv "TRUNKING_SANDBOX_AUTH_TOKEN",
  })
  local module = setmetatable({}, { __index = trunking })
  for name, value in pairs(client) do module[name] = value end
  return module
end

local function run(code)
  local printed = {}
  local env = setmetatable({
    require = function(name)
      return name == "trunking" and sandboxed() or require(name)
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
    chunk = setfenv(assert(loadstring(code, "=README")), env)
  else
    chunk = assert(load(code, "=README", "t", env))
  end
  chunk()
  return printed
end

describe("the README", function()
  before_each(function() control.reset() end)

  local lua = blocks "lua"

  it("has blocks to run", function()
    assert.is_true(#lua >= 5)
    assert.is_true(#blocks "sh" >= 2)
  end)

  for i, code in ipairs(lua) do
    it(("runs in its Lua block %d"):format(i), function()
      local printed = run(code)
      local n = 0
      for line in code:gmatch "print%b()[^\n]*" do
        n = n + 1
        local expected = line:match "%-%->%s*(.-)%s*$"
        if expected then assert.equal(expected, printed[n]) end
      end
    end)
  end

  it("creates exactly the trunk of its first example", function()
    run(lua[1])
    local ledger = control.ledger()
    assert.equal(1, ledger.count)
    assert.same({ FriendlyName = "Head office", Secure = "true",
      DomainName = "head-office.pstn.twilio.com", TransferMode = "sip-only" },
      ledger.requests[1].form)
  end)

  it("prints the reference of the C module's own table", function()
    local shown = readme():match
      "<!%-%- reference %-%->\n(.-)<!%-%- /reference %-%->"
    assert.equal(dofile "spec/support/reference.lua", shown)
  end)

  it("names make targets that exist", function()
    for _, code in ipairs(blocks "sh") do
      for target in code:gmatch "make%s+([%l-]+)" do
        if target:sub(1, 1) ~= "-" then
          local command = "make -n " .. target .. " >/dev/null 2>&1"
          local ok = os.execute(command)
          assert.is_true(ok == true or ok == 0, target)
        end
      end
    end
  end)

  it("has a demo that creates a trunk over TLS", function()
    local pipe = assert(io.popen "make -s demo 2>&1")
    local text = pipe:read "*a"
    pipe:close()
    assert.truthy(text:find "Created TK%x+ as trunking.client")
    assert.truthy(text:find("Trunk Domain already taken", 1, true))
    assert.truthy(text:find("did you mean 'friendly_name'", 1, true))
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
