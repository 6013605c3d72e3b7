-- What keeps on_attempt from doing harm, alone: no client, no request.

local hook = require "trunking.hook"

local function reporter()
  local lines = {}
  return lines, function(line) lines[#lines + 1] = line end
end

describe("a hook", function()
  it("gets what it is called with, each time", function()
    local seen, lines, report = {}, reporter()
    local call = hook(function(event) seen[#seen + 1] = event end, report)
    call "a"
    call "b"
    assert.same({ "a", "b" }, seen)
    assert.same({}, lines)
  end)

  it("gives nothing back", function()
    assert.equal(0, select("#", hook(function() return 1, 2 end)("x")))
  end)

  it("that raises is reported once, and called again", function()
    local calls, lines, report = 0, reporter()
    local call = hook(function()
      calls = calls + 1
      error("broken " .. calls, 0)
    end, report)
    for _ = 1, 3 do assert.equal(0, select("#", call {})) end
    assert.equal(3, calls)
    assert.same({ "trunking: on_attempt raised an error; it will not be "
      .. "reported again: broken 1" }, lines)
  end)

  it("is reported by itself, whatever others did", function()
    local lines, report = reporter()
    hook(function() error "one" end, report) {}
    hook(function() error "two" end, report) {}
    assert.equal(2, #lines)
  end)

  -- What may be raised, and what is said of it.
  for title, case in pairs {
    ["nil"] = { function() error(nil) end, -- which Lua 5.5 makes a text
      _VERSION >= "Lua 5.5" and "<no error object>" or "nil" },
    ["a table"] = { function() error {} end, "table: " },
    ["an error that says what it is"] = { function()
      error(setmetatable({}, { __tostring = function() return "said" end }))
    end, "said" },
    ["an error that cannot be shown"] = { function()
      error(setmetatable({}, { __tostring = function() error "again" end }))
    end, "an error that cannot be shown" },
  } do
    it("may raise " .. title, function()
      local lines, report = reporter()
      local call = hook(case[1], report)
      call {}
      call {}
      assert.equal(1, #lines)
      assert.truthy(lines[1]:find(case[2], 1, true), lines[1])
    end)
  end

  it("does no harm if the report of its error raises", function()
    local calls, reports = 0, 0
    local call = hook(function()
      calls = calls + 1
      error "broken"
    end, function()
      reports = reports + 1
      error "no report either"
    end)
    call {}
    call {}
    assert.same({ 2, 1 }, { calls, reports })
  end)
end)
