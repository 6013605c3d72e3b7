-- The head of a reply, line by line: what is kept of it. Most of these lines
-- libcurl refuses itself; this room does not rely on that.

local probe = require "probe"
local unpack = table.unpack or unpack

local OK, END = "HTTP/1.1 201 Created\r\n", "\r\n"

local function kept(...)
  local head = assert(probe.head(...))
  for name, value in pairs(head) do
    if value == "" or value == 0 then head[name] = nil end
  end
  return head
end

-- title, lines, what is kept
local cases = {
  { "a status", { OK, END }, { status = 201 } },
  { "a status without a reason", { "HTTP/1.1 429\r\n" }, { status = 429 } },
  { "no status where the line has no space", { "HTTP/1.1\r\n" }, {} },
  { "no status where it is no number", { "HTTP/1.1 abc\r\n" }, {} },
  { "no more of a number than says that it is none",
    { "HTTP/1.1 123456789\r\n" }, { status = 1234 } },
  { "a status whose line is cut", { "HTTP/1.1 201" }, { status = 201 } },
  { "no status of an interim reply", { "HTTP/1.1 103 Hints\r\n" }, {} },
  { "no status below 100", { "HTTP/1.1 099 x\r\n" }, {} },
  { "nothing before the status line", { "Date: x\r\n" }, {} },
  { "nothing of a line that is too short", { "HTTP/" }, {} },
  { "nothing of an empty line", { "" }, {} },
  { "the status behind an interim reply",
    { "HTTP/1.1 100 Continue\r\n", "Date: a\r\n", END, OK, "Date: b\r\n" },
    { status = 201, date = "b" } },
  { "no field of a trailer", { OK, END, "Twilio-Request-Id: RQ\r\n" },
    { status = 201 } },
  { "no field that looks like a status line",
    { OK, "HTTP/1.1 500 x\r\n" }, { status = 201 } },
  { "a line that ends with a bare LF", { OK, "Date: d\n", "\n", "Date: e\n" },
    { status = 201, date = "d" } },
  { "a field in any case", { OK, "TWILIO-request-id:\tRQ1 \r\n" },
    { status = 201, request_id = "RQ1" } },
  { "Retry-After", { OK, "Retry-After: 7\r\n" },
    { status = 201, retry_after = "7" } },
  { "no field that is too long", { OK, "Date: " .. ("x"):rep(48) .. "\r\n" },
    { status = 201 } },
  { "no field with a control character", { OK, "Date: a\27[2J\r\n" },
    { status = 201 } },
  { "no field by the beginning of its name", { OK, "Dat\r\n", "Retry\r\n" },
    { status = 201 } },
  { "an empty line among the fields as nothing", { OK, "", "Date: d\r\n" },
    { status = 201, date = "d" } },
  { "the host of a redirect alone",
    { OK, "Location: https://u:p@evil.example:8443/x?y\r\n" },
    { status = 201, redirect = "evil.example" } },
  { "no redirect within the host", { OK, "location: /v1/Trunks\r\n" },
    { status = 201 } },
  { "no redirect to what is no host", { OK, "Location: https://a b/\r\n" },
    { status = 201 } },
  { "a host that ends with the line", { OK, "Location: //h.example" },
    { status = 201, redirect = "h.example" } },
  { "no redirect of a slash alone", { OK, "Location: /" }, { status = 201 } },
}

describe("the head of a reply keeps", function()
  for _, case in ipairs(cases) do
    it(case[1], function()
      assert.same(case[3], kept(unpack(case[2])))
    end)
  end

  it("64 KiB, and says which line was too much", function()
    local line = "X: " .. ("x"):rep(1021) .. "\r\n"
    local lines = { OK }
    for i = 2, 64 do lines[i] = line end
    assert.same({ status = 201 }, kept(unpack(lines)))
    lines[65] = line
    assert.same({ nil, 65 }, { probe.head(unpack(lines)) })
  end)
end)

describe("a text", function()
  for _, pair in ipairs { { "", "" }, { "a", "A" }, { "aZ-9", "Az-9" } } do
    it(("%q is the same as %q"):format(pair[1], pair[2]), function()
      assert.is_true(probe.same(pair[1], pair[2]))
    end)
  end
  for _, pair in ipairs { { "", "a" }, { "a", "" }, { "ab", "a" },
    { "a", "ab" }, { "a", "b" }, { "@", "`" }, { "[", "{" } } do
    it(("%q is not the same as %q"):format(pair[1], pair[2]), function()
      assert.is_false(probe.same(pair[1], pair[2]))
    end)
  end
end)
