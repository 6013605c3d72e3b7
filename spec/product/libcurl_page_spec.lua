-- doc/libcurl.md names a spec for each thing that is relied on of libcurl. A
-- spec that is not there any more fails here, so that no line is left unshown.

local pipe = assert(io.popen "ls spec/*/*_spec.lua")
local all_specs = pipe:read "*a"
pipe:close()

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

-- The lines of the table, split: what, three releases, the spec.
local function rows()
  local all = {}
  for line in read "doc/libcurl.md":gmatch "[^\n]+" do
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
        local name, words = tostring(cells[5]):match "^([%w_]+): `(.+)`$"
        assert.truthy(name, "no file and words")
        local path = all_specs:match("spec/%a+/" .. name .. "_spec.lua")
        assert.truthy(read(path):find(words, 1, true),
          words .. ": not in " .. name .. "_spec.lua")
      end)
    end
  end
end)
