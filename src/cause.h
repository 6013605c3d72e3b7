/* SPDX-License-Identifier: MIT
 * cause: why an attempt ended as it did, from libcurl's code and what was seen
 * of it: one cause, whether it may pass, and words. It decides no outcome:
 * verdict does.
 */
#ifndef TRK_CAUSE_H
#define TRK_CAUSE_H

#include "head.h"
#include "verdict.h"

#include <curl/curl.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* By number, so that a library newer than the headers is asked too. */
#define TRK_INFO_USED_PROXY ((CURLINFO)(CURLINFO_LONG + 66)) /* 8.7 */

/* What was seen of an attempt. */
struct trk_attempt {
  CURL *easy;
  int begun;      /* pre-request callbacks let through */
  int stopped;    /* a second send was stopped (law L1) */
  int strayed;    /* http: to another machine was stopped */
  int astray;     /* a way around the proxy was stopped */
  int unanswered; /* too many look-ups still run to start another */
  int too_large;  /* the head or the body is over its bound */
  int is_page;    /* it asked for one */
  int proxy_tls;  /* the proxy's own connection is one of TLS */
  struct trk_head head;
  char text[CURL_ERROR_SIZE]; /* libcurl's words */
};

/* Fills in the cause, whether it may pass, and begun; and writes in words what
 * was wrong, if anything was, into text. */
void trk_cause(const struct trk_attempt *a, CURLcode rc,
               struct trk_evidence *seen, char *text, size_t size);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
