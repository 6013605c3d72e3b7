/* SPDX-License-Identifier: MIT
 * known: see known.h.
 */
#include "known.h"

#include <stdlib.h>
#include <string.h>

#define SMALL 0x2020202020202020u /* a digit has this bit, whatever it is */

/* The digits behind the prefix: 0 to 9 stay as they are. */
static struct trk_digits digits_of(const char *sid) {
  struct trk_digits d;
  size_t i;
  memcpy(d.words, sid + 2, sizeof d.words);
  for (i = 0; i < TRK_KNOWN_WORDS; i++)
    d.words[i] |= SMALL;
  return d;
}

static int same(const struct trk_digits *a, const struct trk_digits *b) {
  return memcmp(a, b, sizeof *a) == 0;
}

/* Where a SID stands in a table, or would. */
static struct trk_digits *slot(const struct trk_known *known, int second,
                               const struct trk_digits *d) {
  struct trk_digits *table = known->slots + (second ? known->size : 0);
  uint64_t hash = d->words[0] ^ d->words[1] ^ d->words[2] ^ d->words[3];
  size_t i;
  hash *= 0x9E3779B97F4A7C15u; /* Fibonacci hashing */
  i = (size_t)(hash >> 32) & (known->size - 1);
  while (table[i].words[0] != 0 && !same(&table[i], d))
    i = (i + 1) & (known->size - 1);
  return &table[i];
}

int trk_known_init(struct trk_known *known, size_t least) {
  memset(known, 0, sizeof *known);
  known->size = 64;
  while (known->size < 2 * least)
    known->size *= 2;
  known->slots = calloc(2 * known->size, sizeof *known->slots);
  return known->slots != NULL ? 0 : -1;
}

void trk_known_free(struct trk_known *known) {
  free(known->slots);
  known->slots = NULL;
}

int trk_known_has(const struct trk_known *known, const char *sid) {
  struct trk_digits d = digits_of(sid);
  return known->slots != NULL && (slot(known, 0, &d)->words[0] != 0 ||
                                  slot(known, 1, &d)->words[0] != 0);
}

/* Empties the other table, and goes on in it. */
static void turn(struct trk_known *known) {
  known->second = !known->second;
  known->used = 0;
  memset(known->slots + (known->second ? known->size : 0), 0,
         known->size * sizeof *known->slots);
}

void trk_known_add(struct trk_known *known, const char *sid) {
  struct trk_digits d = digits_of(sid), *at;
  if (known->slots == NULL)
    return;
  at = slot(known, known->second, &d);
  if (at->words[0] != 0)
    return;
  *at = d;
  if (++known->used * 2 >= known->size)
    turn(known);
}
