/* SPDX-License-Identifier: MIT
 * call: one call from Lua, from its arguments to its results. It joins the
 * rooms: path, form -> engine -> reply; and lets debug hooks and on_attempt
 * run in between.
 */
#ifndef TRK_CALL_H
#define TRK_CALL_H

#include <lua.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* Lua functions with the upvalues of client.h.
 * operation(sids..., params): what the operation's row says. Returns its
 * result and what is known of the reply (status, request_id, attempts,
 * elapsed in seconds), or nil and an error. A wrong argument type raises at
 * the caller's line.
 * each(sids..., params): an iterator over the records of all pages; its
 * upvalue TRK_UP_CLIENT is the operation's closure, the rest as above. */
int trk_call_operation(lua_State *L);
int trk_call_each(lua_State *L);

/* For lua/trunking alone, with the same upvalues; the operation is not used.
 * pause(seconds): waits as a call does, and can be interrupted as one. true,
 * the server's time then (seconds since 1970; nil when no Date header was
 * ever seen) and the client's account SID (nil when not known); or nil and an
 * error.
 * form(operation, params): what a call would send, checked as it would be:
 * form text; or nil and an error. */
int trk_call_pause(lua_State *L);
int trk_call_form(lua_State *L);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
