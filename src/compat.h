/* SPDX-License-Identifier: MIT
 * compat: the few names that Lua 5.1 lacks, as functions of our own: LuaJIT's
 * headers declare some of them, PUC 5.1 does not export them, and one build
 * serves both.
 */
#ifndef TRK_COMPAT_H
#define TRK_COMPAT_H

#include <lauxlib.h>
#include <lua.h>

#if LUA_VERSION_NUM < 501 || LUA_VERSION_NUM > 505
#error trunking is written for Lua 5.1 to 5.5 and LuaJIT
#endif

/* luaopen_* is all that may be seen from outside. */
#if defined(__GNUC__)
#define TRK_EXPORT __attribute__((visibility("default")))
#else
#define TRK_EXPORT
#endif

/* A userdata's own table; 5.1 calls it an environment. */
#if LUA_VERSION_NUM >= 502
#define trk_getuservalue(L, i) ((void)lua_getuservalue(L, i))
#define trk_setuservalue(L, i) ((void)lua_setuservalue(L, i))
#else
#define trk_getuservalue(L, i) lua_getfenv(L, i)
#define trk_setuservalue(L, i) ((void)lua_setfenv(L, i))
#endif

#define TRK_EXACT 9007199254740992.0 /* 2^53: doubles are exact below */

/* Pushes a number: one that is whole is an integer, where Lua has them. */
static inline void trk_pushnumber(lua_State *L, double value) {
#if LUA_VERSION_NUM >= 503
  if (value > -TRK_EXACT && value < TRK_EXACT &&
      value == (double)(lua_Integer)value) {
    lua_pushinteger(L, (lua_Integer)value);
    return;
  }
#endif
  lua_pushnumber(L, (lua_Number)value);
}

/* Where luaopen keeps require in the registry: a host may take it away. */
#define TRK_REQUIRE "trunking.require"

/* require(name). What is loaded needs no global of that name: a host may take
 * it away once its programs are loaded. */
static inline void trk_require(lua_State *L, const char *name) {
  lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
  if (lua_istable(L, -1)) {
    lua_getfield(L, -1, name);
    lua_remove(L, -2);
  }
  if (lua_toboolean(L, -1))
    return;
  lua_pop(L, 1);
  lua_getfield(L, LUA_REGISTRYINDEX, TRK_REQUIRE);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_getglobal(L, "require");
  }
  lua_pushstring(L, name);
  lua_call(L, 1, 1);
}

/* Room for n more values on the stack, or an error. luaL_checkstack calls it
 * a stack overflow even where memory is what lacked. */
static inline void trk_checkstack(lua_State *L, int n, const char *who) {
  if (!lua_checkstack(L, n))
    luaL_error(L, "not enough memory, or stack overflow (%s)", who);
}

#endif
