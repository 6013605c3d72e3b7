-- A libcurl, and a host, that this machine does not have: spec/support/shim.c
-- plays them to a child. Rows that can't be played here say so.

local control = require "sandbox.control"
local helper = require "helper"

local shim

setup(function()
  shim = os.tmpname()
  local here = debug.getinfo(1, "S").source:match "^@(.*)library_spec.lua$"
  local build = "unset LD_PRELOAD; cc -shared -fPIC -D_GNU_SOURCE "
    .. "-Wl,--no-as-needed $(pkg-config --cflags libcurl) "
    .. "'%ssupport/shim.c' -o '%s' -lcurl -ldl"
  assert(os.execute(build:format(here, shim)))
end)

teardown(function() os.remove(shim) end)
after_each(helper.tidy)

-- What a script says in a child that the shim plays to.
local function played(script, env)
  local before = os.getenv "LD_PRELOAD"
  env.LD_PRELOAD = (before and before .. " " or "") .. shim
  return helper.run(script, env)
end

-- Without helper: luasocket, which it needs, has SIGPIPE ignored.
local create = [[
  local client = assert(require "trunking".new { max_attempts = 1,
    base_url = "%s", ca_file = os.getenv "TRUNKING_SANDBOX_CA",
    account_sid = os.getenv "TRUNKING_SANDBOX_ACCOUNT_SID",
    auth_token = os.getenv "TRUNKING_SANDBOX_AUTH_TOKEN" })
  for _ = 1, 2 do
    local trunk, err = client.create { friendly_name = "x" }
    print(trunk and "created" or err.kind .. " " .. err.outcome)
  end
  local job = assert(client.async.create {})
  print(job:wait(20) and "created" or "lost")
  client.close()
]]

local all = ("created\n"):rep(3)

describe("libcurl", function()
  it("that is too old is refused when the module is loaded", function()
    local said = played("print(pcall(require, 'trunking'))",
      { SHIM_VERSION = "074f01" })
    assert.matches("^false\t.*trunking needs libcurl 7.80 or newer", said)
  end)

  it("without TLS is refused too", function()
    assert.matches("^false\t.*a libcurl that was built with TLS",
      played("print(pcall(require, 'trunking'))", { SHIM_NO_TLS = "1" }))
  end)

  it("without a bundle of CAs is left to its own store", function()
    local said = played([[
      local client = require "helper".client("TLS", { ca_file = false })
      local trunk, err = client.create {}
      print(trunk, err.kind, err.outcome)]], { SHIM_NO_BUNDLE = "1" })
    assert.equal("nil\ttls\tnot_sent\n", said)
  end)

  for _, transport in ipairs(helper.transports) do
    it("that raises SIGPIPE does not end the host: " .. transport, function()
      assert.equal(all, played(create:format(helper.origin(transport)),
        { SHIM_VERSION = "075000", SHIM_SIGPIPE = "1" }))
    end)
  end

  it("has no SIGPIPE taken from it that was pending before", function()
    local said = played(create:format(helper.origin "TLS") .. [[
      local status = io.open "/proc/self/status"
      print(status and status:read "*a":match "SigPnd:%s*(%x+)")
    ]], { SHIM_VERSION = "075000", SHIM_PENDING = "1" })
    assert.equal(all, said:sub(1, #all))
    local pending_there = said:sub(#all + 1)
    assert.is_true(pending_there == "nil\n" -- no /proc
      or pending_there:match "^%x*1%x%x%x\n$" ~= nil, said)
  end)
end)

describe("plain HTTP", function()
  it("is not spoken to a localhost that is another machine", function()
    local said = played([[
      local client = require "helper".client("plain HTTP")
      local trunk, err = client.create {}
      print(trunk, err.kind, err.outcome, err.attempts)
      print(err.message)]], { SHIM_PEER = "192.0.2.7" })
    assert.matches("^nil\tconfig\tnot_sent\t1\nhttp:// is for this machine "
      .. "only", said)
    assert.equal(0, control.ledger(0).count)
  end)

  for _, host in ipairs { "127.0.0.1.nip.io", "sandbox.localtest.me",
    "0.0.0.0", "10.0.0.1", "[::ffff:127.0.0.1]", "127.0.0.1.", "0x7f.1" } do
    it("is not spoken to " .. host .. ", wherever that leads", function()
      local client, err = require "trunking".new { base_url = "http://"
        .. host .. ":1", account_sid = helper.sandbox "ACCOUNT_SID",
        auth_token = helper.sandbox "AUTH_TOKEN" }
      if client then client, err = client.create {} end
      assert.is_nil(client)
      helper.check(err, { kind = "config", outcome = "not_sent" })
    end)
  end
end)

describe("descriptors", function()
  for _, transport in ipairs(helper.transports) do
    it("that are used up are said to be, and nothing is sent: " .. transport,
      function()
        local said = helper.run(([[
          local helper = require "helper"
          local client = helper.client("%s", { max_attempts = 1 })
          local held = {}
          while #held < 4096 do
            local file = io.open "/dev/null"
            if not file then break end
            held[#held + 1] = file
          end
          local trunk, err = client.create {}
          print(#held < 4096, trunk, err.outcome, err.kind)
          print(err.message)
          for _ = 1, 12 do table.remove(held):close() end
          print(client.create {} and "created")
          local job, why = client.async.create {}
          print(job and job:wait(20) and "created" or why)
        ]]):format(transport), {}, "ulimit -n 160")
        assert.matches("^true\tnil\tnot_sent\t%l+\n", said)
        assert.matches("no file descriptor left", said)
        assert.matches("\ncreated\ncreated\n$", said)
        assert.equal(2, control.ledger(0).count)
      end)
  end

  it("that are used up leave no fd, but jobs on kept connections", function()
    local said = helper.run([[
      local client = require "helper".client "TLS"
      assert(client.create {})
      local held = {}
      while #held < 4096 do
        local file = io.open "/dev/null"
        if not file then break end
        held[#held + 1] = file
      end
      local job, err = client.async.create {}
      print(assert(job, err):wait(20) and "created")
      local fd, why = client.fd()
      print(fd, why and why.kind)
    ]], {}, "ulimit -n 160")
    assert.matches("^created\nnil\tconfig\n$", said)
  end)
end)
