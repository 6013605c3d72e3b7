/* SPDX-License-Identifier: MIT
 * host: goes before libc by LD_PRELOAD, and plays a host in trouble, as the
 * environment says: a resolver that takes so many milliseconds to find no
 * name that ends in .shim (HOST_DNS), a wall clock that is so many seconds off
 * (HOST_CLOCK), or is so at every other look (HOST_JUMP too). Not of shim.c,
 * for that links libcurl, which then stays in memory whatever happens.
 */
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

int getaddrinfo(const char *node, const char *service,
                const struct addrinfo *hints, struct addrinfo **found) {
  int (*real)(const char *, const char *, const struct addrinfo *,
              struct addrinfo **);
  const char *ms = getenv("HOST_DNS");
  struct timespec left = {0, 0};
  size_t len = node != NULL ? strlen(node) : 0;
  *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
  if (ms == NULL || len < 5 || strcmp(node + len - 5, ".shim") != 0)
    return real(node, service, hints, found);
  left.tv_sec = atol(ms) / 1000;
  left.tv_nsec = atol(ms) % 1000 * 1000000;
  nanosleep(&left, NULL);
  return EAI_AGAIN;
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
