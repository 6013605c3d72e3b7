-- Replies in a coding, though no request asks for one: it is named, and no raw
-- byte of it is in a message. Nor is a byte of a body that is no text.

local control = require "sandbox.control"
local helper = require "helper"
local peer = require "peer"

-- What gzip makes of a record; the bytes of a picture; Latin-1.
local gzip = "\31\139\8\0\0\0\0\0\0\3\171\86\42\206\76\81\178\82\10\241\54\72"
  .. "\76\42\161\5\0\245\215\163\89"
local picture = "\137PNG\r\n\26\n\0\0\0\rIHDR\0\0\1\244\224\228\246\252"

-- Neither a control character nor a byte that is no UTF-8.
local function assert_plain(err)
  for _, text in ipairs { err.message, tostring(err) } do
    assert.is_nil(text:find "[^\32-\126\128-\255]")
    for bytes in text:gmatch "[\128-\255]+" do
      assert.equal("", (bytes:gsub("\239\191\189", "")
        :gsub("[\194-\223][\128-\191]", "")
        :gsub("[\225-\236\238\239][\128-\191][\128-\191]", "")))
    end
  end
end

after_each(helper.tidy)

for _, transport in ipairs(helper.transports) do
  describe("a create over " .. transport, function()
    local client
    before_each(function() client = helper.client(transport) end)

    it("asks for no coding", function()
      local server = peer.listen(transport)
      local own = peer.client(server)
      local job = assert(own.async.create {})
      local connection = peer.welcome(server)
      assert.matches("\nAccept%-Encoding: identity\n",
        table.concat(peer.head(connection), "\n"))
      own.close()
      job:done()
      peer.tidy()
    end)

    for name, coding in pairs { gzip = "gzip", ["x-gzip"] = "X-GZIP",
      ["br, gzip"] = "br, gzip" } do
      it("answered with " .. name .. " names it", function()
        control.arm { apply = true, body = gzip,
          headers = { ["Content-Encoding"] = coding } }
        local err = helper.failure(client, { friendly_name = "x" })
        helper.check(err, { kind = "reply", outcome = "applied" })
        assert.equal("it was done, but the reply could not be read (the reply "
          .. "is encoded as " .. coding .. ", which was not asked for); look "
          .. "for it in the list before you try again", err.message)
        assert.equal("x", err.intent.params.friendly_name)
      end)

      it("refused with " .. name .. " names it", function()
        control.arm { status = 400, body = gzip,
          headers = { ["Content-Encoding"] = coding } }
        local err = helper.failure(client)
        helper.check(err, { kind = "rejected", outcome = "refused" })
        assert.equal("the server answered 400; the reply is encoded as "
          .. coding .. ", which was not asked for", err.message)
      end)
    end

    it("answered by a gateway with gzip names it", function()
      control.arm { status = 502, body = gzip,
        headers = { ["content-encoding"] = "gzip" } }
      local err = helper.failure(client)
      helper.check(err, { kind = "server", outcome = "unknown",
        says = "the server answered 502; the reply is encoded as gzip" })
    end)

    for _, coding in ipairs { "identity", "IDENTITY", "gzip" } do
      it("believes a plain reply that is said to be " .. coding, function()
        control.arm { status = 201, apply = true,
          body = ('{"sid":"%s"}'):format(helper.sid("TK", "a")),
          headers = { ["Content-Encoding"] = coding } }
        assert.equal(helper.sid("TK", "a"), assert(client.create {}).sid)
      end)

      it("gives the words of a plain refusal that is said to be " .. coding,
        function()
          control.arm { status = 400,
            body = '{"code":21248,"message":"taken"}',
            headers = { ["Content-Encoding"] = coding } }
          helper.check(helper.failure(client), { code = 21248,
            says = "taken" })
        end)
    end

    for name, body in pairs { ["gzip"] = gzip, ["a picture"] = picture,
      ["UTF-16"] = "\255\254<\0h\0t\0m\0l\0>\0", ["NULs"] = "\0\0\0" } do
      it("refused with the bare bytes of " .. name .. " shows none", function()
        control.arm { status = 400, body = body }
        local err = helper.failure(client)
        helper.check(err, { kind = "rejected", outcome = "refused" })
        assert.equal("the server answered 400", err.message)
      end)
    end

    for name, bytes in pairs {
      ["Latin-1"] = "\196rger \252ber \223", ["half a character"] = "a\226\130",
      ["a byte too many"] = "\195\164\164", ["a long form"] = "\192\175",
      ["a surrogate"] = "\237\160\128", ["beyond Unicode"] = "\244\144\128\128",
    } do
      for how, body in pairs {
        ["a page"] = "<html><title>" .. bytes .. "</title>",
        ["JSON"] = '{"message":"' .. bytes .. '"}',
      } do
        it("refused in " .. how .. " with " .. name .. " shows no raw byte",
          function()
            control.arm { status = 400, body = body }
            local err = helper.failure(client)
            helper.check(err, { kind = "rejected", outcome = "refused",
              says = "\239\191\189" })
            assert_plain(err)
          end)
      end
    end

    it("refused in UTF-8 shows it as it is", function()
      local words = "\195\132rger \226\130\172 \240\159\152\128 \237\159\191 "
        .. "\239\191\189 \244\143\191\191"
      control.arm { status = 400, body = '{"message":"' .. words .. '"}' }
      assert.equal(words, helper.failure(client).message)
    end)
  end)
end
