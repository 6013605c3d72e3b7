/* SPDX-License-Identifier: MIT
 * mask: takes a client's own secrets out of what others say (law L8): a server,
 * a gateway, a proxy or libcurl may quote them. Plain C over bytes: it knows no
 * reply and no error.
 *
 * A secret is found as it stands, in either case of its letters, in base64 of
 * whatever holds it, and as JSON, HTML and percent-encoding write it, one in
 * another too. One of 16 bytes or more is found by its first half. One of 4 to
 * 7 bytes is found where no letter or digit touches it, for it may be a part of
 * any word; a shorter one is not.
 */
#ifndef TRK_MASK_H
#define TRK_MASK_H

#include <stddef.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

#define TRK_MASK_FORMS 16

struct trk_mask {
  struct trk_mask_form {
    const char *text; /* in small letters, for URLs' base64 as for the other */
    size_t len;
    int tricky; /* holds what an encoding begins with */
  } forms[TRK_MASK_FORMS];
  size_t nforms;
  unsigned char begins[256]; /* whether a form may begin with this byte */
  char *memory;              /* what the forms point into */
  size_t size;
};

/* Takes a copy of the API's secret, and of a proxy's "user:password", which is
 * percent-encoded, or NULL. 0, or -1: there is no memory. */
int trk_mask_init(struct trk_mask *m, const char *secret, const char *auth);

/* Wipes and frees them. One that is all zero is allowed. */
void trk_mask_free(struct trk_mask *m);

/* Puts "***" in the place of each secret, within the text, and returns its new
 * length, which is no larger; a NUL follows it, as one must before. */
size_t trk_mask_text(const struct trk_mask *m, char *text, size_t len);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
