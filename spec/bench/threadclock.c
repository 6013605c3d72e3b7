/* SPDX-License-Identifier: MIT
 * threadclock: a Lua function that gives the CPU seconds of the thread that
 * calls it. os.clock counts all threads of the process, the client's too.
 */
#define _POSIX_C_SOURCE 200809L

#include <lauxlib.h>
#include <lua.h>
#include <time.h>

static int now(lua_State *L) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  lua_pushnumber(L, (lua_Number)t.tv_sec + (lua_Number)t.tv_nsec / 1e9);
  return 1;
}

int luaopen_threadclock(lua_State *L);

int luaopen_threadclock(lua_State *L) {
  lua_pushcfunction(L, now);
  return 1;
}
