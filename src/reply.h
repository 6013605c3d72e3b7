/* SPDX-License-Identifier: MIT
 * reply: what a finished call gives back: its status and body become a Lua
 * table, or nil and an error. It decodes through lua-cjson (an instance of
 * our own), gives the last verdict on a reply's worth, and knows no socket.
 */
#ifndef TRK_REPLY_H
#define TRK_REPLY_H

#include "engine.h"

#include <lua.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* The kit: a Lua array of what C needs from Lua, one per luaopen. */
enum {
  TRK_KIT_DECODE = 1, /* cjson's decode */
  TRK_KIT_ERROR,      /* raw table -> error object (trunking.error) */
  TRK_KIT_TICK,       /* function() end: lets a debug hook run */
  TRK_KIT_BUILD,      /* a C closure, made before a call: see client.c */
  TRK_KIT_MEMORY      /* outcome -> error, for when there is no memory */
};

/* Pushes the call's result: a table, or nil and an error; nothing when there
 * was no memory to decode it. params and kit are stack indices; account is
 * the client's account SID, "" when not known. May raise. It may be called
 * again: the call is only read, but for the verdict on its body. */
int trk_reply_push(lua_State *L, struct trk_call *call, const char *account,
                   int params, int kit);

/* For a call that was never begun: turns the raw table on top (kind, message,
 * ...) into nil and an error. kit may be a pseudo-index. */
int trk_reply_unsent(lua_State *L, int kit, const struct trk_operation *op);

/* The words of DESIGN: "not_sent", "refused", ... */
const char *trk_outcome_word(enum trk_outcome outcome);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
