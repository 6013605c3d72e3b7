-- One call, at most one POST (law L1).
--
-- libcurl sends a POST again, by itself and without a word, when a connection
-- that it had kept dies before a whole line of the reply has come: the two
-- look the same to it as a server that hung up on an idle connection. But the
-- server may have done the work before the connection died. Then there are
-- two trunks, one of them nobody's, and the result is "201 Created".
--
-- So here a first create warms the connection; the next one is done by the
-- server, which then dies in one of three ways. What must come out is one
-- POST on the ledger, and an error that says "unknown": nobody on this side
-- can tell whether it was done. That the connection was a kept one, and that
-- libcurl was stopped from sending again, shows in the words of the error:
-- without that, these tests would prove nothing.

local control = require "sandbox.control"
local helper = require "helper"

local ROUNDS = 20
local stopped = "the connection closed before a reply came"

local deaths = {
  { "ends (FIN)", { apply = true, close = true } },
  { "breaks (RST)", { apply = true, reset = true } },
  { "ends within the status line", { apply = true, raw = "HTTP/1.1" } },
}

-- How often each name was asked for.
local function posts_by_name()
  local posts = {}
  for _, request in ipairs(helper.requests()) do
    assert.equal("POST", request.method)
    local name = request.form.FriendlyName
    posts[name] = (posts[name] or 0) + 1
  end
  return posts
end

after_each(helper.tidy)

for _, transport in ipairs(helper.transports) do
  for _, death in ipairs(deaths) do
    describe("a kept connection of " .. transport .. " that " .. death[1],
      function()
        local client, expected
        before_each(function()
          client, expected = helper.client(transport), { warm = 1 }
          assert(client.create { friendly_name = "warm" })
        end)

        local function lose(name)
          control.arm(death[2])
          expected[name] = 1
          return helper.failure(client, { friendly_name = name })
        end

        it("ends the call as unknown, after one POST", function()
          helper.check(lose "lost", { kind = "network", outcome = "unknown",
            status = false, attempts = 1, says = stopped })
          assert.same(expected, posts_by_name())
          assert.equal(2, control.ledger(0).created)
        end)

        it("leaves the client as good as before, each time", function()
          for i = 1, ROUNDS do
            assert.equal("unknown", lose("lost " .. i).outcome)
            expected["found " .. i] = 1
            assert(client.create { friendly_name = "found " .. i })
          end
          assert.same(expected, posts_by_name())
          assert.equal(2 * ROUNDS + 1, control.ledger(0).created)
        end)
      end)
  end
end

describe("many kept connections that die", function()
  it("are one POST for each call, whichever died", function()
    local clients, expected = {}, {}
    for i = 1, 10 do
      clients[i] = helper.client "TLS"
      assert(clients[i].create { friendly_name = "warm " .. i })
      expected["warm " .. i], expected["lost " .. i] = 1, 1
    end
    control.arm { apply = true, close = true, times = 10 }
    for i = 1, 10 do
      helper.failure(clients[i], { friendly_name = "lost " .. i })
    end
    assert.same(expected, posts_by_name())
  end)
end)
