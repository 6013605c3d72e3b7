-- Walks all trunks with each, 1,000 to a page. Arguments: URL CA. Prints the
-- records, the resident KiB after the third page, and the most after that.
-- Promises: holds no record longer than each does; nothing is collected but by
-- the collector's own pace.
-- SPDX-License-Identifier: MIT

local trunking = require "trunking"

local PAGE = 1000

local client = assert(trunking.new {
  base_url = arg[1], ca_file = arg[2] ~= "-" and arg[2] or nil,
  account_sid = os.getenv "TRUNKING_SANDBOX_ACCOUNT_SID",
  auth_token = os.getenv "TRUNKING_SANDBOX_AUTH_TOKEN",
})

local function resident()
  for line in io.lines "/proc/self/status" do
    local kib = line:match "^VmRSS:%s*(%d+)"
    if kib then return tonumber(kib) end
  end
  return 0
end

local records, third, most = 0, 0, 0
for _ in client.each { page_size = PAGE } do
  records = records + 1
  if records == 3 * PAGE then third = resident() end
  if records > 3 * PAGE and records % PAGE == 0 then
    most = math.max(most, resident())
  end
end
print(records, third, most)
