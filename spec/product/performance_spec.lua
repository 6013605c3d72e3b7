-- doc/performance.md and its charts: drawn from what a run printed, each bar
-- as long as its figure, and each figure of a chart on the page.
-- SPDX-License-Identifier: MIT

local helper = require "helper"

local read = helper.read

local chart = assert(loadfile(helper.path "bench/chart.lua"))()

local function lines_of(text)
  local all = {}
  for line in text:gmatch "[^\n]+" do all[#all + 1] = line end
  return all
end

local printed = lines_of [[
HTTP   wall us  / FLOOR   CPU us  / FLOOR
  FLOOR: C, libcurl, no JSON   66.5   1.00 [1.00 1.00]   29.1   1.00 [1.00 1.00]
  ours, Lua 5.4   83.2   1.24 [1.20 1.30]   39.6   1.36 [1.34 1.38]

TLS   wall us  / FLOOR   CPU us  / FLOOR
  FLOOR: C, libcurl, no JSON   95.6   1.00 [1.00 1.00]   42.2   1.00 [1.00 1.00]
  FLOOR again (A/A)   94.0   0.99 [0.96 1.02]   41.8   0.99 [0.98 1.00]
  ours, Lua 5.4   115.6   1.20 [1.18 1.24]   54.8   1.30 [1.28 1.31]
  luasocket + cjson   44030.2  450.2 [417.5 457.8]   1851.7  42.02 [39.57 43.50]

Cold TLS: 64 creates, each on a new connection, system CA bundle
                                wall us  / cached C   CPU us  / cached C
  C, CA store cached   1497   1.00 [1.00 1.00]   962   1.00 [1.00 1.00]

Game loop: CPU per frame in us, 1200 frames, cold TLS, system CA bundle
                             median   p99   most   results read
  50 in flight (49)   28.0   69.0   336.5   83.4, 2357.4; 51.5, 285.3
]]

local function figures(rows)
  local all = {}
  for i, row in ipairs(rows) do all[i] = { row[1], row[2] } end
  return all
end

describe("a chart", function()
  it("has the CPU of creates, on one transport", function()
    assert.same({ { "FLOOR: C, libcurl, no JSON", 1 }, { "ours, Lua 5.4", 1.3 },
      { "luasocket + cjson", 42.02 } },
      figures(chart.creates(printed, "TLS")))
    assert.same({ { "FLOOR: C, libcurl, no JSON", 1 },
      { "ours, Lua 5.4", 1.36 } }, figures(chart.creates(printed, "HTTP")))
  end)

  it("has the frames", function()
    assert.same({ { "50 in flight, median", 28 },
      { "50 in flight, 99th percentile", 69 },
      { "50 in flight, most", 336.5 } }, figures(chart.frames(printed)))
  end)

  it("has bars as long as their figures, cut at the end of the scale",
    function()
      local svg = chart.bars("<T & u>", { { "a", 5, "5" }, { "b", 10, "10" },
        { "c", 99, "99" } }, 10)
      local widths = {}
      for width in svg:gmatch '<rect x="%d+" y="%d+" width="([%d.]+)"' do
        widths[#widths + 1] = tonumber(width)
      end
      assert.equal(3, #widths)
      assert.equal(2 * widths[1], widths[2])
      assert.equal(widths[2], widths[3])
      assert.truthy(svg:find("\226\128\166 99<", 1, true))
      assert.truthy(svg:find("&lt;T &amp; u&gt;", 1, true))
    end)
end)

describe("doc/performance.md", function()
  local page = read "doc/performance.md"

  for _, name in ipairs { "creates", "frames" } do
    it("has the figures of doc/" .. name .. ".svg", function()
      local count = 0
      for said in read("doc/" .. name .. ".svg"):gmatch ">([^<>]*)</text>" do
        local figure = said:match "^%D*(%d+%.%d+)[^%a]*$"
          or said:match "^(%d+%.%d+) \194\181s$"
        if figure then
          count = count + 1
          assert.truthy(page:find(" " .. figure, 1, true), figure)
        end
      end
      assert.is_true(count > 4, "no figures")
    end)
  end
end)
