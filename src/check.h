/* SPDX-License-Identifier: MIT
 * check: whether a text is one that a field, or a place in a path, may have;
 * and if not, why not, in words for the user. Pure: no libcurl, no Lua.
 */
#ifndef TRK_CHECK_H
#define TRK_CHECK_H

#include "api.h"

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* What is wrong with a text, in one line. */
struct trk_why {
  char text[480];
};

/* Whether a field may have this value; if not, *why says why. The text holds
 * no NUL byte, and the field is of a type whose values are texts. */
int trk_check_value(const struct trk_field *f, const char *s, size_t len,
                    struct trk_why *why);

/* Whether a text is a SID with this prefix; if not, *why says why. name: what
 * the message calls it. Any bytes will do. */
int trk_check_sid(const char *name, const char *prefix, const char *s,
                  size_t len, struct trk_why *why);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
