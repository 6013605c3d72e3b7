-- The whole matrix of faults: each, the spec that shows what is then said of a
-- create, and words that stand there. Words that are not found any more fail,
-- so that no row is lost unseen.

local matrix = {
  ["before the request is sent"] = {
    { "the name does not resolve", "faults", "a name that does not resolve" },
    { "the name server has no answer", "library", "that has no answer" },
    { "the name server hangs", "library", "that hangs moves no deadline" },
    { "the same, of the system", "library", "that says nothing to the system" },
    { "refused", "faults", "a port that is closed" },
    { "the queue is full", "peers", "one whose queue is full" },
    { "packets are dropped", "peers", "one whose packets are all dropped" },
    { "no route", "library", "and a network an error of connect" },
    { "a certificate that expired", "security", "an expired certificate" },
    { "of another host", "security", "a certificate of another host" },
    { "signed by itself", "security", "a certificate signed by itself" },
    { "of an unknown CA", "faults", "a certificate of an unknown CA" },
    { "TLS that is too old", "security", "nothing newer than TLS 1.1" },
    { "a handshake that is reset", "peers", "one that resets it" },
    { "that ends", "peers", "one that ends it amid its hello" },
    { "that hangs", "peers", '"one that hangs"' },
    { "that meets an alert", "peers", "one that finds no cipher" },
    { "that meets plain words", "peers", "one that speaks plain words" },
    { "a server of HTTP/2 alone", "peers", "that has HTTP/2 alone" },
    { "plain words to TLS", "faults", "to a server that speaks TLS" },
    { "a proxy that refuses", "faults", "a proxy that is closed" },
    { "that has no name", "faults", "a proxy whose name does not resolve" },
    { "its 403, 407, 502, 503", "security", "[407] = 1, [403] = 1" },
    { "its garbage, half, nothing", "security", "half an answer" },
    { "that resets, that hangs", "security", "that resets is tried again" },
    { "no CA file", "config", "not a file of certificates" },
    { "no descriptor left", "library", "that are used up are said to be" },
    { "a URL that is none", "config", "ftp://api.example" },
    { "a wall clock 10 years off", "library", "ten years " },
  },
  ["while it is sent"] = {
    { "FIN, RST on an idle connection", "peers", "before the next request" },
    { "a kept one that was used dies", "once", '"breaks (RST)"' },
    { "amid the status line", "once", "ends within the status line" },
    { "after an interim reply", "peers", "that ends after an interim reply" },
    { "a reply nobody asked for", "poisoned", "is not believed by a create" },
    { "RST before it is read", "peers", "one that resets before it reads" },
    { "RST, FIN amid the body", "peers",
      '"one that resets amid the body", kind = "network"' },
    { "a server that never reads", "peers", "one that never reads" },
    { "that reads, and hangs", "peers", "one that reads, and says nothing" },
    { "the request is lost", "peers", "one that it never reaches, nor later" },
    { "and comes late", "peers", "where it is left to the kernel" },
    { "the reply is lost", "peers", "one whose reply is lost" },
    { "FIN, RST, no reply", "faults", '"reset at once"' },
    { "no Expect, and 417", "peers", "one that does not expect" },
    { "HTTP/2, stream refused", "peers", "asks for HTTP/1.1 alone" },
    { "401 sends no second POST", "errors", '{ 401, "auth", "refused" }' },
    { "a refusal before the body", "peers", "before it has the body" },
  },
  ["the reply on the wire"] = {
    { "half a status line", "faults", "closed within the status line" },
    { "half the head, FIN", "faults", "headers cut short" },
    { "half the head, RST", "peers", "one that resets amid the head" },
    { "half the body, FIN", "faults", "a body cut short" },
    { "half the body, RST", "peers",
      '"one that resets amid the body", kind = "reply"' },
    { "lengths that are wrong", "faults", "a length that is too small" },
    { "twice, negative, huge", "faults", "a length below nothing" },
    { "chunks that are wrong", "faults", "a chunk of no size" },
    { "length and chunks", "faults", "a length and chunks at once" },
    { "no HTTP, or 0.9, or 9.9", "faults", "an HTTP version that is none" },
    { "status 000, 999", "faults", "a status of naught" },
    { "byte by byte", "peers", "one that drips a status line" },
    { "1xx once, or for ever", "faults", "interim replies without end" },
    { "101", "faults", "closed after it switched protocols" },
    { "a header of 200 KB", "faults", "a header over 100 KiB" },
    { "NUL, folds, bare LF", "faults", "a NUL in a header" },
    { "204 with a body", "faults", "a 204 with a body" },
    { "201 of nothing, of HTML", "faults", "a page of HTML" },
    { "a body without end", "faults", "a chunked body over 1 MiB" },
    { "gzip", "security", "is not decompressed" },
    { "codings not asked for", "faults", "a coding that was not asked for" },
    { "a false status line", "status", "that looks like a status line" },
  },
  ["the reply's JSON"] = {
    { "no object", "faults", "JSON that is null" },
    { "no sid, or a wrong one", "faults", "a sid that is a number" },
    { "names twice", "faults", "names that come twice" },
    { "depth", "faults", "JSON of great depth" },
    { "numbers that are none", "faults", "NaN, which JSON lacks" },
    { "no UTF-8, NUL, controls", "faults", "texts that are no UTF-8" },
    { "a NUL behind it", "faults", "a NUL after the JSON" },
    { "BOM, UTF-16, comments", "faults", "JSON behind a byte order mark" },
    { "cjson set by others", "module", "that another module's settings" },
    { "another's trunk", "faults", "another account's trunk" },
  },
  ["the status"] = {
    { "all that were ever seen", "errors", '{ 599, "server", "unknown" }' },
    { "each from 100 to 999", "verdict", '{ "5xx", 500, 599, "unknown" }' },
    { "a redirect", "errors", "is not followed, so that no other host" },
    { "429 and Retry-After", "verdict", 'describe("Retry-After"' },
    { "5xx is no second POST", "faults", '"is not sent again after a "' },
    { "GET, DELETE after each", "attempts", "a DELETE that had been applied" },
  },
  ["the host and its process"] = {
    { "a wall clock that jumps", "library", "that jumps all the time" },
    { "signals every 2 ms", "interrupt", "signals without end" },
    { "Ctrl-C", "interrupt", "ends the script, and tells" },
    { "SIGPIPE", "library", "meets a reset amid a body, and no signal" },
    { "a fork", "fork", "says so in the child" },
    { "a fork with jobs", "job_end", "and a fork" },
    { "a coroutine", "life", "may be used in a coroutine" },
    { "a hook that raises", "hook", "that raises is reported once" },
    { "a client that is collected", "job_end", "comes with the collector" },
    { "closed while names resolve", "library", "that asked is closed" },
    { "a decimal comma", "library", "with a decimal comma" },
    -- memory that runs out: make torture; states in threads: make threads
  },
}

describe("the matrix of faults holds what", function()
  local pipe = assert(io.popen "ls spec/*/*_spec.lua")
  local all = pipe:read "*a"
  pipe:close()
  for part, rows in pairs(matrix) do
    it("is shown of " .. part, function()
      for _, row in ipairs(rows) do
        local file = assert(io.open(all:match("spec/%a+/" .. row[2]
          .. "_spec.lua")))
        local text = file:read "*a"
        file:close()
        assert.truthy(text:find(row[3], 1, true),
          row[1] .. ": not in " .. row[2] .. "_spec.lua")
      end
    end)
  end
end)
