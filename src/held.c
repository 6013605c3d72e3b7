/* SPDX-License-Identifier: MIT
 * held: see held.h.
 */
#include "held.h"

#include "client.h"
#include "compat.h"

void trk_held_hold(lua_State *L, int context, const void *job, int index) {
  lua_rawgeti(L, context, TRK_CONTEXT_JOBS);
  lua_pushlightuserdata(L, (void *)job);
  lua_pushvalue(L, index);
  lua_rawset(L, -3);
  lua_pop(L, 1);
}

void trk_held_let_go(lua_State *L, int context, const void *job) {
  lua_rawgeti(L, context, TRK_CONTEXT_JOBS);
  lua_pushlightuserdata(L, (void *)job);
  lua_pushnil(L);
  lua_rawset(L, -3); /* to clear an entry takes no memory */
  lua_pop(L, 1);
}

void trk_held_push(lua_State *L, int context, const void *job) {
  lua_rawgeti(L, context, TRK_CONTEXT_JOBS);
  lua_pushlightuserdata(L, (void *)job);
  lua_rawget(L, -2);
  lua_remove(L, -2);
}

void trk_held_push_own(lua_State *L, int index, int entry) {
  trk_getuservalue(L, index);
  lua_rawgeti(L, -1, entry);
  lua_remove(L, -2);
}

void trk_held_set_own(lua_State *L, int index, int entry) {
  trk_getuservalue(L, index);
  lua_insert(L, -2);
  lua_rawseti(L, -2, entry);
  lua_pop(L, 1);
}
