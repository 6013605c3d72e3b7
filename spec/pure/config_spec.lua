-- Options and environment: what is taken, what is refused and how it is said;
-- and that no secret stands in any message.

local config = require "trunking.config"
local errors = require "trunking.error"

local AC, SK = "AC" .. ("a1"):rep(16), "SK" .. ("b2"):rep(16)
local TOKEN, SECRET = ("0f1e2d3c"):rep(4), "Key-Secret+of/Test=0"
local PASSWORD = "pass-word-in-url"

local function none() return nil end

local function resolve(options, env)
  return config.resolve(options, env and function(name) return env[name] end
    or none, "1.2.3")
end

-- The options that follow, with credentials that are in order.
local function with(options)
  options.account_sid, options.auth_token = AC, TOKEN
  return options
end

-- Whatever in options and environment must not be told: every credential.
local function secrets_of(options, env)
  local list = { PASSWORD, TOKEN, SECRET }
  for _, name in ipairs { "account_sid", "auth_token", "api_key",
    "api_secret" } do
    list[#list + 1] = options[name]
    list[#list + 1] = env and env["TWILIO_" .. name:upper()] or nil
  end
  return list
end

local function tells(err, secret)
  if type(secret) ~= "string" or #secret < 3 then return false end
  for _, value in pairs(err) do
    if type(value) == "string" and value:find(secret, 1, true) then
      return true
    end
  end
  return tostring(err):find(secret, 1, true) ~= nil
end

local function refused(title, options, field, words, env)
  it("refuses " .. title .. ", and tells no secret", function()
    local out, err = resolve(options, env)
    assert.is_nil(out)
    assert.is_true(errors.is(err))
    assert.same({ "config", "not_sent", field },
      { err.kind, err.outcome, err.field })
    assert.truthy(err.message:find(words, 1, true), err.message)
    for _, secret in ipairs(secrets_of(options, env)) do
      assert.is_false(tells(err, secret), err.message)
    end
  end)
end

describe("credentials", function()
  for _, case in ipairs {
    { "an account SID and a token", { account_sid = AC, auth_token = TOKEN },
      { AC, TOKEN, AC } },
    { "an API key and its secret", { api_key = SK, api_secret = SECRET },
      { SK, SECRET } },
    { "an API key with its account", { api_key = SK, api_secret = SECRET,
      account_sid = AC }, { SK, SECRET, AC } },
    { "the key before the token, given both", { api_key = SK, api_secret =
      SECRET, account_sid = AC, auth_token = TOKEN }, { SK, SECRET, AC } },
    { "the environment's token", {}, { AC, TOKEN, AC },
      { TWILIO_ACCOUNT_SID = AC, TWILIO_AUTH_TOKEN = TOKEN } },
    { "the environment's key before its token", {}, { SK, SECRET, AC },
      { TWILIO_ACCOUNT_SID = AC, TWILIO_AUTH_TOKEN = TOKEN,
        TWILIO_API_KEY = SK, TWILIO_API_SECRET = SECRET } },
    { "options, and no credential of the environment then",
      { account_sid = AC, auth_token = TOKEN }, { AC, TOKEN, AC },
      { TWILIO_API_KEY = SK, TWILIO_API_SECRET = SECRET } },
    { "an empty variable for none", {}, { AC, TOKEN, AC }, { TWILIO_API_KEY =
      "", TWILIO_ACCOUNT_SID = AC, TWILIO_AUTH_TOKEN = TOKEN } },
    { "a secret of 256 bytes", { api_key = SK, api_secret = ("~"):rep(256) },
      { SK, ("~"):rep(256) } },
  } do
    it("are " .. case[1], function()
      local out = assert(resolve(case[2], case[4]))
      assert.same(case[3], { out.user, out.secret, out.account_sid })
    end)
  end

  local BOTH = "give account_sid and auth_token, or api_key and api_secret"
  local function pair(sid, token)
    return { account_sid = sid, auth_token = token }
  end
  local function key(sid, secret)
    return { api_key = sid, api_secret = secret }
  end

  refused("none at all", {}, "account_sid", "no credentials: set TWILIO_ACC")
  refused("an account SID alone", pair(AC), "auth_token", BOTH)
  refused("a token alone", pair(nil, TOKEN), "account_sid", BOTH)
  refused("a key alone", key(SK), "api_secret", "(api_key is given)")
  refused("a key's secret alone", key(nil, SECRET), "api_key", "is missing")
  refused("a key with a token", { api_key = SK, auth_token = TOKEN },
    "api_secret", "is missing")
  refused("an API key as account SID", pair(SK, TOKEN), "account_sid",
    "this one begins with SK; an API key goes into api_key")
  refused("an account SID as API key", key(AC, SECRET), "api_key",
    "this one begins with AC; an account SID goes into account_sid")
  refused("a trunk's SID as account SID", pair("TK" .. ("0"):rep(32), TOKEN),
    "account_sid", "must begin with AC; this one begins with TK")
  refused("SID and token swapped", pair(TOKEN, AC), "account_sid",
    "must be AC and 32 hexadecimal digits")
  refused("key and secret swapped", key(SECRET, SK), "api_key",
    "must be SK and 32")
  for title, sid in pairs {
    ["one digit short"] = AC:sub(1, 33), ["one digit long"] = AC .. "0",
    ["in small letters"] = AC:lower(), ["with a g"] = AC:sub(1, 33) .. "g",
    ["with a space before"] = " " .. AC, ["empty"] = "",
  } do
    refused("an account SID " .. title, pair(sid, TOKEN), "account_sid",
      "must be AC and 32 hexadecimal digits")
  end
  for title, mark in pairs { CR = "\r", LF = "\n", NUL = "\0", DEL = "\127" } do
    refused("a token that ends in " .. title, pair(AC, TOKEN .. mark),
      "auth_token", "a line break or another control character")
    refused("a secret with " .. title, key(SK, SECRET .. mark .. "X: y"),
      "api_secret", "a line break or another control character")
    refused("an account SID that ends in " .. title, pair(AC .. mark, TOKEN),
      "account_sid", "a line break or another control character")
    refused("a key that ends in " .. title, key(SK .. mark, SECRET),
      "api_key", "a line break or another control character")
  end
  refused("an empty token", pair(AC, ""), "auth_token", "is empty")
  refused("a token with a space", pair(AC, TOKEN .. " "), "auth_token",
    "printable ASCII")
  refused("a secret that is not ASCII", key(SK, SECRET .. "\195\164"),
    "api_secret", "printable ASCII")
  refused("a secret of 257 bytes", key(SK, SECRET .. ("x"):rep(237)),
    "api_secret", "over 256 bytes")
  refused("a token of the wrong type", { account_sid = AC, auth_token =
    { TOKEN } }, "auth_token", "must be a string; got table")
  refused("a malformed account beside a key", { api_key = SK, api_secret =
    SECRET, account_sid = TOKEN }, "account_sid", "must be AC")
  refused("a variable with a line break", {}, "auth_token", "line break",
    { TWILIO_ACCOUNT_SID = AC, TWILIO_AUTH_TOKEN = TOKEN .. "\n" })
  refused("a variable without its other", {}, "auth_token", "is missing",
    { TWILIO_ACCOUNT_SID = AC })
end)

describe("the origin", function()
  for _, case in ipairs {
    { {}, "https://trunking.twilio.com" },
    { { edge = "dublin" }, "https://trunking.dublin.us1.twilio.com" },
    { { edge = "dublin", region = "ie1" },
      "https://trunking.dublin.ie1.twilio.com" },
    { {}, "https://trunking.sydney.au1.twilio.com",
      { TWILIO_EDGE = "sydney", TWILIO_REGION = "au1" } },
    { { edge = "tokyo" }, "https://trunking.tokyo.us1.twilio.com",
      { TWILIO_EDGE = "sydney", TWILIO_REGION = "au1" } },
    { { base_url = "https://api.example" }, "https://api.example",
      { TWILIO_REGION = "au1" } },
    { { base_url = "HTTPS://API.Example:8443/" }, "https://api.example:8443" },
    { { base_url = "https://[2001:db8::1]:443" }, "https://[2001:db8::1]:443" },
    { { base_url = "http://127.0.0.1:8080" }, "http://127.0.0.1:8080" },
    { { base_url = "http://127.9.9.9" }, "http://127.9.9.9" },
    { { base_url = "http://[::1]:1" }, "http://[::1]:1" },
    { { base_url = "http://LocalHost:65535" }, "http://localhost:65535" },
  } do
    it("is " .. case[2], function()
      assert.equal(case[2], assert(resolve(with(case[1]), case[3])).origin)
    end)
  end

  refused("a region without an edge, with the reason",
    with { region = "ie1" }, "region", "a host with a region alone does not "
    .. "resolve (for example edge = 'dublin', region = 'ie1')")
  refused("the environment's region without an edge", with {}, "region",
    "needs an edge", { TWILIO_REGION = "ie1" })
  for _, name in ipairs { "Dublin", "dub.lin", "evil.example/", "1st", "",
    "a@b", "a b", "-a", "a\n" } do
    refused(("the edge %q"):format(name), with { edge = name }, "edge",
      "must be a name like dublin")
    refused(("the region %q"):format(name), with { edge = "dublin",
      region = name }, "region", "must be a name like ie1")
  end
  refused("base_url with an edge", with { base_url = "https://a.example",
    edge = "dublin" }, "base_url", "give one or the other")

  local FAR, LIKE = "for a server on this machine only", "must be like"
  local PORT = "no valid host and port"
  for url, words in pairs {
    ["http://api.example"] = FAR, ["http://128.0.0.1"] = FAR,
    ["http://127.0.0.1.example"] = FAR, ["http://127.0.0.256"] = FAR,
    ["http://localhost.example"] = FAR, ["http://[::2]"] = FAR,
    ["http://127.0.0.1@api.example"] = "must not hold credentials",
    ["https://me:" .. PASSWORD .. "@api.example"] = "must not hold cred",
    ["https://me:" .. PASSWORD .. "@api.example/v1"] = LIKE,
    ["https://api.example/v1"] = LIKE, ["https://api.example?a=b"] = LIKE,
    ["https://api.example#a"] = LIKE, ["api.example"] = LIKE,
    ["https://"] = LIKE, [""] = LIKE, ["https:/api.example"] = LIKE,
    ["ftp://api.example"] = "must begin with https://",
    ["https://api.example:0"] = PORT, ["https://api.example:65536"] = PORT,
    ["https://api.example:99999999999999999999"] = PORT,
    ["https://api.example:"] = PORT, ["https://api.example:a"] = PORT,
    ["https://api_example"] = PORT, ["https://::1"] = PORT,
    ["https://[::1"] = PORT, ["https://[::g]"] = PORT,
    ["https://a b"] = PORT, ["https://b\195\188cher.example"] = PORT,
    ["https://a.example\r\nX: y"] = "line break",
  } do
    refused(("the base_url %q"):format(url), with { base_url = url },
      "base_url", words)
  end
end)

describe("an option", function()
  it("has a default where it may be left out", function()
    assert.same({ user = AC, secret = TOKEN, account_sid = AC, origin =
      "https://trunking.twilio.com", proxy = "", user_agent =
      "trunking-lua/1.2.3", timeout = 30, connect_timeout = 5,
      max_attempts = 0, max_in_flight = 16, validate = true },
      resolve(with {}))
  end)

  for _, case in ipairs {
    { "timeout", 0.001 }, { "timeout", 86400 }, { "connect_timeout", 2.5 },
    { "max_attempts", 1 }, { "max_attempts", 100 }, { "max_in_flight", 10000 },
    { "validate", false }, { "ca_file", "Makefile" }, { "proxy", "" },
    { "proxy", "http://10.0.0.1:3128" },
    { "user_agent", "shop/2", "shop/2 trunking-lua/1.2.3" },
  } do
    it(("%s may be %s"):format(case[1], tostring(case[2])), function()
      local out = assert(resolve(with { [case[1]] = case[2] }))
      assert.equal(case[3] or case[2], out[case[1]])
    end)
  end

  it("proxy is not used for http://, where it would see the header", function()
    local out = resolve(with { base_url = "http://[::1]", proxy = "env" })
    assert.equal("", out.proxy)
  end)

  for _, case in ipairs {
    { "tiemout", "unknown option 'tiemout'; did you mean 'timeout'?" },
    { "authToken", "did you mean 'auth_token'?" },
    { "nothing_like_it", "unknown option 'nothing_like_it'" },
    { 1, "unknown option '1'" },
  } do
    refused("that is unknown: " .. case[1], with { [case[1]] = 1 },
      tostring(case[1]), case[2])
  end
  for name, bad in pairs { edge = 1, base_url = {}, ca_file = true,
    proxy = false, user_agent = 1, timeout = "30", connect_timeout = "5",
    max_attempts = true, max_in_flight = "1", validate = "no" } do
    refused("of the wrong type: " .. name, with { [name] = bad }, name,
      "must be a")
  end
  for _, case in ipairs {
    { "timeout", 0 }, { "timeout", -1 }, { "timeout", 86401 },
    { "timeout", 0 / 0 }, { "timeout", 1 / 0 }, { "connect_timeout", 0 },
    { "max_attempts", 0 }, { "max_attempts", 1.5 }, { "max_attempts", 101 },
    { "max_attempts", 0 / 0 }, { "max_in_flight", 0 },
    { "max_in_flight", 10001 }, { "max_in_flight", 1 / 0 },
  } do
    refused(("out of range: %s = %s"):format(case[1], tostring(case[2])),
      with { [case[1]] = case[2] }, case[1], " .. ")
  end

  for _, case in ipairs {
    { "ca_file", "spec/no-such.pem", "No such file" },
    { "ca_file", "spec", "not a file of certificates" },
    { "ca_file", "", "cannot be read" }, { "ca_file", "a\nb", "line break" },
    { "user_agent", "a\r\nX-Evil: b", "line break" },
    { "user_agent", ("a"):rep(257), "over 256 bytes" },
    { "proxy", "http://u:" .. PASSWORD .. "@a b", "must be a URL" },
    { "proxy", "http://u:" .. PASSWORD .. "\r\n", "line break" },
    { "proxy", "http://u:#" .. PASSWORD .. "@a:1", "percent-encode" },
    { "proxy", "http://u:/" .. PASSWORD .. "@a:1", "percent-encode" },
    { "proxy", "http://u:@" .. PASSWORD .. "@a:1", "percent-encode" },
    { "proxy", "ftp://u:" .. PASSWORD .. "@a:1", "must be a URL" },
    { "proxy", "http://", "must be a URL" },
  } do
    refused(("%s = %q"):format(case[1], case[2]:sub(1, 20)),
      with { [case[1]] = case[2] }, case[1], case[3])
  end
end)
