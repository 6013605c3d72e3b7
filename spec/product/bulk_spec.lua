-- examples/bulk.lua, run as a user does: what is in its results, and what an
-- interrupted run and the next one ask of the API between them.

local control = require "sandbox.control"
local helper = require "helper"

local read, write = helper.read, helper.write

local MANY = os.getenv "TRUNKING_SLOW" and 30 or 200

local csv, results

local function command(options)
  return ("%s examples/bulk.lua %s %s"):format(helper.interpreter(), csv,
    options or "")
end

-- Runs it: what it said, and its exit status.
local function bulk(options, before)
  local pipe = assert(io.popen(("%s%s 2>&1; echo \"status $?\""):format(
    before or "", command(options))))
  local said = pipe:read "*a"
  pipe:close()
  local text, status = said:match "^(.*)status (%d+)\n$"
  return text, tonumber(status)
end

-- Runs it and ends it by a signal once the sandbox has received so much.
local function bulk_until(signal, count)
  os.execute(([[
    %s >/dev/null 2>&1 & pid=$!
    %s -e '
      local control, socket = require "sandbox.control", require "socket"
      repeat socket.sleep(0.01) until control.ledger(0).count >= %d'
    kill -%s $pid
    wait $pid 2>/dev/null]]):format(command(), helper.interpreter(), count,
    signal))
end

-- The lines of the results: { row, domain, state, detail }.
local function lines()
  local list = {}
  for line in read(results):gsub("^#[^\n]*\n", ""):gmatch "[^\n]+" do
    local row, domain, state, detail =
      line:match "^(%S+)\t([^\t]*)\t([^\t]*)\t([^\t]*)$"
    assert.truthy(row, line)
    list[#list + 1] = { row, domain, state, detail }
  end
  return list
end

-- The same with these words and no more.
local function output(words)
  return helper.example("bulk.lua " .. words)
end

local has = helper.has

local function domain(i) return ("bulk-%d.pstn.twilio.com"):format(i) end

local function many(count)
  local rows = { "friendly_name,domain_name" }
  for i = 1, count do rows[i + 1] = ("Office %d,%s"):format(i, domain(i)) end
  write(csv, table.concat(rows, "\n") .. "\n")
end

-- There is one trunk for each row, no POST was refused as a double, and the
-- results tell the SID of each.
local function all_made_once(count)
  local sids, ledger = {}, control.ledger()
  assert.equal(count, ledger.created)
  for _, request in ipairs(ledger.requests) do
    if request.method == "POST" then
      assert.not_equal(400, request.status)
      if request.sid then
        assert.is_nil(sids[request.form.DomainName])
        sids[request.form.DomainName] = request.sid
      end
    end
  end
  local list = lines()
  assert.equal(count, #list)
  for i, line in ipairs(list) do
    assert.same({ tostring(i), domain(i), "created", sids[domain(i)] }, line)
  end
end

-- Each test has a CSV file and its results.
local function with_files()
  before_each(function()
    csv = os.tmpname()
    results = csv .. ".results"
  end)

  after_each(function()
    os.remove(csv)
    os.remove(results)
    helper.tidy()
  end)
end

describe("bulk.lua", function()
  with_files()

  it("creates every row and says so", function()
    many(MANY)
    local text, status = bulk()
    assert.equal(0, status, text)
    has(text, ("%d rows: %d created; see "):format(MANY, MANY))
    all_made_once(MANY)
    local left = io.popen(("ls %s.*.part 2>/dev/null"):format(results))
    assert.equal("", left:read "*a")
    left:close()
  end)

  it("has nothing left to do in a second run", function()
    many(5)
    bulk()
    local before = read(results)
    local text, status = bulk()
    assert.equal(0, status, text)
    assert.equal(5, control.ledger(0).count)
    assert.equal(before, read(results))
  end)

  it("reads quoted cells, line ends in them, CRLF and a byte order mark",
    function()
      write(csv, "\239\187\191friendly_name,DomainName,secure,transfer_mode"
        .. "\r\n\"Head, \"\"big\"\" office\",a.pstn.twilio.com,TRUE,\r\n\r\n"
        .. "\"two\nlines\",\"b.pstn.twilio.com\",false,\"sip-only\"\r\n"
        .. ",c.pstn.twilio.com,,disable-all")
      local text, status = bulk "--concurrency 1"
      assert.equal(0, status, text)
      local requests = helper.requests()
      assert.same({ FriendlyName = 'Head, "big" office', Secure = "true",
        DomainName = "a.pstn.twilio.com" }, requests[1].form)
      assert.same({ FriendlyName = "two\nlines", Secure = "false",
        DomainName = "b.pstn.twilio.com", TransferMode = "sip-only" },
        requests[2].form)
      assert.same({ DomainName = "c.pstn.twilio.com",
        TransferMode = "disable-all" }, requests[3].form)
    end)

  it("says of each bad row what is wrong, and creates the others", function()
    write(csv, table.concat({ "friendly_name,domain_name",
      "fine,ok.pstn.twilio.com", "too,many,cells", "few", "none,",
      "again,OK.pstn.twilio.com", '"x"y,z.pstn.twilio.com',
      "wrong,nowhere.example.com", ("n"):rep(65) .. ",n.pstn.twilio.com",
      '"never closed,q.pstn.twilio.com' }, "\n"))
    local text, status = bulk()
    assert.equal(1, status)
    has(text, "9 rows: 1 created, 2 refused, 6 bad")
    local states = {}
    for i, line in ipairs(lines()) do
      states[i] = line[3] .. ": " .. line[4]
    end
    for i, part in ipairs { "created: TK", "bad: 3 cells instead of 2",
      "bad: 1 cells instead of 2", "bad: no domain name",
      "bad: the same domain as row 1",
      "bad: there is text behind a closing quote", "refused: trunking.create",
      "refused: trunking.create", "bad: a quote is not closed" } do
      has(states[i], part)
    end
    assert.equal(1, control.ledger(0).count)
  end)

  it("tries what was refused again, once it is mended", function()
    write(csv, "domain_name,secure\na.pstn.twilio.com,maybe\n")
    assert.equal(1, select(2, bulk()))
    has(lines()[1][4], "secure")
    write(csv, "domain_name,secure\na.pstn.twilio.com,true\n")
    assert.equal(0, select(2, bulk()))
    assert.equal("created", lines()[1][3])
  end)

  it("keeps what it knows of rows that are no longer there", function()
    many(2)
    bulk()
    local sid = lines()[1][4]
    write(csv, "domain_name\nother.pstn.twilio.com\n")
    bulk()
    local list, found = lines(), false
    assert.equal(3, #list)
    for _, line in ipairs(list) do
      found = found or line[2] == domain(1) and line[4] == sid
    end
    assert.is_true(found)
  end)

  it("looks for what nobody can tell of, and never repeats it", function()
    many(3)
    control.arm { { apply = true, close = true }, { close = true },
      { apply = true, status = 500 } }
    local text, status = bulk "--concurrency 1"
    assert.equal(1, status)
    has(text, "2 created, 1 unknown")
    has(lines()[2][4], "may or may not have been applied")
    has(lines()[2][4], "run this again")
    local requests = helper.requests()
    assert.same({ 4, "GET" }, { #requests, requests[4].method })
    assert.equal(0, select(2, bulk()))
    requests = helper.requests()
    assert.same({ 6, "GET", "POST" }, { #requests, requests[5].method,
      requests[6].method })
    all_made_once(3)
  end)

  it("does not repeat anything when it cannot look", function()
    many(1)
    control.arm { { close = true }, { status = 403 }, { status = 403 } }
    assert.equal(1, select(2, bulk()))
    local text, status = bulk()
    assert.equal(1, status)
    has(text, "trunking.list: ")
    has(text, "run this again to go on")
    assert.equal("unknown", lines()[1][3])
    assert.equal(3, control.ledger(0).count)
  end)

  it("stops when all would be refused for one reason", function()
    many(60)
    control.arm { status = 401, times = 60 }
    local text, status = bulk "--concurrency 2"
    assert.equal(1, status)
    has(text, "the rest was not tried")
    assert.is_true(control.ledger(0).count < 60)
    control.reset()
    assert.equal(0, select(2, bulk()))
    all_made_once(60)
  end)

  for _, signal in ipairs { "KILL", "INT" } do
    -- Of those under way some were applied, and their replies never came.
    it("goes on where a SIG" .. signal .. " ended it", function()
      many(MANY)
      control.arm { { skip = 10, times = 4, apply = true, hold = true },
        { skip = 0, times = 4, status = 503, hold = true } }
      bulk_until(signal, 18)
      local before = read(results)
      local state = signal == "KILL" and "begun" or "unknown"
      assert.truthy(before:find("\t" .. state .. "\t", 1, true), before)
      assert.equal(0, select(2, bulk()))
      local gets = 0
      for _, request in ipairs(helper.requests()) do
        if request.method == "GET" then gets = gets + 1 end
      end
      assert.is_true(gets >= 1)
      all_made_once(MANY)
    end)
  end

  it("believes no line that broke off", function()
    many(2)
    write(results, ("1\t%s\tbegun\t\n1\t%s\tcreated\tTK0"):format(domain(1),
      domain(1)))
    assert.equal(0, select(2, bulk()))
    all_made_once(2)
  end)

  -- It said "created" of trunks that were another account's.
  it("takes no other account's results for its own", function()
    many(2)
    assert.equal(0, (select(2, bulk())))
    local said, status = bulk(nil, "TWILIO_ACCOUNT_SID="
      .. helper.sid("AC", "1") .. " ")
    assert.equal(2, status)
    assert.truthy(said:find("is of another account", 1, true), said)
    assert.equal(2, control.ledger(0).count)
    assert.equal(0, (select(2, bulk())))
  end)

  it("sends nothing that it cannot write down", function()
    many(2)
    local text, status = bulk("--results /no/such/directory/file")
    assert.equal(2, status)
    has(text, "bulk: cannot write")
    assert.equal(0, control.ledger(0).count)
  end)

  it("explains itself to who calls it wrongly", function()
    for _, options in ipairs { "--concurrency", "--concurrency 0", "more",
      "--what", "-h", "--results" } do
      many(1)
      local text, status = bulk(options)
      assert.equal(2, status)
      has(text, "usage: bulk.lua FILE.csv")
    end
    write(csv, "friendly_name\nx\n")
    local text, status = bulk()
    assert.equal(2, status)
    has(text, "names no domain_name")
    os.remove(csv)
    text, status = bulk()
    assert.equal(2, status)
    has(text, csv)
    many(1)
    text, status = bulk("", "unset TWILIO_ACCOUNT_SID "
      .. "TWILIO_AUTH_TOKEN; ")
    assert.equal(2, status)
    has(text, "no credentials")
    assert.equal(0, control.ledger(0).count)
  end)
end)

-- ---- whatever the CSV and the results hold --------------------------

local function rows(...)
  write(csv, table.concat({ "domain_name,friendly_name", ... }, "\n") .. "\n")
end

-- What the results say of a domain, but of bad rows.
local function told(name)
  local found
  for _, line in ipairs(lines()) do
    if line[2] == name and line[3] ~= "bad" then
      assert.is_nil(found)
      found = line
    end
  end
  return found
end

-- The SID of the one trunk there is.
local function only_sid()
  local sid
  for _, request in ipairs(helper.requests()) do
    if request.method == "POST" and request.status == 201 then
      assert.is_nil(sid)
      sid = request.sid
    end
  end
  return assert(sid)
end

local function posts()
  local count = 0
  for _, request in ipairs(helper.requests()) do
    if request.method == "POST" then count = count + 1 end
  end
  return count
end

describe("bulk.lua", function()
  local A, B = domain(1), domain(2)

  with_files()

  for title, second in pairs { ["again"] = A .. ",two",
    ["again, in capitals"] = A:upper() .. ",two",
    ["again, in a row that is cut short"] = A,
    ["again, in a row of three cells"] = A .. ",two,3" } do
    it("keeps the SID of a domain that comes " .. title, function()
      rows(A .. ",one", second)
      for _ = 1, 3 do
        assert.equal(1, (select(2, bulk())))
        assert.equal("created", lines()[1][3])
        assert.equal("bad", lines()[2][3])
        assert.equal(only_sid(), told(A)[4])
      end
      assert.equal(1, posts())
    end)
  end

  it("keeps the SID of a row that has turned bad", function()
    rows(A .. ",one")
    bulk()
    for _, bad in ipairs { A .. ",one,more", A, '"' .. A .. '"x,one' } do
      rows(bad)
      assert.equal(1, (select(2, bulk())))
      assert.equal("bad", lines()[1][3])
      assert.same({ "-", A, "created", only_sid() }, told(A))
    end
    rows(A .. ",one")
    assert.equal(0, (select(2, bulk())))
    assert.same({ "1", A, "created", only_sid() }, lines()[1])
    assert.equal(1, posts())
  end)

  it("keeps the SID of a row whose domain was changed, and back", function()
    rows(A .. ",one")
    bulk()
    local sid = only_sid()
    rows(B .. ",one")
    assert.equal(0, (select(2, bulk())))
    assert.same({ "-", A, "created", sid }, told(A))
    rows(A:upper() .. ",one")
    assert.equal(0, (select(2, bulk())))
    assert.same({ "1", A, "created", sid }, lines()[1])
    assert.equal(2, posts())
  end)

  it("gives up no trunk of an unknown row that is wrong now", function()
    rows(A .. ",one")
    -- Lost, and in no list yet; then it is there.
    control.arm { { close = true, apply = true },
      { method = "GET", status = 500, times = 9 } }
    assert.equal(1, (select(2, bulk())))
    control.disarm()
    control.arm { method = "GET", status = 200, times = 2, body =
      '{"trunks":[],"meta":{"key":"trunks"}}' }
    rows(A .. "," .. ("n"):rep(65))
    assert.equal(1, (select(2, bulk())))
    assert.equal("unknown", told(A)[3])
    assert.truthy(told(A)[4]:find("earlier request may have been done", 1,
      true))
    control.disarm()
    assert.equal(0, (select(2, bulk())))
    assert.equal("created", told(A)[3])
    assert.equal(1, control.ledger(0).trunks)
  end)

  it("looks for an unknown domain that is in no row now", function()
    for _, instead in ipairs { B .. ",two", A, A .. ",one,more" } do
      control.reset()
      os.remove(results)
      rows(A .. ",one")
      control.arm { { close = true, apply = true },
        { method = "GET", status = 403 } }
      assert.equal(1, (select(2, bulk())))
      assert.equal("unknown", told(A)[3])
      rows(instead)
      bulk()
      local line = told(A)
      assert.same({ "-", A, "created" }, { line[1], line[2], line[3] })
      assert.matches("^TK%x+$", line[4])
    end
  end)

  it("finds the trunk of a domain that is taken in its own account",
    function()
      rows(A .. ",one", B .. ",two")
      bulk()
      local before = { told(A)[4], told(B)[4] }
      os.remove(results) -- as a crash of the machine may
      local text, status = bulk()
      assert.equal(0, status)
      has(text, "2 rows: 0 created, 2 found")
      assert.same(before, { told(A)[4], told(B)[4] })
      assert.equal("found", told(A)[3])
      assert.equal(0, (select(2, bulk())))
      assert.equal(4, posts())
    end)

  it("says refused of a domain that another account has", function()
    rows(A .. ",one")
    control.arm { method = "POST", status = 400, body = helper.json {
      status = 400, code = 21248, message = "Trunk Domain already taken" } }
    assert.equal(1, (select(2, bulk())))
    assert.equal("refused", told(A)[3])
    assert.same({ "POST", "GET" }, { helper.requests()[1].method,
      helper.requests()[2].method })
  end)

  it("never takes a word of less weight for the last", function()
    rows(A .. ",one")
    bulk()
    local sid, head = only_sid(), read(results):match "^[^\n]*\n"
    for _, after in ipairs { "refused\twhy", "begun\t", "unknown\twhy",
      "not sent\twhy", "bad\twhy", "created\tTK0", "found\t" } do
      write(results, ("%s1\t%s\tcreated\t%s\n2\t%s\t%s\n"):format(head, A,
        sid, A, after))
      assert.equal(0, (select(2, bulk())))
      assert.same({ "1", A, "created", sid }, told(A))
    end
    assert.equal(1, posts())
  end)

  it("reads results that were cut at any byte", function()
    rows(A .. ",one", B .. ",two")
    bulk()
    local whole = read(results)
    local sids = { told(A)[4], told(B)[4] }
    for at = 0, #whole, os.getenv "TRUNKING_SLOW" and 23 or 7 do
      write(results, whole:sub(1, at))
      local text, status = bulk()
      assert.equal(0, status, text)
      assert.same(sids, { told(A)[4], told(B)[4] })
      assert.equal(whole:match "^[^\n]*", read(results):match "^[^\n]*")
    end
    assert.equal(2, control.ledger(0).trunks)
  end)

  it("reads results that an editor has saved with a mark and CRLF", function()
    rows(A .. ",one")
    bulk()
    local before = read(results)
    write(results, "\239\187\191" .. before:gsub("\n", "\r\n"))
    assert.equal(0, (select(2, bulk())))
    assert.equal(before, read(results))
    assert.equal(1, posts())
  end)

  it("overwrites nothing that is no results", function()
    rows(A .. ",one")
    local text, status = bulk("--results " .. csv)
    assert.equal(2, status)
    has(text, "holds no results; give --results another file")
    assert.equal("domain_name,friendly_name\n" .. A .. ",one\n", read(csv))
    assert.equal(0, control.ledger(0).count)
  end)

  it("loses nothing where two run at once on one results file", function()
    many(MANY)
    local own = csv
    local other = os.tmpname()
    write(other, read(csv) .. "More,other.pstn.twilio.com\n")
    control.arm { times = 2 * MANY, chance = 0.2, apply = true, delay = 0.02 }
    os.execute(("%s examples/bulk.lua %s --results %s >/dev/null 2>&1 & "
      .. "%s >/dev/null 2>&1; wait"):format(helper.interpreter(), other,
      results, command()))
    csv = other
    local text, status = bulk("--results " .. results)
    csv = own
    os.remove(other)
    assert.equal(0, status, text)
    local list, sids = lines(), {}
    for _, request in ipairs(helper.requests()) do
      if request.status == 201 then
        sids[request.form.DomainName] = request.sid
      end
    end
    assert.equal(MANY + 1, #list)
    assert.equal(MANY + 1, control.ledger(0).trunks)
    for _, line in ipairs(list) do assert.equal(sids[line[2]], line[4]) end
  end)

  it("takes a name that says true for a name", function()
    write(csv, "friendly_name , domain_name,Secure\nTRUE," .. A
      .. ",False\nfalse," .. B .. ",\n")
    assert.equal(0, (select(2, bulk "--concurrency 1")))
    assert.same({ FriendlyName = "TRUE", DomainName = A, Secure = "false" },
      helper.requests()[1].form)
    assert.same({ FriendlyName = "false", DomainName = B },
      helper.requests()[2].form)
  end)

  for title, case in pairs {
    ["one name twice"] = { "domain_name,secure,secure\n",
      "the first line names secure twice" },
    ["semicolons"] = { "domain_name;secure\n", "put commas between" },
    ["nothing"] = { "", "names no domain_name" },
    ["a quote that is never closed"] = { 'domain_name,"x\n',
      "in the first line a quote is not closed" },
  } do
    it("says what is wrong with a first line of " .. title, function()
      write(csv, case[1])
      local text, status = bulk()
      has(text, case[2])
      assert.equal(2, status)
      assert.equal(0, control.ledger(0).count)
    end)
  end

  it("reads a CSV with nothing but CR at its line ends", function()
    write(csv, "domain_name,friendly_name\r" .. A .. ",one\r\r" .. B
      .. ",two\r")
    assert.equal(0, (select(2, bulk())))
    assert.equal(2, control.ledger(0).trunks)
  end)

  it("answers --help", function()
    local text, status = output "--help"
    assert.equal(0, status)
    has(text, "usage: bulk.lua FILE.csv")
    assert.equal(0, control.ledger(0).count)
  end)
end)
