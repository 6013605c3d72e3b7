/* SPDX-License-Identifier: MIT
 * trouble: what a spec does to its own sockets and process that Lua cannot:
 * packets that are lost on their way in, one way at a time and without root
 * (a filter in the kernel, where it has them), a connection that is reset in
 * its midst, signals without end, a Lua state that is closed, threads that make
 * calls, a fork. Built by
 * `make probe`, never installed.
 */
#include "compat.h"

#include <lualib.h>

#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__linux__)
#include <linux/filter.h>
#endif

#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif
#endif

#define MANY 1024 /* descriptors that are looked through */

int luaopen_trouble(lua_State *L);

static int answer(lua_State *L, int ok) {
  if (!ok)
    return luaL_error(L, "%s", strerror(errno));
  lua_pushboolean(L, 1);
  return 1;
}

#if defined(SO_ATTACH_FILTER)

#define KEEP {BPF_RET | BPF_K, 0, 0, 0xffffffffu}
#define DROP {BPF_RET | BPF_K, 0, 0, 0}

/* X = the length of the segment's header; on to what follows if it holds
 * data, else past so many instructions. */
#define IF_DATA(past)                                                        \
  {BPF_LD | BPF_B | BPF_ABS, 0, 0, 12}, {BPF_ALU | BPF_RSH | BPF_K, 0, 0, 4}, \
      {BPF_ALU | BPF_MUL | BPF_K, 0, 0, 4}, {BPF_MISC | BPF_TAX, 0, 0, 0},    \
      {BPF_LD | BPF_W | BPF_LEN, 0, 0, 0},                                    \
      {BPF_JMP | BPF_JGT | BPF_X, 0, past, 0}

static struct sock_filter all[] = {DROP};
static struct sock_filter nothing[] = {KEEP}; /* qemu can't take a filter off */
static struct sock_filter data[] = {IF_DATA(1), DROP, KEEP};
/* What begins with a TLS record of the application, unless it is as short as
 * what ends a handshake of TLS 1.3, which is a record of the same type. */
static struct sock_filter tls[] = {
    IF_DATA(5), {BPF_LD | BPF_B | BPF_IND, 0, 0, 0},
    {BPF_JMP | BPF_JEQ | BPF_K, 0, 3, 23},
    {BPF_LD | BPF_H | BPF_IND, 0, 0, 3},
    {BPF_JMP | BPF_JGT | BPF_K, 0, 1, 100}, DROP, KEEP};

/* lose(fd, "all" | "data" | "tls" | "none"): which segments that come in on
 * a socket are lost from now on; of a listener, on what it accepts too. */
static int trouble_lose(lua_State *L) {
  static const char *const names[] = {"all", "data", "tls", "none", NULL};
  static struct sock_fprog programs[] = {
      {sizeof all / sizeof *all, all},
      {sizeof data / sizeof *data, data},
      {sizeof tls / sizeof *tls, tls},
      {sizeof nothing / sizeof *nothing, nothing}};
  int fd = (int)luaL_checkinteger(L, 1);
  int which = luaL_checkoption(L, 2, NULL, names);
  return answer(L, setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER,
                              &programs[which], sizeof *programs) == 0);
}

#endif

/* other_end(fd): this process's own socket at the other end of fd's. */
static int trouble_other_end(lua_State *L) {
  struct sockaddr_in at, wanted;
  socklen_t len = sizeof wanted;
  int fd = (int)luaL_checkinteger(L, 1);
  if (getpeername(fd, (struct sockaddr *)&wanted, &len) != 0)
    return answer(L, 0);
  for (fd = 0; fd < MANY; fd++) {
    len = sizeof at;
    if (getsockname(fd, (struct sockaddr *)&at, &len) == 0 &&
        at.sin_family == AF_INET && at.sin_port == wanted.sin_port) {
      lua_pushinteger(L, fd);
      return 1;
    }
  }
  return luaL_error(L, "no such socket");
}

/* reset(fd): ends a connection with RST; the descriptor stays open. */
static int trouble_reset(lua_State *L) {
  int fd = (int)luaL_checkinteger(L, 1);
  struct sockaddr none;
  memset(&none, 0, sizeof none);
  none.sa_family = AF_UNSPEC;
  return answer(L, connect(fd, &none, sizeof none) == 0);
}

static volatile sig_atomic_t seen;

static void on_alarm(int n) {
  (void)n;
  seen = seen + 1;
}

/* signals(ms): one each so many milliseconds, that interrupts what it can; 0
 * ends them. How many there were since the last time. */
static int trouble_signals(lua_State *L) {
  int ms = (int)luaL_checkinteger(L, 1);
  struct sigaction action;
  struct itimerval each;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_alarm;
  memset(&each, 0, sizeof each);
  each.it_interval.tv_usec = each.it_value.tv_usec = ms * 1000;
  if (sigaction(SIGALRM, &action, NULL) != 0 ||
      setitimer(ITIMER_REAL, &each, NULL) != 0)
    return answer(L, 0);
  lua_pushinteger(L, seen);
  seen = 0;
  return 1;
}

/* state(script): runs it in a Lua state of its own, and closes that. */
static int trouble_state(lua_State *L) {
  const char *script = luaL_checkstring(L, 1);
  lua_State *own = luaL_newstate();
  int failed;
  if (own == NULL)
    return luaL_error(L, "no memory");
  luaL_openlibs(own);
  failed = luaL_loadstring(own, script) != 0 || lua_pcall(own, 0, 0, 0) != 0;
  if (failed)
    lua_pushstring(L, lua_tostring(own, -1));
  lua_close(own);
  return failed ? lua_error(L) : 0;
}

static void *thread(void *script) {
  lua_State *own = luaL_newstate();
  if (own == NULL)
    abort();
  luaL_openlibs(own);
  if (luaL_loadstring(own, script) != 0 || lua_pcall(own, 0, 0, 0) != 0) {
    fprintf(stderr, "a thread: %s\n", lua_tostring(own, -1));
    abort();
  }
  lua_close(own);
  return NULL;
}

/* threads(n, script): runs it n times at once, each in a thread and a Lua state
 * of its own. Nobody waits for them. */
static int trouble_threads(lua_State *L) {
  int n = (int)luaL_checkinteger(L, 1), rc = 0;
  const char *script = luaL_checkstring(L, 2);
  pthread_t started;
  lua_pushvalue(L, 2);
  lua_setfield(L, LUA_REGISTRYINDEX, script); /* for as long as they run */
  while (n-- > 0 && rc == 0)
    rc = pthread_create(&started, NULL, thread, (void *)(uintptr_t)script);
  errno = rc;
  return answer(L, rc == 0);
}

/* A child has none of its parent's threads: what they held is lost to it, and
 * no leak of anybody's. */
static void spare_leaks(void) {
#if defined(VALGRIND_CLO_CHANGE)
  VALGRIND_CLO_CHANGE("--leak-check=no");
#endif
}

/* fork(): the child's process number, or 0 in the child. */
static int trouble_fork(lua_State *L) {
  pid_t pid = fork();
  if (pid < 0)
    return answer(L, 0);
  if (pid == 0)
    spare_leaks();
  lua_pushinteger(L, pid);
  return 1;
}

#if defined(SYS_clone)
/* clone(): the same, without what the C library does at a fork. */
static int trouble_clone(lua_State *L) {
  long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (pid < 0)
    return answer(L, 0);
  if (pid == 0)
    spare_leaks();
  lua_pushinteger(L, (lua_Integer)pid);
  return 1;
}
#endif

/* wait(pid): waits for a child to end. Whether it did so with status 0. */
static int trouble_wait(lua_State *L) {
  pid_t pid = (pid_t)luaL_checkinteger(L, 1);
  int status = -1;
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR)
      return answer(L, 0);
  lua_pushboolean(L, status == 0);
  return 1;
}

/* A build that counts what is reached writes it at exit; here, before. */
static void write_counts(void) {
  const char *path = getenv("TRUNKING_COUNTED");
  void *counted = path != NULL ? dlopen(path, RTLD_NOW | RTLD_NOLOAD) : NULL;
  void (*write_all)(void) = NULL;
  if (counted != NULL)
    *(void **)&write_all = dlsym(counted, "trunking_counted");
  if (write_all != NULL)
    write_all();
}

/* exit(status): ends a child without exit, which would run what the parent
 * has yet to run, and say once more what it has yet to say. */
static int trouble_exit(lua_State *L) {
  int status = (int)luaL_checkinteger(L, 1);
  write_counts();
  _exit(status);
}

/* chdir(folder) */
static int trouble_chdir(lua_State *L) {
  return answer(L, chdir(luaL_checkstring(L, 1)) == 0);
}

TRK_EXPORT int luaopen_trouble(lua_State *L) {
  lua_newtable(L);
  lua_pushcfunction(L, trouble_fork);
  lua_setfield(L, -2, "fork");
#if defined(SYS_clone)
  lua_pushcfunction(L, trouble_clone);
  lua_setfield(L, -2, "clone");
#endif
  lua_pushcfunction(L, trouble_threads);
  lua_setfield(L, -2, "threads");
  lua_pushcfunction(L, trouble_wait);
  lua_setfield(L, -2, "wait");
  lua_pushcfunction(L, trouble_chdir);
  lua_setfield(L, -2, "chdir");
  lua_pushcfunction(L, trouble_exit);
  lua_setfield(L, -2, "exit");
  lua_pushcfunction(L, trouble_state);
  lua_setfield(L, -2, "state");
#if defined(SO_ATTACH_FILTER)
  lua_pushcfunction(L, trouble_lose);
  lua_setfield(L, -2, "lose");
#endif
  lua_pushcfunction(L, trouble_other_end);
  lua_setfield(L, -2, "other_end");
  lua_pushcfunction(L, trouble_reset);
  lua_setfield(L, -2, "reset");
  lua_pushcfunction(L, trouble_signals);
  lua_setfield(L, -2, "signals");
  return 1;
}
