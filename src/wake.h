/* SPDX-License-Identifier: MIT
 * wake: a descriptor that any thread makes readable for one that polls it. It
 * knows neither who waits nor what for.
 */
#ifndef TRK_WAKE_H
#define TRK_WAKE_H

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

struct trk_wake {
  int out; /* to be polled; -1: there is none */
  int in;  /* to be written to; the same as out where one is enough */
};

/* Opens what is cheapest to ring: an eventfd where there is one, else a pipe.
 * 0, or -1 with nothing opened. */
int trk_wake_open(struct trk_wake *w);

/* Opens a pipe on every system, for hosts that look what a descriptor is. */
int trk_wake_open_pipe(struct trk_wake *w);

/* Makes it readable, until it is cleared, however often it is rung. Never
 * blocks. Both do nothing where there is none. */
void trk_wake_ring(const struct trk_wake *w);
void trk_wake_clear(const struct trk_wake *w);

void trk_wake_close(struct trk_wake *w);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
