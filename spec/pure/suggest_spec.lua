-- The nearest name to one that was mistyped.

local suggest = require "trunking.suggest"

local FIELDS = { "friendly_name", "domain_name", "secure", "transfer_mode",
  "transfer_caller_id" }

describe("suggest", function()
  for _, case in ipairs {
    { "a letter left out", "frendly_name", "friendly_name" },
    { "a letter too many", "securee", "secure" },
    { "a wrong letter", "sacure", "secure" },
    { "two letters swapped", "secrue", "secure" },
    { "the first two swapped", "rfiendly_name", "friendly_name" },
    { "another case", "SECURE", "secure" },
    { "the API's spelling, misspelt", "FrendlyName", "friendly_name" },
    { "dashes for underscores", "transfer-mode", "transfer_mode" },
    { "spaces for underscores", "transfer mode", "transfer_mode" },
    { "the name itself", "domain_name", "domain_name" },
    { "a plural", "transfer_modes", "transfer_mode" },
    { "nothing alike", "weight" }, { "an empty name", "" },
    { "one letter", "x" }, { "a number", 42 }, { "nothing", nil },
    { "a table", {} }, { "over 64 bytes", ("secure"):rep(11) },
  } do
    it(("finds %s for %s"):format(case[3] or "nothing", case[1]), function()
      assert.equal(case[3], suggest(case[2], FIELDS))
    end)
  end

  it("takes the nearest, not the first that is near", function()
    assert.equal("max_attempts", suggest("max_attemps",
      { "max_attention", "max_attempts" }))
  end)

  it("takes neither of two that are as near", function()
    assert.is_nil(suggest("ab3", { "ab1", "ab2" }))
    assert.is_nil(suggest("FROM_TRANSFER", { "FROM_TRANSFEREE",
      "FROM_TRANSFEROR" }))
    assert.equal("abc3", suggest("abc4", { "ab1", "ab2", "abc3" }))
  end)

  it("finds nothing where there is nothing to choose", function()
    assert.is_nil(suggest("secure", {}))
  end)
end)
