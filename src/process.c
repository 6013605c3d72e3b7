/* SPDX-License-Identifier: MIT
 * process: see process.h.
 */
#include "process.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- the list of guards --------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct trk_guard *guards; /* under the lock */

static void take_lock(void) { pthread_mutex_lock(&lock); }
static void give_lock(void) { pthread_mutex_unlock(&lock); }

#if defined(__GNUC__) && !defined(TRK_NO_ATOMICS)

int trk_process_ended(struct trk_guard *g) {
  return __atomic_load_n(&g->ended, __ATOMIC_ACQUIRE);
}

static void set_ended(struct trk_guard *g) {
  __atomic_store_n(&g->ended, 1, __ATOMIC_RELEASE);
}

#else

int trk_process_ended(struct trk_guard *g) {
  int ended;
  take_lock();
  ended = g->ended;
  give_lock();
  return ended;
}

static void set_ended(struct trk_guard *g) { g->ended = 1; }

#endif

int trk_process_inherited(const struct trk_guard *g) {
  return g->pid != getpid();
}

/* Has each thread that runs hold still, or go on. The lock must be held. */
static void tell_all(int begins) {
  struct trk_guard *g;
  for (g = guards; g != NULL; g = g->next)
    if (!g->ended && !trk_process_inherited(g))
      (begins ? g->hold : g->release)(g);
}

/* ---- exit ------------------------------------------------------------ */

static void at_exit(void) {
  struct trk_guard *g;
  take_lock();
  for (g = guards; g != NULL; g = g->next) {
    if (g->ended || trk_process_inherited(g))
      continue;
    g->end(g);
    set_ended(g);
  }
  give_lock();
}

static void watch_exit(void) { (void)atexit(at_exit); }

/* Makes OpenSSL register its exit handler now, which it does at its first use:
 * ours, registered next, runs before it. OpenSSL is found through what libcurl
 * links; where it is not, there is nothing to do. */
#define OPENSSL_INIT_ASYNC \
  0x100 /* the cheapest use: for no option at all it
                                    does nothing */

static void use_openssl(void) {
#if defined(RTLD_DEFAULT)
  union {
    int (*init)(uint64_t options, const void *settings);
    void *p;
  } openssl;
  openssl.p = dlsym(RTLD_DEFAULT, "OPENSSL_init_crypto");
  if (openssl.p != NULL)
    (void)openssl.init(OPENSSL_INIT_ASYNC, NULL);
#endif
}

/* Before the first thread starts: the process may exit while that thread brings
 * libcurl up. */
static void watch_start(void) {
  use_openssl();
  watch_exit();
}

void trk_process_libraries_up(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, watch_exit);
}

/* ---- fork ------------------------------------------------------------ */

static void before_fork(void) {
  take_lock();
  tell_all(1);
}

static void after_fork(void) {
  tell_all(0);
  give_lock();
}

static void watch_fork(void) {
  (void)pthread_atfork(before_fork, after_fork, give_lock);
}

/* ---- guarding --------------------------------------------------------- */

int trk_process_guard(struct trk_guard *g) {
  static pthread_once_t fork_once = PTHREAD_ONCE_INIT;
  static pthread_once_t start_once = PTHREAD_ONCE_INIT;
  int rc;
  pthread_once(&fork_once, watch_fork);
  pthread_once(&start_once, watch_start);
  g->pid = getpid();
  g->ended = 0;
  take_lock();
  rc = g->start(g);
  if (rc == 0) {
    g->next = guards;
    guards = g;
  }
  give_lock();
  return rc;
}

int trk_process_unguard(struct trk_guard *g) {
  struct trk_guard **at = &guards;
  int ended;
  take_lock();
  while (*at != g)
    at = &(*at)->next;
  *at = g->next;
  ended = g->ended;
  give_lock();
  return ended;
}

/* ---- signals ---------------------------------------------------------- */

static void sigpipe_only(sigset_t *set) {
  sigemptyset(set);
  sigaddset(set, SIGPIPE);
}

void trk_sigpipe_hold(struct trk_sigpipe *s) {
  sigset_t set;
  s->held = 0;
  sigpending(&set);
  if (sigismember(&set, SIGPIPE))
    return;
  sigpipe_only(&set);
  s->held = pthread_sigmask(SIG_BLOCK, &set, &s->before) == 0;
}

void trk_sigpipe_release(struct trk_sigpipe *s) {
  sigset_t set;
  int ignored;
  if (!s->held)
    return;
  sigpending(&set);
  if (sigismember(&set, SIGPIPE)) {
    sigpipe_only(&set);
    sigwait(&set, &ignored);
  }
  pthread_sigmask(SIG_SETMASK, &s->before, NULL);
}

int trk_process_thread(void *(*serve)(void *), void *arg, pthread_t *thread) {
  static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
  sigset_t all, before;
  size_t i;
  int rc;
  sigfillset(&all);
  for (i = 0; i < sizeof faults / sizeof *faults; i++)
    sigdelset(&all, faults[i]);
  rc = pthread_sigmask(SIG_SETMASK, &all, &before);
  if (rc != 0)
    return rc;
  rc = pthread_create(thread, NULL, serve, arg);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return rc;
}
