-- examples/provision.lua, run as a user runs it: what it asks of the API, that
-- it can be run again after whatever came of a step, and that it deletes
-- nothing.

local control = require "sandbox.control"
local helper = require "helper"

local function run(words, before)
  return helper.example("provision.lua " .. words, before)
end

local has = helper.has

local CL, PN = "CL" .. ("c7"):rep(16), "PN" .. ("f7"):rep(16)
local words = ("office-7.pstn.twilio.com %s %s sip:a.example.com "
  .. "'sip:b.example.com:5061;transport=tls'"):format(CL, PN)

local function of(method)
  local list = {}
  for _, request in ipairs(helper.requests()) do
    if request.method == method then list[#list + 1] = request end
  end
  return list
end

-- What the account holds in the end, in its own words.
local function held()
  local c = helper.client "plain HTTP"
  local list, what = c.list(), {}
  for i, trunk in ipairs(list) do
    local urls = {}
    for url in c.origination_urls.each(trunk) do
      urls[#urls + 1] = url.sip_url
    end
    table.sort(urls)
    what[i] = { trunk.domain_name, table.concat(urls, " "),
      #c.credential_lists.list(trunk), #c.phone_numbers.list(trunk),
      c.recording.fetch(trunk).mode }
  end
  return what
end

local whole = { { "office-7.pstn.twilio.com",
  "sip:a.example.com sip:b.example.com:5061;transport=tls", 1, 1,
  "record-from-answer" } }

after_each(helper.tidy)

describe("provision.lua", function()
  it("sets up a trunk, in six POSTs", function()
    local text, status = run(words)
    assert.equal(0, status, text)
    local forms, posts = {}, of "POST"
    for i, request in ipairs(posts) do forms[i] = request.form end
    assert.same({
      { FriendlyName = "office-7", DomainName = "office-7.pstn.twilio.com" },
      { FriendlyName = "Main", SipUrl = "sip:a.example.com", Priority = "10",
        Weight = "10", Enabled = "true" },
      { FriendlyName = "Backup", Priority = "20", Weight = "10",
        Enabled = "true", SipUrl = "sip:b.example.com:5061;transport=tls" },
      { CredentialListSid = CL },
      { Mode = "record-from-answer" },
      { PhoneNumberSid = PN },
    }, forms)
    has(text, "done: trunk " .. posts[1].sid .. " (created)\n")
    has(text, "\n" .. posts[1].sid .. " is set up\n")
    has(text, "through office-7.pstn.twilio.com, by who is in " .. CL)
    assert.truthy(text:find "%+1415%d+ to sip:a%.example%.com, else to sip:b")
    has(text, "record-from-answer\n")
    assert.same(whole, held())
  end)

  it("changes nothing the second time", function()
    assert.equal(0, (select(2, run(words))))
    local before = #of "POST"
    local text, status = run(words)
    assert.equal(0, status, text)
    assert.equal(before, #of "POST")
    local _, unchanged = text:gsub("%(unchanged%)", "")
    assert.equal(6, unchanged)
    assert.same(whole, held())
  end)

  it("needs no arguments against the sandbox, twice", function()
    for _ = 1, 2 do
      local text, status = run ""
      assert.equal(0, status, text)
      has(text, "is set up")
    end
    assert.equal(1, control.ledger(0).trunks)
  end)

  it("asks nothing of the API when it is called wrongly", function()
    for _, call in ipairs { "x", words .. " x", words:gsub("PNf", "XNf"),
      (words:gsub(".pstn", ".psdn")), (words:gsub("sip:a", "a")),
      "--mvoe " .. words, (words:gsub("'.*'", "sip:a.example.com")) } do
      local text, status = run(call)
      assert.equal(2, status)
      has(text, "usage: provision.lua [--move] DOMAIN CREDENTIAL_LIST")
    end
    for _, before in ipairs { "unset TRUNKING_SANDBOX; ",
      "export TRUNKING_BASE_URL=https://127.0.0.1:9; " } do
      local text, status = run("", before)
      assert.equal(2, status)
      has(text, "usage:")
    end
    assert.equal(0, control.ledger(0).count)
  end)

  -- Recording answered 202 was one of these: the new trunk was deleted then.
  for title, fault in pairs {
    ["refused"] = { status = 400 },
    ["done but answered with 500"] = { status = 500, apply = true },
    ["cut off"] = { close = true },
    ["done but cut off"] = { close = true, apply = true },
    ["done but unreadable"] = { body = "{", apply = true },
    ["answered with 202"] = { status = 202, apply = true },
  } do
    -- A URL that was cut off is waited for in vain: that takes its time.
    local steps = title == "cut off" and { 3, 5 } or { 1, 2, 3, 4, 5, 6 }

    it("goes on after a step that was " .. title, function()
      for _, number in ipairs(steps) do
        control.reset()
        fault.method, fault.skip = "POST", number - 1
        control.arm(fault)
        local text, status = run(words)
        assert.is_true(status == 0 or status == 1 or status == 3, text)
        if status > 0 then
          has(text, "nothing was deleted; run this again")
          text, status = run(words)
        end
        assert.equal(0, status, text)
        assert.same({}, of "DELETE")
        assert.same(whole, held())
      end
    end)
  end

  it("exits with 1 where nothing was done, and 3 where nobody knows",
    function()
      control.arm { method = "POST", status = 403 }
      local text, status = run(words)
      assert.equal(1, status)
      has(text, "provision: trunk: trunking.ensure: ")
      control.reset()
      control.arm { method = "POST", skip = 4, close = true }
      text, status = run(words)
      assert.equal(3, status)
      has(text, "provision: recording: trunking.recording.update: ")
    end)

  it("takes a number from another trunk only with --move", function()
    local c = helper.client "plain HTTP"
    local other = c.create { domain_name = "other.pstn.twilio.com" }
    c.phone_numbers.create(other, PN)
    local text, status = run(words)
    assert.equal(1, status)
    has(text, "provision: phone number: ")
    has(text, other.sid)
    assert.equal(1, #c.phone_numbers.list(other))
    assert.equal(0, (select(2, run("--move " .. words))))
    assert.equal(0, #c.phone_numbers.list(other))
  end)

  it("says what became of a step that Ctrl-C ended", function()
    control.arm { method = "POST", skip = 2, apply = true, hold = true }
    local pipe = assert(io.popen(([[
      %s examples/provision.lua %s 2>&1 &
      %s -e '
        local control, socket = require "sandbox.control", require "socket"
        repeat
          socket.sleep(0.02)
          local posts = 0
          for _, request in ipairs(control.ledger().requests) do
            if request.method == "POST" then posts = posts + 1 end
          end
        until posts > 2'
      kill -INT $!
      wait $!
      echo "status $?"]]):format(helper.interpreter(), words,
      helper.interpreter())))
    local text = pipe:read "*a"
    pipe:close()
    has(text, "provision: backup origination URL: ")
    has(text, "interrupted!")
    has(text, "\nstatus 3\n")
    control.release()
    assert.equal(0, (select(2, run(words))))
    assert.same(whole, held())
  end)
end)
