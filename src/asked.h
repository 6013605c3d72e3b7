/* SPDX-License-Identifier: MIT
 * asked: what an exchange asked for, as a Lua table. It reads what form kept,
 * and not the text that went over the wire. It knows no reply.
 */
#ifndef TRK_ASKED_H
#define TRK_ASKED_H

#include "exchange.h"

#include <lua.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* Pushes a table of the fields that were sent, in the spelling of the replies.
 * A field that was cleared is "". May raise for want of memory. */
void trk_asked_push(lua_State *L, const struct trk_exchange *x);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
