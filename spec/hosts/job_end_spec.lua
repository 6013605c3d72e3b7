-- Jobs and ends: of a client, of its thread, of a Lua state, of the process;
-- and a fork. What becomes of each job is told, and nothing waits for a reply.

local control = require "sandbox.control"
local helper = require "helper"

local wait_until, received = helper.wait_until, helper.received

-- Where all is slow: fewer of the many.
local slow = os.getenv "TRUNKING_SLOW"

local function finish(job)
  wait_until(function() return job:done() end)
  return job
end

-- The number of this process's threads, or nil where there is no /proc.
local function threads()
  local file = io.open "/proc/self/status"
  if not file then return nil end
  local text = file:read "*a"
  file:close()
  return tonumber(text:match "Threads:%s*(%d+)")
end

-- The same when it has come to rest: what earlier tests left is collected, and
-- /proc counts a thread that was joined a little longer.
local function threads_at_rest()
  for _ = 1, 4 do collectgarbage() end
  local count, same = threads(), 0
  wait_until(function()
    local now = threads()
    count, same = now, now == count and same + 1 or 0
    return same == 10
  end)
  return count
end

-- Runs a script in an interpreter of its own: what it wrote and its exit
-- status, or nothing if it hangs.
local function child(script)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(script)
  file:close()
  local pipe = assert(io.popen(("%s %s 2>&1; echo \"status $?\""):format(
    helper.bounded(helper.interpreter()), path)))
  local said = pipe:read "*a"
  pipe:close()
  os.remove(path)
  local text, status = said:match "^(.*)status (%d+)\n$"
  return text, tonumber(status)
end

after_each(helper.tidy)

-- ---- the module's own client ------------------------------------------

-- A program whose default client is the sandbox's; `first` runs, once, while
-- that is being opened.
local with_default = [[
  local helper = require "helper"
  local config = require "trunking.config"
  local resolve, first = config.resolve, %s
  function config.resolve(options, getenv, version)
    options.base_url = helper.origin "plain HTTP"
    options.account_sid = helper.sandbox "ACCOUNT_SID"
    options.auth_token = helper.sandbox "AUTH_TOKEN"
    local f = first
    first = nil
    if f then f() end
    return resolve(options, getenv, version)
  end
]]

describe("the default client", function()
  it("is opened once, though a finalizer uses it meanwhile", function()
    assert.equal("TK\nTK\n", helper.run(with_default:format
      "function() print((require 'trunking'.create {}.sid:sub(1, 2))) end"
      .. "print((require 'trunking'.create {}.sid:sub(1, 2)))"))
    assert.equal(2, control.ledger(0).created)
  end)

  -- A thread that nobody would end, else.
  it("is not opened by a finalizer that comes after its own", function()
    local said, status = child("require 'trouble'.state [=[" .. [[
      local function last()
        print(select(2, require "trunking".async.fetch("TK" .. ("0"):rep(32))))
      end
      local keep = newproxy and newproxy(true)
      if keep then getmetatable(keep).__gc = last
      else keep = setmetatable({}, { __gc = last }) end
    ]] .. with_default:format "nil" .. [[
      print(require "trunking".create {}.sid:sub(1, 2))
    ]=] ]])
    assert.matches("^TK\ntrunking.fetch: the client is closed", said)
    assert.equal(0, status)
  end)
end)

-- ---- ends -------------------------------------------------------------

describe("a state that is closed in a blocking call", function()
  it("of a client with a thread ends all, and quietly", function()
    local said, status = child(([[
      local control = require "sandbox.control"
      local client = require "helper".client "TLS"
      assert(client.async.create {}:wait())
      control.arm { apply = true, hold = true }
      debug.sethook(function()
        local at = debug.getinfo(2, "S").source
        if at:find("error.lua", 1, true) then os.exit(3, true) end
      end, "c")
      client.create {}
      print "it came back"
    ]]))
    assert.same({ "", 3 }, { said, status })
  end)
end)

for _, transport in ipairs(helper.transports) do
  describe("the end of a client over " .. transport, function()
    it("tells of each of its jobs what became of it", function()
      local client = helper.client(transport, { max_in_flight = 1 })
      local done = assert(client.async.create {})
      finish(done)
      control.arm { apply = true, hold = true }
      local sent = assert(client.async.create {})
      local queued = assert(client.async.create {})
      received(2)
      client.close()
      assert.is_true(sent:done())
      helper.check(helper.error_of(sent:wait()), { kind = "cancelled",
        outcome = "unknown" })
      helper.check(helper.error_of(queued:result()), { kind = "cancelled",
        outcome = "not_sent" })
      assert.truthy(done:result())
      queued:cancel()
      assert.is_nil(client.poll())
      assert.equal(2, control.ledger(0).count)
    end)

    it("ends what waits for its next attempt, and tells of the last",
      function()
        local client = helper.client(transport, { max_in_flight = 1 })
        control.arm { status = 429, headers = { ["Retry-After"] = "20" } }
        local job = assert(client.async.create {})
        assert(client.async.create {}:wait()) -- behind the other's reply
        client.close()
        helper.check(helper.error_of(job:wait()), { outcome = "refused",
          status = 429 })
        assert.equal(2, control.ledger(0).count)
      end)

    it("leaves its jobs to poll", function()
      local client = helper.client(transport)
      control.arm { hold = true, times = 2 }
      local jobs = { client.async.create {}, client.async.create {} }
      client.close()
      local seen = 0
      for job in client.poll do
        assert.is_true(job == jobs[1] or job == jobs[2])
        seen = seen + 1
      end
      assert.equal(2, seen)
    end)

    it("comes with the collector, jobs in flight or not", function()
      local before = threads_at_rest()
      control.arm { hold = true, times = 9 }
      local held = setmetatable({}, { __mode = "v" })
      do
        local client = helper.client(transport)
        held[1], held[2] = client, client.async.create {}
        held[3] = client.async.create {}
        received(1)
      end
      local now = threads_at_rest()
      assert.is_nil(next(held))
      assert.equal(before, now)
    end)
  end)

  -- Nothing ends these jobs: a process that waits for them hangs.
  local begin = ([[
    local control = require "sandbox.control"
    local helper = require "helper"
    control.arm { apply = true, hold = true, times = 9 }
    client = helper.client("%s", { max_in_flight = 2, timeout = 3600 })
    jobs = {}
    for i = 1, 3 do jobs[i] = assert(client.async.create {}) end
    repeat until control.ledger(0).count == 2
    io.write "begun\n"
    io.stdout:flush()
  ]]):format(transport)

  describe("the end of the process with jobs over " .. transport, function()
    for title, ending in pairs {
      ["at the end of the script"] = "",
      ["by os.exit(0, true)"] = "os.exit(0, true)",
      ["by os.exit(0)"] = "os.exit(0)",
      ["with a client that was closed"] = "client.close()",
      ["with jobs that are collected"] =
        "jobs = nil collectgarbage() client = nil collectgarbage()",
    } do
      it(title .. " is prompt and quiet", function()
        local text, status = child(begin .. ending)
        assert.equal("begun\n", text)
        assert.equal(0, status)
      end)
    end
  end)
end

-- A job had a finalizer once. It ran before those of older values; they found
-- a job without its call, and the process crashed.
describe("a job that a finalizer asks for as the state goes", function()
  local script = [[
    local control = require "sandbox.control"
    local helper = require "helper"
    local method, state = "%s", "%s"
    client = helper.client "plain HTTP"
    assert(client.fd())
    local box = {}
    local proxy = newproxy and newproxy(true)
    local meta = proxy and getmetatable(proxy) or {}
    meta.__gc = function()
      io.write "asks\n"
      io.stdout:flush()
      local result, err = box.job[method](box.job)
      io.write(type(result), " ", err and err.kind or "", "\n")
    end
    held = proxy or setmetatable({}, meta)
    if state == "in flight" then control.arm { apply = true, hold = true } end
    box.job = assert(client.async.create {})
    if state == "in flight" then helper.received(1)
    else helper.wait_until(function() return client.in_flight() == 0 end) end
    if state == "done" then assert(box.job:done()) end
    if state == "polled" then assert(client.poll() == box.job) end
    if state == "read" then assert(box.job:result().sid) end
  ]]
  local said = {
    ["in flight"] = { done = "boolean ",
      result = "nil timeout", wait = "table " },
    ["not asked for"] = { done = "boolean ", cancel = "string ",
      result = "table ", wait = "table " },
    ["done"] = { done = "boolean ", cancel = "nil ",
      result = "nil config", wait = "nil config" },
    ["polled"] = { done = "boolean ", cancel = "nil ",
      result = "nil config", wait = "nil config" },
    ["read"] = { done = "boolean ", cancel = "string ",
      result = "table ", wait = "table " },
  }
  for state, methods in pairs(said) do
    for method, answer in pairs(methods) do
      it(("answers %s when it is %s"):format(method, state), function()
        local pipe = helper.start(script:format(method, state))
        assert.equal("asks", pipe:read "*l")
        if method == "wait" then control.release() end
        assert.equal(answer .. "\n", pipe:read "*a")
        pipe:close()
      end)
    end
  end
end)

describe("the end of the process while the first job begins", function()
  -- The thread brings libcurl up, which takes it a millisecond. The TLS
  -- library's clean-up fell into that, and one process in thirty crashed.
  it("is quiet, whenever it comes", function()
    local n = slow and 2 or 40
    for i = 1, n do
      local text, status = child(([[
        local client = require "helper".client "TLS"
        client.async.create {}
        local ends = os.clock() + %f
        repeat until os.clock() >= ends
        os.exit(0)
      ]]):format(i / n * 0.0012))
      assert.equal("", text)
      assert.equal(0, status)
    end
  end)
end)

describe("a client's thread", function()
  it("is not there before its first job, nor after close", function()
    local before = threads_at_rest()
    if not before then pending "no /proc, which counts threads" end
    local client = helper.client "TLS"
    assert(client.create {})
    assert.is_nil(client.poll())
    assert.equal(0, client.in_flight())
    assert.equal(before, threads())
    assert.truthy(client.async.create({}):wait())
    assert.equal(before + 1, threads())
    client.close()
    wait_until(function() return threads() == before end) -- /proc lags
  end)

  it("cannot begin amid the client's own blocking call", function()
    local job, err, client
    client = helper.client("plain HTTP", { on_attempt = function(event)
      if event.attempt == 1 and not err then
        job, err = client.async.create {}
      end
    end })
    control.arm { status = 429, headers = { ["Retry-After"] = "0" } }
    assert(client.create {})
    assert.is_nil(job)
    helper.check(err, { kind = "config", outcome = "not_sent",
      operation = "create", says = "during its own blocking call" })
    assert.truthy(client.async.create({}):wait())
  end)
end)

-- ---- fork ---------------------------------------------------------------

local in_child = helper.in_child

for _, transport in ipairs(helper.transports) do
  describe("jobs over " .. transport .. " and a fork", function()
    local client, job
    before_each(function()
      client = helper.client(transport)
      control.arm { apply = true, hold = true }
      job = assert(client.async.create {})
      received(1)
    end)
    after_each(function()
      control.release()
      assert.truthy(job:wait())
    end)

    local function is_told(result, err)
      return result == nil and err.kind == "config"
        and err.message:find("fork", 1, true)
    end

    it("are told in the child that they are the parent's", function()
      assert.is_true(in_child(function()
        return not job:done() and is_told(job:wait())
          and is_told(job:wait(0.1)) and is_told(job:result())
      end))
    end)

    it("cannot be begun, polled or called in the child", function()
      assert.is_true(in_child(function()
        job:cancel()
        return client.poll() == nil and is_told(client.async.create {})
          and is_told(client.create {}) and is_told(client.fd())
      end))
    end)

    it("stay the parent's when the child closes and then asks", function()
      assert.is_true(in_child(function()
        client.close()
        return not job:done() and is_told(job:wait()) and is_told(job:result())
      end))
    end)

    it("go on when the child closes and collects", function()
      assert.is_true(in_child(function()
        client.close()
        client, job = nil, nil
        collectgarbage()
        collectgarbage()
        return true
      end))
    end)

    it("are no job of what the child begins anew", function()
      local config, default = require "trunking.config", require "trunking"
      local resolve = config.resolve
      function config.resolve(options, ...)
        options.base_url = helper.origin "plain HTTP"
        options.account_sid = helper.sandbox "ACCOUNT_SID"
        options.auth_token = helper.sandbox "AUTH_TOKEN"
        return resolve(options, ...)
      end
      finally(function()
        default.close()
        config.resolve = resolve
      end)
      control.arm { apply = true, hold = true }
      local parents = assert(default.async.create {})
      received(2)
      assert.is_true(in_child(function()
        default.close()
        local made = default.async.create {}:wait()
        parents:cancel()
        return made.sid ~= nil and is_told(parents:wait())
          and default.in_flight() == 0 and default.create {}.sid ~= nil
      end))
      control.release()
      assert.truthy(parents:wait())
    end)

    it("are known in the child when they were done before", function()
      control.release()
      finish(job)
      assert.is_true(in_child(function() return job:result().sid ~= nil end))
    end)
  end)
end
