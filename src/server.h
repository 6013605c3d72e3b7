/* SPDX-License-Identifier: MIT
 * server: what is known of the server's clock, from the Date of its replies.
 * It never asks the wall clock.
 */
#ifndef TRK_SERVER_H
#define TRK_SERVER_H

#include <stdint.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* All zero at first. */
struct trk_server_clock {
  char date[48]; /* the newest Date header that could be read */
  int64_t epoch; /* what it says */
  int64_t us;    /* when its second was first seen: monotonic */
};

/* Takes the Date header of a reply; "": there was none. */
void trk_server_note(struct trk_server_clock *c, const char *date);

/* The server's clock at a monotonic time, in whole seconds since 1970: no
 * later than it was. -1: not known. */
int64_t trk_server_time(const struct trk_server_clock *c, int64_t us);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
