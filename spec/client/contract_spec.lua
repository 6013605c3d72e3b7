-- Every operation against Twilio's own description of the API. First the
-- table of operations is laid beside the description; then each operation is
-- called with every field, every word and every spelling on a server that
-- serves the description strictly and would notice a slip; last, each example
-- of a reply is read.

local cjson = require("cjson").new()
local core = require "trunking.core"
local helper = require "helper"
local pages = require "trunking.pages"
local trunking = require "trunking"

local BASE = os.getenv "TRUNKING_CONTRACT"

if not BASE then
  describe("the contract", function()
    pending("TRUNKING_CONTRACT is not set: run under spec/contract/run")
  end)
  return
end

local unpack = table.unpack or unpack

local function description()
  local file = assert(io.open(os.getenv "TRUNKING_CONTRACT_SPEC", "rb"))
  local text = file:read "*a"
  file:close()
  return cjson.decode(text)
end

local DESCRIPTION = description()
local FORM = "application/x-www-form-urlencoded"

-- What Twilio's page on the Trunk resource lists and its description does not.
local BEYOND = { http_method = { HEAD = true, PATCH = true, PUT = true,
  DELETE = true } }

local SAMPLES = {
  text = { "Head office", "K\195\182ln & S\195\182hne: 100 % +1 =?", "0" },
  boolean = { true, false },
  domain = { "contract-1.pstn.twilio.com" },
  url = { "https://example.com/a?b=c&d=e%20f#g" },
  -- no [2001:db8::1], which RFC 3261 allows and the format "uri" does not
  sip_url = { "sip:pbx.example.com", "sip:user@pbx.example.com:5060;"
    .. "transport=tcp;edge=dublin" },
}

local name_of = helper.name_of

-- The values to try for a field: those the description knows, or the others.
local function values(field, beyond)
  if field.type == "integer" then
    return beyond and {} or { field.min, field.max, 10 }
  elseif field.type == "sid" then
    return beyond and {} or { field.prefix .. ("0b"):rep(16) }
  elseif not field.enum then
    return beyond and {} or SAMPLES[field.type]
  end
  local list, outside = {}, BEYOND[field.enum] or {}
  for _, word in ipairs(core.enums[field.enum]) do
    if (outside[word] or false) == (beyond or false) then
      list[#list + 1] = word
    end
  end
  return list
end

-- ---- the table beside the description ---------------------------------

-- A path with its parameters left blank.
local function blank(path) return (path:gsub("{[^}]*}", "{}")) end

-- The description's operations by method and blank path, each with its path.
local function described()
  local all, methods = {}, { get = "GET", post = "POST", delete = "DELETE" }
  for path, item in pairs(DESCRIPTION.paths) do
    for method, upper in pairs(methods) do
      local operation = item[method]
      if operation then all[upper .. " " .. blank(path)] = operation end
    end
  end
  return all
end

local DESCRIBED = described()

local function described_of(operation)
  return DESCRIBED[operation.method .. " " .. blank(operation.path)]
end

local function schema_of(ref)
  local name = ref["$ref"] and ref["$ref"]:match "[^/]+$"
  return name and DESCRIPTION.components.schemas[name] or ref
end

-- The fields of a form or a query: name -> schema, and the required ones.
local function fields_of(operation)
  local fields, required = {}, {}
  if operation.requestBody then
    local schema = operation.requestBody.content[FORM].schema
    for name, field in pairs(schema.properties) do
      fields[name] = schema_of(field)
    end
    for _, name in ipairs(schema.required or {}) do required[name] = true end
  end
  for _, parameter in ipairs(operation.parameters or {}) do
    if parameter["in"] == "query" then
      fields[parameter.name] = schema_of(parameter.schema)
    end
  end
  return fields, required
end

local TYPES = { text = "string", enum = "string", sid = "string",
  domain = "string", url = "string", sip_url = "string",
  boolean = "boolean", integer = "integer" }

local function sorted(list)
  table.sort(list)
  return list
end

describe("the table of operations", function()
  local operations = core.operations()

  it("has the description's 24, and no other", function()
    local ours, theirs = {}, {}
    for _, operation in ipairs(operations) do
      ours[#ours + 1] = operation.method .. " " .. blank(operation.path)
    end
    for line in pairs(DESCRIBED) do theirs[#theirs + 1] = line end
    assert.equal(24, #ours)
    assert.same(sorted(theirs), sorted(ours))
  end)

  for _, operation in ipairs(operations) do
    it("has the status, SIDs and fields of " .. name_of(operation), function()
      local theirs = described_of(operation)
      assert.is_table(theirs.responses[tostring(operation.status)])
      local prefixes = {}
      for _, parameter in ipairs(theirs.parameters or {}) do
        if parameter["in"] == "path" then
          prefixes[#prefixes + 1] = parameter.schema.pattern:match "^%^(%u+)"
        end
      end
      local n = 0
      for prefix in operation.path:gmatch "{(%u+)}" do
        n = n + 1
        assert.equal(prefixes[n], prefix)
      end
      assert.equal(#prefixes, n)
      local fields, required = fields_of(theirs)
      for _, field in ipairs(operation.fields) do
        local schema = fields[field.form]
        assert.is_table(schema, field.form)
        assert.same({ field.form, schema.type, required[field.form] or false },
          { field.form, TYPES[field.type], field.required })
        if field.prefix then
          assert.equal(field.prefix, schema.pattern:match "^%^(%u+)")
        end
        if field.enum then
          assert.same(sorted { unpack(schema.enum) },
            sorted { unpack(values(field)) })
        end
        assert.is_true(field.type ~= "integer"
          or field.min >= (schema.minimum or 0)
          and field.max <= (schema.maximum or math.huge))
        fields[field.form] = nil
      end
      assert.is_nil(next(fields))
    end)
  end

  it("has every word of every enum that a reply may hold", function()
    local known = {}
    for _, words in pairs(core.enums) do
      for _, word in ipairs(words) do known[word] = true end
    end
    for name, schema in pairs(DESCRIPTION.components.schemas) do
      for _, word in ipairs(schema.enum or {}) do
        assert.is_true(known[word], name .. ": " .. word)
      end
    end
  end)
end)

-- ---- calls to the strict server ---------------------------------------

local ACCOUNT = "AC" .. ("0"):rep(32)

local function client_of(more)
  local options = { account_sid = ACCOUNT, auth_token = "any",
    base_url = BASE }
  for name, value in pairs(more or {}) do options[name] = value end
  return assert(trunking.new(options))
end

-- Calls an operation with SIDs of its own and, where it has fields, params.
local function call(client, operation, params)
  local args, sids = {}, {}
  for prefix in operation.path:gmatch "{(%u+)}" do
    args[#args + 1] = prefix .. ("0a"):rep(16)
    sids[#sids + 1] = args[#args]
  end
  if #operation.fields > 0 then args[#args + 1] = params end
  local home = helper.home_of(client, operation)
  local result, more = home[operation.name](unpack(args))
  return result, more, sids
end

-- What an operation cannot go without.
local function required(operation)
  local params = {}
  for _, field in ipairs(operation.fields) do
    if field.required then params[field.name] = values(field)[1] end
  end
  return params
end

-- The value as the reply has it: the SID of what is attached is its own.
local function echoed(result, field)
  if field.type == "sid" then return result.sid end
  local holder = result.meta or result
  return holder[field.name]
end

local strict, lax = client_of(), client_of { validate = false }

local function passes(operation, params)
  local result, meta, sids = call(strict, operation, params)
  assert(result, tostring(meta))
  assert.same({ operation.status, 1 }, { meta.status, meta.attempts })
  if operation.shape == "nothing" then
    assert.is_true(result)
  elseif operation.shape == "page" then
    assert.equal(1, #result)
    assert.equal(ACCOUNT, result[1].account_sid)
    assert.equal(sids[1], result[1].trunk_sid)
  elseif operation.shape == "record" then
    assert.equal(ACCOUNT, result.account_sid)
    if operation.path:sub(-1) == "}" then
      assert.equal(sids[#sids], result.sid)
    end
    if operation.resource ~= "" then
      assert.equal(sids[1], result.trunk_sid)
    end
  end
  for _, field in ipairs(operation.fields) do
    local value = params[field.name]
    if value == nil then value = params[field.form] end
    if value ~= nil and field.name ~= "page_token" then
      assert.same({ field.name, value }, { field.name,
        echoed(result, field) })
    end
  end
end

local function is_refused(word, result, err)
  assert.is_nil(result)
  assert.same({ "rejected", 400, 20001, "refused" },
    { err.kind, err.status, err.code, err.outcome })
  assert.truthy(err.message:find(word, 1, true), err.message)
end

for _, operation in ipairs(core.operations()) do
  describe(name_of(operation) .. ", by the contract,", function()
    it("passes with no more than it needs", function()
      passes(operation, required(operation))
    end)

    for _, field in ipairs(operation.fields) do
      it("passes with every value of " .. field.name, function()
        for _, value in ipairs(values(field)) do
          local params = required(operation)
          params[field.name] = value
          passes(operation, params)
        end
      end)

      it("passes by the name " .. field.form, function()
        for _, value in ipairs(values(field)) do
          local params = required(operation)
          params[field.name], params[field.form] = nil, value
          passes(operation, params)
        end
      end)

      for _, word in ipairs(values(field, true)) do
        it(("is refused %s = %s, which the description lacks"):format(
          field.name, word), function()
          local params = required(operation)
          params[field.name] = word
          is_refused(field.form, call(strict, operation, params))
        end)
      end

      if field.required then
        it("is refused by the server without " .. field.name, function()
          local params = required(operation)
          params[field.name] = nil
          is_refused(field.form, call(lax, operation, params))
        end)
      end

      if field.enum or field.type == "integer" or field.type == "sid"
        or field.type == "sip_url" or field.type == "url" then
        it("is refused by the server a bad " .. field.name, function()
          local params = required(operation)
          params[field.name] = field.type == "integer" and 1.5 or "no such"
          is_refused(field.form, call(lax, operation, params))
        end)
      end
    end

    if #operation.fields > 0 then
      it("passes with all fields together", function()
        for n = 1, 6 do
          local params = {}
          for _, field in ipairs(operation.fields) do
            local list = values(field)
            params[field.name] = list[(n - 1) % #list + 1]
          end
          passes(operation, params)
        end
      end)

      it("is refused by the server a field that it does not have", function()
        for _, slip in ipairs { "FrendlyName", "status", "Sid" } do
          local params = required(operation)
          params[slip] = "x"
          is_refused((slip:gsub("^%l", string.upper)),
            call(lax, operation, params))
        end
      end)
    end
  end)
end

-- ---- the examples of replies ------------------------------------------

-- A JSON value as this module gives it: without nulls, and with whole numbers
-- as integers where Lua has them.
local function tidy(value)
  if type(value) == "number" and math.type then
    return math.tointeger(value) or value
  elseif type(value) ~= "table" then
    return value
  end
  local out = {}
  for name, inner in pairs(value) do
    if inner ~= cjson.null then out[name] = tidy(inner) end
  end
  return out
end

-- Equal in all, the type of each number included.
local function same(expected, got, at)
  assert.equal(type(expected), type(got), at)
  if type(expected) ~= "table" then
    assert.equal(expected, got, at)
    assert.equal(math.type and math.type(expected),
      math.type and math.type(got), at)
    return
  end
  for name, value in pairs(expected) do same(value, got[name], at .. "."
    .. name) end
  for name in pairs(got) do
    assert.is_not_nil(expected[name], at .. "." .. name)
  end
end

-- A page as it would be in JSON.
local function as_json(page)
  local records, out = {}, {}
  for i, record in pairs(page) do records[i] = record end
  for name, value in pairs(pages.about(page)) do
    local is_ours = type(value) == "function" or name:find "_cursor$"
    if not is_ours then out[name] = value end
  end
  out[page.meta.key] = records
  return out
end

-- Calls an operation as its example answers: every SID is of one digit.
local function call_as_in_example(client, operation, example)
  local args = {}
  for prefix in operation.path:gmatch "{(%u+)}" do
    args[#args + 1] = prefix .. ("a"):rep(32)
  end
  local fields = operation.fields
  if #fields == 1 and fields[1].type == "sid" then
    args[#args + 1] = fields[1].prefix .. ("a"):rep(32)
  elseif #fields > 0 then
    local params = {}
    for name in pairs(required(operation)) do params[name] = example[name] end
    args[#args + 1] = params
  end
  local home = helper.home_of(client, operation)
  return home[operation.name](unpack(args))
end

describe("the example of a reply", function()
  if not os.getenv "TRUNKING_SANDBOX" then
    pending("no sandbox: run under spec/support/sandbox/run")
    return
  end
  local control = require "sandbox.control"
  after_each(helper.tidy)

  local count = 0
  for _, operation in ipairs(core.operations()) do
    local reply = described_of(operation).responses[
      tostring(operation.status)].content
    for title, example in pairs(reply
      and reply["application/json"].examples or {}) do
      count = count + 1
      it(("of %s is read whole: %s"):format(name_of(operation), title),
        function()
          local body = cjson.encode(example.value)
            :gsub("{}", "[]") -- all that is empty is a list
          control.arm { status = operation.status, body = body }
          local client = helper.client("plain HTTP",
            { account_sid = "AC" .. ("a"):rep(32), validate = false })
          local result, err = call_as_in_example(client, operation,
            example.value)
          assert(result, tostring(err))
          if operation.shape == "page" then result = as_json(result) end
          same(tidy(example.value), result, name_of(operation))
        end)
    end
  end

  it("is there 24 times", function() assert.equal(24, count) end)
end)
