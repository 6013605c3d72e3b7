/* SPDX-License-Identifier: MIT
 * host: goes before libc by LD_PRELOAD, and plays a host in trouble, as the
 * environment says: a resolver that takes so many milliseconds for a name that
 * ends in .shim (HOST_DNS), and then finds none for the moment, or says that
 * there is none (HOST_NAMES=none), or finds this machine (HOST_NAMES=here); a
 * wall clock that is so many seconds off (HOST_CLOCK), or is so at every other
 * look (HOST_JUMP too). Writes down, a line each, those look-ups with their
 * family (HOST_LOOKUPS, a file), and how often a file is opened (HOST_FILE, to
 * HOST_OPENED). Not of shim.c, for that links libcurl, which then stays in
 * memory whatever happens.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* One write for each line: they come from many threads. */
static void note(const char *variable, const char *line) {
  const char *path = getenv(variable);
  int fd = path != NULL ? open(path, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
  if (fd < 0)
    return;
  if (write(fd, line, strlen(line)) < 0)
    abort();
  close(fd);
}

int getaddrinfo(const char *node, const char *service,
                const struct addrinfo *hints, struct addrinfo **found) {
  int (*real)(const char *, const char *, const struct addrinfo *,
              struct addrinfo **);
  const char *ms = getenv("HOST_DNS"), *names = getenv("HOST_NAMES");
  struct timespec left = {0, 0};
  size_t len = node != NULL ? strlen(node) : 0;
  int family = hints != NULL ? hints->ai_family : AF_UNSPEC;
  *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
  if (ms == NULL || len < 5 || strcmp(node + len - 5, ".shim") != 0)
    return real(node, service, hints, found);
  note("HOST_LOOKUPS", family == AF_INET6 ? "6\n" : "4\n");
  left.tv_sec = atol(ms) / 1000;
  left.tv_nsec = atol(ms) % 1000 * 1000000;
  nanosleep(&left, NULL);
  if (names == NULL)
    return EAI_AGAIN;
  if (strcmp(names, "none") == 0 || family == AF_INET6)
    return EAI_NONAME;
  return real("127.0.0.1", service, hints, found);
}

/* ---- files -------------------------------------------------------------- */

static FILE *opened(const char *name, const char *path, const char *mode) {
  FILE *(*real)(const char *, const char *);
  const char *watched = getenv("HOST_FILE");
  *(void **)&real = dlsym(RTLD_NEXT, name);
  if (watched != NULL && strcmp(watched, path) == 0)
    note("HOST_OPENED", "opened\n");
  return real(path, mode);
}

#undef fopen
#undef fopen64
FILE *fopen(const char *path, const char *mode) {
  return opened("fopen", path, mode);
}
FILE *fopen64(const char *path, const char *mode) {
  return opened("fopen64", path, mode);
}

/* ---- the wall clock; the monotonic one is left alone ------------------ */

static time_t off(void) {
  static int looks;
  const char *seconds = getenv("HOST_CLOCK");
  if (seconds == NULL || (getenv("HOST_JUMP") != NULL && ++looks % 2 == 0))
    return 0;
  return (time_t)atol(seconds);
}

/* By the system call: it is asked before dlsym can be. */
int clock_gettime(clockid_t id, struct timespec *t) {
  int rc = (int)syscall(SYS_clock_gettime, id, t);
  if (id == CLOCK_REALTIME)
    t->tv_sec += off();
  return rc;
}

time_t time(time_t *at) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  if (at != NULL)
    *at = t.tv_sec;
  return t.tv_sec;
}

int gettimeofday(struct timeval *t, void *zone) {
  struct timespec now;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &now);
  t->tv_sec = now.tv_sec;
  t->tv_usec = now.tv_nsec / 1000;
  return 0;
}
