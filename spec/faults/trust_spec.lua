-- Which authorities are trusted: a file that is replaced while a client lives,
-- and certificates that are given as a text.

local control = require "sandbox.control"
local helper = require "helper"

local read, write = helper.read, helper.write

after_each(helper.tidy)

local dir, trusted, other -- two texts of certificates

setup(function()
  dir = os.tmpname()
  os.remove(dir)
  assert(helper.succeeds(([[mkdir '%s' && cd '%s' && openssl req -x509 \
    -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=other \
    -days 9 -keyout key.pem -out other.pem >log 2>&1]]):format(dir, dir)))
  trusted, other = read(helper.sandbox "CA"), read(dir .. "/other.pem")
end)
teardown(function() os.execute(("rm -r '%s'"):format(dir)) end)

local ways = {
  ["renamed onto it"] = function(path, text)
    write(path .. ".new", text)
    assert(os.rename(path .. ".new", path))
  end,
  ["written into it"] = write,
  ["put where it was"] = function(path, text)
    os.remove(path)
    write(path, text)
  end,
  ["linked"] = function(path, text)
    local name = os.tmpname():match "[^/]+$"
    write(dir .. "/" .. name, text)
    assert(helper.succeeds(("ln -sfn '%s/%s' '%s'"):format(dir, name, path)))
  end,
}

local callers = {
  ["a call"] = function(client, params) return client.create(params) end,
  ["a job"] = function(client, params)
    return client.async.create(params):wait(helper.HANG)
  end,
}

-- A file's times are those of the kernel's clock, which ticks every 10 ms at
-- least: two files of one size within a tick may look alike.
local function tick() require "socket".sleep(0.02) end

describe("a file of CAs", function()
  for title, replace in pairs(ways) do
    for how, create in pairs(callers) do
      it(("is read again by %s when another is %s"):format(how, title),
        function()
          local path = dir .. "/ca.pem"
          os.remove(path)
          write(path, other)
          local client = helper.client("TLS", { ca_file = path,
            max_attempts = 1 })
          helper.check(helper.error_of(create(client, {})), { kind = "tls",
            outcome = "not_sent" })
          tick()
          replace(path, trusted)
          assert(create(client, {}))
          -- Each reply ends its connection, so the next needs one of its own.
          for _ = 1, 2 do
            control.arm { status = 400,
              headers = { Connection = "close" } }
            assert.equal("refused", (helper.error_of(create(client, {})))
              .outcome)
            tick()
            replace(path, other)
            helper.check(helper.error_of(create(client, {})), { kind = "tls",
              outcome = "not_sent" })
            tick()
            replace(path, trusted)
            assert(create(client, {}))
          end
        end)
    end
  end

  it("that is replaced is read again while a connection is kept", function()
    local path = dir .. "/kept.pem"
    write(path, trusted)
    local client = helper.client("TLS", { ca_file = path, max_attempts = 1 })
    assert(client.create {})
    write(path, other)
    local err
    helper.wait_until(function()
      local trunk, why = client.create {}
      err = why
      return not trunk
    end)
    helper.check(err, { kind = "tls", outcome = "not_sent" })
  end)

  it("that is gone for a while is none that has changed", function()
    local path = dir .. "/gone.pem"
    write(path, trusted)
    local client = helper.client("TLS", { ca_file = path, max_attempts = 1 })
    assert(client.create {})
    os.remove(path)
    assert(client.create {})
    write(path, trusted)
    control.arm { status = 400, headers = { Connection = "close" } }
    assert.equal("refused", helper.failure(client).outcome)
    assert(client.create {})
  end)

  it("that is relative is the one of the folder in which the client was made",
    function()
      write(dir .. "/here.pem", trusted)
      assert.equal("created\n", helper.run(([[
        local chdir = require "trouble".chdir
        chdir %q
        local client = require "helper".client("TLS", { ca_file = "here.pem" })
        chdir "/"
        print(client.create {} and "created")]]):format(dir)))
    end)
end)

-- GnuTLS takes certificates as a text from libcurl 8.18 on.
local function takes_no_text(err)
  if helper.tls_library == "OpenSSL" or not err or err.kind ~= "config" then
    return false
  end
  helper.check(err, { outcome = "not_sent", says = "takes no ca_pem" })
  pending "a TLS library that takes no ca_pem"
  return true
end

describe("certificates that are given", function()
  for how, create in pairs(callers) do
    it("as a text are trusted by " .. how, function()
      local client = helper.client("TLS", { ca_file = false, ca_pem = trusted })
      local trunk, err = create(client, {})
      if takes_no_text(err) then return end
      assert(trunk, tostring(err))
      client = helper.client("TLS", { ca_file = false,
        ca_pem = "# ours\r\n" .. other .. "\n" .. trusted })
      assert(create(client, {}))
    end)

    it("as a text are all that is trusted by " .. how, function()
      local client = helper.client("TLS", { ca_file = false, ca_pem = other })
      local err = helper.error_of(create(client, {}))
      if takes_no_text(err) then return end
      helper.check(err, { kind = "tls", outcome = "not_sent", attempts = 1 })
      assert.equal(0, control.ledger(0).count)
    end)
  end

  it("need no library io", function()
    local said = helper.run(([[
      local create = require "helper".client
      local pem = %q
      io = nil
      local trunk, err = create("TLS", { ca_file = false, ca_pem = pem })
        .create {}
      print(trunk and "created" or err.message)]]):format(trusted))
    if said:find "takes no ca_pem" and helper.tls_library == "GnuTLS" then
      pending "a TLS library that takes no ca_pem"
      return
    end
    assert.equal("created\n", said)
  end)

  it("and hold none are an error of TLS, and nothing is sent", function()
    for _, text in ipairs {
      "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
      "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
      "-----BEGIN CERTIFICATE-----", trusted:sub(1, 300) } do
      local client = helper.client("TLS", { ca_file = false, ca_pem = text })
      local err = helper.failure(client)
      if takes_no_text(err) then return end
      helper.check(err, { kind = "tls", outcome = "not_sent", attempts = 1 })
    end
    assert.equal(0, control.ledger(0).count)
  end)

  for title, case in pairs {
    ["both ways"] = { { ca_file = "spec" }, "both given" },
    ["as a file's name"] = { { ca_pem = "/etc/ssl/cert.pem" },
      "a file's name goes into ca_file" },
    ["as a key"] = { { ca_pem = "-----BEGIN PRIVATE KEY-----\n" },
      "not a text of certificates" },
    ["as nothing"] = { { ca_pem = "" }, "not a text of certificates" },
    ["with a NUL"] = { { ca_pem = "-----BEGIN CERTIFICATE-----\0" }, "NUL" },
    ["at length"] = { { ca_pem = "-----BEGIN CERTIFICATE-----\n"
      .. ("x"):rep(2 ^ 22) }, "over 4 MiB" },
    ["as a table"] = { { ca_pem = {} }, "must be a string" },
  } do
    it(title .. " are refused", function()
      local options = { account_sid = helper.sandbox "ACCOUNT_SID",
        auth_token = helper.sandbox "AUTH_TOKEN", ca_pem = trusted }
      for name, value in pairs(case[1]) do options[name] = value end
      if title == "both ways" then options.ca_file = helper.sandbox "CA" end
      local client, err = require "trunking".new(options)
      assert.is_nil(client)
      helper.check(err, { kind = "config", outcome = "not_sent",
        field = "ca_pem", says = case[2] })
    end)
  end

  it("to a TLS library that takes no text are refused, and nothing is sent",
    function()
      local shim = os.tmpname()
      finally(function() os.remove(shim) end)
      assert(helper.succeeds(("unset LD_PRELOAD; cc -shared -fPIC "
        .. "-D_GNU_SOURCE -Wl,--no-as-needed $(pkg-config --cflags libcurl) "
        .. "'%s' -o '%s' -lcurl -ldl"):format(helper.path "support/shim.c",
        shim)))
      local said = helper.run(([[
        local client = require "helper".client("TLS", { ca_file = false,
          ca_pem = %q })
        local _, err = client.create {}
        print(err.kind, err.outcome, err.message)
        _, err = client.async.create({}):wait()
        print(err.kind, err.outcome)]]):format(trusted), { SHIM_NO_BLOB = "1",
        LD_PRELOAD = (os.getenv "LD_PRELOAD" or "") .. " " .. shim })
      assert.equal("config\tnot_sent\tthe TLS library of this libcurl takes no "
        .. "ca_pem; give a ca_file\nconfig\tnot_sent\n", said)
      assert.equal(0, control.ledger(0).count)
    end)
end)
