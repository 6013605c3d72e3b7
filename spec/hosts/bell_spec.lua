-- The bell: a socket of its own on which a client tells a host that cannot
-- watch its descriptor. nginx's use of it is in openresty_spec.
-- SPDX-License-Identifier: MIT

local control = require "sandbox.control"
local helper = require "helper"
local unix = require "socket.unix"

local stream = type(unix) == "table" and unix.stream or unix

describe("a client's bell", function()
  local client, path, caller

  before_each(function()
    client = helper.client "plain HTTP"
    path = os.tmpname()
    os.remove(path)
  end)

  after_each(function()
    client.close()
    if caller then caller:close() end
    caller = nil
    os.remove(path)
    helper.tidy()
  end)

  local function call()
    caller = assert(stream())
    caller:settimeout(helper.HANG)
    assert(caller:connect(path))
  end

  local function is_there()
    local file = io.open(path)
    if file then file:close() end
    return file ~= nil or os.rename(path, path) == true
  end

  local function ring_up()
    assert.is_true(client.bell.listen(path))
    call()
    assert(client.fd()) -- brings the thread
    assert.is_true(client.bell.accept())
  end

  it("rings when there comes to be something to take", function()
    ring_up()
    assert.is_false(is_there())
    for _ = 1, 3 do
      local job = assert(client.async.create {})
      assert.equal("!", caller:receive(1))
      assert.is_true(job:done())
    end
  end)

  it("rings at once if there is", function()
    assert.is_true(client.bell.listen(path))
    call()
    local job = assert(client.async.create {})
    assert.truthy(job:wait())
    job = assert(client.async.create {})
    repeat until client.in_flight() == 0
    assert.is_true(client.bell.accept())
    assert.equal("!", caller:receive(1))
    assert.equal(job, client.poll())
  end)

  it("is silent once it is stopped, and jobs go on", function()
    ring_up()
    client.bell.stop()
    local job = assert(client.async.create {})
    assert.truthy(job:wait())
    assert.equal("closed", select(2, caller:receive(1)))
    client.bell.stop()
  end)

  it("goes with its client, and with one that rings no more", function()
    ring_up()
    client.close()
    assert.equal("closed", select(2, caller:receive(1)))
    client.bell.stop()
    caller:close()
  end)

  it("leaves no file when nobody came", function()
    for _, finish in ipairs { client.bell.stop, client.close } do
      assert.is_true(client.bell.listen(path))
      assert.is_true(is_there())
      finish()
      assert.is_false(is_there())
    end
  end)

  it("listens in one place at a time", function()
    assert.is_true(client.bell.listen(path .. "a"))
    assert.is_true(client.bell.listen(path))
    call()
    assert(client.fd())
    assert.is_true(client.bell.accept())
  end)

  it("does not wait for who does not come", function()
    assert(client.fd())
    assert.is_true(client.bell.listen(path))
    assert.same({ nil, "nobody has connected" }, { client.bell.accept() })
    assert.is_false(is_there())
  end)

  it("has nothing to tell without a thread or a listener", function()
    assert.is_true(client.bell.listen(path))
    assert.same({ nil, "nothing to wait for" }, { client.bell.accept() })
    client.bell.stop()
    assert(client.fd())
    assert.same({ nil, "nothing to wait for" }, { client.bell.accept() })
  end)

  it("says where it cannot listen", function()
    for at, says in pairs {
      [path .. ("x"):rep(200)] = "too long", [path .. "\0x"] = "too long",
      [path .. "/none/x"] = "No such file", ["/dev/null"] = "in use",
    } do
      local ok, why = client.bell.listen(at)
      assert.is_nil(ok)
      assert.truthy(why:find(says, 1, true), why)
    end
    assert.is_false(is_there())
  end)

  it("says that no descriptor is left", function()
    local said = helper.run([[
      local client = require "helper".client "plain HTTP"
      local held = {}
      for i = 1, 200 do held[i] = io.open "/dev/null" end
      print(client.bell.listen "]] .. path .. [[")
    ]], {}, "ulimit -n 64")
    assert.matches("^nil\t[^\n]*open files", said)
  end)

  local in_child = helper.in_child

  it("is its parent's after a fork", function()
    assert.is_true(client.bell.listen(path))
    assert.is_true(in_child(function()
      client.bell.stop()
      return is_there()
    end))
    call()
    assert(client.fd())
    assert.is_true(client.bell.accept())
    assert.is_true(in_child(function()
      local ok, why = client.bell.accept()
      client.bell.stop()
      client.close()
      return ok == nil and why == "nothing to wait for"
    end))
    assert(client.async.create {})
    assert.equal("!", caller:receive(1))
    assert.equal(1, control.ledger(0).created)
  end)
end)
