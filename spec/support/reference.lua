-- The tables of doc/reference.md, printed from the C module's own table, so
-- that they cannot drift: `lua spec/support/reference.lua` prints them, and a
-- spec compares.

local core = require "trunking.core"

local function words_of(field)
  if field.enum then
    return "one of `" .. table.concat(core.enums[field.enum], "` `") .. "`"
  elseif field.type == "text" then
    return field.max and ("up to %d characters"):format(field.max) or "text"
  elseif field.type == "integer" then
    return ("whole number, %d to %d"):format(field.min, field.max)
  elseif field.type == "sid" then
    return ("SID, `%s` and 32 hexadecimal digits"):format(field.prefix)
  elseif field.type == "domain" then
    return "letters, digits and `-`, ends with `.pstn.twilio.com`"
  elseif field.type == "url" then
    return "`http://` or `https://` URL"
  elseif field.type == "sip_url" then
    return "`sip:` URL"
  end
  return "`true` or `false`"
end

-- What a field has where it is not sent: "; by default `false`".
local function default_of(field)
  if field.default == nil then return "" end
  return ("; by default `%s`"):format(tostring(field.default))
end

local operations = core.operations()

local function name_of(operation)
  return (operation.resource ~= "" and operation.resource .. "." or "")
    .. operation.name
end

-- create(params), fetch(sid), origination_urls.update(trunk_sid, sid, params)
local function call_of(operation)
  local arguments = {}
  for prefix in operation.path:gmatch "{(%u+)}" do
    arguments[#arguments + 1] = prefix == "TK" and operation.resource ~= ""
      and "trunk_sid" or "sid"
  end
  local fields = operation.fields
  if #fields == 1 and fields[1].type == "sid" then
    arguments[#arguments + 1] = fields[1].name
  elseif #fields > 0 then
    arguments[#arguments + 1] = operation.method == "GET" and "[params]"
      or "params"
  end
  return ("%s(%s)"):format(name_of(operation), table.concat(arguments, ", "))
end

local gives = { record = "the record", settings = "the settings",
  page = "a page", nothing = "`true`" }

local function calls()
  local out = { "| function | request | gives |", "|---|---|---|" }
  for _, operation in ipairs(operations) do
    local call = call_of(operation)
    out[#out + 1] = ("| `%s` | `%s %s` | %s |"):format(call,
      operation.method, operation.path, gives[operation.shape])
    if operation.shape == "page" then
      out[#out + 1] = ("| `%s` | the same, page after page | an iterator |")
        :format((call:gsub("list%(", "each(")))
    end
  end
  return table.concat(out, "\n")
end

local function fields(operation)
  local out = { "| field | form name | value | meaning |", "|---|---|---|---|" }
  for _, field in ipairs(operation.fields) do
    out[#out + 1] = ("| `%s`%s | `%s` | %s%s | %s |"):format(field.name,
      field.required and " (required)" or "", field.form, words_of(field),
      default_of(field), field.help)
  end
  return table.concat(out, "\n")
end

-- The fields of each resource, as its create has them, or else its update.
local function all_fields()
  local out, done = {}, {}
  for _, operation in ipairs(operations) do
    local resource = operation.resource
    if operation.method == "POST" and not done[resource] then
      done[resource] = true
      out[#out + 1] = ("`%s` takes:\n\n%s"):format(name_of(operation),
        fields(operation))
    end
  end
  for _, operation in ipairs(operations) do
    if operation.shape == "page" then
      out[#out + 1] = ("Every `list` and `each` takes:\n\n%s"):format(
        fields(operation))
      break
    end
  end
  return table.concat(out, "\n\n")
end

local function enums()
  local names = {}
  for name in pairs(core.enums) do names[#names + 1] = name end
  table.sort(names)
  local out = { "| enum | NAMEs |", "|---|---|" }
  for _, name in ipairs(names) do
    local list = {}
    for i, word in ipairs(core.enums[name]) do
      list[i] = ("`%s`"):format(word:upper():gsub("%W", "_"))
    end
    out[#out + 1] = ("| `trunking.%s` | %s |"):format(name,
      table.concat(list, " "))
  end
  return table.concat(out, "\n")
end

local text = calls() .. "\n\n" .. all_fields() .. "\n\n" .. enums() .. "\n"
if arg and arg[0] and arg[0]:find "reference%.lua$" then io.write(text) end
return text
