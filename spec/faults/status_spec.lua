-- The status is that of the status line, whatever else the reply's head and
-- its trailers hold: a wrong one would make the verdict a lie (law L2).
-- SPDX-License-Identifier: MIT

local control = require "sandbox.control"
local helper = require "helper"

local function reply(...)
  return table.concat({ ... }, "\r\n")
end

local function outcome_of(raw)
  control.arm { raw = raw, apply = true }
  local client = helper.client "plain HTTP"
  local err = helper.failure(client)
  client.close()
  return err
end

describe("the status", function()
  after_each(helper.tidy)

  it("is not that of a header that looks like a status line", function()
    helper.check(outcome_of(reply("HTTP/1.1 500 Oops", "HTTP/1.1 404: Not here",
      "Content-Length: 0", "", "")), { status = 500, outcome = "unknown" })
  end)

  it("is not that of a trailer that looks like a status line", function()
    helper.check(outcome_of(reply("HTTP/1.1 500 Oops", "Connection: close",
      "Transfer-Encoding: chunked", "", "0", "HTTP/1.1 404: Not here", "",
      "")), { status = 500, outcome = "unknown" })
  end)

  it("has no request's id that would do something to a terminal", function()
    for _, id in ipairs { "RQ\127", "RQ\27[2J", "RQ\155" } do
      helper.check(outcome_of(reply("HTTP/1.1 500 Oops",
        "Twilio-Request-Id: " .. id, "Content-Length: 0", "", "")),
        { status = 500, request_id = false })
    end
  end)

  it("proves nothing when it is no number of three digits", function()
    for _, line in ipairs { "HTTP/1.1 2011 Created", "HTTP/1.1 20x Created",
      "HTTP/1.1 042 Created" } do
      helper.check(outcome_of(reply(line, "Content-Length: 2", "", "{}")),
        { outcome = "unknown" })
    end
  end)

  it("is that of the reply after an interim one", function()
    helper.check(outcome_of(reply("HTTP/1.1 103 Early Hints",
      "HTTP/1.1 500: No", "Twilio-Request-Id: RQ1", "",
      "HTTP/1.1 404 Not Found", "Content-Length: 0", "", "")),
      { status = 404, outcome = "refused", request_id = false })
  end)

  it("has its request's id from the head, not from a trailer", function()
    helper.check(outcome_of(reply("HTTP/1.1 500 Oops",
      "Twilio-Request-Id: RQ1", "Transfer-Encoding: chunked", "", "0",
      "Twilio-Request-Id: RQ2", "", "")),
      { status = 500, request_id = "RQ1" })
  end)
end)
