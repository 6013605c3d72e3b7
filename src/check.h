/* SPDX-License-Identifier: MIT
 * check: whether a text is one that a field, or a place in a path, may have.
 * It words what is wrong, encodes nothing, and knows of Lua only where to
 * push its words.
 */
#ifndef TRK_CHECK_H
#define TRK_CHECK_H

#include "api.h"

#include <lua.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

#define TRK_SID_LENGTH 34u

/* NULL, or what is wrong with the text as a value of the field, pushed. It
 * holds no NUL byte, and the field's type is one of texts. */
const char *trk_check_value(lua_State *L, const struct trk_field *f,
                            const char *s, size_t len);

/* The same for a SID with this prefix, called name. Any bytes will do. */
const char *trk_check_sid(lua_State *L, const char *name, const char *prefix,
                          const char *s, size_t len);

/* Whether it is a SID with this prefix. s may be NULL. */
int trk_is_sid(const char *s, size_t len, const char *prefix);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
