/* SPDX-License-Identifier: MIT
 * yields: whether the running coroutine can yield where it is. Lua 5.3 and
 * newer and LuaJIT tell; for 5.1 and 5.2 the functions on its stack do. Where
 * that is not sure the answer is no. It knows no client.
 */
#ifndef TRK_YIELDS_H
#define TRK_YIELDS_H

#include <lua.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* can_yield(): whether its caller can. can_yield(true): whether a yield goes
 * through pcall in this Lua. In 5.2 its upvalues are pcall and xpcall. */
int trk_can_yield(lua_State *L);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
