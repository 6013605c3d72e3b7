/* SPDX-License-Identifier: MIT
 * wire: makes one attempt over one easy handle, which is used again: sets
 * libcurl up (laws L1, L7, L8) and notes what its callbacks see. It schedules
 * nothing and judges nothing. For the engine alone.
 */
#ifndef TRK_WIRE_H
#define TRK_WIRE_H

#include "bound.h"
#include "cause.h"
#include "exchange.h"
#include "shared.h"

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

struct trk_wire {
  CURL *easy;
  CURLU *url;
  struct trk_shared *shared;
  struct trk_wire *next;  /* in shared->wires */
  struct trk_wire *idle;  /* in the engine's list of idle ones */
  struct trk_exchange *x; /* NULL when idle */
  enum trk_method method; /* set up for this one, once configured */
  int configured;
  struct trk_buf path;    /* set in url */
  int stale;              /* a kept connection was stopped before its use */
  int looking;            /* a look-up of a name was started */
  int fresh;              /* set up to take no kept connection */
  int port;               /* local port of the connection in use */
  struct trk_bound bound; /* what that connection is */
  unsigned trust_turn;    /* set up for the file of CAs as it was then */
  struct trk_attempt saw;
};

/* A new wire, linked into s; NULL: there is no memory. The newest is to be
 * freed first. */
struct trk_wire *trk_wire_new(struct trk_shared *s);
void trk_wire_free(struct trk_wire *w);

/* Why no wire can be made, where libcurl has refused the options. */
const char *trk_wire_refused(const struct trk_shared *s);

/* Sets a request up on the easy handle. CURLE_OK, or why not. A wire that
 * found its kept connection stale asks for a new one. */
CURLcode trk_wire_begin(struct trk_wire *w, struct trk_exchange *x,
                        long timeout_ms);

/* Writes what was seen into the exchange, and leaves the wire idle. */
void trk_wire_end(struct trk_wire *w, CURLcode rc);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
