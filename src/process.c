/* SPDX-License-Identifier: MIT
 * process: see process.h.
 */
#include "process.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE 25000 /* looks whether nobody is inside any more */
#define PAUSE_NS 200000

/* ---- how many forks ---------------------------------------------------- */

static unsigned forks; /* written by a child's first thread alone */

static void count_fork(void) { forks++; }

#if defined(MADV_WIPEONFORK)

static volatile int *page; /* Linux: zero in a child, however it was made */

static void watch_page(void) {
  void *p = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED)
    return;
  if (madvise(p, sizeof *page, MADV_WIPEONFORK) == 0) {
    page = p;
    *page = 1;
  } else {
    munmap(p, sizeof *page);
  }
}

/* clone() runs no handler of pthread_atfork. */
static void look_at_page(void) {
  if (page == NULL || *page != 0)
    return;
  *page = 1;
  count_fork();
}

#else

static void watch_page(void) {}
static void look_at_page(void) {}

#endif

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
  return g->forks != trk_process_forks();
}

/* Has each thread that runs hold still, or go on. The lock must be held. */
static void tell_all(int begins) {
  struct trk_guard *g;
  for (g = guards; g != NULL; g = g->next)
    if (!g->ended && !trk_process_inherited(g))
      (begins ? g->hold : g->release)(g);
}

/* ---- who is inside ------------------------------------------------------ */

static struct {
  pthread_mutex_t lock;
  pthread_cond_t opened;
  unsigned inside;
  int closed;  /* by a fork, for as long as that takes */
  int exiting; /* for good: but not to this thread */
  pthread_t exiter;
} gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0, 0};

static int is_closed(void) {
  return gate.closed ||
         (gate.exiting && !pthread_equal(gate.exiter, pthread_self()));
}

void trk_process_enter(void) {
  pthread_mutex_lock(&gate.lock);
  while (is_closed())
    pthread_cond_wait(&gate.opened, &gate.lock);
  gate.inside++;
  pthread_mutex_unlock(&gate.lock);
}

void trk_process_leave(void) {
  pthread_mutex_lock(&gate.lock);
  gate.inside--;
  pthread_mutex_unlock(&gate.lock);
}

/* With the lock, which is held again at the end. */
static void wait_until_empty(void) {
  const struct timespec pause = {0, PAUSE_NS};
  int looks;
  for (looks = 0; gate.inside > 0 && looks < PATIENCE; looks++) {
    pthread_mutex_unlock(&gate.lock);
    nanosleep(&pause, NULL);
    pthread_mutex_lock(&gate.lock);
  }
}

static void close_for_good(void) {
  pthread_mutex_lock(&gate.lock);
  gate.exiting = 1;
  gate.exiter = pthread_self();
  wait_until_empty();
  pthread_mutex_unlock(&gate.lock);
}

/* A fork holds the lock, too: it is whole in the child. */
static void close_for_fork(void) {
  pthread_mutex_lock(&gate.lock);
  gate.closed = 1;
  wait_until_empty();
}

static void open_in_parent(void) {
  gate.closed = 0;
  pthread_cond_broadcast(&gate.opened);
  pthread_mutex_unlock(&gate.lock);
}

/* Those who waited, or were inside, are not here. */
static void open_in_child(void) {
  static const pthread_cond_t none = PTHREAD_COND_INITIALIZER;
  gate.opened = none;
  gate.closed = 0;
  gate.inside = 0;
  pthread_mutex_unlock(&gate.lock);
}

/* ---- exit ------------------------------------------------------------ */

/* Threads of ours first: they use libcurl until they end. */
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
  close_for_good();
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

static void watch_start(void) {
  use_openssl();
  watch_exit();
}

void trk_process_watch(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, watch_start);
}

void trk_process_libraries_up(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, watch_exit);
}

/* ---- fork ------------------------------------------------------------ */

static void before_fork(void) {
  take_lock();
  tell_all(1);
  close_for_fork();
}

static void in_parent(void) {
  open_in_parent();
  tell_all(0);
  give_lock();
}

static void in_child(void) {
#if defined(MADV_WIPEONFORK)
  if (page != NULL)
    *page = 1;
#endif
  count_fork();
  open_in_child();
  give_lock();
}

static void watch_fork(void) {
  watch_page();
  (void)pthread_atfork(before_fork, in_parent, in_child);
}

static void need_fork_watch(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, watch_fork);
}

unsigned trk_process_forks(void) {
  need_fork_watch();
  look_at_page();
  return forks;
}

/* ---- guarding --------------------------------------------------------- */

int trk_process_guard(struct trk_guard *g) {
  int rc;
  trk_process_watch();
  g->forks = trk_process_forks();
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
