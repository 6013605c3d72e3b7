/* SPDX-License-Identifier: MIT
 * known: the SIDs that a client's replies have named lately, so that a reply
 * that comes twice is not taken for the answer to another create (law L12). A
 * set that forgets the oldest. Plain C.
 */
#ifndef TRK_KNOWN_H
#define TRK_KNOWN_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

#define TRK_KNOWN_WORDS 4

/* The 32 digits of a SID, its letters small. All zero: none. */
struct trk_digits {
  uint64_t words[TRK_KNOWN_WORDS];
};

/* Two tables by turns: when one is half full, the other is emptied. */
struct trk_known {
  struct trk_digits *slots; /* the table in use, and the other */
  size_t size;              /* of one; a power of two */
  size_t used;              /* in the table in use */
  int second;               /* which that is */
};

/* An empty set that keeps the last `least` SIDs, and more. 0; or -1: there is
 * no memory, and nothing to undo. */
int trk_known_init(struct trk_known *known, size_t least);
void trk_known_free(struct trk_known *known);

/* Both take a SID that is well formed. A set that is freed has none and keeps
 * none. */
int trk_known_has(const struct trk_known *known, const char *sid);
void trk_known_add(struct trk_known *known, const char *sid);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
