-- doc/libcurl.md names a test for each thing that is relied on of libcurl. One
-- that is gone, renamed or pending fails here, so that no line is left unshown.

local listing = require "listing"

-- The lines of the table, split: what, three releases, the spec.
local function rows()
  local all = {}
  for line in io.lines "doc/libcurl.md" do
    local cells = {}
    for cell in line:gmatch "|([^|]+)" do
      cells[#cells + 1] = cell:match "^%s*(.-)%s*$"
    end
    if #cells > 0 and not cells[1]:find "^%-+$" then all[#all + 1] = cells end
  end
  return all
end

describe("doc/libcurl.md", function()
  local head = table.remove(rows(), 1)

  it("has a line for each thing, with what was seen on each release",
    function()
      assert.same({ "what", "7.88.1", "8.14.1", "8.23.0", "spec" }, head)
      assert.is_true(#rows() > 30)
      for _, cells in ipairs(rows()) do
        assert.equal(5, #cells, cells[1])
      end
    end)

  for _, cells in ipairs(rows()) do
    if cells[5] ~= "spec" then
      it("has a spec that shows this: " .. cells[1], function()
        local name, test = tostring(cells[5]):match "^([%w_]+): `(.+)`$"
        assert.truthy(name, "no file and test")
        assert.is_nil(listing.lacks(name, test))
      end)
    end
  end
end)
