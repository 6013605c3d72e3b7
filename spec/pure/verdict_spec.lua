-- What an attempt proves, and whether and when it is repeated: every row of
-- the tables, under every cause, for every method. No server, no clock.

local probe = require "probe"

local METHODS = { "POST", "GET", "DELETE" }
local EXPECT = { POST = 201, GET = 200, DELETE = 204 }
local CAUSES = { "none", "dns", "connect", "tls", "timeout", "network",
  "garbage", "too_large", "memory", "config", "cancelled" }

-- A copy of evidence for a method; status "expected" is the method's own.
local function seen(method, evidence)
  local e = { method = method }
  for name, value in pairs(evidence) do e[name] = value end
  if e.status == "expected" then e.status = EXPECT[method] end
  return e
end

-- The outcomes under all causes as one word each, joined: one word alone when
-- the cause decides nothing.
local function outcomes(method, evidence)
  local words, list = {}, {}
  for _, cause in ipairs(CAUSES) do
    for _, transient in ipairs { false, true } do
      local e = seen(method, evidence)
      e.cause, e.transient = cause, transient
      local word = probe.verdict(e)
      if not words[word] then words[word], list[#list + 1] = true, word end
    end
  end
  return table.concat(list, " or ")
end

local function check(row)
  local title, evidence = row[1], row[2]
  it(("for %s says %s, %s, %s to POST, GET, DELETE whatever the cause")
    :format(title, row[3], row[4] or row[3], row[5] or row[3]), function()
    for n, method in ipairs(METHODS) do
      local expected = row[2 + n] or row[3]
      assert.equal(expected, outcomes(method, evidence), method)
    end
  end)
end

describe("the verdict", function()
  for _, row in ipairs {
    { "a request never begun", { begun = 0 }, "not_sent" },
    { "a proxy's 502 before it", { begun = 0, status = 502 }, "not_sent" },
    { "a 201 without a request", { begun = 0, status = 201 }, "not_sent" },
    { "a 429 without a request", { begun = 0, status = 429 }, "not_sent" },
    { "no reply", {}, "unknown" },
    -- a read that broke off after its status is not done
    { "the expected status", { status = "expected" },
      "done", "done or unknown", "done" },
    { "a good body", { status = "expected", body = "good" }, "done" },
    { "a bad body", { status = "expected", body = "bad" },
      "applied", "unknown", "applied" },
    { "another account's body", { status = "expected", body = "elsewhere" },
      "applied", "unknown", "applied" },
    { "another's body", { status = "expected", body = "foreign" }, "unknown" },
    { "another's refusal", { status = 400, body = "foreign" }, "unknown" },
    { "a refusal with a cut body", { status = 400, body = "bad" }, "refused" },
    { "a request sent twice", { begun = 2, status = "expected" },
      "unknown", "done or unknown", "done" },
    { "one sent twice and refused", { begun = 2, status = 400 },
      "unknown", "refused", "refused" },
    { "one sent twice, held back", { begun = 2, status = 429 },
      "unknown", "refused", "refused" },
    { "one sent twice, no reply", { begun = 2 }, "unknown" },
  } do check(row) end

  -- Twilio has answered the same request with 201 and with 202.
  for _, case in ipairs {
    { "unread", "done" }, { "good", "done" }, { "bad", "applied", "unknown" },
    { "foreign", "unknown" },
  } do
    it("takes every 2xx alike: its body is " .. case[1], function()
      for _, method in ipairs(METHODS) do
        for status = 200, 299 do
          assert.equal(method == "GET" and case[3] or case[2], probe.verdict(
            seen(method, { status = status, body = case[1] })))
        end
      end
    end)
  end

  for _, range in ipairs {
    { "1xx", 100, 199, "unknown" },
    { "3xx", 300, 399, "unknown" }, { "4xx below 408", 400, 407, "refused" },
    { "408", 408, 408, "unknown" }, { "4xx above 408", 409, 499, "refused" },
    { "5xx", 500, 599, "unknown" }, { "600 to 999", 600, 999, "unknown" },
  } do
    it("calls every " .. range[1] .. " " .. range[4], function()
      for _, method in ipairs(METHODS) do
        for status = range[2], range[3] do
          if status ~= EXPECT[method] then
            assert.equal(range[4], outcomes(method, { status = status }),
              method .. " " .. status)
          end
        end
      end
    end)
  end

  describe("after an unknown attempt", function()
    for _, row in ipairs {
      { "no reply", {}, "unknown" },
      { "a request never begun", { begun = 0 },
        "unknown", "not_sent", "unknown" },
      { "404", { status = 404 }, "unknown", "refused", "done" },
      { "400", { status = 400 }, "unknown", "refused", "unknown" },
      { "401", { status = 401 }, "unknown", "refused", "unknown" },
      { "409", { status = 409 }, "unknown", "refused", "unknown" },
      { "410", { status = 410 }, "unknown", "refused", "unknown" },
      { "429", { status = 429 }, "unknown", "refused", "unknown" },
      { "503", { status = 503 }, "unknown" },
      { "the expected status", { status = "expected" },
        "done", "done or unknown", "done" },
      { "a bad body", { status = "expected", body = "bad" },
        "applied", "unknown", "applied" },
    } do
      row[2].was_unknown = true
      check(row)
    end
  end)

  it("calls a GET that broke off unknown, and no other method", function()
    for _, cause in ipairs(CAUSES) do
      local broken = cause == "network" or cause == "timeout"
      for _, method in ipairs(METHODS) do
        assert.equal(broken and method == "GET" and "unknown" or "done",
          probe.verdict(seen(method, { status = "expected", cause = cause })))
      end
    end
  end)

  it("does not take a first 404 for a DELETE that was done", function()
    assert.equal("refused", outcomes("DELETE", { status = 404 }))
  end)
end)

local LONG = 100 * 1000 * 1000 -- milliseconds: no deadline in sight

local function delay(outcome, evidence, past)
  return probe.retry_delay(outcome, evidence, past or {})
end

describe("a retry", function()
  local RATE = { status = 429 }
  local UNSENT = { begun = 0, transient = true }

  for _, row in ipairs {
    { "an unsent request whose cause may pass", "not_sent", UNSENT, "all" },
    { "an unsent one whose cause will not", "not_sent", { begun = 0 }, "" },
    { "429", "refused", RATE, "all" },
    { "400", "refused", { status = 400 }, "" },
    { "401", "refused", { status = 401 }, "" },
    { "404", "refused", { status = 404 }, "" },
    { "409", "refused", { status = 409 }, "" },
    { "no reply", "unknown", { transient = true }, "GET DELETE" },
    { "500", "unknown", { status = 500 }, "GET DELETE" },
    { "503", "unknown", { status = 503 }, "GET DELETE" },
    { "a body already judged", "unknown", { body = "bad" }, "" },
    { "a reply that came before", "unknown", { status = 400,
      body = "foreign" }, "GET DELETE" },
    { "an applied request", "applied", { status = 201, body = "bad" }, "" },
    { "a request that is done", "done", { status = 201 }, "" },
    { "429 to a second attempt", "unknown",
      { status = 429, was_unknown = true }, "all" },
    { "a second attempt that was not sent", "unknown",
      { begun = 0, transient = true, was_unknown = true }, "all" },
    { "400 to a second attempt", "unknown",
      { status = 400, was_unknown = true }, "" },
    { "a call cancelled unsent", "not_sent",
      { begun = 0, transient = true, cause = "cancelled" }, "" },
    { "a call cancelled at 429", "refused",
      { status = 429, cause = "cancelled" }, "" },
    { "a call cancelled after it", "unknown", { cause = "cancelled" }, "" },
  } do
    local title, outcome, evidence, may = row[1], row[2], row[3], row[4]
    it(("follows %s for: %s"):format(title, may == "" and "none" or may),
      function()
        for _, method in ipairs(METHODS) do
          local ms = delay(outcome, seen(method, evidence))
          local expected = may == "all" or may:find(method, 1, true) ~= nil
          assert.equal(expected, ms >= 0, method)
        end
      end)
  end

  for _, row in ipairs {
    -- attempts made, and below what the network's and 429's delays stay
    { 1, 100, 500 }, { 2, 200, 1000 }, { 3, 400, 2000 }, { 5, 1600, 8000 },
    { 6, 2000, 16000 }, { 7, 2000, 20000 }, { 99, 2000, 20000 },
  } do
    it(("after attempt %d waits from 0 to %d ms, or %d for 429"):format(
      row[1], row[2], row[3]), function()
      for n, case in ipairs { { "not_sent", UNSENT }, { "refused", RATE } } do
        local past = { attempts = row[1], max_attempts = 100, random = 0,
          left_ms = LONG, timeout_ms = LONG }
        assert.equal(0, delay(case[1], case[2], past))
        past.random = 0.999
        local top, most = row[1 + n], delay(case[1], case[2], past)
        assert.is_true(most < top and most >= top * 0.99, most)
      end
    end)
  end

  for _, row in ipairs {
    { "not_sent", UNSENT, 0, 3 }, { "refused", RATE, 0, 4 },
    { "unknown", { method = "GET" }, 0, 3 },
    { "not_sent", UNSENT, 1, 1 }, { "refused", RATE, 2, 2 },
    { "not_sent", UNSENT, 10, 10 }, { "refused", RATE, 10, 10 },
  } do
    it(("gives %s %d attempts in all when max_attempts is %d"):format(
      row[1], row[4], row[3]), function()
      for n = 1, row[4] + 1 do
        local past = { attempts = n, max_attempts = row[3] }
        assert.equal(n < row[4], delay(row[1], row[2], past) >= 0, n)
      end
    end)
  end

  it("is not made with a budget of 5 tokens or fewer", function()
    for budget, expected in pairs { [100] = true, [51] = true, [50] = false,
      [49] = false, [0] = false } do
      local past = { budget = budget }
      assert.equal(expected, delay("not_sent", UNSENT, past) >= 0, budget)
    end
  end)

  for _, row in ipairs {
    -- timeout_ms, left_ms, the longest delay
    { 30000, 1000, -1 }, { 30000, 1001, 1 }, { 30000, 1050, 50 },
    { 30000, 0, -1 }, { 30000, -5, -1 }, { 2000, 200, -1 },
    { 2000, 230, 30 }, { 2000, 2000, 99 }, { 86400000, 1010, 10 },
    { 1, 1, 1 },
  } do
    it(("with %d of %d ms left waits at most %d"):format(row[2], row[1],
      row[3]), function()
      local past = { timeout_ms = row[1], left_ms = row[2], random = 0.999 }
      assert.equal(row[3], delay("not_sent", UNSENT, past))
    end)
  end

  for _, row in ipairs {
    -- Retry-After, left_ms, random, delay
    { 2000, 30000, 0, 2000 }, { 2000, 30000, 0.5, 2250 },
    { 100, 30000, 0, 100 }, { 0, 30000, 0, 0 }, { -1, 30000, 0, 0 },
    { 9000, 10000, 0.999, 9000 }, { 9001, 10000, 0, -1 },
    { 86400000, 30000, 0, -1 },
  } do
    it(("asked for in %d ms comes after %d of %d"):format(row[1], row[4],
      row[2]), function()
      local past = { retry_after_ms = row[1], left_ms = row[2],
        random = row[3] }
      assert.equal(row[4], delay("refused", RATE, past))
    end)
  end

  it("heeds Retry-After of a 503 to a GET", function()
    local past = { retry_after_ms = 3000 }
    assert.equal(3000, delay("unknown", { method = "GET", status = 503 }, past))
  end)
end)

describe("the budget", function()
  for _, row in ipairs {
    { 100, "done", 100 }, { 50, "done", 51 }, { 99, "done", 100 },
    { 100, "not_sent", 90 }, { 100, "unknown", 90 }, { 95, "applied", 85 },
    { 10, "unknown", 0 }, { 5, "not_sent", 0 }, { 0, "unknown", 0 },
    { 0, "done", 1 },
  } do
    it(("of %d becomes, after %s, %d"):format(row[1], row[2], row[3]),
      function()
        assert.equal(row[3], probe.budget_after(row[1], row[2]))
      end)
  end
end)

local DATE = "Sun, 06 Nov 1994 08:49:37 GMT"

describe("Retry-After", function()
  for _, row in ipairs {
    { "5", nil, 5000 }, { "0", nil, 100 }, { "007", nil, 7000 },
    { "86400", nil, 86400000 }, { "86401", nil, 86400000 },
    { "99999999999999999999", nil, 86400000 }, { "18446744073709551616", nil,
      86400000 }, { "-5", nil, -1 }, { "+5", nil, -1 }, { "", nil, -1 },
    { "garbage", nil, -1 }, { "5s", nil, -1 }, { "1.5", nil, -1 },
    { " 5", nil, -1 }, { "5 ", nil, -1 }, { "0x10", nil, -1 },
    { "5", "garbage", 5000 }, { nil, DATE, -1 }, { DATE, nil, -1 },
    { DATE, "garbage", -1 }, { "garbage", DATE, -1 }, { DATE, DATE, 100 },
    { "Sun, 06 Nov 1994 08:49:40 GMT", DATE, 3000 },
    { "Sun, 06 Nov 1994 08:49:36 GMT", DATE, 100 },
    { "Sat, 06 Nov 1993 08:49:37 GMT", DATE, 100 },
    { "Mon, 07 Nov 1994 08:49:37 GMT", DATE, 86400000 },
    { "Sun, 06 Nov 2094 08:49:37 GMT", DATE, 86400000 },
    { "Wed, 01 Mar 2000 00:00:02 GMT", "Tue, 29 Feb 2000 23:59:59 GMT", 3000 },
    { "Wed, 01 Mar 2023 00:00:02 GMT", "Tue, 28 Feb 2023 23:59:59 GMT", 3000 },
  } do
    it(("%q with Date %q asks for %d ms"):format(tostring(row[1]),
      tostring(row[2]), row[3]), function()
      assert.equal(row[3], probe.retry_after(row[1], row[2]))
    end)
  end
end)

describe("an HTTP date", function()
  for _, row in ipairs {
    { DATE, 784111777 }, { "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
    { "Tue, 29 Feb 2000 00:00:00 GMT", 951782400 },
    { "Wed, 01 Mar 2000 00:00:00 GMT", 951868800 },
    { "Mon, 01 Mar 2100 00:00:00 GMT", 4107542400 },
    { "Thu, 29 Feb 2024 00:00:00 GMT", 1709164800 },
    { "Fri, 31 Dec 1999 23:59:59 GMT", 946684799 },
    { "Tue, 19 Jan 2038 03:14:08 GMT", 2147483648 },
    { nil, -1 }, { "", -1 }, { "garbage", -1 },
    { "Sunday, 06-Nov-94 08:49:37 GMT", -1 },
    { "Sun Nov  6 08:49:37 1994", -1 },
    { "Sun, 06 Nov 1994 08:49:37 UTC", -1 },
    { "Sun, 06 Nov 1994 08:49:37 GMT ", -1 },
    { "Sun, 06 nov 1994 08:49:37 GMT", -1 },
    { "Sun, 06 ovD 1994 08:49:37 GMT", -1 },
    { "Sun, 00 Nov 1994 08:49:37 GMT", -1 },
    { "Sun, 32 Nov 1994 08:49:37 GMT", -1 },
    { "Sun, 06 Nov 1994 24:00:00 GMT", -1 },
    { "Sun, 06 Nov 1994 08:60:37 GMT", -1 },
    { "Sun, 06 Nov 1994 08:49:61 GMT", -1 },
    { "Sun, -6 Nov 1994 08:49:37 GMT", -1 },
    { "Sun, 06 Nov  994 08:49:37 GMT", -1 },
  } do
    it(("%q is %.0f"):format(tostring(row[1]), row[2]), function()
      assert.equal(row[2], probe.http_date(row[1]))
    end)
  end

  it("is none with another character anywhere but in its weekday", function()
    for at = 4, #DATE do
      for _, char in ipairs { "/", ":", "x" } do
        if DATE:sub(at, at) ~= char then
          local date = DATE:sub(1, at - 1) .. char .. DATE:sub(at + 1)
          assert.equal(-1, probe.http_date(date), date)
        end
      end
    end
  end)

  it("knows the length of every month", function()
    for month, last in pairs { Jan = 31, Feb = 28, Mar = 31, Apr = 30,
      May = 31, Jun = 30, Jul = 31, Aug = 31, Sep = 30, Oct = 31, Nov = 30,
      Dec = 31 } do
      local date = "Day, %d " .. month .. " 2023 00:00:00 GMT"
      assert.is_true(probe.http_date(date:format(last)) > 0, month)
      assert.equal(-1, probe.http_date(date:format(last + 1)), month)
    end
  end)

  it("is none before 1970", function()
    assert.equal(-1, probe.http_date "Wed, 31 Dec 1969 23:59:59 GMT")
  end)
end)
