-- Draws the charts of doc/performance.md from what a run printed:
--
--   lua spec/bench/chart.lua DIR <PRINTED     writes DIR/*.svg
--
-- Promises: every bar has its figure beside it, and no figure is not a run's.
-- May not know: how anything was measured.
-- SPDX-License-Identifier: MIT

local chart = {}

local WIDTH, LEFT, RIGHT, TOP, ROW = 640, 210, 70, 44, 24

local function escaped(text)
  return (text:gsub("[&<>]", { ["&"] = "&amp;", ["<"] = "&lt;",
    [">"] = "&gt;" }))
end

local function text_at(x, y, text, more)
  return ('  <text x="%d" y="%d"%s>%s</text>'):format(x, y, more or "",
    escaped(text))
end

--- A chart of bars, as SVG.
-- @param title its headline
-- @param rows { { name, value, what the bar's end says[, ours = true] }, ... }
-- @param limit where the scale ends: a longer bar is cut, and its end says so
function chart.bars(title, rows, limit)
  local height = TOP + #rows * ROW + 12
  local out = {
    ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" '
      .. 'font-family="sans-serif" font-size="13">'):format(WIDTH, height),
    ("  <title>%s</title>"):format(escaped(title)),
    '  <rect width="100%" height="100%" fill="#ffffff"/>',
    text_at(12, 26, title, ' font-weight="bold"'),
  }
  for i, row in ipairs(rows) do
    local y = TOP + (i - 1) * ROW
    local cut = row[2] > limit
    local width = (WIDTH - LEFT - RIGHT) * (cut and 1 or row[2] / limit)
    out[#out + 1] = text_at(LEFT - 8, y + 13, row[1], ' text-anchor="end"')
    out[#out + 1] = ('  <rect x="%d" y="%d" width="%.1f" height="%d" '
      .. 'fill="%s"/>'):format(LEFT, y, width, ROW - 7,
      row.ours and "#1f6feb" or "#9aa4af")
    out[#out + 1] = text_at(math.floor(LEFT + width) + 6, y + 13,
      (cut and "\226\128\166 " or "") .. row[3])
  end
  out[#out + 1] = "</svg>"
  return table.concat(out, "\n") .. "\n"
end

--- CPU time of a create to that of the C program, from the lines of a run:
-- { { client, ratio }, ... }.
-- @param target "HTTP" or "TLS"
function chart.creates(lines, target)
  local rows, at = {}, nil
  for _, line in ipairs(lines) do
    if line:find "wall us" then at = line:match "^(%u+) " end
    local name, ratio = line:match
      "^  (%S.-)  +[%d.]+ +[%d.]+ %[[^%]]*%] +[%d.]+ +([%d.]+) %["
    if at == target and name and not name:find "again" then
      rows[#rows + 1] = { name, tonumber(ratio), ratio,
        ours = name:find "^ours" ~= nil }
    end
  end
  return rows
end

--- CPU time of a frame in microseconds, from the lines of a run: three rows,
-- the median, the 99th percentile and the most, for each number in flight.
function chart.frames(lines)
  local rows = {}
  for _, line in ipairs(lines) do
    local flight, median, high, most = line:match
      "^  (%d+) in flight %(%d+%) +([%d.]+) +([%d.]+) +([%d.]+) "
    for i, figure in ipairs { median, high, most } do
      local name = ({ "median", "99th percentile", "most" })[i]
      rows[#rows + 1] = { flight .. " in flight, " .. name,
        tonumber(figure), figure .. " \194\181s", ours = true }
    end
  end
  return rows
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  file:close()
end

--- Writes the charts of a run into a directory.
function chart.draw(lines, dir)
  local creates, frames = chart.creates(lines, "TLS"), chart.frames(lines)
  assert(#creates > 0 and #frames > 0, "no figures of creates, or of frames")
  write(dir .. "/creates.svg", chart.bars(
    "CPU time of a create over TLS: times a C program's", creates, 20))
  write(dir .. "/frames.svg", chart.bars(
    "CPU time of a game's frame, of which it has 16,667 \194\181s at 60 Hz",
    frames, 600))
end

if arg and arg[0] and arg[0]:find "chart%.lua$" then
  local lines = {}
  for line in io.lines() do lines[#lines + 1] = line end
  chart.draw(lines, assert(arg[1], "usage: chart.lua DIR <PRINTED"))
end

return chart
