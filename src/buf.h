/* SPDX-License-Identifier: MIT
 * buf: a growing byte buffer with a bound given at birth (law L7). It holds
 * bytes, knows nothing of forms, JSON or sockets, and cannot raise: every
 * function that may fail returns an enum trk_buf_rc. Contents always end in
 * a NUL that does not count.
 */
#ifndef TRK_BUF_H
#define TRK_BUF_H

#include <stddef.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

enum trk_buf_rc { TRK_BUF_OK, TRK_BUF_FULL, TRK_BUF_NO_MEMORY };

struct trk_buf {
  char *data;  /* NULL until the first byte */
  size_t len;  /* bytes held */
  size_t size; /* bytes allocated */
  size_t max;  /* bytes it may hold */
};

/* An empty buffer that may hold up to max bytes. Cannot fail. */
void trk_buf_init(struct trk_buf *b, size_t max);

/* Appends n bytes, all or none. */
enum trk_buf_rc trk_buf_add(struct trk_buf *b, const void *bytes, size_t n);

/* Makes room for n bytes more and the NUL, for a caller who writes them at
 * data + len and then moves len himself. */
enum trk_buf_rc trk_buf_reserve(struct trk_buf *b, size_t n);

/* Empties it; the memory stays for the next use, unless it grew large. */
void trk_buf_clear(struct trk_buf *b);

/* Gives the memory back; the buffer is empty and usable again. */
void trk_buf_free(struct trk_buf *b);

/* Its contents as a C string, "" when nothing was ever added. */
const char *trk_buf_str(const struct trk_buf *b);

/* Overwrites memory that held a secret, in a way no optimiser drops. */
void trk_wipe(void *memory, size_t n);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
