-- TRUNKING_BASE_URL and TRUNKING_CA_FILE: the server that the environment's
-- credentials are for. They obey the rules of the options.

local config = require "trunking.config"
local errors = require "trunking.error"

local AC, TOKEN = "AC" .. ("a1"):rep(16), ("0f1e2d3c"):rep(4)
local OWN = "AC" .. ("b2"):rep(16)
local BASE, CA = "https://127.0.0.1:8443", "lua/trunking/init.lua" -- a file

-- With the environment's credentials, and `env` besides.
local function resolve(options, env)
  env = env or {}
  return config.resolve(options or {}, function(name)
    if name == "TWILIO_ACCOUNT_SID" then return AC end
    if name == "TWILIO_AUTH_TOKEN" then return TOKEN end
    return env[name]
  end, "1.2.3")
end

local function server(options, env)
  local out = assert(resolve(options, env))
  return { out.origin, out.ca_file }
end

local function refused(options, env, field, words)
  local out, err = resolve(options, env)
  assert.is_nil(out)
  assert.is_true(errors.is(err))
  assert.same({ "config", "not_sent", field },
    { err.kind, err.outcome, err.field })
  assert.truthy(err.message:find(words, 1, true), err.message)
  assert.is_nil(tostring(err):find(TOKEN, 1, true))
end

describe("the environment's server", function()
  it("is read with the environment's credentials", function()
    assert.same({ BASE, CA }, server({}, { TRUNKING_BASE_URL = BASE,
      TRUNKING_CA_FILE = CA }))
    assert.same({ "https://trunking.twilio.com", CA }, server({},
      { TRUNKING_CA_FILE = CA }))
    assert.same({ "http://127.0.0.1:8080" }, server({},
      { TRUNKING_BASE_URL = "HTTP://127.0.0.1:8080/" }))
  end)

  it("is nothing where a variable is empty", function()
    assert.same({ "https://trunking.twilio.com" }, server({},
      { TRUNKING_BASE_URL = "", TRUNKING_CA_FILE = "" }))
  end)

  it("gives way to an option", function()
    assert.same({ "https://a.example", CA }, server({
      base_url = "https://a.example" }, { TRUNKING_BASE_URL = BASE,
      TRUNKING_CA_FILE = CA }))
    assert.same({ BASE, CA }, server({ ca_file = CA },
      { TRUNKING_BASE_URL = BASE, TRUNKING_CA_FILE = "/no/such/file" }))
  end)

  it("gets no credentials of the program's own", function()
    local own = { account_sid = OWN, auth_token = TOKEN }
    assert.same({ "https://trunking.twilio.com" }, server(own,
      { TRUNKING_BASE_URL = BASE, TRUNKING_CA_FILE = "/no/such/file" }))
  end)

  it("obeys the rules of base_url, and the error names the variable",
    function()
      for url, words in pairs {
        ["http://api.example"] = "http:// is for a server on this machine",
        ["https://me:word@a.example"] = "must not hold credentials",
        ["https://a.example/v1"] = "must be like https://host:port",
        ["ftp://a.example"] = "must begin with https://",
        ["https://a.example\r\nX: y"] = "control character",
      } do
        refused({}, { TRUNKING_BASE_URL = url }, "base_url", words)
        refused({}, { TRUNKING_BASE_URL = url }, "base_url",
          "(from TRUNKING_BASE_URL)")
      end
    end)

  it("is not mixed with an edge or a region", function()
    local env = { TRUNKING_BASE_URL = BASE }
    for _, options in ipairs { { edge = "dublin" },
      { edge = "dublin", region = "ie1" } } do
      refused(options, env, "base_url", "give one or the other (from TRUNK")
    end
    env.TWILIO_EDGE = "dublin"
    refused({}, env, "base_url", "give one or the other")
  end)

  it("names a file of certificates that is there", function()
    refused({}, { TRUNKING_CA_FILE = "/no/such/file" }, "ca_file",
      "cannot be read")
    refused({}, { TRUNKING_CA_FILE = "/no/such/file" }, "ca_file",
      "(from TRUNKING_CA_FILE)")
  end)
end)

describe("an error of a credential", function()
  it("names the variable that it came from, and no option's", function()
    local function env(name)
      if name == "TWILIO_ACCOUNT_SID" then return OWN:lower() end
      return name == "TWILIO_AUTH_TOKEN" and TOKEN or nil
    end
    local _, err = config.resolve({}, env, "1.2.3")
    assert.truthy(err.message:find("(from TWILIO_ACCOUNT_SID)", 1, true))
    _, err = config.resolve({ account_sid = "x", auth_token = TOKEN }, env,
      "1.2.3")
    assert.is_nil(err.message:find("from", 1, true))
  end)
end)
