/* SPDX-License-Identifier: MIT
 * trust: the file of CAs that a client trusts, and whether it has changed.
 * libcurl keeps what it has read of a file for a day, by the file's name. So a
 * file that has changed gets another name, which is another way to write the
 * same path. Plain C: it reads no certificate.
 */
#ifndef TRK_TRUST_H
#define TRK_TRUST_H

#include <stdint.h>
#include <time.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

struct trk_trust {
  char *names[2];    /* of one file; NULL: there is none */
  unsigned turn;     /* how often it was seen to have changed */
  int64_t looked_ms; /* when it was last looked at */
  struct trk_trust_file {
    unsigned long long device, inode, size;
    struct timespec written, changed;
  } file; /* what it was then */
};

/* Takes a copy of a file's name, and its folder too, where the name is one of
 * the working directory, which may change. 0, or -1: there is no memory. */
int trk_trust_init(struct trk_trust *t, const char *file);
void trk_trust_free(struct trk_trust *t);

/* Looks whether the file has changed: then it has another turn. One that is
 * gone has not: it may be about to be replaced. */
void trk_trust_look(struct trk_trust *t);

/* The same, once a second at most. */
void trk_trust_glance(struct trk_trust *t);

/* The name that the file has now, or NULL. */
const char *trk_trust_name(const struct trk_trust *t);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
