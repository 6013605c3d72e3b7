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
--   found     a trunk of the account had the domain already; with its SID
--   refused   why; fix the row: the next run tries it again
--   not sent  why; it is tried again by the next run
--   unknown   it was sent, and nobody can tell; the next run looks for it by
--             its domain before it does anything
--   begun     the run was ended while it was under way; as unknown
--   bad       what is wrong with the row; nothing was sent
--
-- A domain that is no longer in the CSV, or only in bad rows, has a line of its
-- own, with - for its row. A row is written down as begun before it is sent, so
-- even kill -9 leads to no trunk that nobody knows of and to none that is made
-- twice. What has a SID keeps it, whatever else is said of its domain. Exits
-- with 0 when there is a trunk for every row, with 1 when not, with 2 when
-- nothing could be tried.
--
-- Credentials come from the environment (make sandbox prints those of the
-- sandbox).

local trunking = require "trunking"

local USAGE = "usage: bulk.lua FILE.csv [--results FILE] [--concurrency N]"

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

-- The fields that are true or false; all others are texts, whatever they say.
local flags = { secure = true, Secure = true, cnam_lookup_enabled = true,
  CnamLookupEnabled = true }

local function params_of(names, cells)
  local params = {}
  for i, name in ipairs(names) do
    local value = cells[i]
    if value and value ~= "" then
      local flag = flags[name] and words[value:lower()]
      if flag ~= nil then value = flag end
      params[name] = value
    end
  end
  return params
end

local function clean(text)
  return (tostring(text):gsub("%c+", " "))
end

-- The names of the first line, without the blanks around them.
local function read_names(path, cells)
  local seen = {}
  if cells.wrong then stop(2, path, ": in the first line ", cells.wrong) end
  for i, name in ipairs(cells) do
    name = name:match "^%s*(.-)%s*$"
    if seen[name] and name ~= "" then
      stop(2, path, ": the first line names ", name, " twice")
    end
    cells[i], seen[name] = name, true
  end
  if seen.domain_name or seen.DomainName then return cells end
  stop(2, path, ": the first line names no domain_name", cells[1]
    and cells[1]:find "[;\t]" and "; put commas between the names" or "")
end

-- Rows: { number, params, domain }, and why it is no row that can be tried.
local function read_rows(path)
  local file, why = io.open(path, "rb")
  local text = file and file:read "*a"
  if not text then stop(2, why or path .. " cannot be read") end
  file:close()
  local lines, rows, seen = read_lines(text), {}, {}
  local names = read_names(path, table.remove(lines, 1) or {})
  for number, cells in ipairs(lines) do
    local params = params_of(names, cells)
    local domain = clean(params.domain_name or params.DomainName or ""):lower()
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

local function line_of(row)
  return table.concat({ row.number, row.domain, row.state,
    clean(row.detail or "") }, "\t") .. "\n"
end

local LINE = "^[%d-]+\t([^\t]*)\t(%l[%l ]*)\t(.*)$"
local SID = "^TK" .. ("%x"):rep(32) .. "$"

-- Puts a whole new file in the place of one. Another bulk.lua may do the same:
-- the address of a table makes the name its own.
local function replace(path, text)
  local part = ("%s.%s.part"):format(path, tostring({}):match "%w*$")
  local file, why = io.open(part, "wb")
  local ok = file
  if file then
    ok, why = file:write(text)
    if ok then ok, why = file:close() end
  end
  if ok then ok, why = os.rename(part, path) end
  return ok, why
end

local function env(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

-- Whose results these are: what is created in one account, or in the sandbox,
-- is not in another.
local function owner()
  return ("#\t%s\t%s\n"):format(
    clean(env "TWILIO_ACCOUNT_SID" or env "TWILIO_API_KEY"),
    clean(env "TRUNKING_BASE_URL" or "Twilio"))
end

-- What a line says of a domain, beside what was said before it. What has a SID
-- stays so. A bad row says nothing of the trunk, and a SID that broke off is
-- none.
local function learn(known, line)
  local domain, state, detail = line:match(LINE)
  local was = domain and known[domain:lower()]
  local made = state == "created" or state == "found"
  if not domain or domain == "" or state == "bad" or was and was.made
    or made and not detail:find(SID) then
    return
  end
  known[domain:lower()] = { state = state, detail = detail, made = made }
end

-- What was said of each domain, and the text of it all. An editor may have put
-- in a byte order mark, and other line ends.
local function read_results(path)
  local known, file = {}, io.open(path, "rb")
  if not file then return known, "" end
  local text = file:read "*a" or stop(2, path, " cannot be read")
  file:close()
  text = text:gsub("^\239\187\191", ""):gsub("\r\n", "\n")
  for line in text:gmatch "[^\n]+" do learn(known, line) end
  return known, text
end

local results

-- Opens the results to add to them; what earlier runs said.
local function open_results(path)
  local known, text = read_results(path)
  local first = text:match "^([^\n]*\n)"
  if first and first:find "^#" and first ~= owner() then
    stop(2, path, " is of another account: ", clean(first),
      "; give --results another file")
  elseif not text:find "^#" and text ~= "" and not (first or text)
    :find "^[%d-]+\t" then
    stop(2, path, " holds no results; give --results another file")
  end
  local anew = text == "" or text:find "^#" and not first
  local file, why = io.open(path, anew and "wb" or "ab")
  if not file then stop(2, "cannot write the results: ", why) end
  results = file
  if anew then
    results:write(owner())
  elseif not text:find "\n$" then -- the last line broke off
    results:write "\n"
  end
  return known
end

-- Writes down what became of a row. Raises if it cannot: nothing may be sent
-- then.
local function say(row, state, detail)
  row.state, row.detail = state, detail
  local ok, why = results:write(line_of(row))
  if ok then ok, why = results:flush() end
  if not ok then error("cannot write the results: " .. tostring(why), 0) end
end

-- In the end one line for each row, in the order of the CSV, and one for each
-- other domain, instead of all that was said on the way. Another bulk.lua may
-- have written meanwhile: what it said is read first.
local function settle(path, rows, others)
  local known = read_results(path)
  local lines, rest = { owner() }, {}
  local function put(row)
    local was = not row.bad and known[row.domain]
    if was and (was.made or not row.state) then
      row.state, row.detail = was.state, was.detail
    end
    if row.state then lines[#lines + 1] = line_of(row) end
    if not row.bad then known[row.domain] = nil end
  end
  for _, row in ipairs(rows) do put(row) end
  for _, row in ipairs(others) do put(row) end
  for domain, was in pairs(known) do
    rest[#rest + 1] = line_of { number = "-", domain = domain,
      state = was.state, detail = was.detail }
  end
  table.sort(rest)
  return replace(path, table.concat(lines) .. table.concat(rest))
end

-- ---- the progress bar -----------------------------------------------

local WIDTH = 20 -- of the bar
local COLUMNS = 79

local function terminal()
  local status = os.execute "test -t 2"
  return status == true or status == 0 -- as 5.2 and later say it, and 5.1
end

local function count(rows)
  local counts = { created = 0, found = 0, refused = 0, unknown = 0, bad = 0,
    ["not sent"] = 0, begun = 0, total = #rows, over = 0 }
  for _, row in ipairs(rows) do
    if row.state then counts[row.state] = counts[row.state] + 1 end
  end
  counts.there = counts.created + counts.found
  counts.over = counts.there + counts.refused + counts.unknown + counts.bad
    + counts["not sent"]
  return counts
end

local function summary(counts)
  local parts = {}
  for _, state in ipairs { "created", "found", "refused", "not sent",
    "unknown", "begun", "bad" } do
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
  local client, err = trunking.new { max_in_flight = concurrency }
  return client or stop(2, tostring(err))
end

-- Looks in the account for rows that nobody can tell of, or whose domain is
-- taken. Raises.
local function look_for(client, rows)
  if #rows == 0 then return end
  local wanted = {}
  for _, row in ipairs(rows) do wanted[row.domain] = row end
  for trunk in client.each { page_size = 1000 } do
    local domain = tostring(trunk.domain_name or ""):lower()
    local row = wanted[domain]
    if row then
      say(row, row.state == "refused" and "found" or "created", trunk.sid)
      wanted[domain] = nil
    end
  end
end

local TAKEN = 21248 -- Twilio's code for a domain that somebody has

-- Refusals that every other row would meet too.
local hopeless = { auth = true, config = true, dns = true, connect = true,
  tls = true }

local jobs, in_flight, halted = {}, 0, nil

-- A row that was sent by an earlier run stays unknown: what is refused now may
-- have been done then.
local function not_done(row, err)
  local said = tostring(err)
  row.taken = err.code == TAKEN
  if err.outcome == "unknown" or err.outcome == "applied" then
    say(row, "unknown", said .. "; run this again: it looks first")
  elseif row.doubtful then
    say(row, "unknown", said .. "; an earlier request may have been done")
  else
    say(row, err.outcome == "not_sent" and err.kind ~= "invalid"
      and "not sent" or "refused", said)
  end
  if hopeless[err.kind] and (err.outcome == "not_sent"
    or err.outcome == "refused") then
    halted = halted or said
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
    row.doubtful = row.state == "begun" or row.state == "unknown"
    if row.bad then say(row, "bad", row.bad) end
    if row.doubtful then doubtful[#doubtful + 1] = row end
    if not row.bad and not before.made then todo[#todo + 1] = row end
  end
  return doubtful, todo
end

-- What is known of domains that no good row has, as rows of their own, which
-- are looked for and never sent.
local function others_of(rows, known)
  local others, has = {}, {}
  for _, row in ipairs(rows) do
    if not row.bad then has[row.domain] = true end
  end
  for domain in pairs(known) do
    if not has[domain] then
      others[#others + 1] = { number = "-", domain = domain }
    end
  end
  table.sort(others, function(a, b) return a.domain < b.domain end)
  return others
end

local function filter(rows, wanted)
  local some = {}
  for _, row in ipairs(rows) do
    if wanted(row) then some[#some + 1] = row end
  end
  return some
end

local function work(client, rows, others, known, concurrency, draw)
  local doubtful, todo = plan(rows, known)
  for _, row in ipairs((plan(others, known))) do
    doubtful[#doubtful + 1] = row
  end
  draw()
  look_for(client, doubtful)
  create_all(client, filter(todo, function(row)
    return row.state ~= "created"
  end), concurrency, draw)
  look_for(client, filter(todo, function(row)
    return row.state == "unknown" or row.state == "refused" and row.taken
  end))
  draw()
end

-- ---- the command line -----------------------------------------------

local function usage() stop(2, USAGE) end

local function read_arguments()
  local options, at = { concurrency = 16 }, 1
  while arg[at] do
    local word, value = arg[at], arg[at + 1]
    if word == "--help" then
      print(USAGE)
      os.exit(0, true)
    elseif word == "--results" and value then
      options.results, at = value, at + 1
    elseif word == "--concurrency" and tonumber(value)
      and value:find "^[1-9]%d*$" then
      options.concurrency, at = tonumber(value), at + 1
    elseif word:sub(1, 1) ~= "-" and not options.file then
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
local known = open_results(options.results)
local others = others_of(rows, known)

-- On Ctrl-C, and whatever else ends the work early, closing the client ends
-- its jobs; each then tells what became of it.
local draw, wipe = bar(rows)
local ok, why = pcall(work, client, rows, others, known, options.concurrency,
  draw)
client.close()
for job in client.poll do pcall(finish, job) end
wipe()
results:close()
local settled, unsettled = settle(options.results, rows, others)

local counts = count(rows)
print(("%d rows: %s; see %s"):format(#rows, summary(counts), options.results))
if not ok then stop(1, tostring(why), "; run this again to go on") end
if not settled then stop(1, "cannot write the results: ", unsettled) end
if halted then
  stop(1, halted, counts.over < #rows and "; the rest was not tried" or "")
end
os.exit(counts.there == #rows and 0 or 1, true)
