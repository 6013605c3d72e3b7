/* SPDX-License-Identifier: MIT
 * client: what Lua holds: a table of functions, one for each row of the API's
 * table, around a userdata that owns an engine. Laws L6 and L9 live here: the
 * userdata owns from birth, one closer is behind every way to close, and no L
 * is kept.
 */
#ifndef TRK_CLIENT_H
#define TRK_CLIENT_H

#include "engine.h"

#include <lua.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

enum trk_client_state { TRK_FRESH, TRK_OPEN, TRK_CLOSED };

struct trk_client {
  enum trk_client_state state;
  int lasting;               /* closed for good, or fresh again? */
  struct trk_engine *engine; /* when open */
  struct trk_call *spare;    /* the next call, or NULL */
  int busy;                  /* calls of this client on the C stack */
  int validate;
  char account[36]; /* account SID; "" when not known */
  char label[16];   /* for tostring: AC...1234 */
};

/* Upvalues of every function that calls. */
#define TRK_UP_CLIENT lua_upvalueindex(1)
#define TRK_UP_OPERATION lua_upvalueindex(2)
#define TRK_UP_KIT lua_upvalueindex(3)
#define TRK_UP_RESOLVE lua_upvalueindex(4) /* of the default client, or nil */
#define TRK_UP_HOOK lua_upvalueindex(5)    /* on_attempt, or nil */
#define TRK_UP_PATH lua_upvalueindex(6)    /* of a function that follows */

/* Makes the running function's client ready for a call: opens the default
 * one, refuses a closed one and one of another process. NULL, or what to say
 * (static); or "" with nil, err pushed. */
const char *trk_client_ready(lua_State *L, struct trk_client *c);

/* Lua functions with the kit (kit.h) as their first upvalue. What they give
 * is followed by two functions, pause and form, for lua/trunking alone: see
 * call.h.
 * new(options): a client; options as trunking.config has checked them.
 * default(resolve, index): a client that calls resolve at its first call, and
 * takes the options it returns, or passes on its nil, err; index is its
 * __index. */
int trk_client_new(lua_State *L);
int trk_client_default(lua_State *L);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
