-- Creates the trunks of a CSV file, many at once, and writes down for each row
-- what became of it. Run it again after an interruption of any kind, and it
-- goes on where it was:
--
--   bulk.lua FILE.csv [--results FILE] [--concurrency N]
--
-- The first line of the CSV names fields of create; domain_name must be among
-- them: it is unique across all of Twilio, so it tells whether a trunk is
-- there. An empty cell leaves its field out. The results (FILE.csv.results
-- unless named) begin with a line that says whose they are, of which account
-- and where, and then have one for each row, with tabs between row, domain,
-- what became of it, and the SID or the reason:
--
--   created   with its SID
--   refused   why; fix the row: the next run tries it again
--   not sent  why; it is tried again by the next run
--   unknown   it was sent, and nobody can tell; the next run looks for it by
--             its domain before it does anything
--   begun     the run was ended while it was under way; as unknown
--   bad       what is wrong with the row; nothing was sent
--
-- A row is written down as begun before it is sent, so even kill -9 leads to
-- no trunk that nobody knows of and to none that is made twice. Exits with 0
-- when there is a trunk for every row, with 1 when not, with 2 when nothing
-- could be tried.
--
-- With TRUNKING_SANDBOX set (make sandbox prints the lines) it talks to the
-- sandbox, else to Twilio with the credentials of the environment.

local trunking = require "trunking"

local function stop(status, ...)
  io.stderr:write("bulk: ", ...)
  io.stderr:write "\n"
  os.exit(status, true)
end

-- ---- CSV (RFC 4180) -------------------------------------------------

-- The cell at a byte, the byte behind it, and what is wrong with it, if so.
local function read_cell(text, at)
  if text:sub(at, at) ~= '"' then
    local behind = text:find("[,\r\n]", at) or #text + 1
    return text:sub(at, behind - 1), behind
  end
  local parts, from = {}, at + 1
  while true do
    local quote = text:find('"', from, true)
    if not quote then return "", #text + 1, "a quote is not closed" end
    parts[#parts + 1] = text:sub(from, quote - 1)
    if text:sub(quote + 1, quote + 1) ~= '"' then
      local behind = text:find("[,\r\n]", quote + 1) or #text + 1
      return table.concat(parts), behind, behind > quote + 1
        and "there is text behind a closing quote" or nil
    end
    parts[#parts + 1] = '"'
    from = quote + 2
  end
end

-- The cells of the line at a byte, with what is wrong, and the next line's.
local function read_line(text, at)
  local cells = {}
  while true do
    local cell, behind, wrong = read_cell(text, at)
    cells[#cells + 1] = cell
    cells.wrong = cells.wrong or wrong
    at = behind + 1
    if text:sub(behind, behind) ~= "," then
      if text:sub(behind, behind + 1) == "\r\n" then at = at + 1 end
      return cells, at
    end
  end
end

local function read_lines(text)
  local lines = {}
  local at = text:sub(1, 3) == "\239\187\191" and 4 or 1
  while at <= #text do
    local cells
    cells, at = read_line(text, at)
    if #cells > 1 or cells[1] ~= "" or cells.wrong then
      lines[#lines + 1] = cells
    end
  end
  return lines
end

-- ---- rows -----------------------------------------------------------

local words = { ["true"] = true, ["false"] = false }

local function params_of(names, cells)
  local params = {}
  for i, name in ipairs(names) do
    local value = cells[i]
    if value and value ~= "" then
      if words[value:lower()] ~= nil then value = words[value:lower()] end
      params[name] = value
    end
  end
  return params
end

-- Rows: { number, params, domain }, and why it is no row that can be tried.
local function read_rows(path)
  local file, why = io.open(path, "rb")
  if not file then stop(2, why) end
  local lines = read_lines(file:read "*a" or "")
  file:close()
  local names, rows, seen = table.remove(lines, 1) or {}, {}, {}
  local has_domain = false
  for _, name in ipairs(names) do
    has_domain = has_domain or name == "domain_name" or name == "DomainName"
  end
  if not has_domain then
    stop(2, path, ": the first line names no domain_name")
  end
  for number, cells in ipairs(lines) do
    local params = params_of(names, cells)
    local domain = tostring(params.domain_name or params.DomainName or "")
      :lower()
    rows[number] = { number = number, params = params, domain = domain,
      bad = cells.wrong
        or #cells ~= #names and ("%d cells instead of %d"):format(#cells,
          #names)
        or domain == "" and "no domain name"
        or seen[domain] and "the same domain as row " .. seen[domain] or nil }
    if not rows[number].bad then seen[domain] = number end
  end
  return rows
end

-- ---- results --------------------------------------------------------

local function clean(text)
  return (tostring(text):gsub("%c+", " "))
end

local function line_of(row)
  return table.concat({ row.number, clean(row.domain), row.state,
    clean(row.detail or "") }, "\t") .. "\n"
end

local LINE = "[%d-]+\t([^\t\n]*)\t(%l[%l ]*)\t([^\n]*)\n"

-- Puts a whole new file in the place of one.
local function replace(path, text)
  local file, why = io.open(path .. ".part", "wb")
  local ok = file
  if file then
    ok, why = file:write(text)
    if ok then ok, why = file:close() end
  end
  if ok then ok, why = os.rename(path .. ".part", path) end
  return ok, why
end

-- Whose results these are: what is created in one account, or in the sandbox,
-- is not in another.
local function owner()
  local origin = os.getenv "TRUNKING_SANDBOX"
  return ("#\t%s\t%s\n"):format(clean(origin
    and os.getenv "TRUNKING_SANDBOX_ACCOUNT_SID"
    or os.getenv "TWILIO_ACCOUNT_SID" or os.getenv "TWILIO_API_KEY"),
    clean(origin or "Twilio"))
end

-- What earlier runs said last of each domain. A line that broke off says
-- nothing and is taken away: what was said before it stands.
local function read_results(path)
  local known, file = {}, io.open(path, "rb")
  if not file then return known end
  local text = file:read "*a" or ""
  file:close()
  local whose = text:match "^#[^\n]*\n"
  if whose and whose ~= owner() then
    stop(2, path, " is of another account: ", clean(whose),
      "; give --results another file")
  end
  local whole = text:match "^.*\n" or ""
  if whole ~= text then
    local ok, why = replace(path, whole)
    if not ok then stop(2, why) end
  end
  for domain, state, detail in whole:gmatch(LINE) do
    if domain ~= "" then
      known[domain] = { state = state, detail = detail }
    end
  end
  return known
end

local results

-- Writes down what became of a row. Raises if it cannot: nothing may be sent
-- then.
local function say(row, state, detail)
  row.state, row.detail = state, detail
  local ok, why = results:write(line_of(row))
  if ok then ok, why = results:flush() end
  if not ok then error("cannot write the results: " .. tostring(why), 0) end
end

-- In the end one line for each row, in the order of the CSV, instead of all
-- that was said on the way; then what is known of domains that are no longer
-- in it.
local function settle(path, rows, known)
  local lines = { owner() }
  for _, row in ipairs(rows) do
    if row.state then lines[#lines + 1] = line_of(row) end
    known[row.domain] = nil
  end
  for domain, was in pairs(known) do
    lines[#lines + 1] = line_of { number = "-", domain = domain,
      state = was.state, detail = was.detail }
  end
  replace(path, table.concat(lines))
end

-- ---- the progress bar -----------------------------------------------

local WIDTH = 20 -- of the bar
local COLUMNS = 79

local function terminal()
  local status = os.execute "test -t 2"
  return status == true or status == 0 -- as 5.2 and later say it, and 5.1
end

local function count(rows)
  local counts = { created = 0, refused = 0, unknown = 0, bad = 0,
    ["not sent"] = 0, begun = 0, total = #rows, over = 0 }
  for _, row in ipairs(rows) do
    if row.state then counts[row.state] = counts[row.state] + 1 end
  end
  counts.over = counts.created + counts.refused + counts.unknown + counts.bad
    + counts["not sent"]
  return counts
end

local function summary(counts)
  local parts = {}
  for _, state in ipairs { "created", "refused", "not sent", "unknown",
    "begun", "bad" } do
    if state == "created" or counts[state] > 0 then
      parts[#parts + 1] = counts[state] .. " " .. state
    end
  end
  return table.concat(parts, ", ")
end

local function bar(rows)
  if not terminal() then return function() end, function() end end
  local shown
  return function()
    local counts = count(rows)
    local share = counts.total > 0 and counts.over / counts.total or 1
    local full = math.floor(share * WIDTH)
    local text = ("[%s%s] %3d %% of %d: %s"):format(("#"):rep(full),
      ("."):rep(WIDTH - full), math.floor(share * 100), counts.total,
      summary(counts)):sub(1, COLUMNS)
    if text == shown then return end
    shown = text
    io.stderr:write("\r", text, "\27[K")
  end, function() io.stderr:write "\r\27[K" end
end

-- ---- the work -------------------------------------------------------

local function connect(concurrency)
  local sandbox = os.getenv "TRUNKING_SANDBOX"
  local client, err = trunking.new(sandbox and {
    base_url = sandbox,
    ca_file = os.getenv "TRUNKING_SANDBOX_CA",
    account_sid = os.getenv "TRUNKING_SANDBOX_ACCOUNT_SID",
    auth_token = os.getenv "TRUNKING_SANDBOX_AUTH_TOKEN",
    max_in_flight = concurrency,
  } or { max_in_flight = concurrency })
  return client or stop(2, tostring(err))
end

-- Looks in the account for rows that nobody can tell of. Raises.
local function look_for(client, rows)
  if #rows == 0 then return end
  local wanted = {}
  for _, row in ipairs(rows) do wanted[row.domain] = row end
  for trunk in client.each { page_size = 1000 } do
    local domain = tostring(trunk.domain_name or ""):lower()
    local row = wanted[domain]
    if row then
      say(row, "created", trunk.sid)
      wanted[domain] = nil
    end
  end
end

local TAKEN = 21248 -- Twilio's code for a domain that somebody has

-- Refusals that every other row would meet too.
local hopeless = { auth = true, config = true, dns = true, connect = true,
  tls = true }

local jobs, in_flight, halted = {}, 0, nil

local function not_done(row, err)
  if err.outcome == "unknown" or err.outcome == "applied" then
    say(row, "unknown", tostring(err) .. "; run this again: it looks first")
  elseif row.doubtful and err.code == TAKEN then
    say(row, "unknown", "the domain is taken, perhaps by this row itself")
  else
    say(row, err.outcome == "not_sent" and err.kind ~= "invalid"
      and "not sent" or "refused", tostring(err))
    if hopeless[err.kind] then halted = halted or tostring(err) end
  end
end

local function finish(job)
  local row = jobs[job]
  if not row then return end
  jobs[job], in_flight = nil, in_flight - 1
  local trunk, err = job:result()
  if trunk then say(row, "created", trunk.sid) else not_done(row, err) end
end

local function begin(client, row)
  say(row, "begun")
  local job, err = client.async.create(row.params)
  if not job then return not_done(row, err) end
  jobs[job], in_flight = row, in_flight + 1
  return job
end

-- Twice as many are handed over as run at once, so that while this waits for
-- one of them no connection is idle.
local function create_all(client, rows, concurrency, draw)
  local at, oldest, queue = 1, 1, {}
  repeat
    while not halted and at <= #rows and in_flight < 2 * concurrency do
      queue[#queue + 1] = begin(client, rows[at])
      at = at + 1
    end
    while queue[oldest] and not jobs[queue[oldest]] do oldest = oldest + 1 end
    local job = queue[oldest]
    if job then
      job:wait(0.1)
      if job:done() then finish(job) end
    end
    for each in client.poll do finish(each) end
    draw()
  until in_flight == 0 and (halted or at > #rows)
end

-- What is to be done: rows to look for, and rows to create.
local function plan(rows, known)
  local doubtful, todo = {}, {}
  for _, row in ipairs(rows) do
    local before = not row.bad and known[row.domain] or {}
    row.state, row.detail = before.state, before.detail
    if row.bad then
      say(row, "bad", row.bad)
    elseif row.state ~= "created" then
      todo[#todo + 1] = row
      row.doubtful = row.state == "begun" or row.state == "unknown"
      if row.doubtful then doubtful[#doubtful + 1] = row end
    end
  end
  return doubtful, todo
end

local function without_created(rows)
  local left = {}
  for _, row in ipairs(rows) do
    if row.state ~= "created" then left[#left + 1] = row end
  end
  return left
end

local function with_state(rows, state)
  local some = {}
  for _, row in ipairs(rows) do
    if row.state == state then some[#some + 1] = row end
  end
  return some
end

local function work(client, rows, known, concurrency, draw)
  local doubtful, todo = plan(rows, known)
  draw()
  look_for(client, doubtful)
  create_all(client, without_created(todo), concurrency, draw)
  look_for(client, with_state(rows, "unknown"))
  draw()
end

-- ---- the command line -----------------------------------------------

local function usage()
  stop(2, "usage: bulk.lua FILE.csv [--results FILE] [--concurrency N]")
end

local function read_arguments()
  local options, at = { concurrency = 16 }, 1
  while arg[at] do
    local word, value = arg[at], arg[at + 1]
    if word == "--results" and value then
      options.results, at = value, at + 1
    elseif word == "--concurrency" and tonumber(value)
      and value:find "^[1-9]%d*$" then
      options.concurrency, at = tonumber(value), at + 1
    elseif word:sub(1, 2) ~= "--" and not options.file then
      options.file = word
    else
      usage()
    end
    at = at + 1
  end
  if not options.file then usage() end
  options.results = options.results or options.file .. ".results"
  return options
end

local options = read_arguments()
local rows = read_rows(options.file)
local client = connect(options.concurrency)
local known = read_results(options.results)
local unwritable
results, unwritable = io.open(options.results, "ab")
if not results then stop(2, "cannot write the results: ", unwritable) end
if results:seek "end" == 0 then results:write(owner()) end

-- On Ctrl-C, and whatever else ends the work early, closing the client ends
-- its jobs; each then tells what became of it.
local draw, wipe = bar(rows)
local ok, why = pcall(work, client, rows, known, options.concurrency, draw)
client.close()
pcall(function() for job in client.poll do finish(job) end end)
wipe()
results:close()
settle(options.results, rows, known)

local counts = count(rows)
print(("%d rows: %s; see %s"):format(#rows, summary(counts), options.results))
if not ok then stop(1, tostring(why), "; run this again to go on") end
if halted then
  stop(1, halted, counts.over < #rows and "; the rest was not tried" or "")
end
os.exit(counts.created == #rows and 0 or 1, true)
