/* SPDX-License-Identifier: MIT
 * tls: see tls.h. libcurl only.
 */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* dladdr */
#endif

#include "tls.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h> /* snprintf */
#include <string.h>

/* ---- certificates --------------------------------------------------- */

/* The bits that GnuTLS gives (gnutls_certificate_status_t). It does not tell
 * a certificate that is signed by itself from one of an unknown CA. */
static const struct {
  long bit;
  const char *words;
} faults[] = {
    {1L << 10, "it has expired"},
    {1L << 9, "it is not yet valid"},
    {1L << 6, "it is self-signed, or its CA is not trusted"},
    {1L << 5, "it was revoked"},
    {1L << 7, "its issuer is not a CA"},
    {1L << 8, "it is signed with an insecure algorithm"},
    {1L << 11, "its signature is wrong"},
    {1L << 14, "it is of another host"},
    {1L << 16, "its CA may not issue it"},
    {1L << 18, "it is not meant for a server"},
    {1L << 19, "it must come with a proof that it was not revoked"},
    {1L << 20, "the proof that it was not revoked is invalid"},
    {1L << 21, "it has an extension that is not understood"},
};

static const struct curl_tlssessioninfo *session(CURL *easy) {
  struct curl_tlssessioninfo *tls = NULL;
  curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &tls);
  return tls;
}

static int is_gnutls(CURL *easy) {
  const struct curl_tlssessioninfo *tls = session(easy);
  return tls != NULL && tls->backend == CURLSSLBACKEND_GNUTLS;
}

/* The result of the verification that failed, and whose certificate it was.
 * The server's is looked at once the proxy's has been accepted. */
static long verified(CURL *easy, const char **whose) {
  long bits = 0;
  *whose = "certificate";
  curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &bits);
  if (bits > 0)
    return bits;
  *whose = "proxy's certificate";
  curl_easy_getinfo(easy, CURLINFO_PROXY_SSL_VERIFYRESULT, &bits);
  return bits > 0 ? bits : 0;
}

int trk_tls_reason(CURL *easy, CURLcode rc, char *text, size_t size) {
  const char *whose, *before = ":";
  long bits;
  size_t i, n = 0;
  if (rc != CURLE_PEER_FAILED_VERIFICATION || !is_gnutls(easy))
    return 0;
  bits = verified(easy, &whose);
  for (i = 0; i < sizeof faults / sizeof *faults; i++) {
    if (!(bits & faults[i].bit))
      continue;
    if (n == 0)
      n = (size_t)snprintf(text, size, "%s verification failed", whose);
    if (n < size)
      n += (size_t)snprintf(text + n, size - n, "%s %s", before,
                            faults[i].words);
    before = ", and";
  }
  return n > 0;
}

/* ---- handshakes ----------------------------------------------------- */

/* GnuTLS's numbers for an end or a reset amid a record. Its words for them are
 * in the language of the process, so they are asked for. */
static const struct {
  int number;
  const char *english; /* where it cannot be asked */
} breaks[] = {
    {-110, "The TLS connection was non-properly terminated."},
    {-9, "Error decoding the received TLS packet."},
    {-54, "Error in the pull function."},
    {-53, "Error in the push function."},
};

static const char *words_of(int number, const char *english) {
#if defined(RTLD_DEFAULT)
  union {
    const char *(*strerror)(int number);
    void *p;
  } gnutls;
  gnutls.p = dlsym(RTLD_DEFAULT, "gnutls_strerror");
  if (gnutls.p != NULL)
    return gnutls.strerror(number);
#endif
  (void)number;
  return english;
}

int trk_tls_broke_off(const char *text) {
  size_t i;
  if (strstr(text, "SYSCALL") != NULL || strstr(text, "reset") != NULL ||
      strstr(text, "unexpected eof") != NULL)
    return 1; /* OpenSSL's */
  for (i = 0; i < sizeof breaks / sizeof *breaks; i++)
    if (strstr(text, words_of(breaks[i].number, breaks[i].english)) != NULL)
      return 1;
  return 0;
}

/* ---- what waits ------------------------------------------------------- */

/* The library's own functions, which libcurl was linked with; else NULL. */
union waits {
  int (*openssl)(const void *ssl);
  size_t (*gnutls)(void *session);
  void *p;
};
static union waits openssl, gnutls;

/* Looks among what the loaded libcurl brings along: a process may hold another
 * OpenSSL besides. */
static void find(void) {
  union {
    CURL *(*f)(void);
    void *p;
  } curl;
  Dl_info at;
  void *library;
  curl.f = curl_easy_init;
  if (dladdr(curl.p, &at) == 0 || at.dli_fname == NULL)
    return;
  library = dlopen(at.dli_fname, RTLD_LAZY);
  if (library == NULL)
    return;
  openssl.p = dlsym(library, "SSL_has_pending");
  gnutls.p = dlsym(library, "gnutls_record_check_pending");
}

void trk_tls_ready(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, find);
}

int trk_tls_waits(CURL *easy) {
  const struct curl_tlssessioninfo *tls = session(easy);
  if (tls == NULL || tls->internals == NULL)
    return 0;
  if (tls->backend == CURLSSLBACKEND_OPENSSL && openssl.p != NULL)
    return openssl.openssl(tls->internals) != 0;
  if (tls->backend == CURLSSLBACKEND_GNUTLS && gnutls.p != NULL)
    return gnutls.gnutls(tls->internals) != 0;
  return 0;
}
