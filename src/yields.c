/* SPDX-License-Identifier: MIT
 * yields: see yields.h.
 */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* RTLD_DEFAULT */
#endif

#include "yields.h"

#include "compat.h"

#include <dlfcn.h>
#include <string.h>

#if LUA_VERSION_NUM < 503

/* LuaJIT has a function for this, and a module built for Lua 5.1 may run in
 * LuaJIT. NULL: this is PUC Lua. */
static int (*find_isyieldable(void))(lua_State *) {
  union {
    int (*f)(lua_State *);
    void *p;
  } isyieldable;
  isyieldable.p = dlsym(RTLD_DEFAULT, "lua_isyieldable");
  return isyieldable.f;
}

/* Whether the C function at a level lets a yield through. In Lua 5.1 none does.
 * In 5.2 pcall and xpcall do, which are upvalues. */
static int lets_through(lua_State *L, lua_Debug *at) {
#if LUA_VERSION_NUM >= 502
  int lets;
  lua_getinfo(L, "f", at);
  lets = lua_rawequal(L, -1, lua_upvalueindex(1)) ||
         lua_rawequal(L, -1, lua_upvalueindex(2));
  lua_pop(L, 1);
  return lets;
#else
  (void)L;
  (void)at;
  return 0;
#endif
}

/* Whether Lua 5.1 itself called the Lua function at a level: as an iterator, or
 * as a metamethod. No yield goes through such a call. A metamethod has no name.
 * Neither has a function that was called by a tail call, but above that stands
 * a level of the kind "tail". */
static int is_called_by_c(lua_State *L, lua_Debug *at, int level) {
#if LUA_VERSION_NUM < 502
  lua_Debug caller;
  if (at->name != NULL)
    return strcmp(at->name, "(for generator)") == 0;
  return lua_getstack(L, level + 1, &caller) != 0 &&
         lua_getinfo(L, "S", &caller) != 0 && strcmp(caller.what, "tail") != 0;
#else
  (void)L;
  (void)at;
  (void)level;
  return 0;
#endif
}

/* Looks at each function from here to the coroutine's start. */
static int walk(lua_State *L) {
  lua_Debug at;
  int level;
  int is_main = lua_pushthread(L);
  lua_pop(L, 1);
  for (level = 1; !is_main && lua_getstack(L, level, &at) != 0; level++) {
    lua_getinfo(L, "nS", &at);
    if (strcmp(at.what, "C") == 0 && !lets_through(L, &at))
      return 0;
    if (strcmp(at.what, "Lua") == 0 && is_called_by_c(L, &at, level))
      return 0;
  }
  return !is_main;
}

#endif

int trk_can_yield(lua_State *L) {
#if LUA_VERSION_NUM >= 503
  lua_pushboolean(L, lua_toboolean(L, 1) || lua_isyieldable(L));
#else
  int (*isyieldable)(lua_State *) = find_isyieldable();
  if (lua_toboolean(L, 1))
    lua_pushboolean(L, isyieldable != NULL || LUA_VERSION_NUM == 502);
  else
    lua_pushboolean(L, isyieldable != NULL ? isyieldable(L) : walk(L));
#endif
  return 1;
}
