/* SPDX-License-Identifier: MIT
 * mixed: plays random programs in Lua states of their own, each in a thread of
 * its own, and says what they noted, what they raised, and what they left
 * behind. A healthy state drives it (see mixed.lua) through one function, play.
 * The programs (player.lua) get the means to collect garbage at each
 * allocation, and to be interrupted by a debug hook. It judges nothing.
 */
#define _POSIX_C_SOURCE 200809L

#include "../support/entries.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HANG_S 900 /* no program takes longer, on a busy machine either */
#define MOST_PLAYERS 4

#if LUA_VERSION_NUM >= 505
#define new_state(f, ud) lua_newstate(f, ud, 5)
#else
#define new_state(f, ud) lua_newstate(f, ud)
#endif

/* How a state collects. */
enum way { WAY_PLAIN, WAY_EACH, WAY_REQUEST, WAY_GENERATIONAL };

/* What its hook does, once, after so many events. */
enum trouble { TROUBLE_NONE, TROUBLE_RAISE, TROUBLE_YIELD, TROUBLE_COLLECT };

struct player {
  lua_State *L;
  pthread_t thread;
  const char *script;
  long seed;
  long calls;
  int number;
  char *notes;
  size_t len, size;
  char raised[512];
  enum way way;
  const void *refused; /* the last growth that failed, */
  size_t refused_size; /* and the size it asked for; 0: none */
  enum trouble trouble;
  long events; /* until it comes */
};

static char at[200]; /* this program, for a crash's last words */

/* ---- memory ------------------------------------------------------- */

/* A request that is refused comes again, after an emergency collection (from
 * 5.2 on): then it is granted. A block that moves whenever it grows is one that
 * no pointer into may outlive. */
static int is_refused(struct player *p, const void *block, size_t size) {
  int again = p->refused_size == size && p->refused == block;
  p->refused_size = 0;
  if (p->way != WAY_REQUEST || again)
    return 0;
  p->refused = block;
  p->refused_size = size;
  return 1;
}

static void *memory(void *ud, void *block, size_t old, size_t size) {
  struct player *p = ud;
  if (size == 0) {
    free(block);
    return NULL;
  }
  if (block == NULL && is_refused(p, block, size))
    return NULL;
  (void)old;
  return realloc(block, size);
}

static struct player *player_of(lua_State *L) {
  void *ud;
  (void)lua_getallocf(L, &ud);
  return ud;
}

static void pace(lua_State *L, int pause, int step) {
#if LUA_VERSION_NUM >= 505
  lua_gc(L, LUA_GCINC);
  lua_gc(L, LUA_GCPARAM, LUA_GCPPAUSE, pause);
  lua_gc(L, LUA_GCPARAM, LUA_GCPSTEPMUL, step);
#elif LUA_VERSION_NUM == 504
  lua_gc(L, LUA_GCINC, 0, step > 1000 ? 1000 : step, step > 1000 ? 20 : 13);
  lua_gc(L, LUA_GCSETPAUSE, pause);
#else
  lua_gc(L, LUA_GCSETPAUSE, pause);
  lua_gc(L, LUA_GCSETSTEPMUL, step);
#endif
}

/* pace(way): "each" is a full cycle, finalizers included, wherever Lua looks
 * whether one is due: at each allocation. */
static int set_pace(lua_State *L) {
  static const char *const ways[] = {"plain", "each", "request",
                                     "generational", NULL};
  struct player *p = player_of(L);
  p->way = (enum way)luaL_checkoption(L, 1, NULL, ways);
#if LUA_VERSION_NUM < 502
  if (p->way == WAY_REQUEST)
    p->way = WAY_EACH;
#endif
  if (p->way == WAY_EACH)
    pace(L, 0, 100000);
  else
    pace(L, 200, 200);
#if LUA_VERSION_NUM == 504
  if (p->way == WAY_GENERATIONAL)
    lua_gc(L, LUA_GCGEN, 0, 0);
#elif LUA_VERSION_NUM >= 505
  if (p->way == WAY_GENERATIONAL)
    lua_gc(L, LUA_GCGEN);
#endif
  if (p->way == WAY_EACH)
    lua_gc(L, LUA_GCCOLLECT, 0); /* else the old pace holds for a cycle */
  return 0;
}

/* ---- hooks -------------------------------------------------------- */

/* Where Lua is, from the inside: "error.lua:31 C C player.lua:298". */
static void push_place(lua_State *L) {
  char place[300] = "";
  lua_Debug ar;
  size_t len = 0;
  int level;
  for (level = 0; len + 80 < sizeof place && lua_getstack(L, level, &ar);
       level++) {
    const char *file;
    lua_getinfo(L, "Sl", &ar);
    file = strrchr(ar.source, '/');
    file = file != NULL ? file + 1 : ar.source;
    len += (size_t)(ar.currentline > 0
                        ? snprintf(place + len, sizeof place - len,
                                   " %.40s:%d", file, ar.currentline)
                        : snprintf(place + len, sizeof place - len, " C"));
  }
  lua_pushstring(L, place);
}

static void hook(lua_State *L, lua_Debug *ar) {
  struct player *p = player_of(L);
  enum trouble trouble = p->trouble;
  if (trouble == TROUBLE_NONE || --p->events > 0)
    return;
  if (trouble == TROUBLE_COLLECT) {
    p->events = 50;
    lua_gc(L, LUA_GCCOLLECT, 0);
    return;
  }
  p->trouble = TROUBLE_NONE;
#if LUA_VERSION_NUM >= 503
  if (trouble == TROUBLE_YIELD && lua_isyieldable(L)) {
    lua_yield(L, 0);
    return;
  }
#endif
  push_place(L);
  luaL_error(L, "MARK of a hook, at %s, in%s",
             ar->event == LUA_HOOKCOUNT ? "a count" : "a call",
             lua_tostring(L, -1));
}

/* trouble(kind, events, f, ...): f(...), protected, with a hook that raises,
 * yields or collects once so many calls and instructions have passed. (Not
 * returns: f's own would raise what it did away.) Results as pcall's. */
static int with_trouble(lua_State *L) {
  static const char *const kinds[] = {"none", "raise", "yield", "collect",
                                      NULL};
  struct player *p = player_of(L);
  enum trouble kind = (enum trouble)luaL_checkoption(L, 1, NULL, kinds);
  long events = (long)luaL_checknumber(L, 2);
  int rc;
  luaL_checkstack(L, LUA_MINSTACK, "trouble");
  lua_pushboolean(L, 1);
  lua_replace(L, 2);
  lua_remove(L, 1); /* true, f, ... */
  p->trouble = kind;
  p->events = events;
  lua_sethook(L, hook, LUA_MASKCOUNT | LUA_MASKCALL, 1);
  rc = lua_pcall(L, lua_gettop(L) - 2, LUA_MULTRET, 0);
  p->trouble = TROUBLE_NONE;
  lua_sethook(L, NULL, 0, 0);
  if (rc != 0) {
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
  }
  return lua_gettop(L);
}

/* ---- notes -------------------------------------------------------- */

/* note(text): a line, in memory that is not Lua's. */
static int note(lua_State *L) {
  struct player *p = player_of(L);
  size_t len;
  const char *line = luaL_checklstring(L, 1, &len);
  if (p->len + len + 2 > p->size) {
    p->size = (p->len + len + 2) * 2;
    p->notes = realloc(p->notes, p->size);
    if (p->notes == NULL)
      abort();
  }
  memcpy(p->notes + p->len, line, len);
  p->len += len;
  p->notes[p->len++] = '\n';
  return 0;
}

/* ---- playing ------------------------------------------------------ */

static void run(struct player *p) {
  lua_State *L = p->L;
  luaL_openlibs(L);
  if (luaL_loadfile(L, p->script) == 0) {
    lua_pushnumber(L, (lua_Number)p->seed);
    lua_pushnumber(L, (lua_Number)p->number);
    lua_pushnumber(L, (lua_Number)p->calls);
    lua_pushcfunction(L, note);
    lua_pushcfunction(L, with_trouble);
    lua_pushcfunction(L, set_pace);
    if (lua_pcall(L, 6, 0, 0) == 0)
      return;
  }
  snprintf(p->raised, sizeof p->raised, "%s",
           lua_isstring(L, -1) ? lua_tostring(L, -1) : "no text");
}

static void *live(void *arg) {
  struct player *p = arg;
  p->L = new_state(memory, p);
  if (p->L == NULL)
    abort();
  run(p);
  lua_close(p->L); /* with all that it left in flight */
  return NULL;
}

static void push_player(lua_State *H, struct player *p) {
  lua_newtable(H);
  lua_pushlstring(H, p->notes != NULL ? p->notes : "", p->len);
  lua_setfield(H, -2, "notes");
  if (p->raised[0] != '\0') {
    lua_pushstring(H, p->raised);
    lua_setfield(H, -2, "raised");
  }
  free(p->notes);
}

/* play(script, seed, players, calls, title): an array with what each player noted and
 * raised, and how many descriptors more there are than before. */
static int play(lua_State *H) {
  static struct player players[MOST_PLAYERS];
  long before = entries("/proc/self/fd"), seed = (long)luaL_checknumber(H, 2);
  int n = (int)luaL_checknumber(H, 3), i;
  luaL_argcheck(H, n >= 1 && n <= MOST_PLAYERS, 3, "too many players");
  snprintf(at, sizeof at, "%s", luaL_checkstring(H, 5));
  memset(players, 0, sizeof players);
  alarm(HANG_S);
  for (i = 0; i < n; i++) {
    players[i].script = luaL_checkstring(H, 1);
    players[i].seed = seed;
    players[i].number = i + 1;
    players[i].calls = (long)luaL_checknumber(H, 4);
    if (pthread_create(&players[i].thread, NULL, live, &players[i]) != 0)
      abort();
  }
  for (i = 0; i < n; i++)
    pthread_join(players[i].thread, NULL);
  alarm(0);
  lua_newtable(H);
  for (i = 0; i < n; i++) {
    push_player(H, &players[i]);
    lua_rawseti(H, -2, i + 1);
  }
  lua_pushnumber(H, (lua_Number)(entries("/proc/self/fd") - before));
  lua_setfield(H, -2, "descriptors");
  return 1;
}

/* ---- the program -------------------------------------------------- */

static void last_words(int signal_number) {
  static const char before[] = "mixed: it hangs: ";
  (void)!write(2, before, sizeof before - 1);
  (void)!write(2, at, strlen(at));
  (void)!write(2, "\n", 1);
  signal(signal_number, SIG_DFL);
  raise(signal_number);
}

void __asan_on_error(void);
void __asan_on_error(void) { fprintf(stderr, "mixed: in %s\n", at); }

/* Looked for while every module is still mapped, so that a leak has a name. */
void __lsan_do_leak_check(void);
#pragma weak __lsan_do_leak_check

static lua_State *volatile driver; /* newer LeakSanitizers take it for lost */

/* mixed MIXED.LUA ARGS... */
int main(int argc, char **argv) {
  lua_State *H = luaL_newstate();
  int failed, i;
  if (argc < 2 || H == NULL)
    return 2;
  driver = H;
  signal(SIGALRM, last_words);
  luaL_openlibs(H);
  lua_pushcfunction(H, play);
  lua_setglobal(H, "play");
  lua_newtable(H);
  for (i = 1; i < argc; i++) {
    lua_pushstring(H, argv[i]);
    lua_rawseti(H, -2, i - 1);
  }
  lua_setglobal(H, "arg");
  failed = luaL_loadfile(H, argv[1]) != 0 || lua_pcall(H, 0, 1, 0) != 0;
  if (failed)
    fprintf(stderr, "mixed: %s\n", lua_tostring(H, -1));
  else
    failed = !lua_toboolean(H, -1);
  if (__lsan_do_leak_check != NULL)
    __lsan_do_leak_check();
  lua_close(H);
  return failed;
}
