/* SPDX-License-Identifier: MIT
 * mend: makes of a JSON text that lua-cjson refuses one that it reads. It
 * changes what JSON allows and lua-cjson does not, and no value: a byte-order
 * mark goes, half of a surrogate pair becomes U+FFFD, and a fraction becomes
 * a whole number with an exponent. Pure C: it decodes nothing.
 */
#ifndef TRK_MEND_H
#define TRK_MEND_H

#include <stddef.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* Writes the mended text to out, and returns its length. out may be NULL: then
 * it is only measured. A NUL follows the text. What is no JSON stays none. */
size_t trk_mend(const char *text, size_t len, char *out);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
