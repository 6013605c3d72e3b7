-- A name that a client does not have: near one that it has, it raises at the
-- caller's line, as an enum does; else it is nil, so that a program can ask
-- what there is.

local helper = require "helper"
local trunking = require "trunking"

local function has(name)
  return (pcall(require, name))
end

describe("a name that is not there", function()
  local clients = { ["the module"] = trunking,
    ["a client"] = helper.client "plain HTTP",
    ["a client that waits"] = helper.client("plain HTTP", {
      wait = function(job) job:wait() end }),
    ["the module for cqueues"] = has "cqueues" and require "trunking.cqueues"
      or nil }

  for title, client in pairs(clients) do
    -- path, what is meant
    for path, meant in pairs {
      origination_url = "origination_urls", credential_list =
      "credential_lists", phone_number = "phone_numbers", recordings =
      "recording", creat = "create", ["async.creat"] = "create",
      ["async.origination_url"] = "origination_urls", transfer_modes =
      "transfer_mode", ensur = "ensure", reconcil = "reconcile",
      ["origination_urls.craete"] = "create", ["recording.fecth"] = "fetch",
      ["async.recording.updat"] = "update", ["phone_numbers.ensur"] = "ensure",
    } do
      it("raises where a mistake is near: " .. path .. " of " .. title,
        function()
          local from, name = client, path
          for part, rest in path:gmatch "(.-)%.(.*)" do
            from, name = from[part], rest
            local more, last = rest:match "^(.-)%.(.*)$"
            if more then from, name = from[more], last end
          end
          local ok, err = pcall(function() return from[name] end)
          assert.is_false(ok)
          assert.matches(("absent_spec%%.lua:%%d+: there is no '%s'; did you "
            .. "mean '%s'%%?$"):format(name, meant), err)
        end)
    end

    it("is nil where nothing is near: of " .. title, function()
      for _, name in ipairs { "with", "plans", "id", "n", "__call", "",
        "socket", ("x"):rep(1000) } do
        assert.is_nil(client[name])
        assert.is_nil(client.origination_urls[name])
        assert.is_nil(client.async[name])
      end
      for _, key in ipairs { 1, true, 0.5 } do assert.is_nil(client[key]) end
    end)
  end

  it("is nil in a host that has taken require away", function()
    assert.equal("nil\n", helper.run [[
      local trunking = require "trunking"
      require = nil
      print(trunking.origination_url)]])
  end)

  it("can still be given by the host", function()
    local client = helper.client "plain HTTP"
    client.origination_url = 1
    assert.equal(1, client.origination_url)
  end)
end)
