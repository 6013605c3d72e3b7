-- Prints all trunks of the account, one on a line:
--
--   list_trunks.lua [--table | --tsv] [--limit N]
--
-- --table  columns cut to the width of the terminal, and a count at the end
-- --tsv    SID, friendly name, domain name, secure, recording mode and time of
--          creation, whole and with tabs between them
--
-- Without either it is a table on a terminal, and tabs elsewhere. It holds one
-- page of trunks at a time, however many there are. Exits with 1 when the list
-- broke off: what is printed is right then, but not all.
--
-- Credentials come from the environment (make sandbox prints those of the
-- sandbox).

local trunking = require "trunking"

local function stop(status, ...)
  io.stdout:flush()
  io.stderr:write("list_trunks: ", ...)
  io.stderr:write "\n"
  os.exit(status, true)
end

-- ---- text -----------------------------------------------------------

-- The least code point that needs so many bytes.
local least = { 0, 0x80, 0x800, 0x10000 }

-- The code point at a byte of a text, and its length; or U+FFFD, the sign for
-- what is not UTF-8, and the one byte that is not.
local function decode(text, at)
  local lead = text:byte(at)
  if lead < 0x80 then return lead, 1 end
  local size = lead < 0xE0 and 2 or lead < 0xF0 and 3 or 4
  local code = lead % 2 ^ (7 - size)
  for i = at + 1, at + size - 1 do
    local byte = text:byte(i) or 0
    if byte < 0x80 or byte > 0xBF then return 0xFFFD, 1 end
    code = code * 64 + byte % 64
  end
  if lead < 0xC2 or lead > 0xF4 or code < least[size] or code > 0x10FFFF
    or code >= 0xD800 and code < 0xE000 then return 0xFFFD, 1 end
  return code, size
end

-- Code points that take another width than one column; none is for what
-- steers a terminal or turns the direction of writing. In doubt more: a line
-- may end early, but not wrap.
local widths = {
  { 0x00, 0x1F }, { 0x7F, 0x9F }, { 0x61C, 0x61C }, { 0x200E, 0x200F },
  { 0x2028, 0x202E }, { 0x2066, 0x2069 }, { 0xFEFF, 0xFEFF },
  { 0x300, 0x36F, 0 }, { 0x200B, 0x200D, 0 }, { 0xFE00, 0xFE0F, 0 },
  { 0x1100, 0x115F, 2 }, { 0x231A, 0x23FF, 2 }, { 0x2600, 0x27BF, 2 },
  { 0x2B1B, 0x2B55, 2 }, { 0x2E80, 0xA4CF, 2 }, { 0xA960, 0xA97F, 2 },
  { 0xAC00, 0xD7A3, 2 }, { 0xF900, 0xFAFF, 2 }, { 0xFE10, 0xFE6F, 2 },
  { 0xFF00, 0xFF60, 2 }, { 0xFFE0, 0xFFE6, 2 }, { 0x16FE0, 0x18DFF, 2 },
  { 0x1AFF0, 0x1B2FF, 2 }, { 0x1F000, 0x1FAFF, 2 }, { 0x20000, 0x3FFFD, 2 },
}

local function width_of(code)
  if code >= 0x20 and code < 0x7F then return 1 end
  for _, range in ipairs(widths) do
    if code >= range[1] and code <= range[2] then return range[3] end
  end
  return 1
end

-- A value as valid UTF-8 without characters that steer a terminal.
local function clean(value)
  if value == nil then return "" end
  local text = tostring(value)
  if not text:find "[^ -~]" then return text end
  local out, at = {}, 1
  while at <= #text do
    local code, size = decode(text, at)
    local character = text:sub(at, at + size - 1)
    if code == 0xFFFD then character = "\239\191\189" end
    out[#out + 1] = width_of(code) and character or " "
    at = at + size
  end
  return table.concat(out)
end

-- A clean text, cut or filled up to so many columns.
local function fit(text, columns)
  local used, last, last_used, at = 0, 0, 0, 1
  while at <= #text do
    local code, size = decode(text, at)
    used = used + width_of(code)
    if used > columns then
      return text:sub(1, last) .. "…" .. (" "):rep(columns - last_used - 1)
    end
    at = at + size
    if used < columns then last, last_used = at - 1, used end
  end
  return text .. (" "):rep(columns - used)
end

-- ---- lines ----------------------------------------------------------

-- A reader that has enough, such as head, is no failure. By default SIGPIPE
-- ends the script silently; this is for where that signal is ignored.
local EPIPE = 32

local function check_written(ok, why, number)
  if ok then return end
  if number == EPIPE then os.exit(0, true) end
  stop(1, "cannot write: ", why)
end

local function put(line)
  check_written(io.write(line, "\n"))
end

local function recording_mode(trunk)
  local recording = trunk.recording
  return type(recording) == "table" and recording.mode or nil
end

local function put_tabbed(trunk)
  put(table.concat({ clean(trunk.sid), clean(trunk.friendly_name),
    clean(trunk.domain_name), clean(trunk.secure),
    clean(recording_mode(trunk)), clean(trunk.date_created) }, "\t"))
end

local function day(time)
  local seconds = type(time) == "string" and trunking.time(time)
  return seconds and os.date("!%Y-%m-%d", seconds) or clean(time)
end

-- "answer-dual" says as much as "record-from-answer-dual".
local function short_mode(trunk)
  local mode = clean(recording_mode(trunk)):gsub("^record%-from%-", "")
  return mode == "do-not-record" and "no" or mode
end

-- A function that prints a line of cells: the SID is never cut while there is
-- room for it, and the names share what the other columns leave.
local function row_printer(columns)
  local mode = columns < 100 and 8 or 12
  local rest = math.max(16, columns - 34 - 6 - mode - 10 - 5)
  local name = math.min(64, math.ceil(rest / 2))
  local sizes = { 34, name, math.min(64, rest - name), 6, mode, 10 }
  return function(cells)
    for i, size in ipairs(sizes) do cells[i] = fit(cells[i], size) end
    put((fit(table.concat(cells, " "), columns):gsub(" +$", "")))
  end
end

local function table_printer(columns)
  local put_row = row_printer(columns)
  put_row { "SID", "NAME", "DOMAIN", "SECURE", "RECORDED", "CREATED" }
  return function(trunk)
    put_row { clean(trunk.sid), clean(trunk.friendly_name),
      clean(trunk.domain_name), trunk.secure and "yes" or "no",
      short_mode(trunk), day(trunk.date_created) }
  end
end

-- ---- the terminal and the command line ------------------------------

local function on_terminal()
  local status = os.execute "test -t 1"
  return status == true or status == 0 -- as 5.2 and later say it, and 5.1
end

-- Shells tell COLUMNS to few of their children, so the terminal is asked too.
local function terminal_width()
  local columns = tonumber(os.getenv "COLUMNS" or "")
  if not columns then
    local pipe = io.popen "stty size 2>/dev/null"
    columns = tonumber((pipe:read "*a"):match "%d+ (%d+)")
    pipe:close()
  end
  return columns and columns >= 1 and math.floor(columns) or 80
end

local USAGE = "usage: list_trunks.lua [--table | --tsv] [--limit N]"

local function usage() stop(2, USAGE) end

local function read_arguments()
  local options, at = {}, 1
  while arg[at] do
    local word, value = arg[at], arg[at + 1] or ""
    if word == "--help" then
      print(USAGE)
      os.exit(0, true)
    elseif word == "--limit" and value:find "^%d+$" then
      options.limit, at = tonumber(value), at + 1
    elseif word == "--table" or word == "--tsv" then
      options.table = word == "--table"
    else
      usage()
    end
    at = at + 1
  end
  if options.table == nil then options.table = on_terminal() end
  return options
end

local function connect()
  local client, err = trunking.new()
  return client or stop(2, tostring(err))
end

-- Prints the trunks; the number of them, and what broke the list off, if so.
local function put_trunks(client, limit, put_trunk)
  local count = 0
  local page_size = math.max(1, math.min(limit or 1000, 1000))
  local ok, err = pcall(function()
    for trunk in client.each { page_size = page_size, limit = limit } do
      put_trunk(trunk)
      count = count + 1
    end
  end)
  return count, not ok and tostring(err) or nil
end

local options, client = read_arguments(), connect()
local put_trunk = options.table and table_printer(terminal_width())
  or put_tabbed
local count, failure = put_trunks(client, options.limit, put_trunk)
if options.table then
  put(("%d trunk%s%s"):format(count, count == 1 and "" or "s",
    failure and ", but these are not all" or ""))
end
check_written(io.stdout:flush())
if failure then stop(1, failure) end
client.close()
