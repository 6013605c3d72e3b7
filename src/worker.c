/* SPDX-License-Identifier: MIT
 * worker: see worker.h. One lock guards the lists in which calls stand; it is
 * held for a few stores and never across a step of the engine. What the host
 * asks most (done yet? anything there?) takes no lock at all. Calls queue
 * here and not in the engine, which gets what it can begin at once: so taking
 * one in costs the same however many wait, and a retry whose time has come
 * stands behind nothing.
 */
#include "worker.h"

#include "wake.h"

#include <errno.h> /* ETIMEDOUT */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Calls begun before the thread looks again: each may set up TLS, and a stop
 * must not wait for 64 of those. More of them where connections stand, though
 * a write may find that they have stood for too long. */
#define FETCHED_COLD 4
#define FETCHED_WARM 16
#define CANCELLED 64     /* calls cancelled before it looks again */
#define FOREVER 86400000 /* ms; a wake-up ends it */
#define FORK_MS 5000     /* a fork waits no longer for a thread */

/* Where a call stands. Each place but the first is a list. */
enum place {
  OUTSIDE,  /* the caller's */
  QUEUED,   /* not yet given to the engine */
  RUNNING,  /* the engine's */
  DROPPED,  /* queued, and to be cancelled */
  DOOMED,   /* running, and to be cancelled */
  FINISHED, /* not yet taken */
  PLACES
};

/* What the thread is at, for those who have news for it: it will look of
 * itself, or sleeps, or waits in the engine. */
enum doing { LOOKING, IDLING, AWAITING };

struct trk_worker {
  struct trk_engine *engine; /* the thread's */
  struct trk_row done;       /* by the engine, and the thread's too */
  pthread_t thread;
  pid_t pid;
  struct trk_worker *sibling; /* the next of all, under their lock */
  int ended;                  /* by exit: the thread is gone */

  pthread_mutex_t lock;  /* of all below */
  pthread_cond_t news;   /* for the thread */
  pthread_cond_t change; /* for those who wait for calls, or fork */
  struct {
    struct trk_exchange *first, *last;
  } lists[PLACES];
  enum doing doing;
  int full;    /* as many calls run as may */
  int hold;    /* a fork is on its way: no libcurl now */
  int quit;
  int ready;   /* is anything finished? */
  int told;    /* has the host been told so since take found nothing? */
  unsigned count; /* of what is finished */
  struct trk_wake flag; /* readable when told; none: nobody asked */
  int signal;  /* a host's socket, or -1 */
};

/* ---- reading without the lock -------------------------------------- */

#if defined(__GNUC__) && !defined(TRK_NO_ATOMICS)

static int peek(struct trk_worker *w, const int *flag) {
  (void)w;
  return __atomic_load_n(flag, __ATOMIC_ACQUIRE);
}

static void publish(int *flag, int value) {
  __atomic_store_n(flag, value, __ATOMIC_RELEASE);
}

#else

static int peek(struct trk_worker *w, const int *flag) {
  int value;
  pthread_mutex_lock(&w->lock);
  value = *flag;
  pthread_mutex_unlock(&w->lock);
  return value;
}

static void publish(int *flag, int value) { *flag = value; }

#endif

/* ---- the descriptors ----------------------------------------------- */

#if !defined(MSG_NOSIGNAL)
#define MSG_NOSIGNAL 0 /* SO_NOSIGPIPE is set there: see bell.c */
#endif

/* A socket that is full has told enough already. */
static void ring(const struct trk_worker *w) {
  if (w->signal >= 0)
    (void)send(w->signal, "!", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* What was told stays told until the host looks: what is taken out of its
 * turn must not leave an event loop waiting for it. */
static void set_ready(struct trk_worker *w) {
  int ready = w->lists[FINISHED].first != NULL, told = w->told;
  if (ready == w->ready)
    return;
  publish(&w->ready, ready);
  if (!ready)
    return;
  publish(&w->told, 1); /* first: whoever is told looks at once */
  if (!told)
    trk_wake_ring(&w->flag);
  ring(w);
}

/* The host has looked. */
static void untell(struct trk_worker *w) {
  publish(&w->told, 0);
  trk_wake_clear(&w->flag);
}

/* ---- places: with the lock held -------------------------------------- */

static void leave(struct trk_worker *w, struct trk_exchange *x) {
  int place = x->place;
  if (place == OUTSIDE)
    return;
  w->count -= place == FINISHED;
  if (x->before != NULL)
    x->before->after = x->after;
  else
    w->lists[place].first = x->after;
  if (x->after != NULL)
    x->after->before = x->before;
  else
    w->lists[place].last = x->before;
}

static void move(struct trk_worker *w, struct trk_exchange *x, int place) {
  leave(w, x);
  x->before = x->after = NULL;
  publish(&x->place, place);
  if (place == OUTSIDE)
    return;
  w->count += place == FINISHED;
  x->before = w->lists[place].last;
  if (x->before != NULL)
    x->before->after = x;
  else
    w->lists[place].first = x;
  w->lists[place].last = x;
}

static int empty(const struct trk_worker *w, enum place place) {
  return w->lists[place].first == NULL;
}

static int is_pause(const struct trk_exchange *x) {
  return x->operation == &trk_pause;
}

/* A pause takes no connection: it stands before the calls that wait for one. */
static void queue(struct trk_worker *w, struct trk_exchange *x) {
  struct trk_exchange *first = w->lists[QUEUED].first;
  if (!is_pause(x) || first == NULL) {
    move(w, x, QUEUED);
    return;
  }
  leave(w, x);
  x->before = NULL;
  x->after = first;
  first->before = x;
  w->lists[QUEUED].first = x;
  publish(&x->place, QUEUED);
}

/* Whether a queued call can begin, where there is room or none. */
static int can_begin(const struct trk_worker *w, int room) {
  const struct trk_exchange *first = w->lists[QUEUED].first;
  return first != NULL && (room || is_pause(first));
}

/* Lets the lock go, and sees to it that the thread looks. It is woken once
 * for any number of news. */
static void unlock_and_tell(struct trk_worker *w) {
  enum doing doing = w->doing;
  w->doing = LOOKING;
  if (doing == IDLING)
    pthread_cond_signal(&w->news);
  pthread_mutex_unlock(&w->lock);
  if (doing == AWAITING)
    trk_engine_wake(w->engine);
}

/* ---- the end of the process ------------------------------------------ */

/* exit() runs the TLS library's clean-up, and a thread that is in a handshake
 * then crashes (OpenSSL 3.0: one exit in three). So the threads that nobody
 * stopped are ended first. This list is for that, and for a fork. */
static pthread_mutex_t workers_lock = PTHREAD_MUTEX_INITIALIZER;
static struct trk_worker *workers;
static pthread_once_t exit_once = PTHREAD_ONCE_INIT;

static void lock_workers(void) { pthread_mutex_lock(&workers_lock); }
static void unlock_workers(void) { pthread_mutex_unlock(&workers_lock); }

static void end_thread(struct trk_worker *w) {
  pthread_mutex_lock(&w->lock);
  w->quit = 1;
  unlock_and_tell(w);
  pthread_join(w->thread, NULL);
}

static void at_exit(void) {
  struct trk_worker *w;
  lock_workers();
  for (w = workers; w != NULL; w = w->sibling) {
    if (w->ended || trk_worker_inherited(w))
      continue;
    end_thread(w);
    publish(&w->ended, 1);
  }
  unlock_workers();
}

/* What is registered last runs first. So before the first thread is there, for
 * an exit while it brings libcurl up; and once libcurl is up, for whatever
 * else that has registered. */
static void watch_exit(void) { (void)atexit(at_exit); }

static void watch_start(void) {
  trk_engine_foresee_exit();
  watch_exit();
}

/* Whether its thread was ended by exit. */
static int delist(struct trk_worker *w) {
  struct trk_worker **at = &workers;
  int ended;
  lock_workers();
  while (*at != w)
    at = &(*at)->sibling;
  *at = w->sibling;
  ended = w->ended;
  unlock_workers();
  return ended;
}

/* ---- the thread ----------------------------------------------------- */

/* Brings what the engine has done to those who wait for it. */
static void post(struct trk_worker *w) {
  struct trk_exchange *x = w->done.first, *next;
  int wanted = 0;
  for (; x != NULL; x = next) {
    next = x->next;
    x->next = NULL;
    move(w, x, FINISHED);
    wanted |= x->awaited;
  }
  w->done.first = w->done.last = NULL;
  set_ready(w);
  if (wanted)
    pthread_cond_broadcast(&w->change);
}

/* How many calls the engine is to begin at once. */
static unsigned most_fetched(const struct trk_worker *w) {
  unsigned room = trk_engine_room(w->engine);
  unsigned most = trk_engine_kept(w->engine);
  if (most < FETCHED_COLD)
    most = FETCHED_COLD;
  else if (most > FETCHED_WARM)
    most = FETCHED_WARM;
  return room < most ? room : most;
}

/* The queued pauses, and up to room queued calls, for the engine. */
static struct trk_exchange *next_queued(struct trk_worker *w, unsigned room) {
  struct trk_exchange *first = NULL, **end = &first;
  while (can_begin(w, room > 0)) {
    struct trk_exchange *x = w->lists[QUEUED].first;
    if (!is_pause(x))
      room--;
    move(w, x, RUNNING);
    x->next = NULL;
    *end = x;
    end = &x->next;
  }
  return first;
}

/* The thread's turn at the mailbox: leaves what is done, sleeps while there
 * is nothing at all to do or it must hold still, and fetches what can begin.
 * 0: the thread is to end. */
static int take_turn(struct trk_worker *w, struct trk_exchange **fetched) {
  unsigned room = most_fetched(w);
  int going;
  pthread_mutex_lock(&w->lock);
  w->doing = LOOKING;
  post(w);
  while (w->hold || (!w->quit && empty(w, QUEUED) && empty(w, RUNNING) &&
                     empty(w, DROPPED) && empty(w, DOOMED))) {
    w->doing = IDLING;
    if (w->hold)
      pthread_cond_broadcast(&w->change);
    pthread_cond_wait(&w->news, &w->lock);
  }
  w->doing = LOOKING;
  going = !w->quit;
  if (going)
    *fetched = next_queued(w, room);
  pthread_mutex_unlock(&w->lock);
  return going;
}

static void begin(struct trk_worker *w, struct trk_exchange *fetched) {
  while (fetched != NULL) {
    struct trk_exchange *x = fetched;
    fetched = x->next;
    trk_engine_start(w->engine, x);
    pthread_once(&exit_once, watch_exit);
  }
}

/* The next call to be cancelled, or NULL; *begun: whether it is known to the
 * engine. */
static struct trk_exchange *next_doomed(struct trk_worker *w, int *begun) {
  struct trk_exchange *x;
  pthread_mutex_lock(&w->lock);
  x = w->lists[DROPPED].first;
  *begun = x == NULL;
  if (x == NULL)
    x = w->lists[DOOMED].first;
  if (x != NULL)
    move(w, x, RUNNING);
  pthread_mutex_unlock(&w->lock);
  return x;
}

/* One at a time: a call may be doomed again, or be done, at any moment. */
static void end_doomed(struct trk_worker *w) {
  struct trk_exchange *x;
  int n = CANCELLED, begun;
  while (n-- > 0 && (x = next_doomed(w, &begun)) != NULL) {
    if (!begun)
      trk_engine_start(w->engine, x);
    trk_engine_cancel(w->engine, x);
  }
}

/* How long the thread may wait: not at all when there are news. From here on
 * whoever brings some wakes the engine, which has begun a call by now and so
 * can be woken; before, who brings some need not, and so pays less for it. */
static int patience(struct trk_worker *w) {
  int full = trk_engine_room(w->engine) == 0, ms = 0;
  pthread_mutex_lock(&w->lock);
  if (w->done.first == NULL && !w->quit && !w->hold && empty(w, DROPPED) &&
      empty(w, DOOMED) && !empty(w, RUNNING) && !can_begin(w, !full)) {
    w->doing = AWAITING;
    w->full = full;
    ms = FOREVER;
  }
  pthread_mutex_unlock(&w->lock);
  return ms;
}

static void *serve(void *arg) {
  struct trk_worker *w = arg;
  struct trk_exchange *fetched;
  int ms;
  while (take_turn(w, &fetched)) {
    begin(w, fetched);
    end_doomed(w);
    if (trk_engine_perform(w->engine))
      continue;
    ms = patience(w);
    if (ms > 0)
      trk_engine_await(w->engine, ms);
  }
  return NULL;
}

/* ---- the host's side -------------------------------------------------- */

void trk_worker_submit(struct trk_worker *w, struct trk_exchange *x) {
  pthread_mutex_lock(&w->lock);
  queue(w, x);
  if (w->doing == AWAITING && w->full && !is_pause(x))
    pthread_mutex_unlock(&w->lock); /* it looks when there is room */
  else
    unlock_and_tell(w);
}

void trk_worker_cancel(struct trk_worker *w, struct trk_exchange *x) {
  pthread_mutex_lock(&w->lock);
  if (x->place == QUEUED)
    move(w, x, DROPPED);
  else if (x->place == RUNNING)
    move(w, x, DOOMED);
  unlock_and_tell(w);
}

int trk_worker_finished(struct trk_worker *w, const struct trk_exchange *x) {
  return peek(w, &x->place) == FINISHED;
}

struct trk_exchange *trk_worker_take(struct trk_worker *w) {
  struct trk_exchange *x;
  if (!peek(w, &w->told))
    return NULL;
  pthread_mutex_lock(&w->lock);
  x = w->lists[FINISHED].first;
  if (x != NULL) {
    move(w, x, OUTSIDE);
    set_ready(w);
  }
  if (!w->ready)
    untell(w);
  pthread_mutex_unlock(&w->lock);
  return x;
}

int trk_worker_fd(struct trk_worker *w) {
  int fd;
  pthread_mutex_lock(&w->lock);
  if (w->flag.out < 0 && trk_wake_open_pipe(&w->flag) == 0 && w->told)
    trk_wake_ring(&w->flag);
  fd = w->flag.out;
  pthread_mutex_unlock(&w->lock);
  return fd;
}

unsigned trk_worker_count(struct trk_worker *w) {
  unsigned count;
  if (!peek(w, &w->ready))
    return 0;
  pthread_mutex_lock(&w->lock);
  count = w->count;
  pthread_mutex_unlock(&w->lock);
  return count;
}

void trk_worker_signal(struct trk_worker *w, int fd) {
  pthread_mutex_lock(&w->lock);
  w->signal = fd;
  if (w->told)
    ring(w);
  pthread_mutex_unlock(&w->lock);
}

/* ---- waiting --------------------------------------------------------- */

static struct timespec in_ms(int ms) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  if (ms > 0) {
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000L;
  }
  if (t.tv_nsec >= 1000000000L) {
    t.tv_sec++;
    t.tv_nsec -= 1000000000L;
  }
  return t;
}

#if defined(__APPLE__) /* no pthread_condattr_setclock */

static int init_change(pthread_cond_t *cond) {
  return pthread_cond_init(cond, NULL);
}

static int wait_change(struct trk_worker *w, const struct timespec *until) {
  struct timespec left = in_ms(0);
  left.tv_sec = until->tv_sec - left.tv_sec;
  left.tv_nsec = until->tv_nsec - left.tv_nsec;
  if (left.tv_nsec < 0) {
    left.tv_sec--;
    left.tv_nsec += 1000000000L;
  }
  if (left.tv_sec < 0)
    return ETIMEDOUT;
  return pthread_cond_timedwait_relative_np(&w->change, &w->lock, &left);
}

#else

static int init_change(pthread_cond_t *cond) {
  pthread_condattr_t attr;
  int rc = pthread_condattr_init(&attr);
  if (rc != 0)
    return rc;
  rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  if (rc == 0)
    rc = pthread_cond_init(cond, &attr);
  pthread_condattr_destroy(&attr);
  return rc;
}

static int wait_change(struct trk_worker *w, const struct timespec *until) {
  return pthread_cond_timedwait(&w->change, &w->lock, until);
}

#endif

int trk_worker_wait_for(struct trk_worker *w, struct trk_exchange *x,
                        int ms) {
  const struct timespec until = in_ms(ms);
  int rc = ms > 0 ? 0 : ETIMEDOUT;
  pthread_mutex_lock(&w->lock);
  x->awaited++;
  while (x->place != FINISHED && x->place != OUTSIDE && rc == 0)
    rc = wait_change(w, &until);
  x->awaited--;
  if (x->place == FINISHED) {
    move(w, x, OUTSIDE);
    set_ready(w);
  }
  rc = x->place == OUTSIDE;
  pthread_mutex_unlock(&w->lock);
  return rc;
}

/* ---- fork ------------------------------------------------------------ */

/* A child has no copy of the thread, but of every lock that the thread held:
 * one within libcurl or the TLS library, and the child's own calls would never
 * end. So a fork waits until no thread is in there. The list is locked
 * meanwhile, too. */
static void hold(struct trk_worker *w) {
  const struct timespec until = in_ms(FORK_MS);
  int rc = 0;
  pthread_mutex_lock(&w->lock);
  w->hold = 1;
  if (w->doing == AWAITING) {
    w->doing = LOOKING;
    trk_engine_wake(w->engine);
  }
  while (w->doing != IDLING && rc == 0)
    rc = wait_change(w, &until);
  pthread_mutex_unlock(&w->lock);
}

static void let_go(struct trk_worker *w) {
  pthread_mutex_lock(&w->lock);
  w->hold = 0;
  unlock_and_tell(w);
}

static void for_threads(void (*f)(struct trk_worker *w)) {
  struct trk_worker *w;
  for (w = workers; w != NULL; w = w->sibling)
    if (!w->ended && !trk_worker_inherited(w))
      f(w);
}

static void before_fork(void) {
  lock_workers();
  for_threads(hold);
}

static void after_fork(void) {
  for_threads(let_go);
  unlock_workers();
}

static void watch_fork(void) {
  (void)pthread_atfork(before_fork, after_fork, unlock_workers);
}

/* ---- starting and stopping ------------------------------------------- */

static pthread_once_t fork_once = PTHREAD_ONCE_INIT;
static pthread_once_t start_once = PTHREAD_ONCE_INIT;

/* Signals are the host's: the thread takes none but those that report a
 * fault of its own, which can't be put off. */
static int start_thread(struct trk_worker *w) {
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
  rc = pthread_create(&w->thread, NULL, serve, w);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return rc;
}

/* Under one lock, so that exit finds every thread that runs. */
static int start_listed(struct trk_worker *w) {
  int rc;
  pthread_once(&fork_once, watch_fork);
  pthread_once(&start_once, watch_start);
  lock_workers();
  rc = start_thread(w);
  if (rc == 0) {
    w->sibling = workers;
    workers = w;
  }
  unlock_workers();
  return rc;
}

/* Its thread is over, or never was. */
static void destroy(struct trk_worker *w) {
  pthread_cond_destroy(&w->change);
  pthread_cond_destroy(&w->news);
  pthread_mutex_destroy(&w->lock);
  trk_wake_close(&w->flag);
  free(w);
}

static int init(struct trk_worker *w) {
  if (pthread_mutex_init(&w->lock, NULL) != 0)
    return -1;
  if (pthread_cond_init(&w->news, NULL) == 0) {
    if (init_change(&w->change) == 0)
      return 0;
    pthread_cond_destroy(&w->news);
  }
  pthread_mutex_destroy(&w->lock);
  return -1;
}

struct trk_worker *trk_worker_start(struct trk_engine *engine) {
  struct trk_worker *w = calloc(1, sizeof *w);
  if (w == NULL)
    return NULL;
  w->engine = engine;
  w->pid = getpid();
  w->flag.out = w->flag.in = w->signal = -1;
  if (init(w) != 0) {
    free(w);
    return NULL;
  }
  trk_engine_collect(engine, &w->done);
  if (start_listed(w) == 0)
    return w;
  trk_engine_collect(engine, NULL);
  destroy(w);
  return NULL;
}

int trk_worker_inherited(const struct trk_worker *w) {
  return w->pid != getpid();
}

int trk_worker_ended(struct trk_worker *w) { return peek(w, &w->ended); }

/* Ends what never began; the engine's end will end the rest. */
static void end_queued(struct trk_worker *w, enum place place) {
  while (!empty(w, place)) {
    struct trk_exchange *x = w->lists[place].first;
    move(w, x, RUNNING);
    trk_engine_start(w->engine, x);
    trk_engine_cancel(w->engine, x);
  }
}

struct trk_exchange *trk_worker_stop(struct trk_worker *w) {
  struct trk_exchange *calls, *x;
  if (w == NULL || trk_worker_inherited(w))
    return NULL;
  if (!delist(w))
    end_thread(w);
  end_queued(w, DROPPED);
  end_queued(w, QUEUED);
  trk_engine_close(w->engine);
  post(w);
  calls = w->lists[FINISHED].first;
  for (x = calls; x != NULL; x = x->after) {
    x->place = OUTSIDE;
    x->next = x->after;
  }
  destroy(w);
  return calls;
}
