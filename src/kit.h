/* SPDX-License-Identifier: MIT
 * kit: what C needs from Lua: cjson's decoder, the words of errors, pages. It
 * is one Lua array for each luaopen. The first call fills it, so that require
 * stays quick. It knows no exchange and no client.
 */
#ifndef TRK_KIT_H
#define TRK_KIT_H

#include <lauxlib.h>
#include <lua.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

enum {
  TRK_KIT_DECODE = 1, /* cjson's decode, of an instance of our own */
  TRK_KIT_ERROR,      /* raw table -> error object (trunking.error) */
  TRK_KIT_TICK,       /* function() end: lets a debug hook run */
  TRK_KIT_BUILD,      /* two C functions of results.c: they are made before */
  TRK_KIT_TELL,       /* a call, because that takes memory */
  TRK_KIT_MEMORY,     /* outcome -> error, for when there is no memory */
  TRK_KIT_PAGE,       /* trunking.pages: see there */
  TRK_KIT_CURSOR,
  TRK_KIT_EACH
};

/* Fills the kit at an index, unless it is filled: all but the pages, and the
 * pages. It may be a pseudo-index. build and tell are functions of results.c.
 * May raise. */
void trk_kit_need(lua_State *L, int kit, lua_CFunction build,
                  lua_CFunction tell);
void trk_kit_need_pages(lua_State *L, int kit);

/* Pushes the metatable of a userdata by its name in the registry. The first
 * call makes it, with these functions, and with these methods if any. Where
 * that raises, the registry has none. */
void trk_kit_push_metatable(lua_State *L, const char *name,
                            const luaL_Reg *meta, const luaL_Reg *methods);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
