/* SPDX-License-Identifier: MIT
 * reply: what a finished call gives back: its status and body become a Lua
 * table, or nil and an error. It decodes through lua-cjson (an instance of
 * our own), gives the last verdict on a reply's worth, and knows no socket.
 */
#ifndef TRK_REPLY_H
#define TRK_REPLY_H

#include "exchange.h"

#include <lua.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* Pushes the call's result: what came and what is known of the reply, or nil
 * and an error; nothing when there was no memory to decode it. kit (see kit.h)
 * is a stack index; account is the client's account SID, "" when not known.
 * May raise. It may be called again: the call is only read, but for the
 * verdict on its body, and the nulls that are cut out of it. */
int trk_reply_push(lua_State *L, struct trk_exchange *x, const char *account,
                   int kit);

/* For a call that was never begun: turns the raw table on top (kind, message,
 * ...) into nil and an error. kit may be a pseudo-index. */
int trk_reply_unsent(lua_State *L, int kit, const struct trk_operation *op);

/* The same for a call of which nobody knows yet. */
int trk_reply_pending(lua_State *L, int kit, const struct trk_operation *op);

/* Pushes what on_attempt is told of an attempt: a table. */
void trk_reply_push_event(lua_State *L, const struct trk_exchange *x,
                          const struct trk_event *event);

/* Pushes "create", "origination_urls.create", ... */
void trk_reply_push_name(lua_State *L, const struct trk_operation *op);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
