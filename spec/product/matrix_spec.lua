-- The whole matrix of faults: each, the spec file and the test that shows what
-- is then said of a create. A test that is gone, renamed or pending fails here,
-- so that no row is lost unseen.

local listing = require "listing"

local matrix = {
  ["before the request is sent"] = {
    { "the name does not resolve", "faults",
      "a create that does not get through for a name that does not resolve "
        .. "is not sent" },
    { "the name server has no answer", "library",
      "a name server that has no answer is asked again" },
    { "the name server hangs", "library",
      "a name server that hangs moves no deadline" },
    { "the same, of the system", "library",
      "a name server that says nothing to the system's own resolver is no "
        .. "different" },
    { "refused", "faults",
      "a create that does not get through for a port that is closed is not "
        .. "sent" },
    { "the queue is full", "peers",
      "a server that cannot be reached: one whose queue is full over plain "
        .. "HTTP is not_sent" },
    { "packets are dropped", "peers",
      "a server that cannot be reached: one whose packets are all dropped "
        .. "over plain HTTP is not_sent" },
    { "no route", "library",
      "a name server that is not there is an error of dns, and a network an "
        .. "error of connect" },
    { "a certificate that expired", "security",
      "a server with an expired certificate is sent nothing, and the error "
        .. "says why" },
    { "of another host", "security",
      "a server with a certificate of another host is sent nothing, and the "
        .. "error says why" },
    { "signed by itself", "security",
      "a server with a certificate signed by itself is sent nothing, and the "
        .. "error says why" },
    { "of an unknown CA", "faults",
      "a create that does not get through for a certificate of an unknown CA "
        .. "is not sent" },
    { "TLS that is too old", "security",
      "a server with nothing newer than TLS 1.1 is sent nothing, and the "
        .. "error says why" },
    { "a handshake that is reset", "peers",
      "a handshake with a server: one that resets it over TLS is not_sent" },
    { "that ends", "peers",
      "a handshake with a server: one that ends it amid its hello over TLS "
        .. "is not_sent" },
    { "that hangs", "peers",
      "a handshake with a server: one that hangs over TLS is not_sent" },
    { "that meets an alert", "peers",
      "a handshake with a server: one that finds no cipher over TLS is "
        .. "not_sent" },
    { "that meets plain words", "peers",
      "a handshake with a server: one that speaks plain words over TLS is "
        .. "not_sent" },
    { "a server of HTTP/2 alone", "peers",
      "a handshake with a server: that has HTTP/2 alone ends in no second "
        .. "request" },
    { "plain words to TLS", "faults",
      "a create that does not get through in plain words, to a server that "
        .. "speaks TLS, is refused" },
    { "a proxy that refuses", "faults",
      "a create that does not get through for a proxy that is closed is not "
        .. "sent" },
    { "that has no name", "faults",
      "a create that does not get through for a proxy whose name does not "
        .. "resolve is not sent" },
    { "its 403, 407, 502, 503", "security",
      "a proxy that answers 407 is not sent the request" },
    { "its garbage, half, nothing", "security",
      "a proxy that answers half an answer is not sent the request" },
    { "that resets, that hangs", "security",
      "a proxy that resets is tried again, and not sent the request" },
    { "no CA file", "config",
      'an option refuses ca_file = "spec/no-such.pem", and tells no secret' },
    { "no descriptor left", "library",
      "descriptors that are used up are said to be, and nothing is sent: "
        .. "plain HTTP" },
    { "a URL that is none", "config",
      'the origin refuses the base_url "ftp://api.example", and tells no '
        .. 'secret' },
    { "a wall clock 10 years off", "library",
      "a wall clock ten years ahead is hinted at by an error of TLS, and of "
        .. "no matter without it" },
  },
  ["while it is sent"] = {
    { "FIN, RST on an idle connection", "peers",
      "a kept connection of plain HTTP that ended before the next request is "
        .. "not used" },
    { "a kept one that was used dies", "once",
      "a kept connection of plain HTTP that breaks (RST) ends the call as "
        .. "unknown, after one POST" },
    { "amid the status line", "once",
      "a kept connection of plain HTTP that ends within the status line ends "
        .. "the call as unknown, after one POST" },
    { "after an interim reply", "peers",
      "a kept connection of plain HTTP that ends after an interim reply is "
        .. "unknown" },
    { "a reply nobody asked for", "poisoned",
      "over TLS a 400 that waits is not believed by a create" },
    { "RST before it is read", "peers",
      "a request to a server: one that resets before it reads over plain "
        .. "HTTP is unknown" },
    { "RST, FIN amid the body", "peers",
      "a request to a server: one that resets amid the body over plain HTTP "
        .. "is unknown" },
    { "a server that never reads", "peers",
      "a request to a server: one that never reads over plain HTTP is "
        .. "unknown" },
    { "that reads, and hangs", "peers",
      "a request to a server: one that reads, and says nothing over plain "
        .. "HTTP is unknown" },
    { "the request is lost", "peers",
      "a request to a server: one that it never reaches, nor later over "
        .. "plain HTTP is unknown" },
    { "and comes late", "peers",
      "a request to a server: that never reached it does, later, where it is "
        .. "left to the kernel" },
    { "the reply is lost", "peers",
      "a request to a server: one whose reply is lost over plain HTTP is "
        .. "unknown" },
    { "FIN, RST, no reply", "faults",
      "a create over plain HTTP reset at once is unknown, and not sent again" },
    { "no Expect, and 417", "peers",
      "a request to a server: one that does not expect what was not said "
        .. "over plain HTTP is refused" },
    { "HTTP/2, stream refused", "peers",
      "a handshake with a server: asks for HTTP/1.1 alone, so that no stream "
        .. "can be refused" },
    { "401 sends no second POST", "errors",
      "over plain HTTP takes a 401 for refused" },
    { "a refusal before the body", "peers",
      "a request to a server: one that refuses it before it has the body "
        .. "over plain HTTP is refused" },
  },
  ["the reply on the wire"] = {
    { "half a status line", "faults",
      "a create over plain HTTP closed within the status line is unknown, "
        .. "and not sent again" },
    { "half the head, FIN", "faults",
      "a create over plain HTTP answered with headers cut short is applied" },
    { "half the head, RST", "peers",
      "a reply of a server: one that resets amid the head over plain HTTP is "
        .. "applied" },
    { "half the body, FIN", "faults",
      "a create over plain HTTP answered with a body cut short is applied" },
    { "half the body, RST", "peers",
      "a reply of a server: one that resets amid the body over plain HTTP is "
        .. "applied" },
    { "lengths that are wrong", "faults",
      "a create over plain HTTP answered with a length that is too small is "
        .. "applied" },
    { "twice, negative, huge", "faults",
      "a create over plain HTTP answered with a length below nothing is "
        .. "applied" },
    { "chunks that are wrong", "faults",
      "a create over plain HTTP answered with a chunk of no size is applied" },
    { "length and chunks", "faults",
      "a create over plain HTTP answered with a length and chunks at once, "
        .. "of which neither holds is applied" },
    { "no HTTP, or 0.9, or 9.9", "faults",
      "a create over plain HTTP answered with an HTTP version that is none "
        .. "is unknown" },
    { "status 000, 999", "faults",
      "a create over plain HTTP answered with a status of naught is unknown" },
    { "byte by byte", "peers",
      "a reply of a server: one that drips a status line over plain HTTP is "
        .. "unknown" },
    { "1xx once, or for ever", "faults",
      "a create over plain HTTP answered with interim replies without end is "
        .. "unknown" },
    { "101", "faults",
      "a create over plain HTTP closed after it switched protocols is "
        .. "unknown, and not sent again" },
    { "a header of 200 KB", "faults",
      "a create over plain HTTP answered with a header over 100 KiB is "
        .. "applied" },
    { "NUL, folds, bare LF", "faults",
      "a create over plain HTTP answered with a NUL in a header is applied" },
    { "204 with a body", "faults",
      "a create over plain HTTP answered with a 204 with a body is applied" },
    { "201 of nothing, of HTML", "faults",
      "a create over plain HTTP answered with a page of HTML is applied" },
    { "a body without end", "faults",
      "a create over plain HTTP answered with a chunked body over 1 MiB is "
        .. "applied" },
    { "gzip", "security",
      "a request is not decompressed" },
    { "gzip, in words", "coding",
      "a create over plain HTTP answered with gzip names it" },
    { "codings not asked for", "faults",
      "a create over plain HTTP answered with a coding that was not asked "
        .. "for is applied" },
    { "a false status line", "status",
      "the status is not that of a header that looks like a status line" },
  },
  ["the reply's JSON"] = {
    { "no object", "faults",
      "a create over plain HTTP answered with JSON that is null is applied" },
    { "no sid, or a wrong one", "faults",
      "a create over plain HTTP answered with a sid that is a number is "
        .. "applied" },
    { "names twice", "faults",
      "a create over plain HTTP believes JSON with names that come twice" },
    { "depth", "faults",
      "a create over plain HTTP answered with JSON of great depth is applied" },
    { "numbers that are none", "faults",
      "a create over plain HTTP answered with NaN, which JSON lacks is "
        .. "applied" },
    { "no UTF-8, NUL, controls", "faults",
      "a create over plain HTTP believes JSON with texts that are no UTF-8" },
    { "a NUL behind it", "faults",
      "a create over plain HTTP answered with a NUL after the JSON is "
        .. "applied" },
    { "BOM", "mended",
      "a record over plain HTTP is read with a byte-order mark before it" },
    { "half a surrogate pair", "mended",
      "a record over plain HTTP is read with half a surrogate pair" },
    { "UTF-16, comments", "faults",
      "a create over plain HTTP answered with JSON of UTF-16 is applied" },
    { "cjson set by others", "module",
      "require 'trunking' has a decoder that another module's settings do "
        .. "not touch" },
    { "another's trunk", "faults",
      "a create over plain HTTP answered with another account's trunk is "
        .. "applied" },
    { "a reply that comes twice", "bound",
      "over TLS a reply that comes again late, to a create of the same, is "
        .. "not taken for the next create's" },
    { "one that TLS hides", "bound",
      "over TLS a reply that comes again hidden behind the body is not "
        .. "believed" },
  },
  ["the status"] = {
    { "all that were ever seen", "errors",
      "over plain HTTP takes a 599 for unknown" },
    { "each from 100 to 999", "verdict",
      "the verdict calls every 5xx unknown" },
    { "a redirect", "errors",
      "a redirect 301 is not followed, so that no other host is asked" },
    { "429 and Retry-After", "verdict",
      'Retry-After "0" with Date "nil" asks for 100 ms' },
    { "5xx is no second POST", "faults",
      "a create over TLS is not sent again after a 500" },
    { "GET, DELETE after each", "attempts",
      "over plain HTTP a DELETE that had been applied succeeds after a 500" },
  },
  ["the host and its process"] = {
    { "a wall clock that jumps", "library",
      "a wall clock that jumps all the time moves no deadline: plain HTTP" },
    { "signals every 2 ms", "interrupt",
      "signals without end move no deadline: plain HTTP" },
    { "Ctrl-C", "interrupt",
      "Ctrl-C during a create over plain HTTP ends the script, and tells "
        .. "what became of the request" },
    { "SIGPIPE", "library",
      "libcurl meets a reset amid a body, and no signal: plain HTTP" },
    { "a fork", "fork",
      "a client over plain HTTP and a fork says so in the child and works on "
        .. "in the parent" },
    { "a fork with jobs", "job_end",
      "jobs over plain HTTP and a fork are no job of what the child begins "
        .. "anew" },
    { "a coroutine", "life",
      "a client may be used in a coroutine, and there by another" },
    { "a hook that raises", "hook",
      "a hook that raises is reported once, and called again" },
    { "a client that is collected", "job_end",
      "the end of a client over plain HTTP comes with the collector, jobs in "
        .. "flight or not" },
    { "closed while names resolve", "library",
      "a name server may answer when the Lua state that asked is closed" },
    { "a decimal comma", "library",
      "a locale with a decimal comma is not seen on the wire, nor in a reply" },
    -- memory that runs out: make torture; states in threads: make threads
  },
}

describe("the matrix of faults holds what", function()
  for part, rows in pairs(matrix) do
    it("is shown of " .. part, function()
      for _, row in ipairs(rows) do
        assert.is_nil(listing.lacks(row[2], row[3]), row[1])
      end
    end)
  end
end)
