-- What no test on this machine can reach, or can be sure to, and why: a part of
-- the line's text, by file. The report says it beside the line; nothing is left
-- out of a count.
-- SPDX-License-Identifier: MIT

local made = "a descriptor just made takes its flags"
local bound = "a socket just bound listens, and is its owner's"
local file = "the loader knows the file that it has loaded"
local words = "in the words of other TLS libraries"
local gnutls = "by libcurl on GnuTLS: where it is, the specs run on it"
local newer = "by newer libcurls: where they are, the specs run on them"
local timing = "news within the moment between two looks"
local ended = "exit has ended the thread, and Lua goes on"

return {
  ["src/api.c"] = {
    ["op->nfields == 1"] = "no operation takes one field that is no SID",
  },
  ["src/bell.c"] = {
    ["!tame(fd)"] = made,
    ["close_fd(&fd)"] = made,
    ["chmod("] = bound,
    ["rc = errno"] = bound,
  },
  ["src/call.c"] = {
    ["rc != TRK_FORM_OK"] = "a page gives back the SID that it was made with",
    ["return invalid("] = "a page gives back the SID that it was made with",
    ["if (raised ||"] = "a call that is cancelled is back at the next look",
    ["return n;"] = "luaL_checktype has raised",
  },
  ["src/asked.c"] = {
    ["luaL_addchar("] = "a field's name fits in Lua's buffer",
  },
  ["src/cause.c"] = {
    ["CURLE_UNSUPPORTED_PROTOCOL"] = "origins are http: or https: alone",
    ["sys == ECONNRESET"] = words,
    ["rc != CURLE_SEND_ERROR"] = gnutls,
    ["else if (rc != CURLE_OK &&"] = gnutls,
    ["a->begun > 0 &&"] = newer,
    ["CURLE_FAILED_INIT"] = newer,
    ["seen->cause == TRK_GARBAGE"] = newer,
    ["proxied / 100 != 2"] = "no descriptor is left behind a proxy",
    ["is_handshake("] = gnutls,
    ["return !by_proxy"] = gnutls,
    ["seen->cause = TRK_TLS"] = gnutls,
  },
  ["src/client.c"] = {
    ["while (*at != x)"] = "a finalizer's call that raised while filled",
    ["at = &(*at)->next"] = "a finalizer's call that raised while filled",
    ["if (c->engine == NULL)"] = "a finalizer opens it amid its opening",
    ["return c->engine == NULL ||"] = "a client that is open has an engine",
    ["trk_worker_ended("] = ended,
    ["the process is ending"] = ended,
  },
  ["src/core.c"] = { ["dladdr("] = file },
  ["src/engine.c"] = {
    ["lack ? TRK_CONNECT"] = newer,
    ["snprintf(x->text, sizeof x->text, \"%s\","] = newer,
    ["return seed != 0"] = "one seed in 2^64",
    ["curl_multi_add_handle"] = "libcurl refuses a handle that is in order",
    ["rc = CURLE_OUT_OF_MEMORY"] = "libcurl refuses a handle that is in order",
    ["trk_library_up() != 0"] = "once in a process, and then for good",
    ["*at != NULL"] = "a call that is neither done nor on a wire waits",
    ["e->crowded && at <= now"] = timing,
    ["wait = at > now"] = timing,
    ["if (w->stale"] = "what was set up a moment ago takes nothing new",
  },
  ["src/form.c"] = {
    [": op->nfields"] = "a local lies above the tables in memory, here",
    ["at < end && !found"] = "which of two unknown fields comes last is the "
      .. "order of a Lua table",
    ["to[-1] != '.'"] = "no locale here has a decimal point of several bytes",
  },
  ["src/job.c"] = {
    ["k->exchange != NULL && k->lent == 0"] = "only Lua 5.1 runs a finalizer "
      .. "amid another",
    ["job->in.claimed && job->nresults > 0"] = "a finalizer asks amid a "
      .. "reading that a hook then cuts short",
    ["return job->worker == c->worker"] = ended,
    ["trk_worker_inherited(job->worker)"] = ended,
    ["the process is ending"] = ended,
  },
  ["src/load.c"] = {
    ["dladdr("] = file,
    ["slash == NULL"] = file,
    ["return 0"] = file,
    ["push_path("] = file,
  },
  ["src/reply.c"] = {
    ["value > -EXACT"] = "no number of ours is beyond what a double holds",
    ["lua_isinteger("] = "cjson of another make decodes integers",
    ["(void)table"] = "LuaJIT is given no reply with a number here",
    ["}"] = "LuaJIT is given no reply with a number here",
  },
  ["src/library.c"] = {
    ["up_rc == CURLE_OK"] = "once in a process, and then for good",
    ["CLEARS_PARTS"] = newer,
  },
  ["src/process.c"] = {
    ["if (!g->ended && "] = ended,
    ["openssl.p != NULL"] = "the libcurl that is tested has OpenSSL",
  },
  ["src/server.c"] = {
    ["len >= sizeof c->date"] = "the head keeps no longer one",
  },
  ["src/shared.c"] = {
    ["k = s->sockets"] = "what is in use is in the list",
    ["return NULL;"] = "what is in use is in the list",
    ["errno == ENFILE"] = "the machine's own table of files is full",
  },
  ["src/wire.c"] = {
    ["CURLE_URL_MALFORMAT"] = "paths are checked before they come here",
    ["k == NULL"] = "what is in use is in the list of sockets",
    ["return 0;"] = "what is in use is in the list of sockets",
  },
  ["src/tls.c"] = {
    ["backend == CURLSSLBACKEND_GNUTLS"] = gnutls,
    ["static long verified("] = gnutls,
    ["!is_gnutls("] = gnutls,
    ["bits = verified("] = gnutls,
    ["gnutls.p != NULL"] = "libcurl links it, if not for TLS",
    ["return english"] = "libcurl links it, if not for TLS",
    ["\"SYSCALL\""] = words,
    ["\"unexpected eof\""] = words,
    ["breaks[i].number"] = gnutls,
    ["return 1;"] = gnutls,
  },
  ["src/wake.c"] = {
    ["errno == EINTR"] = "there is always room for what is rung, and something "
      .. "to clear",
  },
  ["src/worker.c"] = {
    ["w->done.first == NULL && !w->quit"] = timing,
    ["w->doing != IDLING && rc == 0"] = "no step takes five seconds",
  },
}
