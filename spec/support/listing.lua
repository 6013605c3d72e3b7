-- The tests of a spec file by their full names, without running any: for pages
-- and tables that say which test shows a thing.
--
-- The file is loaded as busted does, with functions in place of busted's that
-- write down what they are given.
-- SPDX-License-Identifier: MIT

local helper = require "helper"
local luassert = require "luassert"

local function nothing() end

local hooks = { "setup", "teardown", "lazy_setup", "lazy_teardown",
  "strict_setup", "strict_teardown", "before_each", "after_each", "finally",
  "randomize" }
local groups = { "describe", "context", "insulate", "expose" }
local tests = { "it", "spec", "test" }

-- Whether the first thing that a test does is to say that it is pending. A test
-- that says so on a condition runs where it can.
local function gives_up(body, lines)
  local at = debug.getinfo(body, "S")
  local text = table.concat(lines, "\n", at.linedefined, at.lastlinedefined)
  return text:find "function%s*%(%)%s*pending[^%w_]" ~= nil
end

-- The globals of a spec file. `record` is called with the name and state of
-- each test.
local function globals(record, lines)
  local within = {}

  local function full(name)
    return table.concat(within, " ") .. (#within > 0 and " " or "") .. name
  end

  local function group(name, body)
    within[#within + 1] = name
    body()
    within[#within] = nil
  end

  local function test(name, body)
    local runs = body and not gives_up(body, lines)
    record(full(name), runs and "runs" or "is pending")
  end

  local function pending(name)
    record(full(name), "is pending")
  end

  local env = { assert = luassert, pending = pending }
  for _, name in ipairs(hooks) do env[name] = nothing end
  for _, name in ipairs(groups) do env[name] = group end
  for _, name in ipairs(tests) do env[name] = test end
  return setmetatable(env, { __index = _G })
end

local function load_in(path, env)
  if not setfenv then return assert(loadfile(path, "t", env)) end
  return setfenv(assert(loadfile(path)), env)
end

local listing = {}

--- Full name -> "runs" or "is pending", for each test of the file at a path.
function listing.read(path)
  local all, lines = {}, {}
  for line in io.lines(path) do lines[#lines + 1] = line end
  load_in(path, globals(function(test, state) all[test] = state end, lines))()
  return all
end

local known = {} -- name of a spec file -> its tests; false where none is there

local function tests_of(name)
  if known[name] == nil then
    local pipe = assert(io.popen(("ls '%s'*/%s_spec.lua 2>/dev/null")
      :format(helper.path "", name)))
    local path = pipe:read "*l"
    pipe:close()
    known[name] = path and listing.read(path) or false
  end
  return known[name]
end

--- Why a test shows nothing: it or its file is gone or renamed, or it is
-- pending. Nil for one that runs.
-- @param name of a spec file: "faults"
-- @param test the full name of a test in it
function listing.lacks(name, test)
  local all = tests_of(name)
  if not all then return ("there is no %s_spec.lua"):format(name) end
  if all[test] == "runs" then return nil end
  return ("%s_spec.lua: %q %s"):format(name, test, all[test] or "is not there")
end

return listing
