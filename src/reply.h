/* SPDX-License-Identifier: MIT
 * reply: turns a finished exchange into a Lua table, or nil and an error. It
 * judges the decoded body, and takes the last verdict. It knows no socket.
 */
#ifndef TRK_REPLY_H
#define TRK_REPLY_H

#include "judge.h"

#include <lua.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* Pushes the result and what is known of the reply, or nil and an error, and
 * returns 2; or pushes nothing and returns 0: there was no memory to decode.
 * With unread, the reply is left as it is, and the error says that there was
 * no memory for it. kit (kit.h) is a stack index; account is the client's
 * account SID, "" when it is not known; known is what its replies have named.
 * May raise. May be called again for the same exchange. */
int trk_reply_push(lua_State *L, struct trk_exchange *x, const char *account,
                   const struct trk_known *known, int kit, int unread);

/* For a call that was not begun: turns the raw table on top (kind, message,
 * ...) into nil and an error. kit may be a pseudo-index. */
int trk_reply_unsent(lua_State *L, int kit, const struct trk_operation *op);

/* The same for a job whose outcome is not known yet. */
int trk_reply_pending(lua_State *L, int kit, const struct trk_operation *op);

/* Pushes a table: what on_attempt is told of an attempt. */
void trk_reply_push_event(lua_State *L, const struct trk_exchange *x,
                          const struct trk_event *event);

/* Pushes "create", "origination_urls.create", ... */
void trk_reply_push_name(lua_State *L, const struct trk_operation *op);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
