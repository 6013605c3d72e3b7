/* SPDX-License-Identifier: MIT
 * tls: what the TLS library below libcurl says of a handshake that failed, and
 * of what it holds.
 * OpenSSL and GnuTLS say the same in different ways; above this room there is
 * no difference.
 */
#ifndef TRK_TLS_H
#define TRK_TLS_H

#include <curl/curl.h>

#include <stddef.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* Writes why a certificate was not accepted, where the library tells it by a
 * number that libcurl does not put in words. 1: text is written; 0: it is as
 * it was, and libcurl's own words are all there is. */
int trk_tls_reason(CURL *easy, CURLcode rc, char *text, size_t size);

/* Finds what the next function asks; to be called before. */
void trk_tls_ready(void);

/* Whether the TLS library holds what the server has sent and nobody has read:
 * the socket does not show it. 0 where there is no TLS, and where the library
 * is another than these two: none else can be asked. */
int trk_tls_waits(CURL *easy);

/* Whether libcurl's words tell of a handshake that the other end broke off,
 * without saying why: the next one may pass. An alert says why. */
int trk_tls_broke_off(const char *text);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
