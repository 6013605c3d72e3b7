-- examples/game_loop.lua, run as a user does. How long its frames take is the
-- bench's to say.

local control = require "sandbox.control"
local helper = require "helper"

local function run(before, options)
  local pipe = assert(io.popen(("%s %s %s examples/game_loop.lua 8 2>&1; "
    .. "echo \"status $?\""):format(before or "", helper.interpreter(),
    options or "")))
  local said = pipe:read "*a"
  pipe:close()
  local text, status = said:match "^(.*)status (%d+)\n$"
  return text, tonumber(status)
end

after_each(helper.tidy)

describe("game_loop.lua", function()
  for title, options in pairs {
    [""] = "",
    [" without luasocket"] =
      "-e 'package.preload.socket = function() error() end'",
  } do
    it("creates its trunks and shows what a frame cost" .. title, function()
      local text, status = run("", options)
      assert.equal(0, status, text)
      assert.truthy(text:find("8 of 8 trunks created", 1, true), text)
      assert.truthy(text:find "median %d%.%d+ ms, 99th percentile", text)
      assert.equal(8, control.ledger(0).created)
      local frames, shown = tonumber(text:match "(%d+) frames"), 0
      for count in text:gmatch " us +(%d+) " do shown = shown + count end
      assert.equal(frames, shown)
    end)
  end

  it("says what went wrong", function()
    control.arm { status = 400 }
    local text, status = run()
    assert.equal(1, status)
    assert.truthy(text:find("game_loop: trunking.create: ", 1, true), text)
    assert.truthy(text:find("7 of 8 trunks created", 1, true), text)
  end)

  it("wants the sandbox", function()
    local text, status = run "unset TRUNKING_SANDBOX_CLOSING; "
    assert.equal(2, status)
    assert.truthy(text:find("wants the sandbox", 1, true), text)
    assert.equal(0, control.ledger(0).count)
  end)
end)
