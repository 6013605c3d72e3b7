-- promise: ensure and reconcile tell the truth where each call is a job that a
-- coroutine waits for.
-- faults: [{"method":"POST","close":true,"apply":true}]
-- told: new done, ensure adopted, ensure unchanged
-- batch: 1
-- every: 11
-- every of curl: 29
-- attempts: 10
-- SPDX-License-Identifier: MIT
local options, tag, told, calm = ...
calm(require, "trunking.ensure")
options.max_attempts = 1
options.wait = coroutine.yield
local client = calm(told, "new", calm(require, "trunking").new, options)

-- A host's loop: one coroutine, resumed when the job it gave is done.
local function drive(f, ...)
  local co = coroutine.create(f)
  local ok, job, what = coroutine.resume(co, ...)
  while ok and coroutine.status(co) ~= "dead" do
    job:wait()
    ok, job, what = coroutine.resume(co)
  end
  if not ok then error(job, 0) end
  return job, what
end

local params = { domain_name = tag .. ".pstn.twilio.com" }
for _ = 1, 2 do
  pcall(told, "ensure", drive, client.ensure, params, { settle = { 0 } })
end
