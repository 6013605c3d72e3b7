/* SPDX-License-Identifier: MIT
 * text: how texts are compared, SIDs recognised and bytes written in base64.
 * ASCII only, whatever the host's locale. It knows no field and words no error.
 */
#ifndef TRK_TEXT_H
#define TRK_TEXT_H

#include <stddef.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

#define TRK_SID_LENGTH 34u

/* Whether two texts are the same but for the case of their letters. */
int trk_text_same(const char *a, const char *b);

/* The same of the first n bytes of each. */
int trk_text_same_n(const char *a, const char *b, size_t n);

/* Whether the n bytes at s begin with a prefix, whatever the case. */
int trk_text_begins(const char *s, size_t n, const char *prefix);

/* Whether the n bytes at s are a SID: the prefix and 32 hexadecimal digits.
 * s may be NULL. */
int trk_text_is_sid(const char *s, size_t n, const char *prefix);

/* Writes n bytes as base64, with a NUL behind: 4 digits for each 3 bytes. */
void trk_text_base64(char *out, const unsigned char *in, size_t n);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
