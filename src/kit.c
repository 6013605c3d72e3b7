/* SPDX-License-Identifier: MIT
 * kit: see kit.h.
 */
#include "kit.h"

#include "compat.h"
#include "decode.h"
#include "verdict.h"

static void set_functions(lua_State *L, const luaL_Reg *f) {
  for (; f->name != NULL; f++) {
    lua_pushcfunction(L, f->func);
    lua_setfield(L, -2, f->name);
  }
}

void trk_kit_push_metatable(lua_State *L, const char *name,
                            const luaL_Reg *meta, const luaL_Reg *methods) {
  luaL_getmetatable(L, name);
  if (!lua_isnil(L, -1))
    return;
  lua_pop(L, 1);
  lua_newtable(L);
  set_functions(L, meta);
  if (methods != NULL) {
    lua_newtable(L);
    set_functions(L, methods);
    lua_setfield(L, -2, "__index");
  }
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__name");
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, name); /* last */
}

/* The errors that need no memory when it is short. */
static void push_memory_errors(lua_State *L, int errors) {
  int outcome;
  lua_newtable(L);
  for (outcome = TRK_DONE; outcome <= TRK_UNKNOWN; outcome++) {
    lua_getfield(L, errors, "no_memory");
    lua_pushstring(L, trk_outcome_word((enum trk_outcome)outcome));
    lua_call(L, 1, 1);
    lua_rawseti(L, -2, outcome);
  }
}

/* Whether an entry of the kit is there. */
static int has(lua_State *L, int kit, int entry) {
  int there;
  lua_rawgeti(L, kit, entry);
  there = !lua_isnil(L, -1);
  lua_pop(L, 1);
  return there;
}

/* The last entry says that all are there. */
void trk_kit_need(lua_State *L, int kit, lua_CFunction build,
                  lua_CFunction tell) {
  int errors;
  if (has(L, kit, TRK_KIT_MEMORY))
    return;
  lua_pushvalue(L, kit);
  kit = lua_gettop(L);
  trk_decode_open(L);
  lua_rawseti(L, kit, TRK_KIT_DECODE);
  trk_require(L, "trunking.error");
  errors = lua_gettop(L);
  lua_getfield(L, errors, "make");
  lua_rawseti(L, kit, TRK_KIT_ERROR);
  lua_getfield(L, errors, "tick");
  lua_rawseti(L, kit, TRK_KIT_TICK);
  lua_pushcfunction(L, build);
  lua_rawseti(L, kit, TRK_KIT_BUILD);
  lua_pushcfunction(L, tell);
  lua_rawseti(L, kit, TRK_KIT_TELL);
  push_memory_errors(L, errors);
  lua_rawseti(L, kit, TRK_KIT_MEMORY);
  lua_settop(L, kit - 1);
}

void trk_kit_need_pages(lua_State *L, int kit) {
  if (has(L, kit, TRK_KIT_EACH))
    return;
  lua_pushvalue(L, kit);
  kit = lua_gettop(L);
  trk_require(L, "trunking.pages");
  lua_getfield(L, -1, "page");
  lua_rawseti(L, kit, TRK_KIT_PAGE);
  lua_getfield(L, -1, "query_of_cursor");
  lua_rawseti(L, kit, TRK_KIT_CURSOR);
  lua_getfield(L, -1, "each");
  lua_rawseti(L, kit, TRK_KIT_EACH);
  lua_settop(L, kit - 1);
}
