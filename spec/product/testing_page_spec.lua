-- doc/testing.md names a test for each thing that the field has met. One that
-- is gone, renamed or pending fails here, so that no row is left unshown.

local listing = require "listing"

if (os.getenv "LD_PRELOAD" or ""):find("asan", 1, true) then
  pending "under a sanitizer some specs have fewer tests"
  return
end

-- The rows whose last cell is a spec and a test in it.
local function rows()
  local all = {}
  for line in io.lines "doc/testing.md" do
    local what, name, test = line:match "^| (.+) | ([%w_]+): `(.+)` |$"
    if what then all[#all + 1] = { what, name, test } end
  end
  return all
end

describe("doc/testing.md", function()
  it("has many rows", function() assert.is_true(#rows() > 80) end)

  for _, row in ipairs(rows()) do
    it("has a test that shows this: " .. row[1], function()
      assert.is_nil(listing.lacks(row[2], row[3]))
    end)
  end
end)
