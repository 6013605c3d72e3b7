/* SPDX-License-Identifier: MIT
 * mailbox: see mailbox.h.
 */
#include "mailbox.h"

#include "clock.h"

#include <errno.h> /* ETIMEDOUT */
#include <string.h>
#include <sys/socket.h>

/* ---- reading without the lock -------------------------------------- */

#if defined(__GNUC__) && !defined(TRK_NO_ATOMICS)

static int peek(struct trk_mailbox *m, const int *flag) {
  (void)m;
  return __atomic_load_n(flag, __ATOMIC_ACQUIRE);
}

static void publish(int *flag, int value) {
  __atomic_store_n(flag, value, __ATOMIC_RELEASE);
}

#else

static int peek(struct trk_mailbox *m, const int *flag) {
  int value;
  pthread_mutex_lock(&m->lock);
  value = *flag;
  pthread_mutex_unlock(&m->lock);
  return value;
}

static void publish(int *flag, int value) { *flag = value; }

#endif

/* ---- the descriptors ----------------------------------------------- */

#if !defined(MSG_NOSIGNAL)
#define MSG_NOSIGNAL 0 /* SO_NOSIGPIPE is set there: see bell.c */
#endif

/* Sends the host a byte. If the socket is full, the host has some to read. */
static void ring(const struct trk_mailbox *m) {
  if (m->signal >= 0)
    (void)send(m->signal, "!", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* The descriptor stays readable until take finds nothing: what is taken out of
 * its turn must not leave an event loop waiting for it. */
static void set_ready(struct trk_mailbox *m) {
  int ready = m->lists[TRK_FINISHED].first != NULL, told = m->told;
  if (ready == m->ready)
    return;
  publish(&m->ready, ready);
  if (!ready)
    return;
  publish(&m->told, 1); /* first: whoever is told looks at once */
  if (!told)
    trk_wake_ring(&m->flag);
  ring(m);
}

/* The host has looked: the descriptor is not readable any more. */
static void clear_told(struct trk_mailbox *m) {
  publish(&m->told, 0);
  trk_wake_clear(&m->flag);
}

/* ---- places: with the lock held -------------------------------------- */

static void leave(struct trk_mailbox *m, struct trk_exchange *x) {
  int place = x->place;
  if (place == TRK_OUTSIDE)
    return;
  m->count -= place == TRK_FINISHED;
  if (x->before != NULL)
    x->before->after = x->after;
  else
    m->lists[place].first = x->after;
  if (x->after != NULL)
    x->after->before = x->before;
  else
    m->lists[place].last = x->before;
}

void trk_mailbox_move(struct trk_mailbox *m, struct trk_exchange *x,
                      enum trk_place place) {
  leave(m, x);
  x->before = x->after = NULL;
  publish(&x->place, (int)place);
  if (place == TRK_OUTSIDE)
    return;
  m->count += place == TRK_FINISHED;
  x->before = m->lists[place].last;
  if (x->before != NULL)
    x->before->after = x;
  else
    m->lists[place].first = x;
  m->lists[place].last = x;
}

struct trk_exchange *trk_mailbox_first(const struct trk_mailbox *m,
                                       enum trk_place place) {
  return m->lists[place].first;
}

static int is_pause(const struct trk_exchange *x) {
  return x->operation == &trk_pause;
}

void trk_mailbox_queue(struct trk_mailbox *m, struct trk_exchange *x) {
  struct trk_exchange *first = m->lists[TRK_QUEUED].first;
  if (!is_pause(x) || first == NULL) {
    trk_mailbox_move(m, x, TRK_QUEUED);
    return;
  }
  leave(m, x);
  x->before = NULL;
  x->after = first;
  first->before = x;
  m->lists[TRK_QUEUED].first = x;
  publish(&x->place, TRK_QUEUED);
}

struct trk_exchange *trk_mailbox_next(const struct trk_mailbox *m, int room) {
  struct trk_exchange *first = m->lists[TRK_QUEUED].first;
  return first != NULL && (room || is_pause(first)) ? first : NULL;
}

void trk_mailbox_finish(struct trk_mailbox *m, struct trk_queue *row) {
  struct trk_exchange *x = row->first, *next;
  int awaited = 0;
  for (; x != NULL; x = next) {
    next = x->next;
    x->next = NULL;
    trk_mailbox_move(m, x, TRK_FINISHED);
    awaited |= x->awaited;
  }
  row->first = row->last = NULL;
  set_ready(m);
  if (awaited)
    pthread_cond_broadcast(&m->change);
}

/* ---- taking ----------------------------------------------------------- */

int trk_mailbox_is_finished(struct trk_mailbox *m,
                            const struct trk_exchange *x) {
  return peek(m, &x->place) == TRK_FINISHED;
}

struct trk_exchange *trk_mailbox_take(struct trk_mailbox *m) {
  struct trk_exchange *x;
  if (!peek(m, &m->told))
    return NULL;
  pthread_mutex_lock(&m->lock);
  x = m->lists[TRK_FINISHED].first;
  if (x != NULL) {
    trk_mailbox_move(m, x, TRK_OUTSIDE);
    set_ready(m);
  }
  if (!m->ready)
    clear_told(m);
  pthread_mutex_unlock(&m->lock);
  return x;
}

int trk_mailbox_fd(struct trk_mailbox *m) {
  int fd;
  pthread_mutex_lock(&m->lock);
  if (m->flag.out < 0 && trk_wake_open_pipe(&m->flag) == 0 && m->told)
    trk_wake_ring(&m->flag);
  fd = m->flag.out;
  pthread_mutex_unlock(&m->lock);
  return fd;
}

unsigned trk_mailbox_count(struct trk_mailbox *m) {
  unsigned count;
  if (!peek(m, &m->ready))
    return 0;
  pthread_mutex_lock(&m->lock);
  count = m->count;
  pthread_mutex_unlock(&m->lock);
  return count;
}

void trk_mailbox_signal(struct trk_mailbox *m, int fd) {
  pthread_mutex_lock(&m->lock);
  m->signal = fd;
  if (m->told)
    ring(m);
  pthread_mutex_unlock(&m->lock);
}

/* ---- waiting --------------------------------------------------------- */

#if defined(__APPLE__) /* no pthread_condattr_setclock */

static int init_change(pthread_cond_t *cond) {
  return pthread_cond_init(cond, NULL);
}

int trk_mailbox_wait_change(struct trk_mailbox *m,
                            const struct timespec *until) {
  struct timespec left = trk_clock_in_ms(0);
  left.tv_sec = until->tv_sec - left.tv_sec;
  left.tv_nsec = until->tv_nsec - left.tv_nsec;
  if (left.tv_nsec < 0) {
    left.tv_sec--;
    left.tv_nsec += 1000000000L;
  }
  if (left.tv_sec < 0)
    return ETIMEDOUT;
  return pthread_cond_timedwait_relative_np(&m->change, &m->lock, &left);
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

int trk_mailbox_wait_change(struct trk_mailbox *m,
                            const struct timespec *until) {
  return pthread_cond_timedwait(&m->change, &m->lock, until);
}

#endif

int trk_mailbox_wait_for(struct trk_mailbox *m, struct trk_exchange *x,
                         int ms) {
  const struct timespec until = trk_clock_in_ms(ms);
  int rc = ms > 0 ? 0 : ETIMEDOUT;
  pthread_mutex_lock(&m->lock);
  x->awaited++;
  while (x->place != TRK_FINISHED && x->place != TRK_OUTSIDE && rc == 0)
    rc = trk_mailbox_wait_change(m, &until);
  x->awaited--;
  if (x->place == TRK_FINISHED) {
    trk_mailbox_move(m, x, TRK_OUTSIDE);
    set_ready(m);
  }
  rc = x->place == TRK_OUTSIDE;
  pthread_mutex_unlock(&m->lock);
  return rc;
}

/* ---- making and freeing ----------------------------------------------- */

int trk_mailbox_init(struct trk_mailbox *m) {
  memset(m, 0, sizeof *m);
  m->flag.out = m->flag.in = m->signal = -1;
  if (pthread_mutex_init(&m->lock, NULL) != 0)
    return -1;
  if (pthread_cond_init(&m->news, NULL) == 0) {
    if (init_change(&m->change) == 0)
      return 0;
    pthread_cond_destroy(&m->news);
  }
  pthread_mutex_destroy(&m->lock);
  return -1;
}

void trk_mailbox_free(struct trk_mailbox *m) {
  pthread_cond_destroy(&m->change);
  pthread_cond_destroy(&m->news);
  pthread_mutex_destroy(&m->lock);
  trk_wake_close(&m->flag);
}
