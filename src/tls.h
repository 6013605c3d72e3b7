/* SPDX-License-Identifier: MIT
 * tls: what the TLS library beneath libcurl says of a handshake that failed.
 * OpenSSL and GnuTLS say the same things in other ways; above this room they
 * are alike. It sends nothing and decides no outcome. For the wire alone.
 */
#ifndef TRK_TLS_H
#define TRK_TLS_H

#include <curl/curl.h>

#include <stddef.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* Writes why a certificate was not accepted, where the library has told it in
 * a number and libcurl has not put it in words. 0: it has, text is as it was.
 */
int trk_tls_reason(CURL *easy, CURLcode rc, char *text, size_t size);

/* Whether libcurl's words tell of a handshake that the other end broke off,
 * without saying why: the next one may pass. An alert says why. */
int trk_tls_broke_off(const char *text);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
