-- The host's locale, whatever it is when lua-cjson is loaded, when a client is
-- made, and later: a decimal comma changes no reply, no form and no name, and a
-- Turkish i none either. The host's own lua-cjson stays as it was, and so does
-- the host's locale. The locales are made here, by localedef: where that or
-- what it reads is absent, these are skipped.

local control = require "sandbox.control"
local helper = require "helper"

local folder

local locales = {
  ["de_DE.UTF-8"] = { "de_DE", "UTF-8" },
  ["tr_TR.UTF-8"] = { "tr_TR", "UTF-8" },
  ["tr_TR.ISO-8859-9"] = { "tr_TR", "ISO-8859-9" },
  ["de_DE.ISO-8859-1"] = { "de_DE", "ISO-8859-1" },
  ["ps_AF.UTF-8"] = { "ps_AF", "UTF-8" }, -- its decimal point has two bytes
}

setup(function()
  folder = os.tmpname()
  os.remove(folder)
  local list = {}
  for name, from in pairs(locales) do
    list[#list + 1] = ("localedef -i %s -f %s '%s/%s'"):format(from[1],
      from[2], folder, name)
  end
  os.execute(("mkdir '%s' && { %s; } >/dev/null 2>&1"):format(folder,
    table.concat(list, "; ")))
end)
teardown(function() os.execute(("rm -rf '%s'"):format(folder)) end)
after_each(helper.tidy)

-- What a script says in these locales, or nil where this one is not.
local function run(locale, script)
  local said = helper.run(([[
    if not os.setlocale "%s" then print "no locale" return end
    os.setlocale "C"
    local LOCALE = "%s"
    %s]]):format(locale, locale, script), { LOCPATH = folder })
  if said == "no locale\n" then
    pending("no localedef that makes " .. locale .. " here")
    return nil
  end
  -- A sanitizer may say more: glibc itself never frees what LOCPATH held.
  return (said:gsub("\n=====.*", ""))
end

local made = 0

-- Each record is another's.
local function record(prefix, more)
  made = made + 1
  return ('{"sid":"%s%032x","account_sid":"%s",%s}'):format(prefix, made,
    helper.sandbox "ACCOUNT_SID", more)
end

-- When the host sets its locale, among what it does before it calls. (Where its
-- own lua-cjson has a comma and its locale none, to make a client puts that
-- right, as any cjson.new() does.)
local moments = {
  { "before lua-cjson is loaded", [[
    SET() local cjson = require "cjson" MAKE() ]] },
  { "after lua-cjson was loaded", [[
    local cjson = require "cjson" SET() MAKE() ]] },
  { "after a client was made", [[
    local cjson = require "cjson" MAKE() SET() ]] },
  { "after the first call", [[
    local cjson = require "cjson" MAKE() FIRST() SET() ]] },
  { "and takes it back after lua-cjson was loaded", [[
    SET() local cjson = require "cjson" os.setlocale "C" MAKE() ]] },
  { "and takes it back after the first call", [[
    SET() local cjson = require "cjson" MAKE() FIRST() os.setlocale "C" ]] },
  { "and makes an instance of lua-cjson in it", [[
    local cjson = require "cjson" MAKE() FIRST() SET() cjson.new() ]] },
  { "and takes it back after it made an instance of lua-cjson", [[
    local cjson = require "cjson" MAKE() FIRST() SET() cjson.new()
    os.setlocale "C" ]] },
}

-- SET, MAKE and FIRST, and what the host's own lua-cjson makes of numbers.
local begin = [[
  local client
  local function SET() assert(os.setlocale(LOCALE)) end
  local function MAKE()
    client = assert(require "trunking".new {
      base_url = os.getenv "TRUNKING_SANDBOX_HTTP",
      account_sid = os.getenv "TRUNKING_SANDBOX_ACCOUNT_SID",
      auth_token = os.getenv "TRUNKING_SANDBOX_AUTH_TOKEN",
      validate = false })
  end
  local function FIRST() assert(client.create { friendly_name = "first" }) end
  local function own(json)
    local list = { os.setlocale(), tostring(os.setlocale(nil, "numeric")) }
    for _, text in ipairs { "[1.5]", "[10,11]", "[0.25,2]", "[1,2.5]" } do
      local ok, value = pcall(json.decode, text)
      list[#list + 1] = ok and table.concat(value, " ") or "none"
    end
    for _, number in ipairs { 10, 1.5 } do
      list[#list + 1] = json.encode(number)
    end
    return table.concat(list, "|")
  end
]]

local calls = [[
  local same = own(cjson)
  local trunk = assert(client.create {})
  print(trunk.whole == 10, trunk.half == 2.5, trunk.less == -0.125)
  local url = assert(client.origination_urls.create(trunk, { weight = 10,
    priority = 1.5, sip_url = "sip:a.example", friendly_name = "x",
    enabled = true }))
  print(url.weight == 10, url.priority == 1.5)
  local page = assert(client.list())
  print(#page, page[1].n == 1, page[1].h == 0.5, page[2].n == 2)
  local _, err = client.create {}
  print(err.code == 21248, err.outcome, err.message)
  local job = assert(client.async.create {})
  print(assert(job:wait()).half == 2.5)
  print(own(cjson) == same)
]]

-- The replies to those calls, and one more to FIRST before them.
local function arm(first)
  local replies = {
    { body = record("TK", '"whole":10,"half":2.5,"less":-0.125'),
      apply = true },
    { status = 201, body = record("OU", '"weight":10,"priority":1.5,'
      .. '"sip_url":"sip:a.example","friendly_name":"x","enabled":true') },
    { status = 200, body = ('{"meta":{"key":"trunks","page":0,"page_size":50},'
      .. '"trunks":[%s,%s]}'):format(record("TK", '"n":1,"h":0.5'),
        record("TK", '"n":2')) },
    { status = 400, body = '{"code":21248,"message":"taken","status":400}' },
    { status = 201, body = record("TK", '"half":2.5') },
  }
  if first then
    table.insert(replies, 1, { apply = true,
      body = record("TK", '"friendly_name":"first"') })
  end
  control.arm(replies)
end

local said_always = table.concat({ "true\ttrue\ttrue", "true\ttrue",
  "2\ttrue\ttrue\ttrue", "true\trefused\ttaken; a deleted trunk's domain "
  .. "name stays reserved for up to 30 days", "true", "" }, "\n")

-- lua-cjson by itself ends the process where it is loaded, or an instance of
-- it made, while the decimal point has several bytes.
local function is_fatal(locale, script)
  return locale == "ps_AF.UTF-8" and (script:find "SET%(%) local cjson"
    or script:find "SET%(%) cjson%.new") ~= nil
end

for _, locale in ipairs { "de_DE.UTF-8", "ps_AF.UTF-8" } do
  describe("a host that sets " .. locale, function()
    for _, moment in ipairs(moments) do
      if not is_fatal(locale, moment[2]) then
        it(moment[1] .. " gets the same replies", function()
          arm(moment[2]:find("FIRST", 1, true))
          local said = run(locale, begin .. moment[2] .. calls)
          if not said then return end
          assert.equal(said_always .. "true\n", said)
          local sent = {}
          for _, request in ipairs(helper.requests()) do
            if request.form and request.form.Weight then
              sent = { request.form.Weight, request.form.Priority }
            end
          end
          assert.same({ "10", "1.5" }, sent)
        end)
      end
    end

    it("before it loads trunking, and never loads lua-cjson itself",
      function()
        arm()
        local said = run(locale, begin .. [[SET() MAKE()
          local cjson = { decode = function() return {} end,
            encode = tostring } ]]
          .. calls)
        if said then assert.equal(said_always .. "true\n", said) end
      end)
  end)
end

-- ---- letters --------------------------------------------------------------

-- Words with an I and an i in each place where case is folded, and letters
-- that Latin-1 takes for others. Prints what a C locale prints.
local letters = [[
  if #EARLY > 0 then assert(os.setlocale(EARLY)) end
  local control = require "sandbox.control"
  local trunking = require "trunking"
  local mode, method = trunking.transfer_mode, trunking.http_method
  print(mode.SIP_ONLY, mode.DISABLE_ALL, method.DELETE)
  print(select(2, pcall(function() return mode.sip_onli end)))
  local client = assert(trunking.new { base_url = ORIGIN,
    account_sid = os.getenv "TRUNKING_SANDBOX_ACCOUNT_SID",
    auth_token = os.getenv "TRUNKING_SANDBOX_AUTH_TOKEN" })
  if #LATE > 0 then assert(os.setlocale(LATE)) end
  local made = assert(client.create { domain_name = "MAIN-I.pstn.twilio.com",
    friendly_name = "Z\195\188rich \195\156 I" })
  print(made.friendly_name)
  local _, err = client.create { domain_name = "main-i.pstn.twilio.com" }
  print(err.code, err.outcome)
  local kept, what = client.ensure { domain_name = "main-I.pstn.twilio.com" }
  print(kept and kept.sid == made.sid, what)
  local found, by = client.reconcile { operation = "create", since = 0,
    account_sid = os.getenv "TRUNKING_SANDBOX_ACCOUNT_SID",
    params = { domain_name = "main-i.pstn.twilio.com" } }
  print(found and found.sid == made.sid, by)
  _, err = client.create { FRIENDLI_NAME = "x" }
  print(err.message)
  control.arm { status = 400, body = '{"message":"\195\156ber \195\160 '
    .. '\226\130\172 \240\159\152\128 \195\137."}' }
  _, err = client.create {}
  print(err.message, tostring(err):match "create: (.*) %(")
  for _, options in ipairs {
    { base_url = "HTTPS://MAIN.INVALID:1/I" }, { BASE_URI = "x" },
    { base_url = "https://\228.example" }, { edge = "\228" },
    { edge = "DUBLIN" }, { proxy = "HTTP://\228" }, { timeout = -0.5 },
    { proxy = "http://a\160b" }, { timeout = 1e9 },
  } do
    options.account_sid, options.auth_token = "AC" .. ("0"):rep(32), "0"
    _, err = trunking.new(options)
    print(err and err.field, err and err.message)
  end
  print(trunking.new { base_url = "HTTPS://MAIN.INVALID", auth_token = "0",
    proxy = "HTTPI://x", account_sid = "AC" .. ("0"):rep(32) })
  print(trunking.new { base_url = "HTTPS://MAIN.INVALID", auth_token = "0",
    proxy = "SOCKS5H://MAIN.INVALID", account_sid = "AC" .. ("0"):rep(32) })
  print(trunking.time "Fri, 02 Jan 2015 11:23:45 GMT",
    trunking.time "2015-01-02T11:23:45Z")
]]

local function spell(locale, early, late)
  return run(locale, ("local EARLY, LATE, ORIGIN = %q, %q, %q\n%s"):format(
    early, late, helper.origin "plain HTTP", letters))
end

for _, locale in ipairs { "tr_TR.UTF-8", "tr_TR.ISO-8859-9",
  "de_DE.ISO-8859-1" } do
  describe("the letters of " .. locale, function()
    for when, places in pairs {
      ["before the module is loaded"] = { locale, locale },
      ["after a client was made"] = { "", locale },
    } do
      it("set " .. when .. " change no word", function()
        local plain = spell(locale, "C", "")
        if not plain then return end
        assert.matches("^sip%-only\tdisable%-all\tDELETE\n", plain)
        assert.matches("\ntrue\tunchanged\n.*'friendly_name'.*\nZ?", plain)
        control.reset()
        local said = spell(locale, places[1], places[2])
        local strip = { ["client: 0x%x+"] = "client" }
        for what, with in pairs(strip) do
          plain, said = plain:gsub(what, with), said:gsub(what, with)
        end
        assert.equal(plain, said)
      end)
    end
  end)
end
