/* SPDX-License-Identifier: MIT
 * form: turns a Lua table into application/x-www-form-urlencoded fields, and
 * checks it against the API's table. It fills an exchange, and sends nothing.
 */
#ifndef TRK_FORM_H
#define TRK_FORM_H

#include "exchange.h"

#include <lua.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* Pushes the SID at index, or the SID of the record there, and returns it.
 * NULL: there is none, and what was found is pushed. */
const char *trk_form_push_sid(lua_State *L, int index, size_t *len);

/* TRK_FORM_UNKNOWN: a name that no field has. The error suggests one then. */
enum trk_form_rc { TRK_FORM_OK, TRK_FORM_INVALID, TRK_FORM_UNKNOWN };

/* Writes the table at index, a positive one, as the form of the exchange's
 * operation, in the order of the API's table, and keeps what was asked. The
 * table is read raw: one whose metatable would give it more fields is
 * refused. Either spelling of a field is taken; where the one field is a SID,
 * the SID itself or a record that has one is too. With validate 0, values go
 * as they are and unknown names too, in the API's spelling; types are still
 * checked. On TRK_FORM_OK the stack is unchanged; else a message and the
 * field's name (or nil) are pushed. May raise for want of memory. */
enum trk_form_rc trk_form_encode(lua_State *L, int index, int validate,
                                 struct trk_exchange *x);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
