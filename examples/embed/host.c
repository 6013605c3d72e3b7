/* SPDX-License-Identifier: MIT
 * host: a game in C that embeds Lua and creates a trunk from its frame
 * function without ever waiting for it. It promises to end by itself, with 0
 * once the trunk is there. It knows nothing of HTTP, TLS or threads: a frame
 * asks a job whether it is done, and that is all.
 *
 * Built twice by `make examples`. With -DTRUNKING_STATIC the module's objects
 * are linked in, and its function stands in package.preload; otherwise
 * require finds trunking/core.so by LUA_CPATH. The Lua files come by LUA_PATH
 * either way. Credentials come from the environment: with those of the sandbox
 * nothing real is made, with Twilio's one trunk is.
 */
#define _POSIX_C_SOURCE 200809L

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FRAME_NS (1000000000L / 60)
#define MOST_FRAMES (60 * 60)

/* Run once, while the game loads: a client. */
static const char setup[] =
    "local client, err = require 'trunking'.new()\n"
    "return client or error(tostring(err), 0)\n";

struct game {
  int client; /* references in the registry */
  int job;    /* LUA_NOREF: none in flight */
  int frame;
  int over;
};

#if defined(TRUNKING_STATIC)
int luaopen_trunking_core(lua_State *L);

static void preload(lua_State *L) {
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, luaopen_trunking_core);
  lua_setfield(L, -2, "trunking.core");
  lua_pop(L, 2);
}
#else
static void preload(lua_State *L) { (void)L; }
#endif

/* ---- what a frame asks of Lua ---------------------------------------- */

/* Raises the error object at the index as a text, for main to print. */
static void raise_text(lua_State *L, int index) {
  lua_getglobal(L, "tostring");
  lua_pushvalue(L, index);
  lua_call(L, 1, 1);
  lua_error(L);
}

/* client.async.create { friendly_name = "Guild hall", secure = true } */
static void begin(lua_State *L, struct game *g) {
  int top = lua_gettop(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, g->client);
  lua_getfield(L, -1, "async");
  lua_getfield(L, -1, "create");
  lua_newtable(L);
  lua_pushliteral(L, "Guild hall");
  lua_setfield(L, -2, "friendly_name");
  lua_pushboolean(L, 1);
  lua_setfield(L, -2, "secure");
  lua_call(L, 1, 2); /* a job and nil, or nil and an error */
  if (lua_isnil(L, -2))
    raise_text(L, lua_gettop(L));
  lua_pushvalue(L, -2);
  g->job = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_settop(L, top);
}

/* job:name(), with the results left on the stack. */
static void ask(lua_State *L, const struct game *g, const char *name,
                int results) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, g->job);
  lua_getfield(L, -1, name);
  lua_insert(L, -2);
  lua_call(L, 1, results);
}

static void print_trunk(lua_State *L, const struct game *g) {
  lua_getfield(L, -1, "friendly_name");
  lua_getfield(L, -2, "sid");
  printf("frame %d: created %s, %s\n", g->frame, lua_tostring(L, -1),
         lua_tostring(L, -2));
  lua_pop(L, 2);
}

static void look(lua_State *L, struct game *g) {
  int top = lua_gettop(L), done;
  ask(L, g, "done", 1);
  done = lua_toboolean(L, -1);
  lua_settop(L, top);
  if (!done)
    return;
  ask(L, g, "result", 2);
  if (lua_isnil(L, -2))
    raise_text(L, lua_gettop(L));
  lua_pop(L, 1);
  print_trunk(L, g);
  luaL_unref(L, LUA_REGISTRYINDEX, g->job);
  g->job = LUA_NOREF;
  g->over = 1;
  lua_settop(L, top);
}

/* One frame's talk with Lua, run protected. */
static int talk(lua_State *L) {
  struct game *g = lua_touserdata(L, 1);
  if (g->frame == 10) /* somebody opens the guild hall's door */
    begin(L, g);
  else if (g->job != LUA_NOREF)
    look(L, g);
  return 0;
}

/* ---- the game ---------------------------------------------------------- */

static int frame(lua_State *L, struct game *g) {
  static const struct timespec rest = {0, FRAME_NS};
  int rc;
  g->frame++;
  lua_pushcfunction(L, talk);
  lua_pushlightuserdata(L, g);
  rc = lua_pcall(L, 1, 0, 0);
  nanosleep(&rest, NULL); /* physics, sound, pictures, the screen */
  return rc;
}

static int play(lua_State *L, struct game *g) {
  preload(L);
  if (luaL_loadstring(L, setup) != 0 || lua_pcall(L, 0, 1, 0) != 0)
    return -1;
  g->client = luaL_ref(L, LUA_REGISTRYINDEX);
  while (!g->over && g->frame < MOST_FRAMES)
    if (frame(L, g) != 0)
      return -1;
  return g->over ? 0 : -1;
}

int main(int argc, char **argv) {
  struct game g = {LUA_NOREF, LUA_NOREF, 0, 0};
  lua_State *L;
  int rc;
  if (argc > 1) {
    int asked = strcmp(argv[1], "--help") == 0;
    fputs("usage: host, without arguments: creates a trunk\n",
          asked ? stdout : stderr);
    return asked ? EXIT_SUCCESS : 2;
  }
  L = luaL_newstate();
  if (L == NULL)
    return EXIT_FAILURE;
  luaL_openlibs(L);
  rc = play(L, &g);
  if (rc != 0) {
    const char *why = lua_tostring(L, -1);
    fprintf(stderr, "host: %s\n", why != NULL ? why : "it took too long");
  }
  lua_close(L); /* ends the client, its thread and what is in flight */
  return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
