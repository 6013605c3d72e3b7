/* SPDX-License-Identifier: MIT
 * torture: runs a script in a Lua state of its own, with memory that fails
 * where it is told to, or with a full collection at every chance, and says
 * what came of it. A healthy Lua state in the same program drives it (see
 * sweep.lua) through one function, point. It judges nothing itself.
 */
#include "fault.h"
#include "libcurl.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HANG_S 60 /* no point may take longer */
#define LOOKUP_MS 2000
#define MAX_TOLD 16

#if LUA_VERSION_NUM >= 502
#define TRIES 2 /* a refused request comes again, after a collection */
#else
#define TRIES 1
#endif

/* From 5.4.5 on a stack that can't grow is an error at once. */
#define STACKS_ARE_RETRIED (LUA_VERSION_RELEASE_NUM < 50405)
#if !defined(LUA_VERSION_RELEASE_NUM)
#define LUA_VERSION_RELEASE_NUM 0
#endif
#define MAX_STACKS 8

/* Lua 5.5 takes what its hashes begin with: each point's is the same. */
#if LUA_VERSION_NUM >= 505
#define new_state(f) lua_newstate(f, NULL, 5)
#else
#define new_state(f) lua_newstate(f, NULL)
#endif

/* What a call of the script's was told. */
struct told {
  char operation[32];
  char outcome[16]; /* "raised": message says the rest */
  char what[16]; /* a word that came with what was done: "created" */
  char sid[40];
  char message[320];
  int malformed; /* an error that is not as DESIGN has it */
};

enum collecting { COLLECT_NEVER, COLLECT_AT_HOOK, COLLECT_AT_REQUEST };

static struct {
  struct told told[MAX_TOLD];
  int ntold;
  enum collecting collecting;
  long collections;
  const void *refused; /* the last growth that failed: its block, */
  size_t refused_size; /* and the size it asked for; 0: none */
  const void *stacks[MAX_STACKS]; /* the blocks that are one, or NULL */
  int is_stack_next; /* a thread was made: what it asks for first */
  char at[160]; /* this point, for a crash's last words */
} now;

/* ---- Lua's allocator ---------------------------------------------- */

/* Where a stack's block is told of, or a free place (of NULL), or NULL. */
static const void **stack_at(const void *block) {
  size_t i;
  for (i = 0; i < MAX_STACKS; i++)
    if (now.stacks[i] == block)
      return &now.stacks[i];
  return NULL;
}

/* Where it is to be told what becomes of a block, if it is a stack. A new
 * one is NULL, with its kind for a size. */
static const void **stack_of(const void *block, size_t old) {
  int is_first = now.is_stack_next;
  if (block != NULL)
    return stack_at(block);
  if (old == 0 || old == LUA_TTHREAD)
    now.is_stack_next = old == LUA_TTHREAD;
  return old == 0 && is_first ? stack_at(NULL) : NULL;
}

static int is_retried(const void *block) {
  return TRIES > 1 &&
         (STACKS_ARE_RETRIED || block == NULL || stack_at(block) == NULL);
}

/* A request that failed comes a second time after an emergency collection.
 * One that forces a collection is then granted; one that is to fail fails
 * again, or no failure would ever be seen. */
static int growth_fails(const void *block, size_t size) {
  int again = TRIES > 1 && now.refused_size == size && now.refused == block;
  int fails;
  now.refused_size = 0;
  if (now.collecting == COLLECT_AT_REQUEST)
    fails = !again && is_retried(block);
  else
    fails = again || fault_hits(SOURCE_LUA);
  if (fails && !again) {
    now.refused = block;
    now.refused_size = size;
    now.collections++;
  }
  return fails;
}

static void *lua_memory(void *ud, void *block, size_t old, size_t size) {
  const void **stack;
  void *fresh = NULL;
  (void)ud;
  if (size > 0 && (block == NULL || size > old) && growth_fails(block, size))
    return NULL;
  stack = block != NULL || size > 0 ? stack_of(block, old) : NULL;
  if (size == 0) {
    if (block != NULL)
      fault_note(SOURCE_LUA, -1);
    free(block);
  } else {
    fresh = realloc(block, size);
    if (fresh != NULL && block == NULL)
      fault_note(SOURCE_LUA, 1);
  }
  if (stack != NULL && (fresh != NULL || size == 0))
    *stack = fresh;
  return fresh;
}

/* ---- collecting at every chance ----------------------------------- */

/* Before each VM instruction and at each call and return. Finalizers run;
 * what happens inside one C function is out of its reach, and in that of
 * COLLECT_AT_REQUEST, whose emergency collections run no finalizer. */
static void collect(lua_State *L, lua_Debug *ar) {
  (void)ar;
  now.collections++;
  lua_gc(L, LUA_GCCOLLECT, 0);
}

/* ---- what the script is told -------------------------------------- */

static void copy(char *out, size_t size, const char *text) {
  snprintf(out, size, "%s", text != NULL ? text : "");
}

/* The string at a field of the table at index, or NULL. */
static const char *field(lua_State *L, int index, const char *name) {
  const char *text;
  lua_getfield(L, index, name);
  text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
  lua_pop(L, 1);
  return text;
}

/* An error that was given, or raised as an object. */
static void note_error(lua_State *L, int index, struct told *t) {
  t->malformed = 1;
  if (!lua_istable(L, index) || field(L, index, "kind") == NULL)
    return;
  copy(t->outcome, sizeof t->outcome, field(L, index, "outcome"));
  copy(t->message, sizeof t->message, field(L, index, "message"));
  t->malformed = t->outcome[0] == '\0' || t->message[0] == '\0';
}

/* First result and error are at index and above it. */
static void note_results(lua_State *L, int index, struct told *t) {
  if (lua_toboolean(L, index)) {
    copy(t->outcome, sizeof t->outcome, "done");
    if (lua_type(L, index + 1) == LUA_TSTRING)
      copy(t->what, sizeof t->what, lua_tostring(L, index + 1));
    if (lua_istable(L, index))
      copy(t->sid, sizeof t->sid, field(L, index, "sid"));
    return;
  }
  note_error(L, index + 1, t);
}

/* told(name, f, ...): f(...), and a note of what it gave or raised. Memory
 * fails inside f alone, so that what f said is never lost on its way here. */
static int told(lua_State *L) {
  struct told *t = now.ntold < MAX_TOLD ? &now.told[now.ntold] : NULL;
  int rc;
  fault_pause();
  if (t == NULL)
    return luaL_error(L, "a script may be told %d things", MAX_TOLD);
  luaL_checkstack(L, LUA_MINSTACK, "told");
  copy(t->operation, sizeof t->operation, lua_tostring(L, 1));
  lua_remove(L, 1);
  fault_resume();
  rc = lua_pcall(L, lua_gettop(L) - 1, 2, 0);
  fault_pause();
  if (rc == 0) {
    note_results(L, 1, t);
  } else if (lua_istable(L, -1)) {
    note_error(L, lua_gettop(L), t);
  } else {
    copy(t->outcome, sizeof t->outcome, "raised");
    copy(t->message, sizeof t->message, lua_tostring(L, -1));
  }
  now.ntold++;
  fault_resume();
  return rc == 0 ? 2 : lua_error(L);
}

/* calm(f, ...): what f(...) gives; memory does not fail inside it. */
static int calm(lua_State *L) {
  int rc;
  fault_pause();
  luaL_checkstack(L, LUA_MINSTACK, "calm");
  rc = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
  fault_resume();
  return rc == 0 ? lua_gettop(L) : lua_error(L);
}

/* ---- LuaJIT's own ------------------------------------------------- */

/* What searches for a module's file, calm: LuaJIT loses the file it has open
 * when memory fails. */
static int search_calmly(lua_State *L) {
  lua_settop(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  return calm(L);
}

/* LuaJIT dies where memory fails inside code that it compiled: there it
 * interprets. (Both shown without this module: theirs/file.lua, trace.lua.) */
static void spare_luajit(lua_State *L, int is_lua_failing) {
  lua_getglobal(L, "jit");
  if (lua_istable(L, -1) && is_lua_failing) {
    lua_getfield(L, -1, "off");
    lua_call(L, 0, 0);
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "loaders");
    lua_rawgeti(L, -1, 2);
    lua_pushcclosure(L, search_calmly, 1);
    lua_rawseti(L, -2, 2);
    lua_pop(L, 2);
  }
  lua_pop(L, 1);
}

/* ---- a point ------------------------------------------------------ */

static const char *const sources[] = {"lua", "curl", "own", "room", NULL};
static const char *const ways[] = {"once", "on", "hook", "request", NULL};

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int descriptors(void) {
  int fd, open = 0;
  for (fd = 0; fd < 256; fd++)
    open += fcntl(fd, F_GETFD) != -1;
  return open;
}

static int panic(lua_State *L) {
  fprintf(stderr, "torture: panic: %s at %s\n", lua_tostring(L, -1), now.at);
  return 0;
}

/* Copies the string fields of from's table at index. */
static void copy_options(lua_State *from, int index, lua_State *L) {
  lua_newtable(L);
  lua_pushnil(from);
  while (lua_next(from, index) != 0) {
    if (lua_type(from, -1) == LUA_TSTRING)
      lua_pushstring(L, lua_tostring(from, -1));
    else if (lua_type(from, -1) == LUA_TNUMBER)
      lua_pushnumber(L, lua_tonumber(from, -1));
    else
      lua_pushboolean(L, lua_toboolean(from, -1));
    lua_setfield(L, -2, lua_tostring(from, -2));
    lua_pop(from, 1);
  }
}

/* Loads all that a client loads when it is made: else each sweep would be one
 * of the loading, ten times as long. One script goes without. */
static int preload(lua_State *L, const char *script) {
  if (strstr(script, "query.lua") != NULL)
    return 0;
  return luaL_loadstring(L, "require 'trunking.all'") != 0 ||
         lua_pcall(L, 0, 0, 0) != 0;
}

/* A state with the script and its four arguments on its stack; H's arguments
 * are those of point. NULL, with why pushed on H. */
static lua_State *prepare(lua_State *H, int is_lua_failing) {
  lua_State *L = new_state(lua_memory);
  if (L == NULL) {
    lua_pushliteral(H, "no state");
    return NULL;
  }
  lua_atpanic(L, panic);
  luaL_openlibs(L);
  spare_luajit(L, is_lua_failing);
  if (preload(L, lua_tostring(H, 1)) ||
      luaL_loadfile(L, lua_tostring(H, 1)) != 0) {
    lua_pushstring(H, lua_tostring(L, -1));
    lua_close(L);
    return NULL;
  }
  copy_options(H, 5, L);
  lua_pushstring(L, lua_tostring(H, 6));
  lua_pushcfunction(L, told);
  lua_pushcfunction(L, calm);
  return L;
}

static void push_told(lua_State *H, const struct told *t) {
  lua_newtable(H);
  lua_pushstring(H, t->operation);
  lua_setfield(H, -2, "operation");
  lua_pushstring(H, t->outcome);
  lua_setfield(H, -2, "outcome");
  lua_pushstring(H, t->what);
  lua_setfield(H, -2, "what");
  lua_pushstring(H, t->sid);
  lua_setfield(H, -2, "sid");
  lua_pushstring(H, t->message);
  lua_setfield(H, -2, "message");
  lua_pushboolean(H, t->malformed);
  lua_setfield(H, -2, "malformed");
}

static void set_number(lua_State *H, const char *name, double value) {
  lua_pushnumber(H, value);
  lua_setfield(H, -2, name);
}

static void start_collecting(lua_State *L, int way) {
  now.collecting = way == 2   ? COLLECT_AT_HOOK
                   : way == 3 ? COLLECT_AT_REQUEST
                              : COLLECT_NEVER;
  if (now.collecting == COLLECT_AT_HOOK)
    lua_sethook(L, collect, LUA_MASKCOUNT | LUA_MASKCALL | LUA_MASKRET, 1);
}

/* libcurl looks up a name in a thread. One that was given up ends by itself, a
 * moment later. Where memory is refused for a numeric address, libcurl looks
 * that up too. */
static void await_lookups(long curl, int fds) {
  const struct timespec pause = {0, 1000000};
  int looks;
  for (looks = 0; looks < LOOKUP_MS; looks++) {
    if (fault_live(SOURCE_CURL) <= curl && descriptors() <= fds)
      return;
    nanosleep(&pause, NULL);
  }
}

/* point(script, source, n, way, options, tag): a table that says what the
 * script was told (an array), what it raised, how many requests of source's
 * were made, and what was left behind after lua_close. */
static int point(lua_State *H) {
  enum source source =
      (enum source)luaL_checkoption(H, 2, NULL, sources);
  long n = (long)luaL_checknumber(H, 3);
  int way = luaL_checkoption(H, 4, NULL, ways), i, rc, fds = descriptors();
  long own = fault_live(SOURCE_OWN), curl = fault_live(SOURCE_CURL);
  double began = seconds();
  lua_State *L;
  memset(&now, 0, sizeof now);
  snprintf(now.at, sizeof now.at, "%s, %s %s, request %ld",
           luaL_checkstring(H, 1), sources[source], ways[way], n);
  luaL_checktype(H, 5, LUA_TTABLE);
  luaL_checkstring(H, 6);
  L = prepare(H, source == SOURCE_LUA && way < 2);
  if (L == NULL)
    return lua_error(H);
  alarm(HANG_S);
  fault_arm(source, way < 2 ? n : 0, way == 1);
  start_collecting(L, way);
  rc = lua_pcall(L, 4, 0, 0);
  lua_newtable(H);
  fault_pause();
  if (rc != 0 && lua_type(L, -1) == LUA_TSTRING) {
    lua_pushstring(H, lua_tostring(L, -1));
    lua_setfield(H, -2, "raised");
  }
  fault_resume();
  lua_close(L); /* with the fault still armed */
  set_number(H, "requests", (double)fault_disarm());
  alarm(0);
  await_lookups(curl, fds);
  set_number(H, "lua", (double)fault_live(SOURCE_LUA));
  set_number(H, "own", (double)(fault_live(SOURCE_OWN) - own));
  set_number(H, "curl", (double)(fault_live(SOURCE_CURL) - curl));
  set_number(H, "fds", (double)(descriptors() - fds));
  set_number(H, "seconds", seconds() - began);
  set_number(H, "collections", (double)now.collections);
  for (i = 0; i < now.ntold; i++) {
    push_told(H, &now.told[i]);
    lua_rawseti(H, -2, i + 1);
  }
  return 1;
}

/* ---- the program -------------------------------------------------- */

/* Says where it died, then dies of it. */
static void last_words(int signal_number) {
  static const char before[] = "torture: died at ";
  (void)!write(2, before, sizeof before - 1);
  (void)!write(2, now.at, strlen(now.at));
  (void)!write(2, "\n", 1);
  signal(signal_number, SIG_DFL);
  raise(signal_number);
}

/* Says where something ended the process, as lua-cjson does. */
static void ended(void) {
  if (now.at[0] != '\0')
    fprintf(stderr, "torture: the process is ended at %s\n", now.at);
}

void __asan_on_error(void);
void __asan_on_error(void) {
  fprintf(stderr, "torture: at %s\n", now.at);
}

/* Looked for while every module is still mapped, so that a leak has a name. */
void __lsan_do_leak_check(void);
#pragma weak __lsan_do_leak_check

/* The state that drives: newer LeakSanitizers do not look into the registers
 * of who asks them, and took it for lost. */
static lua_State *volatile driver;

static void watch_signals(void) {
#if defined(__SANITIZE_ADDRESS__)
  static const int fatal[] = {SIGALRM}; /* the rest is the sanitizer's */
#else
  static const int fatal[] = {SIGSEGV, SIGBUS, SIGABRT, SIGALRM};
#endif
  size_t i;
  for (i = 0; i < sizeof fatal / sizeof *fatal; i++)
    signal(fatal[i], last_words);
}

static lua_State *healthy(char **argv) {
  lua_State *H = luaL_newstate();
  int i;
  if (H == NULL)
    return NULL;
  luaL_openlibs(H);
  lua_pushcfunction(H, point);
  lua_setglobal(H, "point");
  lua_newtable(H);
  for (i = 1; argv[i] != NULL; i++) {
    lua_pushstring(H, argv[i]);
    lua_rawseti(H, -2, i - 1);
  }
  lua_setglobal(H, "arg");
  return H;
}

/* torture SWEEP.LUA ARGS... */
int main(int argc, char **argv) {
  lua_State *H;
  int failed;
  if (argc < 2)
    return 2;
  watch_signals();
  atexit(ended);
  if (libcurl_watch() != 0)
    return 2;
  driver = H = healthy(argv);
  if (H == NULL)
    return 2;
  failed = luaL_loadfile(H, argv[1]) != 0 || lua_pcall(H, 0, 1, 0) != 0;
  if (failed)
    fprintf(stderr, "torture: %s\n", lua_tostring(H, -1));
  else
    failed = !lua_toboolean(H, -1);
  now.at[0] = '\0';
  if (__lsan_do_leak_check != NULL)
    __lsan_do_leak_check();
  lua_close(H);
  return failed;
}
