/* SPDX-License-Identifier: MIT
 * client: what Lua calls: create() and its siblings, one closure for each row
 * of the API's table. It joins the rooms: form -> engine -> reply.
 */
#ifndef TRK_CLIENT_H
#define TRK_CLIENT_H

#include <lua.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* Lua functions with the kit (see reply.h), an empty table that the first call
 * fills, as their first upvalue.
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
