-- The arguments of every operation: what is refused before anything is sent,
-- and where a wrong type raises.

local control = require "sandbox.control"
local core = require "trunking.core"
local helper = require "helper"

local unpack = table.unpack or unpack
local compile = loadstring or load

local name_of = helper.name_of

-- The function of that name in a client.
local function find(client, name)
  local at, inner = name:match "^(.-)%.?([^.]+)$"
  return (at == "" and client or client[at])[inner]
end

-- Good arguments for an operation, and where its SIDs are.
local function arguments(operation)
  local args, sids = {}, 0
  for prefix in operation.path:gmatch "{(%u+)}" do
    sids = sids + 1
    args[sids] = helper.sid(prefix, "a")
  end
  local fields = operation.fields
  if #fields == 1 and fields[1].type == "sid" then
    args[sids + 1] = helper.sid(fields[1].prefix, "b")
  elseif #fields > 0 then
    args[sids + 1] = {}
  end
  return args, sids
end

local never_sids = { "", ".", "..", helper.sid("TK", "a") .. "/x",
  helper.sid("AC", "a"), helper.sid("TK", "a") .. "?PageSize=1",
  helper.sid("TK", "g"), helper.sid("tk", "a"), "%2e%2e", {}, { sid = ".." },
  { sid = helper.sid("AC", "a") } }

after_each(helper.tidy)

describe("what is no SID", function()
  for title, validate in pairs { ["by default"] = true,
    ["with validate = false"] = false } do
    for _, operation in ipairs(core.operations()) do
      local name = name_of(operation)
      local _, sids = arguments(operation)
      if sids > 0 then
        it(("never goes over the wire by %s, %s"):format(name, title),
          function()
            local client = helper.client("plain HTTP",
              { validate = validate })
            for at = 1, sids do
              for _, never in ipairs(never_sids) do
                local args = arguments(operation)
                args[at] = never
                helper.check(helper.error_of(find(client, name)(unpack(args))),
                  { kind = "invalid", outcome = "not_sent", operation = name,
                    field = at == sids and operation.path:sub(-1) == "}"
                      and "sid" or "trunk_sid", status = false })
              end
            end
            assert.equal(0, control.ledger(0).count)
          end)
      end
    end
  end
end)

describe("params", function()
  local trunk = helper.sid("TK", "a")
  local url = helper.sid("OU", "a")

  -- operation, arguments, field, part of the message
  for _, case in ipairs {
    { "origination_urls.create", { trunk, { sip_url = "sip:a" } },
      "friendly_name", "friendly_name, priority, weight, enabled are missing" },
    { "origination_urls.create", { trunk, {} }, "sip_url",
      "sip_url, friendly_name, priority, weight, enabled are missing" },
    { "origination_urls.create", { trunk, { sip_uri = "sip:a" } }, "sip_uri",
      "did you mean 'sip_url'?" },
    { "origination_urls.update", { trunk, url, { wieght = 1 } }, "wieght",
      "did you mean 'weight'?" },
    { "origination_urls.update", { trunk, url, { weight = -1 } }, "weight",
      "from 0 to 65535" },
    { "credential_lists.create", { trunk, {} }, "credential_list_sid",
      "credential_list_sid is missing" },
    { "credential_lists.create", { trunk, helper.sid("AL", "a") },
      "credential_list_sid", "begins with AL" },
    { "credential_lists.create", { trunk, { sid = "..", friendly_name = "" } },
      "credential_list_sid", "32 hexadecimal digits" },
    { "ip_access_control_lists.create", { trunk, "" },
      "ip_access_control_list_sid", "is missing" },
    { "phone_numbers.create", { trunk, { phone_number = "+1415" } },
      "phone_number", "did you mean 'phone_number_sid'?" },
    { "recording.update", { trunk, { mode = "always" } }, "mode",
      "record-from-answer-dual" },
    { "recording.update", { trunk, { tirm = "do-not-trim" } }, "tirm",
      "did you mean 'trim'?" },
    { "update", { trunk, { freindly_name = "x" } }, "freindly_name",
      "did you mean 'friendly_name'?" },
    { "list", { { page_size = 1001 } }, "page_size", "from 1 to 1000" },
    { "list", { { pagesize = 10 } }, "pagesize", "did you mean 'page_size'?" },
    { "list", { { limit = 10 } }, "limit", "unknown field" },
    { "phone_numbers.list", { trunk, { page = 1.5 } }, "page", "got 1.5" },
  } do
    it(("of %s are refused: %s"):format(case[1], case[4]), function()
      local client = helper.client "plain HTTP"
      helper.check(helper.error_of(find(client, case[1])(unpack(case[2]))), {
        kind = "invalid", outcome = "not_sent", operation = case[1],
        field = case[3], says = case[4], status = false })
      assert.equal(0, control.ledger(0).count)
    end)
  end
end)

describe("a wrong type", function()
  local client = helper.client "plain HTTP"
  local S = ('"%s"'):format(helper.sid("TK", "a"))
  local SID, TABLE = "a SID or a record expected, got ", "table expected, got "

  -- call, number of the argument, part of the message
  for _, case in ipairs {
    { "fetch()", 1, SID }, { "fetch(nil)", 1, SID .. "nil" },
    { "fetch(42)", 1, SID .. "number" },
    { "fetch(true)", 1, SID .. "boolean" },
    { "fetch(print)", 1, SID .. "function" },
    { "delete()", 1, SID }, { "update()", 1, SID },
    { "update(" .. S .. ")", 2, TABLE }, { "update({}, 7)", 2, TABLE },
    { "update(" .. S .. ", 'x')", 2, TABLE .. "string" },
    { "list(42)", 1, TABLE .. "number" },
    { "list('x')", 1, TABLE .. "string" },
    { "each(42)", 1, TABLE .. "number" },
    { "origination_urls.create(nil, {})", 1, SID .. "nil" },
    { "origination_urls.create(" .. S .. ")", 2, TABLE },
    { "origination_urls.create(" .. S .. ", 'sip:a')", 2, TABLE .. "string" },
    { "origination_urls.fetch(" .. S .. ")", 2, SID },
    { "origination_urls.update(" .. S .. ", 1, {})", 2, SID .. "number" },
    { "origination_urls.update(" .. S .. ", " .. S .. ")", 3, TABLE },
    { "origination_urls.list()", 1, SID },
    { "origination_urls.list(" .. S .. ", 5)", 2, TABLE .. "number" },
    { "origination_urls.each()", 1, SID },
    { "origination_urls.each(" .. S .. ", 'x')", 2, TABLE .. "string" },
    { "credential_lists.create(" .. S .. ")", 2, TABLE },
    { "credential_lists.create(" .. S .. ", 42)", 2, TABLE .. "number" },
    { "phone_numbers.delete(" .. S .. ")", 2, SID },
    { "recording.fetch()", 1, SID },
    { "recording.update(" .. S .. ")", 2, TABLE },
  } do
    it("raises at the caller's line: " .. case[1]:gsub("TKa+", "TK..."),
      function()
        local call = case[1]
        local caller = assert(compile("local client = ...\n\nlocal _ = client."
          .. call .. "\n", "=caller"))
        local ok, why = pcall(caller, client)
        assert.is_false(ok)
        local expected = ("caller:3: bad argument #%d to '%s' (%s"):format(
          case[2], call:match "(%a+)%(", case[3])
        assert.equal(expected, tostring(why):sub(1, #expected))
        assert.equal(0, control.ledger(0).count)
      end)
  end

  it("leaves the client as good as before", function()
    for _ = 1, 20 do
      assert.is_false(pcall(client.fetch, 42))
      assert.is_false(pcall(client.update, helper.sid("TK", "a")))
    end
    assert(client.create {})
  end)
end)

describe("more arguments than there are", function()
  local client
  before_each(function() client = helper.client "plain HTTP" end)

  local function refuses(words, f, ...)
    local ok, why = pcall(f, ...)
    assert.is_false(ok)
    assert.truthy(tostring(why):find(words, 1, true), why)
    assert.equal(0, control.ledger(0).count)
  end

  it("are left alone: they may be the second result of a call", function()
    local trunk = assert(client.create({}, "more", {}))
    assert(client.fetch(trunk, { domain_name = "x" }, 1))
    assert(client.list({}, {}, 3))
    assert(client.credential_lists.create(trunk, helper.sid("CL", "a"), 5))
    assert(client.delete(assert(client.create {})))
    assert.equal(6, control.ledger(0).count)
  end)

  -- It went round for ever, and sent a GET each time or nothing at all.
  it("raise when for is given each or list itself", function()
    refuses("bad argument #2 to", function()
      for _ in client.each do assert(true) end
    end)
    control.reset()
    pcall(function() for _ in client.list do assert(true) end end)
    assert.equal(1, control.ledger(0).count)
  end)

end)

describe("a colon for the dot", function()
  it("is told, and nothing sent", function()
    local client = helper.client "plain HTTP"
    for _, call in ipairs {
      function() return client:create {} end,
      function() return client:list() end,
      function()
        local ok, err = pcall(client:each())
        return ok or nil, err
      end,
      function() return client:fetch(helper.sid("TK", "a")) end,
      function()
        return client:update(helper.sid("TK", "a"), { secure = true })
      end,
      function() return client.recording:fetch(helper.sid("TK", "a")) end,
      function() return client.origination_urls:list(helper.sid("TK", "a")) end,
    } do
      local ok, result, err = pcall(call)
      assert.truthy(tostring(ok and err or result):find("with a dot", 1, true))
    end
    assert.equal(0, control.ledger(0).count)
  end)
end)
