/* SPDX-License-Identifier: MIT
 * given: see given.h.
 */
#include "given.h"

#include <string.h>

/* Two of the server's clocks differ by 2 seconds at most (match.lua), and each
 * is known to the second. */
#define ALIKE_US ((int64_t)4 * 1000000)

/* A number for what an exchange asks for. Equal forms of one operation have
 * equal numbers, and so may some others: more than the equal ones may be told,
 * for each of them has its caller. */
static uint64_t number_of(const struct trk_exchange *x) {
  const char *form = x->body.data;
  size_t len = x->body.len;
  uint64_t first = 0, middle = 0, last = 0;
  if (len >= sizeof last) {
    memcpy(&first, form, sizeof first);
    memcpy(&middle, form + (len - sizeof middle) / 2, sizeof middle);
    memcpy(&last, form + len - sizeof last, sizeof last);
  }
  return (uint64_t)(uintptr_t)x->operation ^ len ^ first ^ middle << 1 ^
         last << 2;
}

void trk_given_note(struct trk_given *g, const struct trk_exchange *x,
                    const char *sid, size_t len) {
  struct trk_given_record *r = &g->newest[g->count % TRK_GIVEN_MOST];
  if (len != TRK_SID_LENGTH)
    return;
  memcpy(r->sid, sid, len);
  r->sid[len] = '\0';
  r->asked = number_of(x);
  r->us = x->first_us + x->elapsed_us;
  g->count++;
}

const struct trk_given_record *trk_given_nth(const struct trk_given *g,
                                             unsigned n) {
  if (n >= g->count || n >= TRK_GIVEN_MOST)
    return NULL;
  return &g->newest[(g->count - 1 - n) % TRK_GIVEN_MOST];
}

int trk_given_is_alike(const struct trk_given_record *r,
                       const struct trk_exchange *x) {
  return r->us > x->first_us - ALIKE_US && r->asked == number_of(x);
}
