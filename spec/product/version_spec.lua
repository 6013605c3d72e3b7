-- Everything that tells the version tells the same one; the rockspec of the
-- branch is the versioned one's twin; and make help leaves no target out.
-- SPDX-License-Identifier: MIT

local core = require "trunking.core"
local trunking = require "trunking"

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

local function lines_of(command)
  local pipe, all = assert(io.popen(command)), {}
  for line in pipe:lines() do all[#all + 1] = line end
  pipe:close()
  return all
end

-- The globals that a rockspec sets.
local function rockspec(path)
  local env = {}
  local chunk = setfenv and setfenv(assert(loadfile(path)), env)
    or assert(loadfile(path, "t", env))
  chunk()
  return env
end

local SCM = "trunking-scm-1.rockspec"
local version = core.version
local path = ("trunking-%s-1.rockspec"):format(version)

describe("the version", function()
  it("is a number of three parts", function()
    assert.matches("^%d+%.%d+%.%d+$", version)
  end)

  it("is what the module says in Lua", function()
    assert.equal(version, trunking._VERSION:match "%d[%d.]*$")
  end)

  it("is in the rockspec's name, and there is no other", function()
    assert.same({ path, SCM }, lines_of "ls *.rockspec")
  end)

  it("is the rockspec's, and its tag", function()
    local rock = rockspec(path)
    assert.equal(version .. "-1", rock.version)
    assert.equal("v" .. version, rock.source.tag)
  end)

  it("is the changelog's newest", function()
    assert.equal(version, read "CHANGELOG.md":match "\n## %[([^%]]+)%]")
  end)
end)

-- `make rockspec` makes it so.
describe("the rockspec of the branch", function()
  it("is the versioned one, but for the version and the branch", function()
    local rock, scm = rockspec(path), rockspec(SCM)
    assert.equal("scm-1", scm.version)
    assert.equal("main", scm.source.branch)
    scm.version, scm.source.branch = rock.version, nil
    scm.source.tag = rock.source.tag
    assert.same(rock, scm)
  end)

  it("says what a registry shows", function()
    local description = rockspec(SCM).description
    for _, name in ipairs { "summary", "detailed", "homepage", "maintainer",
      "license" } do
      assert.is_string(description[name], name)
    end
    assert.is_true(#description.labels > 0)
    assert.equal("make test", rockspec(SCM).test.command)
  end)
end)

describe("make help", function()
  local help = table.concat(lines_of "make -s help", "\n")

  it("has a line for each target", function()
    local targets = read "Makefile":match "\n%.PHONY: (.-[^\\])\n"
    for name in targets:gmatch "[%l-]+" do
      -- Parts of others, and the one that is made when none is named.
      if name ~= "all" and not name:find "%-build$" then
        local shown = name:find "^worker" and "worker-*" or name
        assert.truthy(help:find("\n  " .. shown .. " ", 1, true), name)
      end
    end
  end)

  it("fits into 80 columns", function()
    for line in help:gmatch "[^\n]+" do assert.is_true(#line <= 80, line) end
  end)
end)
