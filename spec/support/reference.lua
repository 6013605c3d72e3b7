-- The README's reference tables, printed from the C module's own table, so
-- that they cannot drift: `lua spec/support/reference.lua` prints them, and a
-- spec compares.

local core = require "trunking.core"

local function words_of(field)
  if field.enum then
    return "one of `" .. table.concat(core.enums[field.enum], "` `") .. "`"
  elseif field.type == "text" then
    return field.max and ("up to %d characters"):format(field.max) or "text"
  elseif field.type == "domain" then
    return "letters, digits and `-`, ends with `.pstn.twilio.com`"
  elseif field.type == "url" then
    return "`http://` or `https://` URL"
  end
  return "`true` or `false`"
end

local function fields(operation)
  local out = { "| field | form name | value | meaning |", "|---|---|---|---|" }
  for _, field in ipairs(operation.fields) do
    out[#out + 1] = ("| `%s` | `%s` | %s | %s |"):format(field.name,
      field.form, words_of(field), field.help)
  end
  return table.concat(out, "\n")
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

local text = fields(core.operations[1]) .. "\n\n" .. enums() .. "\n"
if arg and arg[0] and arg[0]:find "reference%.lua$" then io.write(text) end
return text
