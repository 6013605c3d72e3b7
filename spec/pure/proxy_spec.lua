-- Proxies: what of a URL is taken, what of the environment, and whom no_proxy
-- names.

local config = require "trunking.config"
local proxy = require "trunking.proxy"

local AC = "AC" .. ("0"):rep(32)

local function resolve(value, env, base_url)
  return config.resolve({ account_sid = AC, auth_token = "t", proxy = value,
    base_url = base_url }, function(name) return (env or {})[name] end, "1")
end

describe("a proxy's URL", function()
  for _, case in ipairs {
    { "http://10.0.0.1:3128", "http://10.0.0.1:3128" },
    { "proxy.example:3128", "http://proxy.example:3128" },
    { "ftp.example", "http://ftp.example:1080" },
    { "HTTP://Proxy.Example/", "http://Proxy.Example:1080" },
    { "https://proxy", "https://proxy:443" },
    { "socks://p", "socks4://p:1080" },
    { "socks5h://u:p%40@[::1]:1080/", "socks5h://[::1]:1080", "u:p%40" },
    { "u:p%2fq:r@proxy", "http://proxy:1080", "u:p%2fq:r" },
    { "http://u@proxy:080", "http://proxy:80", "u" },
    { "http://:p@proxy", "http://proxy:1080", ":p" },
    { "http://@proxy", "http://proxy:1080" },
    { "http://u:100%@proxy", "http://proxy:1080", "u:100%" },
    { "http://u:%C3%A4%20%7e@proxy", "http://proxy:1080", "u:%C3%A4%20%7e" },
  } do
    it("is read: " .. case[1], function()
      local out = assert(resolve(case[1]))
      assert.same({ case[2], case[3] }, { out.proxy, out.proxy_auth })
    end)
  end

  for _, url in ipairs { "http://u:p@", "http://proxy:0", "http://proxy:65536",
    "http://proxy:99999999999999999999", "http://a@b@proxy", "http://[::g]:1",
    "http://pro xy", "ftp://proxy", "http://proxy/path", "http://proxy?q",
    "http://pro%78y", "://proxy", "http://u:p#q@proxy", "socks6://proxy" } do
    it("is refused: " .. url, function()
      local out, err = resolve(url)
      assert.is_nil(out)
      assert.same({ "config", "proxy" }, { err.kind, err.field })
      assert.matches("must be a URL like", err.message)
    end)
  end

  for byte = 0, 255 do
    local is_control = byte < 32 or byte == 127
    for _, form in ipairs { "http://u%%%02x:p@proxy",
      "socks5://u:%%%02Xp@proxy", "https://%%%02x@proxy" } do
      local url = form:format(byte)
      if is_control then
        it("is refused with a control character: " .. url, function()
          for _, origin in ipairs { "https://a", "http://127.0.0.1" } do
            local out, err = resolve(url, nil, origin)
            assert.is_nil(out)
            assert.same({ "config", "proxy" }, { err.kind, err.field })
            assert.matches("holds a control character, percent%-encoded",
              err.message)
          end
        end)
      elseif byte % 16 == 0 then
        it("may hold any other character: " .. url, function()
          assert.matches("%%", assert(resolve(url)).proxy_auth)
        end)
      end
    end
  end

  it("is not used for http://, where it would see the header", function()
    local out = resolve("http://u:p@proxy", nil, "http://[::1]")
    assert.same({ "" }, { out.proxy, out.proxy_auth })
  end)
end)

describe("the environment's proxy", function()
  for _, case in ipairs {
    { {}, "" },
    { { https_proxy = "" }, "" },
    { { http_proxy = "http://a", HTTP_PROXY = "http://b" }, "" },
    { { ALL_PROXY = "socks5://d" }, "socks5://d:1080" },
    { { ALL_PROXY = "d", all_proxy = "c" }, "http://c:1080" },
    { { all_proxy = "c", HTTPS_PROXY = "b" }, "http://b:1080" },
    { { HTTPS_PROXY = "b", https_proxy = "u:p@a" }, "http://a:1080", "u:p" },
    { { https_proxy = "", HTTPS_PROXY = "b" }, "http://b:1080" },
    { { https_proxy = "a", no_proxy = "twilio.com" }, "" },
    { { https_proxy = "a", NO_PROXY = "twilio.com" }, "" },
    { { https_proxy = "a", no_proxy = "x", NO_PROXY = "*" }, "http://a:1080" },
    { { https_proxy = "a", no_proxy = "", NO_PROXY = "*" }, "" },
    { { https_proxy = "ftp://a", no_proxy = "*" }, "" },
  } do
    local words = {}
    for name, value in pairs(case[1]) do
      words[#words + 1] = name .. "=" .. value
    end
    table.sort(words)
    it("is found: " .. table.concat(words, " "), function()
      local out = assert(resolve("env", case[1]))
      assert.same({ case[2], case[3] }, { out.proxy, out.proxy_auth })
    end)
  end

  it("is not looked for unless it is asked for", function()
    local function none(name) assert.is_nil(name:lower():find "proxy") end
    for _, value in ipairs { "", "http://a" } do
      assert(config.resolve({ account_sid = AC, auth_token = "t",
        proxy = value }, none, "1"))
    end
    assert.equal("", resolve("", { https_proxy = "a" }).proxy)
    assert.equal("", resolve("env", { https_proxy = "a" },
      "http://127.0.0.1").proxy)
  end)

  it("that is refused is named, and not quoted", function()
    for name, url in pairs { https_proxy = "ftp://u:hunter@a",
      ALL_PROXY = "http://u:hunter%0a@a" } do
      local _, err = resolve("env", { [name] = url })
      assert.matches(name, err.message)
      assert.is_nil(err.message:find "hunter")
    end
  end)
end)

describe("no_proxy", function()
  for _, case in ipairs {
    { "*", "a.example", true }, { "a, *", "b", true },
    { "example.com", "example.com", true },
    { "example.com", "www.example.com", true },
    { "example.com", "nonexample.com", false },
    { ".example.com", "example.com", true },
    { ".example.com.", "www.Example.COM.", true },
    { "www.example.com", "example.com", false },
    { "a b,c", "b", true }, { "a,,\tc ", "c", true }, { "", "a", false },
    { ".", "a.", false }, { "-.+", "a", false },
    { "10.0.0.1", "10.0.0.1", true }, { "0.0.1", "10.0.0.1", false },
    { "10.0.0.0/8", "10.255.0.1", true }, { "10.0.0.0/8", "11.0.0.1", false },
    { "192.168.0.0/23", "192.168.1.9", true },
    { "192.168.0.0/23", "192.168.2.0", false },
    { "0.0.0.0/0", "8.8.8.8", true }, { "10.0.0.1/32", "10.0.0.2", false },
    { "10.0.0.0/33", "10.0.0.0", false }, { "::1", "[::1]", true },
    { "[::1]", "[::1]", true }, { "0:0::1", "[::1]", true },
    { "fe80::/10", "[febf::1]", true }, { "fe80::/10", "[fec0::1]", false },
    { "2001:db8::/33", "[2001:db8:7fff::1]", true },
    { "2001:db8::/33", "[2001:db8:8000::1]", false },
    { "::ffff:10.0.0.0/104", "[::ffff:10.1.2.3]", true },
    { "10.0.0.0/8", "[::1]", false }, { "::/0", "10.0.0.1", false },
    { "1.example", "10.0.0.1", false },
  } do
    it(("%q: %s is %s"):format(case[1], case[2], case[3] and "exempt"
      or "not"), function()
        assert.equal(case[3], proxy.is_exempt(case[1], case[2]))
      end)
  end
end)
