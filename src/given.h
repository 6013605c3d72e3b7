/* SPDX-License-Identifier: MIT
 * given: the SIDs of the newest records that a client's creates gave. A create
 * that is lost did not make one of those: its caller has it already. Plain C:
 * it takes no memory.
 */
#ifndef TRK_GIVEN_H
#define TRK_GIVEN_H

#include "exchange.h"

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

#define TRK_GIVEN_MOST 64

struct trk_given {
  unsigned count; /* of all that were noted */
  struct trk_given_record {
    char sid[TRK_SID_LENGTH + 1];
    uint64_t asked;         /* what was asked for, as a number */
    int64_t us;             /* when its create was done: monotonic */
  } newest[TRK_GIVEN_MOST]; /* a ring */
};

/* Notes the SID that a create gave. */
void trk_given_note(struct trk_given *g, const struct trk_exchange *x,
                    const char *sid, size_t len);

/* The nth of those noted, newest first, from 0; NULL: there are no more. */
const struct trk_given_record *trk_given_nth(const struct trk_given *g,
                                             unsigned n);

/* Whether a create that asked for the same gave it so late that the time of
 * the record cannot tell it from one that x made. */
int trk_given_is_alike(const struct trk_given_record *r,
                       const struct trk_exchange *x);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
