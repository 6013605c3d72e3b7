-- The examples, run as a user runs them: what they ask of the API, what they
-- say, what they leave behind, and the exit status.

local control = require "sandbox.control"
local helper = require "helper"

-- Runs an example through a shell: all it wrote, and its exit status.
local run = helper.example

local has = helper.has

local function hasnt(text, part)
  assert.is_nil(text:find(part, 1, true), part .. " is in:\n" .. text)
end

local function client(options)
  return helper.client("plain HTTP", options)
end

after_each(helper.tidy)

describe("create_trunk.lua", function()
  it("creates a trunk and shows two refusals", function()
    local text, status = run "create_trunk.lua"
    assert.equal(0, status)
    has(text, "Created TK")
    has(text, "Trunk Domain already taken")
    has(text, "did you mean 'friendly_name'")
    assert.same({ "POST /v1/Trunks", "POST /v1/Trunks" }, helper.lines())
  end)

  it("says in one line that it has no credentials", function()
    local text, status = run("create_trunk.lua", "unset TWILIO_ACCOUNT_SID "
      .. "TWILIO_AUTH_TOKEN; ")
    assert.equal(1, status)
    has(text, "no credentials: set TWILIO_ACCOUNT_SID")
    hasnt(text, "traceback")
  end)
end)

-- ---- all of them ----------------------------------------------------

local needs = { cqueues = "cqueues", luv = "luv", copas = "copas" }

describe("every example", function()
  for path in io.popen "ls examples/*.lua":read "*a":gmatch "[^/\n]+%.lua" do
    local need = needs[path:match "^%l+"]
    if need and helper.run(("require '%s'"):format(need)) ~= "" then
      it(path, function() pending("no " .. need .. " for this Lua") end)
    else
      it(path .. " answers --help, and does nothing", function()
        local text, status = run(path .. " --help")
        assert.equal(0, status, text)
        has(text, "usage: " .. path)
        assert.equal(0, control.ledger(0).count)
      end)

      it(path .. " refuses what it does not know", function()
        for _, words in ipairs { "--nonsense", "-h", "1 2 3 4 5 6 7" } do
          local text, status = run(path .. " " .. words)
          assert.equal(2, status, text)
          has(text, "usage: " .. path)
          hasnt(text, "traceback")
        end
        assert.equal(0, control.ledger(0).count)
      end)

      -- A key of the user's own must not be tried on the sandbox, nor the
      -- other way round.
      it(path .. " says in one line that it has no credentials", function()
        local words = path == "bulk.lua" and " /dev/null" or ""
        local text, status = run(path .. words, "unset TWILIO_ACCOUNT_SID "
          .. "TWILIO_AUTH_TOKEN; ")
        assert.is_true(status == 1 or status == 2)
        has(text, words == "" and "no credentials: set TWILIO_ACCOUNT_SID"
          or "names no domain_name")
        hasnt(text, "traceback")
        assert.equal(0, control.ledger(0).count)
      end)
    end
  end

  it("reaches the sandbox through the environment alone", function()
    local found = io.popen [[
      grep -rlE 'TRUNKING_SANDBOX_(ACCOUNT|AUTH|CA|API)' examples]]:read "*a"
    assert.equal("", found)
  end)
end)

-- ---- list_trunks.lua ------------------------------------------------

local function lines_of(text)
  local lines = {}
  for line in text:gmatch "([^\n]*)\n" do lines[#lines + 1] = line end
  return lines
end

-- The columns of a text of ASCII, Latin letters, one accent apart, and Han.
local function columns(text)
  local _, characters = text:gsub("[%z\1-\127\194-\244]", "")
  local _, accents = text:gsub("\204\129", "")
  local _, han = text:gsub("漢", "")
  return characters - accents + han
end

local function list(options, before)
  local text, status = run("list_trunks.lua " .. options, before)
  return lines_of(text), status, text
end

local odd_names = {
  { ("漢"):rep(64) },
  { "Zürich – Büro" },
  { "tab\there", "tab here" },
  { "two\r\nlines", "two  lines" },
  { "\27[31mred\27[0m", " [31mred [0m" },
  { "\194\155" .. "31m", " 31m" },
  { "back\226\128\174wards", "back wards" },
  { "a\204\129" },
}

-- A page as the API gives it, of records that name nothing but a SID.
local function page_body(count, next_url)
  local trunks = {}
  for i = 1, count do trunks[i] = { sid = ("TK%032x"):format(i) } end
  return helper.json { trunks = trunks, meta = { key = "trunks", page = 0,
    page_size = 1000, next_page_url = next_url } }
end

describe("list_trunks.lua", function()
  it("prints a head and a count for no trunks", function()
    local lines, status = list("--table", "COLUMNS=80")
    assert.equal(0, status)
    assert.same({ 2, "0 trunks" }, { #lines, lines[2] })
    assert.truthy(lines[1]:find "^SID +NAME +DOMAIN +SECURE +RECORDED +CREATED")
    lines, status = list "--tsv"
    assert.same({ 0, 0 }, { #lines, status })
  end)

  it("prints tabs where there is no terminal, newest first", function()
    local trunks, c = {}, client()
    for i, name in ipairs { "one", "two", "three" } do
      trunks[i] = c.create { friendly_name = name, secure = i == 2,
        domain_name = i < 3 and name .. ".pstn.twilio.com" or nil }
    end
    c.recording.update(trunks[1].sid, { mode = "record-from-ringing" })
    local function line(i, ...)
      return table.concat({ trunks[i].sid, ... }, "\t") .. "\t"
        .. trunks[i].date_created
    end
    local lines, status = list ""
    assert.equal(0, status)
    assert.same({
      line(3, "three", "", "false", "do-not-record"),
      line(2, "two", "two.pstn.twilio.com", "true", "do-not-record"),
      line(1, "one", "one.pstn.twilio.com", "false", "record-from-ringing"),
    }, lines)
  end)

  it("cuts a table to the terminal", function()
    local c = client()
    local first = c.create { friendly_name = ("long "):rep(12), secure = true,
      domain_name = "head-office.pstn.twilio.com" }
    c.recording.update(first.sid, { mode = "record-from-answer-dual" })
    local today = first.date_created:sub(1, 10)
    local lines = list("--table", "COLUMNS=80")
    assert.equal(first.sid .. " long lon… head-of… yes    answer-… " .. today,
      lines[2])
    assert.equal("1 trunk", lines[3])
    lines = list("--table", "COLUMNS=200")
    assert.truthy(lines[2]:find(("long "):rep(12) .. " +head%-office%.pstn%."
      .. "twilio%.com +yes +answer%-dual +" .. today:gsub("%-", "%%-") .. "$"))
    for _, wide in ipairs { 1, 20, 34, 79, 80, 99, 100, 133 } do
      lines = list("--table", "COLUMNS=" .. wide)
      assert.is_true(columns(lines[1]) <= wide)
      assert.is_true(columns(lines[2]) <= wide)
    end
  end)

  it("lets no name break a line, a column or the terminal", function()
    local c = client { validate = false }
    for _, name in ipairs(odd_names) do
      assert(c.create { friendly_name = name[1] })
    end
    local lines = list "--tsv"
    for i, name in ipairs(odd_names) do
      local cell = lines[#odd_names + 1 - i]:match "^TK%x+\t([^\t]*)\t"
      assert.equal(name[2] or name[1], cell)
    end
    for wide = 64, 140, 19 do
      local text = select(3, list("--table", "COLUMNS=" .. wide))
      assert.is_nil(text:gsub("\n", ""):find "%c")
      assert.is_nil(text:find "\194[\128-\159]")
      lines = lines_of(text)
      assert.equal(#odd_names + 2, #lines)
      for _, line in ipairs(lines) do
        assert.is_true(columns(line) <= wide, line)
        assert.is_nil(line:gsub("[\194-\223][\128-\191]", "")
          :gsub("[\224-\239][\128-\191][\128-\191]", ""):find "[\128-\255]")
      end
    end
  end)

  it("prints what is not UTF-8 as a sign", function()
    local name = "a\255b\192\128c\224\130\155d\237\160\128e\226\130"
    control.arm { status = 200, body = page_body(1):gsub('"sid"',
      '"friendly_name":"' .. name .. '","sid"') }
    local _, status, text = list "--tsv"
    assert.equal(0, status)
    local sign = "\239\191\189"
    assert.equal("a" .. sign .. "b" .. sign:rep(2) .. "c" .. sign:rep(3) .. "d"
      .. sign:rep(3) .. "e" .. sign:rep(2), text:match "\t([^\t]*)\t")
  end)

  it("stops at its limit", function()
    local c = client()
    for _ = 1, 3 do c.create {} end
    local lines, status = list "--limit 2 --tsv"
    assert.same({ 2, 0 }, { #lines, status })
    lines = list("--table --limit 2", "COLUMNS=80")
    assert.equal("2 trunks", lines[4])
    assert.equal(0, #list "--limit 0 --tsv")
    assert.equal(3, #list "--limit 4 --tsv")
    local requests = helper.requests()
    assert.equal("PageSize=2", requests[4].query)
  end)

  it("explains itself to who calls it wrongly", function()
    for _, call in ipairs { "--limit", "--limit x", "--limit -1", "x" } do
      local lines, status = list(call)
      assert.equal(2, status)
      assert.same({ "list_trunks: usage: list_trunks.lua [--table | --tsv] "
        .. "[--limit N]" }, lines)
    end
    local _, status, text = list("", "unset TWILIO_ACCOUNT_SID "
      .. "TWILIO_AUTH_TOKEN; ")
    assert.equal(2, status)
    has(text, "no credentials: set TWILIO_ACCOUNT_SID")
    assert.equal(0, control.ledger(0).count)
  end)

  it("prints what came before a failure, and says so", function()
    local next_url = helper.origin "TLS" .. "/v1/Trunks?PageSize=1000&Page=1"
    for _, form in ipairs { "--tsv", "--table" } do
      control.reset()
      control.arm { { status = 200, body = page_body(2, next_url) },
        { status = 403 } }
      local lines, status = list(form)
      assert.equal(1, status)
      has(lines[#lines], "list_trunks: trunking.list: ")
      has(lines[#lines], "2 records came before it")
      assert.equal(form == "--tsv" and 3 or 5, #lines)
      if form == "--table" then
        assert.equal("2 trunks, but these are not all", lines[4])
      end
    end
  end)

  -- One more than a page; where all is slow, what shows the same paths.
  local many = os.getenv "TRUNKING_SLOW" and 40 or 1001

  it("streams more than a page, and ends quietly behind head", function()
    local c = client()
    for _ = 1, many do c.create {} end
    local lines, status, text = list "--tsv"
    assert.same({ many, 0 }, { #lines, status })
    local seen, count = {}, 0
    for sid in text:gmatch "TK%x+" do
      if not seen[sid] then seen[sid], count = true, count + 1 end
    end
    assert.equal(many, count)
    assert.equal(many + 2, #list "--table")
    local errors = os.tmpname()
    for _, before in ipairs { "", "trap '' PIPE; " } do
      local pipe = assert(io.popen(("%s%s examples/list_trunks.lua 2>%s | "
        .. "head -3"):format(before, helper.interpreter(), errors)))
      assert.equal(3, #lines_of(pipe:read "*a"))
      pipe:close()
      local file = assert(io.open(errors))
      assert.equal("", file:read "*a")
      file:close()
    end
    os.remove(errors)
  end)
end)

-- ---- event loops ----------------------------------------------------

for _, name in ipairs { "cqueues", "luv", "copas" } do
  describe(name .. ".lua", function()
    -- Not in this process: luv does not survive a second require.
    if helper.run(("require '%s'"):format(name)) ~= "" then
      it("runs", function() pending("no " .. name .. " for this Lua") end)
      return
    end

    it("creates five trunks while the loop goes on", function()
      local text, status = run(name .. ".lua")
      assert.equal(0, status, text)
      local _, count = text:gsub("created TK%x+\n", "")
      assert.equal(5, count, text)
      has(text, "the loop turned on meanwhile")
      assert.equal(5, control.ledger(0).created)
    end)

    it("fails when a create does", function()
      control.arm { method = "POST", status = 400 }
      local text, status = run(name .. ".lua")
      assert.equal(1, status, text)
      assert.equal(4, control.ledger(0).created)
    end)
  end)
end
