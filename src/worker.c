/* SPDX-License-Identifier: MIT
 * worker: see worker.h. Exchanges queue in the mailbox and not in the engine,
 * which gets what it can begin at once: so taking one in costs the same
 * however many wait, and a retry whose time has come stands behind nothing.
 */
#include "worker.h"

#include "clock.h"
#include "mailbox.h"
#include "process.h"

#include <stdlib.h>

/* Begun before the thread looks again: each may set up TLS, and a stop must
 * not wait for 64 of those. More of them where connections stand, though a
 * write may find that they have stood for too long. */
#define FETCHED_COLD 4
#define FETCHED_WARM 16
#define CANCELLED 64     /* cancelled before it looks again */
#define FOREVER 86400000 /* ms; a wake-up ends it */
#define FORK_MS 5000     /* a fork waits no longer for a thread */

/* What the thread is doing, and so how to wake it: it looks of itself, sleeps
 * on the mailbox, or waits in the engine. */
enum doing { LOOKING, IDLING, AWAITING };

struct trk_worker {
  struct trk_guard guard;    /* first */
  struct trk_engine *engine; /* the thread's */
  struct trk_queue done;     /* by the engine, and the thread's too */
  pthread_t thread;
  struct trk_mailbox box;
  /* Under the mailbox's lock: */
  enum doing doing;
  int full;     /* as many run as may */
  int hold;     /* a fork is on its way: no libcurl now */
  int distrust; /* the engine has still to be told */
  int quit;
};

static void lock(struct trk_worker *w) { pthread_mutex_lock(&w->box.lock); }

static void unlock(struct trk_worker *w) { pthread_mutex_unlock(&w->box.lock); }

static int has(const struct trk_worker *w, enum trk_place place) {
  return trk_mailbox_first(&w->box, place) != NULL;
}

static int to_cancel(const struct trk_worker *w) {
  return has(w, TRK_CANCEL_QUEUED) || has(w, TRK_CANCEL_RUNNING);
}

static int is_pause(const struct trk_exchange *x) {
  return x->operation == &trk_pause;
}

/* Lets the lock go and makes the thread look at the mailbox. However much there
 * is to see, it is woken once. */
static void unlock_and_tell(struct trk_worker *w) {
  enum doing doing = w->doing;
  w->doing = LOOKING;
  if (doing == IDLING)
    pthread_cond_signal(&w->box.news);
  unlock(w);
  if (doing == AWAITING)
    trk_engine_wake(w->engine);
}

/* ---- the thread ----------------------------------------------------- */

/* How many exchanges the engine is given at once. */
static unsigned most_fetched(const struct trk_worker *w) {
  unsigned room = trk_engine_room(w->engine);
  unsigned most = trk_engine_kept(w->engine);
  if (most < FETCHED_COLD)
    most = FETCHED_COLD;
  else if (most > FETCHED_WARM)
    most = FETCHED_WARM;
  return room < most ? room : most;
}

/* Takes the queued pauses, and up to room others, out of the queue. */
static struct trk_exchange *fetch(struct trk_worker *w, unsigned room) {
  struct trk_exchange *first = NULL, **end = &first, *x;
  while ((x = trk_mailbox_next(&w->box, room > 0)) != NULL) {
    if (!is_pause(x))
      room--;
    trk_mailbox_move(&w->box, x, TRK_RUNNING);
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
  lock(w);
  w->doing = LOOKING;
  trk_mailbox_finish(&w->box, &w->done);
  while (w->hold || (!w->quit && !has(w, TRK_QUEUED) && !has(w, TRK_RUNNING) &&
                     !to_cancel(w))) {
    w->doing = IDLING;
    if (w->hold)
      pthread_cond_broadcast(&w->box.change);
    pthread_cond_wait(&w->box.news, &w->box.lock);
  }
  w->doing = LOOKING;
  going = !w->quit;
  if (going)
    *fetched = fetch(w, room);
  if (w->distrust)
    trk_engine_distrust(w->engine);
  w->distrust = 0;
  unlock(w);
  return going;
}

static void begin(struct trk_worker *w, struct trk_exchange *fetched) {
  while (fetched != NULL) {
    struct trk_exchange *x = fetched;
    fetched = x->next;
    trk_engine_start(w->engine, x);
  }
}

/* The next to be cancelled, or NULL; *begun: whether the engine has it. */
static struct trk_exchange *next_cancelled(struct trk_worker *w, int *begun) {
  struct trk_exchange *x;
  lock(w);
  x = trk_mailbox_first(&w->box, TRK_CANCEL_QUEUED);
  *begun = x == NULL;
  if (x == NULL)
    x = trk_mailbox_first(&w->box, TRK_CANCEL_RUNNING);
  if (x != NULL)
    trk_mailbox_move(&w->box, x, TRK_RUNNING);
  unlock(w);
  return x;
}

/* Cancels one at a time: each may be done, or be cancelled again, at any
 * moment. */
static void cancel(struct trk_worker *w) {
  struct trk_exchange *x;
  int n = CANCELLED, begun;
  while (n-- > 0 && (x = next_cancelled(w, &begun)) != NULL) {
    if (!begun)
      trk_engine_start(w->engine, x);
    trk_engine_cancel(w->engine, x);
  }
}

/* How long the thread may wait: not at all where there is something new. From
 * here on whoever brings something wakes the engine. Before, nobody needs to,
 * so most submits cost no wake-up. */
static int patience(struct trk_worker *w) {
  int full = trk_engine_room(w->engine) == 0, ms = 0;
  lock(w);
  if (w->done.first == NULL && !w->quit && !w->hold && !to_cancel(w) &&
      has(w, TRK_RUNNING) && trk_mailbox_next(&w->box, !full) == NULL) {
    w->doing = AWAITING;
    w->full = full;
    ms = FOREVER;
  }
  unlock(w);
  return ms;
}

static void *serve(void *arg) {
  struct trk_worker *w = arg;
  struct trk_exchange *fetched;
  int ms;
  while (take_turn(w, &fetched)) {
    begin(w, fetched);
    cancel(w);
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
  lock(w);
  trk_mailbox_queue(&w->box, x);
  if (w->doing == AWAITING && w->full && !is_pause(x))
    unlock(w); /* it looks when there is room */
  else
    unlock_and_tell(w);
}

void trk_worker_distrust(struct trk_worker *w) {
  lock(w);
  w->distrust = 1;
  unlock(w);
}

void trk_worker_cancel(struct trk_worker *w, struct trk_exchange *x) {
  lock(w);
  if (x->place == TRK_QUEUED)
    trk_mailbox_move(&w->box, x, TRK_CANCEL_QUEUED);
  else if (x->place == TRK_RUNNING)
    trk_mailbox_move(&w->box, x, TRK_CANCEL_RUNNING);
  unlock_and_tell(w);
}

int trk_worker_finished(struct trk_worker *w, const struct trk_exchange *x) {
  return trk_mailbox_is_finished(&w->box, x);
}

struct trk_exchange *trk_worker_take(struct trk_worker *w) {
  return trk_mailbox_take(&w->box);
}

int trk_worker_wait_for(struct trk_worker *w, struct trk_exchange *x, int ms) {
  return trk_mailbox_wait_for(&w->box, x, ms);
}

int trk_worker_fd(struct trk_worker *w) { return trk_mailbox_fd(&w->box); }

unsigned trk_worker_count(struct trk_worker *w) {
  return trk_mailbox_count(&w->box);
}

void trk_worker_signal(struct trk_worker *w, int fd) {
  trk_mailbox_signal(&w->box, fd);
}

/* ---- the guard: exit and fork ------------------------------------------ */

static struct trk_worker *worker_of(struct trk_guard *g) {
  return (struct trk_worker *)g;
}

static int guard_start(struct trk_guard *g) {
  struct trk_worker *w = worker_of(g);
  return trk_process_thread(serve, w, &w->thread);
}

static void guard_end(struct trk_guard *g) {
  struct trk_worker *w = worker_of(g);
  lock(w);
  w->quit = 1;
  unlock_and_tell(w);
  pthread_join(w->thread, NULL);
}

static void guard_hold(struct trk_guard *g) {
  struct trk_worker *w = worker_of(g);
  const struct timespec until = trk_clock_in_ms(FORK_MS);
  int rc = 0;
  lock(w);
  w->hold = 1;
  if (w->doing == AWAITING) {
    w->doing = LOOKING;
    trk_engine_wake(w->engine);
  }
  while (w->doing != IDLING && rc == 0)
    rc = trk_mailbox_wait_change(&w->box, &until);
  unlock(w);
}

static void guard_release(struct trk_guard *g) {
  struct trk_worker *w = worker_of(g);
  lock(w);
  w->hold = 0;
  unlock_and_tell(w);
}

int trk_worker_inherited(const struct trk_worker *w) {
  return trk_process_inherited(&w->guard);
}

int trk_worker_ended(struct trk_worker *w) {
  return trk_process_ended(&w->guard);
}

/* ---- starting and stopping ------------------------------------------- */

struct trk_worker *trk_worker_start(struct trk_engine *engine) {
  struct trk_worker *w = calloc(1, sizeof *w);
  if (w == NULL)
    return NULL;
  w->engine = engine;
  w->guard.start = guard_start;
  w->guard.end = guard_end;
  w->guard.hold = guard_hold;
  w->guard.release = guard_release;
  if (trk_mailbox_init(&w->box) == 0) {
    trk_engine_collect(engine, &w->done);
    if (trk_process_guard(&w->guard) == 0)
      return w;
    trk_engine_collect(engine, NULL);
    trk_mailbox_free(&w->box);
  }
  free(w);
  return NULL;
}

/* Ends what never began. Closing the engine ends the rest. */
static void end_queued(struct trk_worker *w, enum trk_place place) {
  struct trk_exchange *x;
  while ((x = trk_mailbox_first(&w->box, place)) != NULL) {
    trk_mailbox_move(&w->box, x, TRK_RUNNING);
    trk_engine_start(w->engine, x);
    trk_engine_cancel(w->engine, x);
  }
}

struct trk_exchange *trk_worker_stop(struct trk_worker *w) {
  struct trk_exchange *first, *x;
  if (w == NULL || trk_worker_inherited(w))
    return NULL;
  if (!trk_process_unguard(&w->guard))
    guard_end(&w->guard);
  end_queued(w, TRK_CANCEL_QUEUED);
  end_queued(w, TRK_QUEUED);
  trk_engine_close(w->engine);
  trk_mailbox_finish(&w->box, &w->done);
  first = trk_mailbox_first(&w->box, TRK_FINISHED);
  for (x = first; x != NULL; x = x->after) {
    x->place = TRK_OUTSIDE;
    x->next = x->after;
  }
  trk_mailbox_free(&w->box);
  free(w);
  return first;
}
