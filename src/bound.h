/* SPDX-License-Identifier: MIT
 * bound: what on a connection can be believed (law L12): that nothing waits
 * before a request goes out, and that no reply comes a second time. It reads
 * the socket and the head of a reply, and decodes no record. For wire alone.
 */
#ifndef TRK_BOUND_H
#define TRK_BOUND_H

#include "exchange.h"
#include "head.h"
#include "shared.h"

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* The connection that a request goes out on. All zero: none yet. */
struct trk_bound {
  struct trk_socket *socket; /* NULL once it is closed */
  struct trk_last last;      /* of the reply before this request */
};

/* Notes the connection, by its local port, that easy's request is about to go
 * out on. Whether it must not: it is a kept one, and something waits on it, or
 * a reply on it was not to be believed. */
int trk_bound_is_stale(struct trk_bound *b, struct trk_shared *s, CURL *easy,
                       int port);

/* Forgets a socket that is about to be closed. */
void trk_bound_closed(struct trk_bound *b, curl_socket_t fd);

/* Judges the reply that came: one that came before on the same connection is
 * TRK_BODY_FOREIGN, and the connection is not used again. */
void trk_bound_reply(struct trk_bound *b, const struct trk_head *head,
                     struct trk_exchange *x);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
