/* SPDX-License-Identifier: MIT
 * cause: see cause.h. libcurl only.
 */
#include "cause.h"

#include "fd.h"
#include "shared.h"
#include "tls.h"

#include <errno.h> /* ECONNRESET */
#include <stdio.h> /* snprintf */
#include <string.h>

/* By number, so that a library newer than the headers is asked too. */
#define TOO_LARGE ((CURLcode)100) /* 8.6: CURLE_TOO_LARGE */

static const char no_memory[] = "not enough memory";
static const char headers_too_large[] =
    "the reply's headers are over the limit of 64 KiB";

static const struct {
  CURLcode rc;
  enum trk_cause cause;
  int transient;
} causes[] = {
    {CURLE_OK, TRK_NO_CAUSE, 0},
    {CURLE_UNSUPPORTED_PROTOCOL, TRK_CONFIG, 0},
    {CURLE_URL_MALFORMAT, TRK_CONFIG, 0},
    {CURLE_NOT_BUILT_IN, TRK_CONFIG, 0},
    {CURLE_UNKNOWN_OPTION, TRK_CONFIG, 0},
    {CURLE_COULDNT_RESOLVE_PROXY, TRK_DNS, 1},
    {CURLE_COULDNT_RESOLVE_HOST, TRK_DNS, 1},
    {CURLE_COULDNT_CONNECT, TRK_CONNECT, 1},
    {CURLE_OPERATION_TIMEDOUT, TRK_TIMEOUT, 1},
    {CURLE_OUT_OF_MEMORY, TRK_MEMORY, 0},
    {CURLE_SSL_CONNECT_ERROR, TRK_TLS, 0},
    {CURLE_SSL_ENGINE_NOTFOUND, TRK_TLS, 0},
    {CURLE_SSL_ENGINE_SETFAILED, TRK_TLS, 0},
    {CURLE_SSL_CERTPROBLEM, TRK_TLS, 0},
    {CURLE_SSL_CIPHER, TRK_TLS, 0},
    {CURLE_PEER_FAILED_VERIFICATION, TRK_TLS, 0},
    {CURLE_USE_SSL_FAILED, TRK_TLS, 0},
    {CURLE_SSL_ENGINE_INITFAILED, TRK_TLS, 0},
    {CURLE_SSL_CACERT_BADFILE, TRK_TLS, 0},
    {CURLE_SSL_SHUTDOWN_FAILED, TRK_TLS, 0},
    {CURLE_SSL_CRL_BADFILE, TRK_TLS, 0},
    {CURLE_SSL_ISSUER_ERROR, TRK_TLS, 0},
    {CURLE_SSL_PINNEDPUBKEYNOTMATCH, TRK_TLS, 0},
    {CURLE_SSL_INVALIDCERTSTATUS, TRK_TLS, 0},
    {CURLE_SSL_CLIENTCERT, TRK_TLS, 0},
    {CURLE_WEIRD_SERVER_REPLY, TRK_GARBAGE, 1},
};

/* Whether a header line was over libcurl's own bound, which it meets before we
 * see the line. Before 8.6 libcurl calls that a lack of memory. */
static int is_header_too_large(const struct trk_attempt *a, CURLcode rc) {
  return a->begun > 0 &&
         (rc == TOO_LARGE || (rc == CURLE_OUT_OF_MEMORY && a->head.status > 0));
}

static void cause_of(const struct trk_attempt *a, CURLcode rc,
                     struct trk_evidence *seen) {
  size_t i;
  seen->cause = TRK_NETWORK; /* what is not in the table */
  seen->transient = 1;
  for (i = 0; i < sizeof causes / sizeof *causes; i++)
    if (causes[i].rc == rc) {
      seen->cause = causes[i].cause;
      seen->transient = causes[i].transient;
    }
  if (rc == CURLE_UNSUPPORTED_PROTOCOL && a->begun > 0)
    seen->cause = TRK_GARBAGE; /* of the reply, not of the URL */
  if (is_header_too_large(a, rc))
    seen->cause = TRK_TOO_LARGE;
  if (rc == CURLE_WRITE_ERROR)
    seen->cause = a->too_large ? TRK_TOO_LARGE : TRK_MEMORY;
  if (a->strayed)
    seen->cause = TRK_CONFIG, seen->transient = 0;
  if (a->astray)
    seen->cause = TRK_CONNECT, seen->transient = 1;
  if (a->unanswered)
    seen->cause = TRK_DNS, seen->transient = 1;
}

/* Whether no file descriptor is left. libcurl does not say so. It reports that
 * it could not connect, find the host, read the CAs, or allocate: each release
 * something else. In all but the first case it wanted a second descriptor
 * besides the socket, which is closed by now. */
static int none_left(CURLcode rc) {
  if (rc == CURLE_COULDNT_CONNECT)
    return trk_fd_lack(1);
  return (rc == CURLE_COULDNT_RESOLVE_HOST || rc == CURLE_OUT_OF_MEMORY ||
          rc == CURLE_COULDNT_RESOLVE_PROXY || rc == CURLE_FAILED_INIT ||
          rc == CURLE_SSL_CACERT_BADFILE) &&
         trk_fd_lack(2);
}

/* A handshake cut short may pass; an alert or a version will not. */
static int is_cut_short(const struct trk_attempt *a) {
  long sys = 0;
  curl_easy_getinfo(a->easy, CURLINFO_OS_ERRNO, &sys);
  return sys == ECONNRESET || sys == EPIPE || trk_tls_broke_off(a->text);
}

/* Whether a connection broke within its handshake: there is no proxy, or the
 * proxy has let it through. Newer libcurls on GnuTLS report a handshake that is
 * reset as a failed read. */
static int is_handshake(const struct trk_attempt *a, CURLcode rc,
                        long proxied) {
  long by_proxy = 1;
  if (rc != CURLE_RECV_ERROR && rc != CURLE_SEND_ERROR)
    return 0;
  curl_easy_getinfo(a->easy, TRK_INFO_USED_PROXY, &by_proxy);
  return !by_proxy || proxied / 100 == 2;
}

/* Why no connection stood. Whether no descriptor was left. libcurl's code for
 * a proxy's answer to CONNECT differs between releases, so only the status
 * decides: what a proxy refuses, it would refuse again. */
static int cause_of_connecting(const struct trk_attempt *a, CURLcode rc,
                               struct trk_evidence *seen) {
  long proxied = 0;
  int lacking = seen->cause != TRK_CONFIG && !a->unanswered && none_left(rc);
  curl_easy_getinfo(a->easy, CURLINFO_HTTP_CONNECTCODE, &proxied);
  if (rc == CURLE_SSL_CONNECT_ERROR)
    seen->transient = is_cut_short(a);
  if (is_handshake(a, rc, proxied))
    seen->cause = TRK_TLS;
  else if (seen->cause == TRK_NETWORK || seen->cause == TRK_GARBAGE || lacking)
    seen->cause = TRK_CONNECT, seen->transient = 1;
  if (seen->cause == TRK_CONNECT && proxied > 0 && proxied < 500 &&
      proxied / 100 != 2)
    seen->transient = 0;
  return lacking;
}

static const char *text_of(const struct trk_attempt *a, CURLcode rc,
                           int lacking) {
  if (a->strayed)
    return "http:// is for this machine only, and the host is elsewhere";
  if (a->astray)
    return "the connection went around the proxy; nothing was sent on it";
  if (a->unanswered)
    return "the name server does not answer: too many look-ups still wait";
  if (a->stopped)
    return "the connection closed before a reply came";
  if (is_header_too_large(a, rc) ||
      (a->too_large && a->head.bytes > TRK_HEADERS_MAX))
    return headers_too_large;
  if (a->too_large)
    return a->is_page
               ? "the page is over the limit of 4 MiB; ask for a smaller one "
                 "with page_size"
               : "the reply is over the limit of 1 MiB";
  if (lacking)
    return trk_no_descriptor;
  if (rc == CURLE_OUT_OF_MEMORY)
    return no_memory;
  return a->text[0] != '\0' ? a->text : curl_easy_strerror(rc);
}

/* Whether TLS failed with a proxy of https, and not yet with the server behind
 * it: the proxy has answered no CONNECT. */
static int is_at_proxy(const struct trk_attempt *a, enum trk_cause cause) {
  long proxied = 0;
  if (cause != TRK_TLS || !a->proxy_tls || a->begun > 0)
    return 0;
  curl_easy_getinfo(a->easy, CURLINFO_HTTP_CONNECTCODE, &proxied);
  return proxied == 0;
}

/* In words what was wrong, if anything was. */
static void set_text(const struct trk_attempt *a, CURLcode rc,
                     const char *where, int lacking, char *text, size_t size) {
  text[0] = '\0';
  if (a->head.status / 100 == 3 && a->head.redirect[0] != '\0')
    snprintf(text, size, "it redirects to %s, which is not followed",
             a->head.redirect);
  else if (rc != CURLE_OK && !trk_tls_reason(a->easy, rc, text, size))
    snprintf(text, size, "%s%s", where, text_of(a, rc, lacking));
}

void trk_cause(const struct trk_attempt *a, CURLcode rc,
               struct trk_evidence *seen, char *text, size_t size) {
  int lacking = 0;
  seen->begun = a->begun;
  cause_of(a, rc, seen);
  if (rc != CURLE_OK && a->begun == 0)
    lacking = cause_of_connecting(a, rc, seen);
  set_text(a, rc, is_at_proxy(a, seen->cause) ? "at the proxy: " : "", lacking,
           text, size);
}
