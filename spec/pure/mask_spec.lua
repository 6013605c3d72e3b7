-- What is taken out of the words of others: own secrets, however they are
-- written, and nothing else.

local mask = require "probe".mask

local TOKEN = "0f1e2d3c4b5a69788f9e0d1c2b3a4958"
local b64 = require "mime".b64

-- How others write a text.
local writings = {
  ["as it is"] = function(s) return s end,
  ["in capitals"] = string.upper,
  ["percent-encoded"] = function(s)
    return (s:gsub(".", function(c) return ("%%%02x"):format(c:byte()) end))
  end,
  ["percent-encoded in part"] = function(s)
    return (s:gsub("[^%w]", function(c) return ("%%%02X"):format(c:byte()) end))
  end,
  ["percent-encoded twice"] = function(s)
    return (s:gsub(".", function(c) return ("%%25%02X"):format(c:byte()) end))
  end,
  ["in JSON's \\u"] = function(s)
    return (s:gsub(".", function(c) return ("\\u%04X"):format(c:byte()) end))
  end,
  ["in JSON, with each slash escaped"] = function(s)
    return (s:gsub('[/"\\]', "\\%0"))
  end,
  ["in HTML's numbers"] = function(s)
    return (s:gsub(".", function(c) return ("&#%d;"):format(c:byte()) end))
  end,
  ["in HTML's hexadecimal numbers"] = function(s)
    return (s:gsub(".", function(c) return ("&#x%X;"):format(c:byte()) end))
  end,
  ["in HTML's names"] = function(s)
    local names = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;",
      ['"'] = "&quot;", ["'"] = "&apos;", ["/"] = "&sol;", ["+"] = "&plus;",
      ["="] = "&equals;", [":"] = "&colon;", ["%"] = "&percnt;",
      ["#"] = "&num;" }
    return (s:gsub("[^%w]", names))
  end,
  ["percent-encoded, in JSON's \\u"] = function(s)
    return (s:gsub(".", function(c)
      return (("%%%02x"):format(c:byte()):gsub(".", function(d)
        return ("\\u%04x"):format(d:byte())
      end))
    end))
  end,
  ["in HTML, in JSON's \\u"] = function(s)
    return (s:gsub(".", function(c)
      return ("\\u0026#%d;"):format(c:byte())
    end))
  end,
  ["with characters between that are not shown"] = function(s)
    return (s:gsub("(.)(.)", "%1\226\128\142\\u202e\216\156%2"))
  end,
}

describe("a secret", function()
  local secrets = { ["a token"] = TOKEN,
    ["an API secret"] = "AbCdEfGhIjKlMnOpQrStUvWxYz012345",
    ["a token of odd characters"] = [[a+b/c=d&e<f>"g'h\i%41:j#k]],
    ["one of eight bytes"] = "hunter2!", ["one of four"] = "k9xz" }

  for kind, secret in pairs(secrets) do
    for title, write in pairs(writings) do
      it(("is found %s: %s"):format(title, kind), function()
        local text = "it was '" .. write(secret) .. "', or "
        local said = mask(text, secret)
        assert.equal(0, said:find "it was '" - 1)
        assert.matches("^it was '%*%*%*[^%w]*', or $", said)
        assert.equal("it was '***' and '***'", (mask("it was '" .. secret
          .. "' and '" .. secret .. "'", secret)))
      end)
    end
  end

  it("is found at either end, and where there is nothing else", function()
    assert.equal("***", mask(TOKEN, TOKEN))
    assert.equal("***.", mask(TOKEN .. ".", TOKEN))
    assert.equal(".***", mask("." .. TOKEN, TOKEN))
    assert.equal("******", mask(TOKEN .. TOKEN, TOKEN))
    assert.equal("", mask("", TOKEN))
  end)

  it("is found in the base64 of whatever holds it", function()
    for before = 0, 5 do
      for after = 0, 5 do
        local text = b64(("x"):rep(before) .. TOKEN .. ("y"):rep(after))
        for _, form in ipairs { text, (text:gsub("%+", "-"):gsub("/", "_")),
          (text:gsub("[+/=]", function(c)
            return ("%%%02X"):format(c:byte())
          end)) } do
          local said = mask("Basic " .. form, TOKEN)
          -- At most a digit at each end has bits of the secret.
          assert.matches("^Basic [%w+/]*%*%*%*[%w+/=%%_-]*$", said)
          assert.is_true(#said <= 6 + 3 + 24, said)
        end
      end
    end
  end)

  it("is found in the pair of the Authorization header", function()
    local sid = "AC" .. ("0"):rep(32)
    local pair = b64(sid .. ":" .. TOKEN)
    local said = mask('{"message":"Authorization: Basic ' .. pair .. '"}',
      TOKEN)
    assert.is_nil(said:find(pair:sub(50, 60), 1, true))
    assert.matches('%*%*%*[^"]?[^"]?=*"}$', said)
  end)

  it("that is cut is found by its first half, or at the end by 8 bytes",
    function()
      assert.equal("'***'", mask("'" .. TOKEN:sub(1, 16) .. "'", TOKEN))
      assert.equal("'***'", mask("'" .. TOKEN:sub(1, 31) .. "'", TOKEN))
      assert.equal("'" .. TOKEN:sub(1, 15) .. "'",
        mask("'" .. TOKEN:sub(1, 15) .. "'", TOKEN))
      assert.equal("'***", mask("'" .. TOKEN:sub(1, 8), TOKEN))
      -- fewer are in every ten thousandth of the ids that end so by chance
      assert.equal("'" .. TOKEN:sub(1, 7), mask("'" .. TOKEN:sub(1, 7), TOKEN))
      assert.equal("'hunter2'", mask("'hunter2'", "hunter2!"))
    end)

  it("of less than 8 bytes is found where it stands alone", function()
    for _, text in ipairs { "squids", "asquid", "squid1", "1squid" } do
      assert.equal(text, mask(text, "squid"))
    end
    assert.equal("***: ***-1 (***)", mask("squid: Squid-1 (SQUID)", "squid"))
    assert.equal("a cat", mask("a cat", "cat"))
  end)

  it("is not seen in what only resembles it", function()
    for _, text in ipairs { "", "a", TOKEN:sub(2), TOKEN:reverse(),
      "&#65", "&#;&;&amp", "%", "%4", "%zz", "\\", "\\u00", "\\u00zz", "\\x",
      '{"a":"\\u0041\\n\\t","b":[1,2,null]}', "&#99999999999;",
      "\226\128", "\226", "\194", "\255\254", "a\0b" } do
      assert.equal(text, mask(text, TOKEN))
      assert.equal(text, mask(text, [[\&%41secret]]))
    end
  end)

  it("never makes a text longer, and leaves the rest as it was", function()
    local bytes = { TOKEN, TOKEN:sub(1, 20), "\\", "&", "%", "\\u0030", "%30",
      "&#48;", "0f1e", "x", "\226\128\142", "\0", '"', "/" }
    local seed = 7
    for _ = 1, 2000 do
      local words = {}
      for i = 1, 6 do
        seed = (seed * 1103 + 12345) % 65536
        words[i] = bytes[seed % #bytes + 1]
      end
      local text = table.concat(words)
      local said = mask(text, TOKEN)
      assert.is_true(#said <= #text)
      assert.is_nil(said:find(TOKEN, 1, true))
      if not text:find("0", 1, true) then assert.equal(text, said) end
    end
  end)
end)

describe("a proxy's credentials", function()
  local auth = "administrator:p%40ss%2fword%25"

  for _, secret in ipairs { "administrator", "p@ss/word%", "p%40ss%2fword%25",
    "administrator:p@ss/word%", b64 "administrator:p@ss/word%" } do
    it("are found: " .. secret, function()
      assert.matches("^<[%w+/]?%*%*%*:?%*?%*?%*?[%w+/]?[%w+/]?=?=?>$",
        mask("<" .. secret .. ">", TOKEN, auth))
    end)
  end

  it("are found beside the API's secret", function()
    assert.equal("*** *** ***", mask("p@ss/word% " .. TOKEN
      .. " ADMINISTRATOR", TOKEN, auth))
  end)

  it("that are short are found together", function()
    assert.equal("user pw pw1", mask("user pw pw1", TOKEN, "user:pw"))
    assert.equal("user *** is", mask("user pw12 is", TOKEN, "user:pw12"))
    assert.equal("*** is", mask("user:pw1 is", TOKEN, "user:pw1"))
    assert.matches("^Basic [%w]?%*%*%*%w?=? is$",
      mask("Basic " .. b64 "user:pw1" .. " is", TOKEN, "user:pw1"))
  end)

  it("may lack a part, or be long", function()
    assert.equal("*** x", mask("somebody x", TOKEN, "somebody"))
    assert.equal("*** x", mask("password1 x", TOKEN, ":password1"))
    assert.equal("x", mask("x", TOKEN, ":"))
    assert.equal("x", mask("x", TOKEN, ""))
    local long = ("p"):rep(255) .. ":" .. ("q"):rep(256)
    assert.equal("'***'", mask("'" .. ("q"):rep(256) .. "'", TOKEN, long))
    assert.equal("'***'", mask("'" .. ("t"):rep(256) .. "'", ("t"):rep(256),
      long))
  end)
end)
