-- The sandbox and the C module's table know the API each by itself, so that a
-- slip in one shows. Here the two are held against each other: every field of
-- every form, what it takes, and what the API gives where it is not sent.
-- SPDX-License-Identifier: MIT

local core = require "trunking.core"
local helper = require "helper"
local null = require "cjson".null
local sandbox = require "trunking.sandbox.resources"

local TEXT = ("x"):rep(100)
local AR = helper.sid("AR", "a") -- a SID of no resource of ours

-- The values that a field of each type takes, and those that it refuses, by
-- the module's table.
local types = {}

function types.text(field)
  return { "x", TEXT:sub(1, field.max), ("\195\169"):rep(field.max) },
    { TEXT:sub(1, field.max + 1), "\255" }
end

function types.boolean() return { "true", "false" }, { "maybe", "1" } end

function types.enum(field)
  local refused = { "no-such-word" }
  for i, word in ipairs(core.enums[field.enum]) do
    refused[i + 1] = word .. "s"
  end
  return core.enums[field.enum], refused
end

function types.integer(field)
  local function text(n) return ("%d"):format(n) end
  return { text(field.min), text(field.max) },
    { text(field.min - 1), text(field.max + 1), "1.5", "one" }
end

function types.sid(field)
  return { helper.sid(field.prefix, "a") }, { AR, field.prefix .. "1", "x" }
end

function types.domain()
  return { "head-office.pstn.twilio.com", "A1.PSTN.twilio.com" },
    { "example.com", "pstn.twilio.com", "a_b.pstn.twilio.com" }
end

function types.url()
  return { "http://a.example", "HTTPS://a.example/dr?a=1" },
    { "sip:a.example", "a.example", "https://" }
end

function types.sip_url()
  return { "sip:a.example", "sip:u@a.example:5060;transport=tcp" },
    { "sips:a.example", "https://a.example", "sip:" }
end

-- /v1/Trunks/{TK}/OriginationUrls/{OU} -> OriginationUrls
local function resource_of(operation)
  return sandbox.by_name[operation.path:gsub("/{%u+}$", ""):match "[^/]+$"]
end

local function by_form(fields)
  local all = {}
  for _, field in ipairs(fields) do all[field.form] = field end
  return all
end

-- What the sandbox makes of a field's text.
local function verdict(known, text)
  local value, why = known.check(text)
  return value ~= nil and not why
end

describe("the sandbox and the module agree on", function()
  for _, operation in ipairs(core.operations()) do
    if operation.method == "POST" then
      local theirs = by_form(resource_of(operation).fields)

      it("the fields of " .. helper.name_of(operation), function()
        local ours, named = {}, {}
        for _, field in ipairs(operation.fields) do ours[field.form] = true end
        for form in pairs(theirs) do named[form] = true end
        assert.same(named, ours)
      end)

      for _, field in ipairs(operation.fields) do
        local what = ("%s of %s"):format(field.name, helper.name_of(operation))
        local known = theirs[field.form]

        it("what " .. what .. " takes", function()
          local taken, refused = types[field.type](field)
          for _, text in ipairs(taken) do
            assert.is_true(verdict(known, text), text)
          end
          for _, text in ipairs(refused) do
            assert.is_false(verdict(known, text), text)
          end
        end)

        -- An update leaves what it does not send, where there is a create.
        if operation.name == "create" or operation.resource == "recording" then
          it("the default of " .. what, function()
            local default = field.default
            if default == nil and not field.required then default = null end
            assert.equal(default, known.default)
          end)
        end
      end
    end
  end
end)
