-- trunking.openresty inside an nginx of its own: every phase, many at once, a
-- reload and an exit with calls in flight, and what is left behind.

local cjson = require "cjson"
local control = require "sandbox.control"
local helper = require "helper"
local worker = require "worker"

local http = [[
  init_by_lua_block {
    no_socket = %s
    trunking = require "trunking.openresty"
    early = trunking.new {
      base_url = "http://127.0.0.1:1", max_attempts = 1,
      account_sid = "AC00000000000000000000000000000000",
      auth_token = "00000000000000000000000000000000" }
    in_init = { select(2, early.async.create {}), select(2, early.create {}) }
    masters = require "trunking".new {
      base_url = "http://127.0.0.1:1", max_attempts = 1,
      account_sid = "AC00000000000000000000000000000000",
      auth_token = "00000000000000000000000000000000" }
    masters.async.create {}
    package.preload["mod"] = function()
      return { select(2, client().create {}) }
    end
    own = { rung = 0 }
    local function make()
      local made = assert(trunking.new {
        base_url = os.getenv "TRUNKING_SANDBOX_HTTP",
        account_sid = os.getenv "TRUNKING_SANDBOX_ACCOUNT_SID",
        auth_token = os.getenv "TRUNKING_SANDBOX_AUTH_TOKEN",
        max_in_flight = 64 })
      local accept = made.bell.accept
      function made.bell.accept()
        own.rung = own.rung + 1
        return accept()
      end
      if no_socket then
        made.bell.listen = function() return nil, "none to be had" end
      end
      return made
    end
    function client()
      own.client = own.client or make()
      return own.client
    end
    function say(result, err)
      ngx.print(result and (result.sid or tostring(result)) or tostring(err))
    end
    function sockets()
      local pipe = io.popen("ls /tmp /dev/shm /var/tmp | grep -c '^trunking-"
        .. ngx.worker.pid() .. "-'")
      local count = pipe:read "*n"
      pipe:close()
      return count
    end
  }
]]

local server = [[
    location = /ping { content_by_lua_block { ngx.print "pong" } }
    location = /create {
      content_by_lua_block { say(client().create { friendly_name = "c" }) }
    }
    location = /access {
      access_by_lua_block { say(client().create {}) ngx.exit(200) }
    }
    location = /rewrite {
      rewrite_by_lua_block { say(client().create {}) ngx.exit(200) }
    }
    location = /filter {
      content_by_lua_block { ngx.print "filtered" }
      header_filter_by_lua_block {
        local _, err = client().create {}
        ngx.header["X-Error"] = tostring(err)
        own.seen = err
      }
    }
    location = /seen {
      content_by_lua_block {
        local err = own.seen
        ngx.print(tostring(err), " ", err.kind, " ", err.outcome, " ",
          err.operation)
      }
    }
    location = /log {
      content_by_lua_block { ngx.print "logged" }
      log_by_lua_block {
        own.refused = tostring(select(2, client().create {}))
        assert(client().async.create { friendly_name = "from the log" })
      }
    }
    location = /refused { content_by_lua_block { ngx.print(own.refused) } }
    location = /timer {
      content_by_lua_block {
        local box = {}
        ngx.timer.at(0, function() box[1] = client().create {} or "failed" end)
        while not box[1] do ngx.sleep(0.01) end
        say(box[1])
      }
    }
    location = /each {
      content_by_lua_block {
        local n = 0
        for _ in client().each { page_size = 3 } do n = n + 1 end
        local page = client().list { page_size = 3 }
        local second = page.next()
        ngx.print(n, " ", #page, " ", #second, " ", #second.previous())
      }
    }
    location = /twice {
      content_by_lua_block {
        local a = ngx.thread.spawn(client().create, {})
        local b = ngx.thread.spawn(client().create, {})
        local _, one = ngx.thread.wait(a)
        local _, two = ngx.thread.wait(b)
        ngx.print(one.sid ~= two.sid and "two" or "one")
      }
    }
    location = /wrong {
      content_by_lua_block {
        local _, why = pcall(function() client().create(42) end)
        ngx.print(why)
      }
    }
    location = /in_init {
      content_by_lua_block {
        for i = 1, 2 do
          ngx.print(tostring(in_init[i]), " ", in_init[i].outcome, ";")
        end
      }
    }
    location = /required {
      content_by_lua_block {
        local err = require("mod")[1]
        ngx.print(tostring(err), " ", err.outcome)
      }
    }
    location = /early { content_by_lua_block { say(masters.create {}) } }
    location = /default { content_by_lua_block { say(trunking.create {}) } }
    location = /close {
      content_by_lua_block {
        local c = client()
        local a = ngx.thread.spawn(c.create, {})
        while not own.close do ngx.sleep(0.01) end
        own.close = nil
        c.close()
        own.client = nil
        local _, trunk, err = ngx.thread.wait(a)
        ngx.print(tostring(trunk), " ", err.kind)
      }
    }
    location = /close_now { content_by_lua_block { own.close = true } }
    location = /itself {
      content_by_lua_block { say(client().async.create {}:wait()) }
    }
    location = /occupy {
      content_by_lua_block {
        local left = 2
        own.occupied = true
        for _ = 1, 2 do
          ngx.timer.at(0, function()
            left = left - 1
            while own.occupied do ngx.sleep(0.01) end
          end)
        end
        while left > 0 do ngx.sleep(0.01) end
        ngx.print "occupied"
      }
    }
    location = /vacate {
      content_by_lua_block {
        own.occupied = false
        ngx.print "vacated"
      }
    }
    location = /late {
      content_by_lua_block {
        while not ngx.worker.exiting() do ngx.sleep(0.01) end
        say(client().create {})
      }
    }
    location = /rung { content_by_lua_block { ngx.print(own.rung) } }
    location = /idle {
      content_by_lua_block {
        ngx.print(client().in_flight(), " ", sockets(), " ",
          ngx.timer.running_count(), " ", ngx.timer.pending_count())
      }
    }
]]

local SID = "^TK%x+$"

-- The same for each user that a worker may have, and without a socket.
local function behaves(user, no_socket)
  local nginx

  setup(function()
    nginx = worker.start { server = server, user = user,
      http = http:format(tostring(no_socket or false)) }
  end)

  teardown(function()
    local ended, complaints = nginx:stop()
    assert.is_true(ended, "it did not end")
    assert.equal("", complaints)
  end)

  after_each(helper.tidy)

  local function get(path)
    local status, body = nginx:get(path)
    assert.equal(200, status, nginx:complaints())
    return body
  end

  local function is_idle() return get "/idle" == "0 0 0 0" end

  it("creates in the content, access and rewrite phases, and a timer",
    function()
      for _, path in ipairs { "/create", "/access", "/rewrite", "/timer" } do
        assert.truthy(get(path):find(SID), path)
      end
      assert.equal(4, control.ledger(0).created)
      assert.truthy(worker.comes(is_idle), get "/idle")
    end)

  -- A reply that is on hold: a quick one may be there before its call waits,
  -- and then nothing is rung.
  it(no_socket and "rings no socket" or "rings a socket", function()
    local function has_rung() return get "/rung" ~= "0" end
    control.arm { apply = true, hold = true }
    local reply = nginx:ask "/create"
    helper.received(1)
    if not no_socket then assert.truthy(worker.comes(has_rung)) end
    control.release()
    local status, body = reply()
    assert.equal(200, status)
    assert.truthy(body:find(SID), body)
    assert.equal(not no_socket, has_rung())
  end)

  it("waits for 50 at once while it serves others", function()
    local replies = {}
    control.arm { apply = true, hold = true, times = 50 }
    for i = 1, 50 do replies[i] = nginx:ask "/create" end
    helper.received(50)
    for _ = 1, 10 do get "/ping" end
    assert.equal("50", (get "/idle":match "^%d+"))
    control.release()
    for i = 1, 50 do
      local status, body = replies[i]()
      assert.equal(200, status)
      assert.truthy(body:find(SID), body)
    end
    assert.truthy(worker.comes(is_idle), get "/idle")
  end)

  it("walks over pages, and runs two calls of one request", function()
    for _ = 1, 7 do get "/create" end
    assert.equal("7 3 3 3", get "/each")
    assert.equal("two", get "/twice")
  end)

  it("refuses where nothing can wait, and says what to do", function()
    assert.equal("filtered", get "/filter")
    assert.equal("trunking.create: no call can wait in nginx's header_filter "
      .. "phase: start it with async there, or make it in a timer "
      .. "(ngx.timer.at) (config, not_sent) config not_sent create",
      get "/seen")
    assert.equal(0, #helper.requests())
  end)

  it("starts calls in the log phase and forgets them", function()
    assert.equal("logged", get "/log")
    assert.truthy(get "/refused":find("log phase", 1, true))
    assert.truthy(worker.comes(function()
      return control.ledger(0).created == 1
    end))
    assert.equal("from the log", helper.only_form().FriendlyName)
    assert.truthy(worker.comes(is_idle), get "/idle")
  end)

  it("raises at the caller's line", function()
    assert.truthy(get "/wrong":find(
      "^content_by_lua.*:%d+: bad argument #1 to 'create' %(table expected"),
      get "/wrong")
  end)

  it("refuses calls and jobs in the init phase, and names init_worker",
    function()
      local said = get "/in_init"
      assert.equal(2, select(2, said:gsub("init_worker", "")), said)
      assert.equal(2, select(2, said:gsub("not_sent;", "")), said)
    end)

  it("refuses a call at the top of a module, before it is sent", function()
    local said = get "/required"
    assert.truthy(said:find("no call can wait here", 1, true), said)
    assert.truthy(said:find("not_sent$"), said)
    assert.equal(0, #helper.requests())
  end)

  it("refuses a client of the master's, and misses credentials", function()
    assert.truthy(get "/early":find("before this process was forked", 1,
      true))
    assert.truthy(get "/default":find("no credentials", 1, true))
  end)

  it("ends what waits for a client that is closed", function()
    control.arm { hold = true, apply = true }
    local reply = nginx:ask "/close"
    helper.received(1)
    get "/close_now"
    assert.equal("nil cancelled", (select(2, reply())))
    assert.truthy(worker.comes(is_idle), get "/idle")
  end)

  it("loses no call in a reload, and the old worker goes", function()
    control.arm { apply = true, hold = true, times = 2 }
    local old = nginx:children()[1]
    local first = nginx:ask "/create"
    local second = nginx:ask "/log"
    helper.received(2)
    nginx:signal "HUP"
    assert.truthy(worker.comes(function()
      return #nginx:children() == 2
    end))
    assert.truthy(get "/create":find(SID))
    control.release()
    local status, body = first()
    assert.equal(200, status)
    assert.truthy(body:find(SID), body)
    assert.equal(200, (second()))
    assert.truthy(worker.comes(function()
      local children = nginx:children()
      return #children == 1 and children[1] ~= old
    end))
    assert.equal(3, control.ledger(0).created)
  end)

  it("makes a call in a worker that is about to exit", function()
    local late = nginx:ask "/late"
    get "/ping"
    nginx:signal "HUP"
    local status, body = late()
    assert.equal(200, status)
    assert.truthy(body:find(SID), body)
    assert.equal(1, control.ledger(0).created)
  end)

  it("leaves an idle worker free to go at once", function()
    get "/create"
    assert.truthy(worker.comes(is_idle), get "/idle")
    local old = nginx:children()
    nginx:signal "HUP"
    assert.truthy(worker.comes(function()
      local children = nginx:children()
      return #children == 1 and children[1] ~= old[#old]
    end))
  end)

  -- Its reader waited for a day: nobody had told it that all was done.
  it("leaves a worker free whose job was waited for by itself", function()
    assert.truthy(get "/itself":find(SID))
    assert.truthy(worker.comes(is_idle), get "/idle")
  end)

  it("answers what is in flight when nginx is told to quit", function()
    control.arm { apply = true, hold = true }
    local function times_told()
      return select(2, nginx:log():gsub("gracefully shutting down", ""))
    end
    local before, reply = times_told(), nginx:ask "/create"
    helper.received(1)
    nginx:signal "QUIT"
    assert.truthy(worker.comes(function() return times_told() > before end))
    control.release()
    local status, body = reply()
    assert.equal(200, status)
    assert.truthy(body:find(SID), body)
  end)
end

describe("trunking.openresty", function() behaves "root" end)
describe("trunking.openresty as nobody", function() behaves "nobody" end)
describe("trunking.openresty without a socket", function()
  behaves("root", true)
end)

-- nginx takes a timer then, and drops it: the reader never ran, and all that
-- waited for it waited for a day.
describe("trunking.openresty without a timer left", function()
  it("asks again and again", function()
    local nginx = worker.start { server = server, user = "root",
      http = http:format "false" .. " lua_max_running_timers 2;" }
    finally(function()
      helper.tidy()
      nginx:stop()
    end)
    assert.equal("occupied", (select(2, nginx:get "/occupy")))
    -- Held replies: a call that is done at once needs no timer.
    control.arm { apply = true, hold = true, times = 2 }
    local replies = { nginx:ask "/create", nginx:ask "/create" }
    assert.truthy(worker.comes(function()
      return nginx:log():find("lua_max_running_timers are not enough", 1, true)
    end))
    nginx:get "/vacate"
    helper.received(2)
    control.release()
    for _, reply in ipairs(replies) do
      local status, body = reply()
      assert.equal(200, status)
      assert.truthy(body:find(SID), body)
    end
  end)
end)

-- An nginx whose /create makes a client by this module, creates a trunk, says
-- its SID, and runs the Lua text `after`. `main` is for worker.start.
local function start_creating(module, after, main)
  return worker.start { user = "root", main = main, http = ([[
    init_by_lua_block { trunking = require %q }
  ]]):format(module), server = ([[
    location = /create {
      content_by_lua_block {
        local client = assert(trunking.new {
          base_url = os.getenv "TRUNKING_SANDBOX_HTTP",
          account_sid = os.getenv "TRUNKING_SANDBOX_ACCOUNT_SID",
          auth_token = os.getenv "TRUNKING_SANDBOX_AUTH_TOKEN" })
        local trunk, err = client.create {}
        ngx.print(trunk and trunk.sid or tostring(err))
        %s
      }
    }
  ]]):format(after) }
end

-- The plain module works there, and holds up every other request of the worker.
describe("the plain module in an nginx worker", function()
  it("says once in nginx's log that it blocks", function()
    local nginx = start_creating("trunking", "client.close()")
    finally(function()
      helper.tidy()
      nginx:stop()
    end)
    for _ = 1, 2 do
      local _, body = nginx:get "/create"
      assert.truthy(body:find "^TK%x+$", body)
    end
    local said, times = nginx:complaints():gsub("trunking: this client's calls "
      .. "block the nginx worker; use require 'trunking.openresty'", "")
    assert.equal(1, times, said)
  end)
end)

describe("examples/openresty", function()
  local nginx

  setup(function()
    local function read(name)
      local file = assert(io.open("examples/openresty/" .. name))
      local text = file:read "*a"
      file:close()
      return text
    end
    nginx = worker.start { conf = read "nginx.conf",
      files = { ["trunks.lua"] = read "trunks.lua" } }
  end)

  teardown(function()
    local ended, complaints = nginx:stop()
    assert.is_true(ended, "it did not end")
    assert.equal("", complaints)
  end)

  after_each(helper.tidy)

  it("creates trunks and lists them", function()
    local status, body = nginx:get("/trunks?name=Office", "POST")
    assert.equal(201, status, body)
    local sid = body:match '"sid":"(TK%x+)"'
    assert.truthy(sid, body)
    status, body = nginx:get "/trunks"
    assert.equal(200, status, body)
    assert.truthy(body:find(sid, 1, true), body)
    assert.equal("Office", helper.requests()[1].form.FriendlyName)
    assert.equal(405, (nginx:get("/trunks", "PUT")))
  end)

  it("lists nothing as an empty array, and many page by page", function()
    local status, body = nginx:get "/trunks"
    assert.same({ 200, '{"trunks":[],"next":null}' }, { status,
      (body:gsub("%s+$", "")) })
    local c = helper.client "plain HTTP"
    for i = 1, 51 do assert(c.create { friendly_name = "n" .. i }) end
    local first = cjson.decode((select(2, nginx:get "/trunks")))
    assert.equal(50, #first.trunks)
    local escaped = first.next:gsub("%W", function(character)
      return ("%%%02X"):format(character:byte())
    end)
    local last = cjson.decode((select(2, nginx:get("/trunks?cursor="
      .. escaped))))
    assert.same({ 1, "n1", cjson.null }, { #last.trunks, last.trunks[1].name,
      last.next })
  end)

  it("refuses what is no cursor of its own", function()
    for _, cursor in ipairs { "", "=", "=x", "=//evil.example/v1/Trunks?x",
      "=%2Fv1%2FTrunks%3Fa%0D%0Ab", "=a&cursor=b" } do
      local status, body = nginx:get("/trunks?cursor" .. cursor)
      assert.equal(400, status, body)
      assert.truthy(body:find('"kind":"invalid"', 1, true))
    end
    assert.equal(0, control.ledger(0).count)
  end)

  it("starts a call in the log phase", function()
    assert.equal(204, (nginx:get "/visit"))
    assert.truthy(worker.comes(function()
      return control.ledger(0).created == 1
    end))
  end)
end)

-- A client for each request, and none kept: see dropped_spec.
describe("clients that are dropped", function()
  it("are collected in an nginx worker", function()
    local nginx = start_creating("trunking.openresty", "",
      "worker_rlimit_nofile 128;")
    finally(function()
      helper.tidy()
      nginx:stop()
    end)
    for _ = 1, 150 do
      local _, body = nginx:get "/create"
      assert.truthy(body:find "^TK%x+$", body)
    end
  end)
end)
