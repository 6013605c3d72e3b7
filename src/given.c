/* SPDX-License-Identifier: MIT
 * given: see given.h.
 */
#include "given.h"

#include "clock.h"

#include <string.h>

/* Two of the server's clocks differ by 2 seconds at most (match.lua), and each
 * is known to the second. */
#define ALIKE_US ((int64_t)4 * 1000000)

/* A number for what an exchange asks for: equal forms of one operation have
 * equal numbers. */
static uint64_t number_of(const struct trk_exchange *x) {
  const char *at = x->body.data;
  size_t left = x->body.len;
  uint64_t n = (uint64_t)(uintptr_t)x->operation ^ left, word;
  while (left > 0) {
    size_t size = left < sizeof word ? left : sizeof word;
    word = 0;
    memcpy(&word, at, size);
    n = (n ^ word) * 0x9E3779B97F4A7C15u;
    n ^= n >> 29;
    at += size;
    left -= size;
  }
  return n;
}

void trk_given_note(struct trk_given *g, const struct trk_exchange *x,
                    const char *sid, size_t len) {
  struct trk_given_record *r = &g->newest[g->count % TRK_GIVEN_MOST];
  if (len != TRK_SID_LENGTH)
    return;
  memcpy(r->sid, sid, len);
  r->sid[len] = '\0';
  r->asked = number_of(x);
  r->us = trk_clock_us();
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
