/* SPDX-License-Identifier: MIT
 * threads: Lua states in operating system threads of their own, each with its
 * own clients, all at once: law L9 says that they share nothing. It promises
 * to tell what every state made, and to fail when one fails. It knows nothing
 * of what they do: stress.lua does it. The module is linked in, so that
 * ThreadSanitizer sees it.
 *
 *   threads STATES CALLS SCRIPT: CALLS by all states together; then SCRIPT
 *   once more, alone, with the total, to compare it with the sandbox's ledger.
 */
#define _POSIX_C_SOURCE 200809L

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST_STATES 64

int luaopen_trunking_core(lua_State *L);

struct state {
  pthread_t thread;
  int number; /* from 1; 0: the one that compares */
  long calls;
  long made; /* -1: it failed */
};

static const char *script;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static int waiting, expected;

/* All begin at once, so that even their first steps meet. */
static void meet(void) {
  pthread_mutex_lock(&gate);
  waiting++;
  if (waiting >= expected)
    pthread_cond_broadcast(&opened);
  while (waiting < expected)
    pthread_cond_wait(&opened, &gate);
  pthread_mutex_unlock(&gate);
}

static void preload(lua_State *L) {
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, luaopen_trunking_core);
  lua_setfield(L, -2, "trunking.core");
  lua_settop(L, 0);
}

static long run(lua_State *L, const struct state *s) {
  if (luaL_loadfile(L, script) != 0)
    return -1;
  lua_pushinteger(L, s->number);
  lua_pushinteger(L, (lua_Integer)s->calls);
  if (lua_pcall(L, 2, 1, 0) != 0)
    return -1;
  return (long)lua_tointeger(L, -1);
}

static void *live(void *arg) {
  struct state *s = arg;
  lua_State *L = luaL_newstate();
  if (L == NULL)
    abort();
  luaL_openlibs(L);
  preload(L);
  meet();
  s->made = run(L, s);
  if (s->made < 0)
    fprintf(stderr, "state %d: %s\n", s->number, lua_tostring(L, -1));
  lua_close(L); /* with jobs in flight */
  return NULL;
}

static long live_all(struct state *states, int n, long calls) {
  long made = 0;
  int i, failed = 0;
  expected = n;
  waiting = 0;
  for (i = 0; i < n; i++) {
    states[i].number = i + 1;
    states[i].calls = calls / n;
    if (pthread_create(&states[i].thread, NULL, live, &states[i]) != 0)
      abort();
  }
  for (i = 0; i < n; i++) {
    pthread_join(states[i].thread, NULL);
    failed |= states[i].made < 0;
    made += states[i].made;
  }
  return failed ? -1 : made;
}

/* helgrind knows nothing of pthread_once: for it, what is set up once for all
 * states is set up before they are there. Returns the trunks made. */
static long warm_up(void) {
#if defined(TRK_NO_ATOMICS)
  static struct state first[2];
  return live_all(first, 1, 16) + live_all(first, 2, 2);
#else
  return 0;
#endif
}

int main(int argc, char **argv) {
  static struct state states[MOST_STATES], last;
  int n = argc == 4 ? atoi(argv[1]) : 0;
  long calls = argc == 4 ? atol(argv[2]) : 0;
  if (n < 1 || n > MOST_STATES || calls < n) {
    fprintf(stderr, "usage: threads STATES CALLS SCRIPT\n");
    return 2;
  }
  script = argv[3];
  last.calls = warm_up();
  last.calls += live_all(states, n, calls);
  if (last.calls < calls / n * n)
    return 1;
  live(&last);
  if (last.made < 0)
    return 1;
  printf("%d states, %ld calls: %ld trunks, and as many in the ledger\n", n,
         calls / n * n, last.calls);
  return 0;
}
