/* SPDX-License-Identifier: MIT
 * soak: many calls from several Lua states in threads of their own, for as
 * long as asked, some states closed and opened again throughout: memory,
 * descriptors and threads must be flat. It knows nothing of the calls:
 * soak.lua makes them. The module is linked in.
 *
 *   soak EPOCHS CALLS SCRIPT: in each epoch CALLS calls, by all together.
 * Every second state lives on; the others are closed at an epoch's end.
 */
#define _POSIX_C_SOURCE 200809L

#include "../support/entries.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATES 4

int luaopen_trunking_core(lua_State *L);

struct state {
  pthread_t thread;
  lua_State *L;
  int number; /* from 1 */
  int epoch;
  long calls;
  int failed;
};

/* After each epoch. */
struct usage {
  long *rss; /* KiB */
  long *descriptors;
  long *threads;
};

static const char *script;

static lua_State *open_state(void) {
  lua_State *L = luaL_newstate();
  if (L == NULL)
    abort();
  luaL_openlibs(L);
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, luaopen_trunking_core);
  lua_setfield(L, -2, "trunking.core");
  lua_settop(L, 0);
  return L;
}

/* An epoch of one state; every second one ends with it. */
static void *live(void *arg) {
  struct state *s = arg;
  if (s->L == NULL)
    s->L = open_state();
  s->failed = luaL_loadfile(s->L, script) != 0;
  if (!s->failed) {
    lua_pushinteger(s->L, s->number);
    lua_pushinteger(s->L, s->epoch);
    lua_pushinteger(s->L, (lua_Integer)s->calls);
    s->failed = lua_pcall(s->L, 3, 0, 0) != 0;
  }
  if (s->failed)
    fprintf(stderr, "state %d: %s\n", s->number, lua_tostring(s->L, -1));
  lua_settop(s->L, 0);
  if (s->number % 2 == 0) {
    lua_close(s->L); /* with jobs in flight */
    s->L = NULL;
  }
  return NULL;
}

static long resident(void) {
  char line[256];
  long kib = -1;
  FILE *f = fopen("/proc/self/status", "r");
  if (f == NULL)
    return -1;
  while (fgets(line, sizeof line, f) != NULL)
    if (strncmp(line, "VmRSS:", 6) == 0)
      kib = atol(line + 6);
  fclose(f);
  return kib;
}

/* A thread that was joined may be listed for a moment longer: how many there
 * are once 20 looks in a row have found no fewer. */
static long threads(void) {
  const struct timespec moment = {0, 10000000};
  long least = entries("/proc/self/task") + 1;
  int looks = 0;
  while (looks++ < 20 && least > 2) {
    long now;
    nanosleep(&moment, NULL);
    now = entries("/proc/self/task") + 1;
    if (now < least) {
      least = now;
      looks = 0;
    }
  }
  return least;
}

static void measure(const struct usage *u, int i) {
  u->rss[i] = resident();
  u->descriptors[i] = entries("/proc/self/fd");
  u->threads[i] = threads();
}

static int epoch(struct state *states, int number, long calls) {
  int i, failed = 0;
  for (i = 0; i < STATES; i++) {
    states[i].number = i + 1;
    states[i].epoch = number;
    states[i].calls = calls / STATES;
    if (pthread_create(&states[i].thread, NULL, live, &states[i]) != 0)
      abort();
  }
  for (i = 0; i < STATES; i++) {
    pthread_join(states[i].thread, NULL);
    failed |= states[i].failed;
  }
  return failed;
}

/* The most of a figure in the thirds of all epochs after the first: how much
 * more it was in the last. Prints it; whether that is allowed. */
static int is_flat(const char *name, const long *figures, int n,
                   long allowed) {
  long before = 0, after = 0;
  int i;
  for (i = n / 3; i < n; i++) {
    long *most = i < n / 3 * 2 ? &before : &after;
    if (figures[i] > *most)
      *most = figures[i];
  }
  printf("%s: %s: %ld at most in the second third, %ld in the last\n",
         after - before <= allowed ? "ok" : "FAILED", name, before, after);
  return after - before <= allowed;
}

/* Memory may move by what malloc keeps, descriptors by the connections that
 * the clients keep or lost last. */
static int flat(const struct usage *u, int n) {
  int good;
  good = is_flat("memory, KiB", u->rss, n, 2048);
  good &= is_flat("descriptors", u->descriptors, n, 4);
  good &= is_flat("threads", u->threads, n, 0);
  return good;
}

int main(int argc, char **argv) {
  static struct state states[STATES];
  struct usage u;
  long *figures;
  int n = argc == 4 ? atoi(argv[1]) : 0, i, good = 1;
  long calls = argc == 4 ? atol(argv[2]) : 0;
  if (n < 3 || calls < STATES) {
    fprintf(stderr, "usage: soak EPOCHS CALLS SCRIPT\n");
    return 2;
  }
  script = argv[3];
  figures = calloc((size_t)n * 3, sizeof *figures);
  if (figures == NULL)
    return 2;
  u.rss = figures;
  u.descriptors = figures + n;
  u.threads = figures + 2 * n;
  for (i = 0; good && i < n; i++) {
    good = epoch(states, i, calls) == 0;
    measure(&u, i);
  }
  good = good && flat(&u, n);
  for (i = 0; i < STATES; i++)
    if (states[i].L != NULL)
      lua_close(states[i].L);
  free(figures);
  return good ? 0 : 1;
}
