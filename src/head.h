/* SPDX-License-Identifier: MIT
 * head: reads the head of a reply, line by line, and keeps the few fields
 * that matter. Pure: no libcurl, no clock. What it keeps is printable ASCII,
 * for it may end on a terminal.
 */
#ifndef TRK_HEAD_H
#define TRK_HEAD_H

#include <stddef.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

#define TRK_HEADERS_MAX ((size_t)64 * 1024)

/* How far it has come. */
enum trk_head_part {
  TRK_HEAD_NONE,    /* a status line comes next */
  TRK_HEAD_INTERIM, /* among the fields of a 1xx reply */
  TRK_HEAD_FINAL,   /* among those of the reply itself */
  TRK_HEAD_OVER     /* what still comes are trailers */
};

struct trk_head {
  enum trk_head_part part;
  size_t bytes;         /* of all lines */
  long status;          /* the final one; 0: none came */
  char request_id[64];  /* Twilio-Request-Id; "" when none came */
  char retry_after[48]; /* fields as they came */
  char date[48];
  char coding[32];    /* Content-Encoding; "" when there is none */
  char redirect[128]; /* the host that Location names */
};

/* Before the first line. */
void trk_head_begin(struct trk_head *h);

/* Takes a line with its end. 0: the head is over its bound. */
int trk_head_line(struct trk_head *h, const char *line, size_t len);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
