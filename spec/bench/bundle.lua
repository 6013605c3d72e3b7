-- The target of cold TLS: each connection is new, and the client trusts the
-- system's bundle and the sandbox's CA, in one file.
-- May not know: what is measured.
-- SPDX-License-Identifier: MIT

local bundle = {}
local path

local function write(to)
  local out = assert(io.open(to, "w"))
  for _, name in ipairs { "BENCH_BUNDLE", "TRUNKING_SANDBOX_CA" } do
    local file = assert(io.open(os.getenv(name)))
    out:write(file:read "a", "\n")
    file:close()
  end
  out:close()
end

--- Whether there is no bundle; then it says so.
function bundle.missing()
  if os.getenv "BENCH_BUNDLE" ~= "" then return false end
  print "  left out: no CA bundle found"
  return true
end

--- The target, {url, ca}.
function bundle.target()
  if not path then
    path = os.getenv "TRUNKING_SANDBOX_DIR" .. "/bench-bundle.pem"
    write(path)
  end
  return { name = "cold TLS", url = os.getenv "TRUNKING_SANDBOX_CLOSING",
    ca = path }
end

return bundle
