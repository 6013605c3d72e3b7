/* SPDX-License-Identifier: MIT
 * engine: see engine.h. Calls wait in one list, run on idle wires, and are
 * judged by verdict. libcurl only.
 */
#include "engine.h"

#include "clock.h"
#include "fd.h"
#include "library.h"
#include "process.h"
#include "server.h"
#include "tls.h"
#include "wake.h"
#include "wire.h"

#include <stdio.h> /* snprintf */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UNWOKEN_MS 20 /* how long a thread that cannot be woken waits */
#define SENDS_QUIETLY 0x075800u /* 7.88: TLS writes raise no SIGPIPE */

struct trk_engine {
  CURLM *multi;   /* NULL until the first call */
  unsigned forks; /* the process it was made in, once it is */
  struct trk_shared shared;
  struct trk_wire *idle;
  unsigned nwires;
  unsigned nidle;
  struct trk_exchange *waiting; /* in order: not begun, or between attempts */
  int moved;                    /* in this step: calls done, wires freed */
  int crowded;                  /* some call was due, and all wires were busy */
  struct trk_queue *done;       /* where they are collected, or NULL */
  struct trk_wake wake;         /* ends a wait; none without a thread */
  int budget;
  int mask_sigpipe;
  uint64_t random;
  struct trk_server_clock clock;
};

/* ---- time and chance ---------------------------------------------- */

static uint64_t seed_of(const void *address) {
  uint64_t seed = (uint64_t)(uintptr_t)address;
  seed ^= (uint64_t)trk_clock_us() << 20;
  seed ^= (uint64_t)getpid() * 0x9E3779B97F4A7C15u;
  return seed != 0 ? seed : 1;
}

/* xorshift64: jitter needs no more. Uniform in [0, 1). */
static double chance(struct trk_engine *e) {
  uint64_t x = e->random;
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  e->random = x;
  return (double)(x >> 11) / 9007199254740992.0;
}

/* ---- within libcurl ------------------------------------------------------ */

/* Before 7.88 OpenSSL wrote to the socket itself, and a write to a closed one
 * killed the host. There, and only there, the signal is held back. */
static void enter(const struct trk_engine *e, struct trk_sigpipe *s) {
  trk_process_enter();
  s->held = 0;
  if (e->mask_sigpipe)
    trk_sigpipe_hold(s);
}

static void leave(struct trk_sigpipe *s) {
  trk_sigpipe_release(s);
  trk_process_leave();
}

/* ---- bringing libcurl up ------------------------------------------- */

/* libcurl comes up with the first call, so that a client may be made before
 * its process forks. 0, or -1. */
static int bring_up(struct trk_engine *e) {
  trk_tls_ready();
  if (trk_library_up() != 0 ||
      trk_shared_ready(&e->shared, trk_library()->cainfo) != 0)
    return -1;
  e->forks = trk_process_forks();
  e->random = seed_of(e);
  e->mask_sigpipe = trk_library()->version_num < SENDS_QUIETLY;
  e->multi = trk_library_multi((long)e->shared.options.max_in_flight);
  return e->multi != NULL ? 0 : -1;
}

static int ready(struct trk_engine *e) {
  int rc;
  if (e->multi != NULL)
    return 0;
  trk_process_enter();
  rc = bring_up(e);
  trk_process_libraries_up();
  trk_process_leave();
  return rc;
}

/* ---- a call's life ------------------------------------------------ */

/* The path as an event may show it: its query may come from a page's link, in
 * which a server may quote a secret. 0: there is no memory. */
static int show_path(const struct trk_engine *e, struct trk_exchange *x) {
  struct trk_buf *shown = &x->shown;
  trk_buf_clear(shown);
  if (trk_buf_add(shown, x->path.data, x->path.len) != TRK_BUF_OK)
    return 0;
  shown->len = trk_mask_text(&e->shared.mask, shown->data, shown->len);
  return 1;
}

/* How long a call may take: its client says so, or it may do with less. */
static long timeout_of(const struct trk_engine *e,
                       const struct trk_exchange *x) {
  long most = e->shared.options.timeout_ms;
  return x->timeout_ms > 0 && x->timeout_ms < most ? x->timeout_ms : most;
}

static void append_waiting(struct trk_engine *e, struct trk_exchange *x) {
  struct trk_exchange **at = &e->waiting;
  while (*at != NULL)
    at = &(*at)->next;
  x->next = NULL;
  *at = x;
}

static void finish(struct trk_engine *e, struct trk_exchange *x) {
  int64_t now = trk_clock_us();
  if (x->attempts > 0)
    x->elapsed_us = now - x->first_us;
  x->since = trk_server_time(&e->clock, x->attempts > 0 ? x->first_us : now);
  x->outcome = trk_verdict(&x->seen);
  x->wire = NULL;
  x->done = 1;
  e->moved++;
  if (e->done != NULL)
    trk_queue_append(e->done, x);
}

/* An exchange that cannot be begun: there is no memory, or no descriptor; or
 * libcurl takes no such options. */
static void starve(struct trk_engine *e, struct trk_exchange *x) {
  static const char no_memory[] = "not enough memory for a connection";
  int lack = trk_fd_lack(2); /* a multi handle wants them from 8.20 */
  x->seen.method = x->operation->method;
  x->seen.cause = lack ? TRK_CONNECT : TRK_MEMORY;
  snprintf(x->text, sizeof x->text, "%s", lack ? trk_no_descriptor : no_memory);
  if (e->shared.refused) {
    x->seen.cause = TRK_CONFIG;
    snprintf(x->text, sizeof x->text, "%s", trk_wire_refused(&e->shared));
  }
  finish(e, x);
}

/* A pause that was not cut short. */
static void pause_over(struct trk_engine *e, struct trk_exchange *x) {
  x->seen.begun = 1;
  x->seen.status = x->operation->status;
  finish(e, x);
}

void trk_engine_start(struct trk_engine *e, struct trk_exchange *x) {
  x->due = trk_clock_ms();
  if (x->pause_ms > 0) /* from the end of the millisecond it begins in */
    x->due += x->pause_ms + 1;
  x->done = 0;
  x->attempts = 0;
  x->elapsed_us = 0;
  x->retry_after_ms = -1;
  x->request_id[0] = x->text[0] = '\0';
  trk_exchange_free_events(x);
  trk_buf_clear(&x->reply);
  x->reply.max = x->operation->shape == TRK_PAGE ? TRK_PAGE_MAX : TRK_REPLY_MAX;
  memset(&x->seen, 0, sizeof x->seen);
  if (ready(e) == 0)
    append_waiting(e, x);
  else
    starve(e, x);
}

/* Judges an attempt: the exchange is done, or waits for its next one. */
static void judge(struct trk_engine *e, struct trk_exchange *x) {
  struct trk_history past;
  enum trk_outcome outcome = trk_verdict(&x->seen);
  int64_t us = trk_clock_us(), now = us / 1000;
  long delay;
  if (outcome != TRK_REFUSED || x->seen.status == 429)
    e->budget = trk_budget_after(e->budget, outcome);
  past.attempts = x->attempts;
  past.max_attempts = e->shared.options.max_attempts;
  past.budget = e->budget;
  past.left_ms = (long)(x->deadline - now);
  past.timeout_ms = timeout_of(e, x);
  past.retry_after_ms = x->retry_after_ms;
  past.random = chance(e);
  delay = trk_retry_delay(outcome, &x->seen, &past);
  if (x->watch && show_path(e, x))
    trk_exchange_note(x, us, outcome, delay);
  if (delay < 0) {
    finish(e, x);
    return;
  }
  x->seen.was_unknown |= outcome == TRK_UNKNOWN;
  x->due = now + delay;
  append_waiting(e, x);
}

static void rest(struct trk_engine *e, struct trk_wire *w) {
  w->idle = e->idle;
  e->idle = w;
  e->nidle++;
  e->moved++;
}

/* The attempt on this wire is over. */
static void attempt_over(struct trk_engine *e, struct trk_wire *w,
                         CURLcode rc) {
  struct trk_exchange *x = w->x;
  trk_wire_end(w, rc);
  trk_server_note(&e->clock, w->saw.head.date);
  if (x->seen.cause == TRK_DNS && !w->saw.unanswered)
    trk_library_forget_names(e->multi);
  x->wire = NULL;
  rest(e, w);
  judge(e, x);
}

/* An idle wire, a new one while there may be more, or NULL. */
static struct trk_wire *take_wire(struct trk_engine *e) {
  struct trk_wire *w = e->idle;
  if (w != NULL) {
    e->idle = w->idle;
    e->nidle--;
    return w;
  }
  if (e->nwires == e->shared.options.max_in_flight)
    return NULL;
  w = trk_wire_new(&e->shared);
  if (w != NULL)
    e->nwires++;
  return w;
}

/* Hands the call's request to libcurl. */
static CURLcode put_on(struct trk_engine *e, struct trk_exchange *x,
                       struct trk_wire *w, int64_t now) {
  int64_t left = x->deadline - now;
  CURLcode rc = trk_wire_begin(w, x, left > 1 ? (long)left : 1L);
  if (rc == CURLE_OK && curl_multi_add_handle(e->multi, w->easy) != CURLM_OK)
    rc = CURLE_OUT_OF_MEMORY;
  return rc;
}

static void begin_attempt(struct trk_engine *e, struct trk_exchange *x,
                          struct trk_wire *w, int64_t us) {
  int64_t now = us / 1000;
  CURLcode rc;
  x->begun_us = us;
  if (x->attempts++ == 0) {
    x->first_us = us;
    x->deadline = now + timeout_of(e, x);
  }
  x->wire = w;
  rc = put_on(e, x, w, now);
  if (rc != CURLE_OK)
    attempt_over(e, w, rc);
}

/* Whether an exchange has waited so long for a wire that another attempt is
 * not worth starting. What its last attempt proved stands then. */
static int is_late(const struct trk_engine *e, const struct trk_exchange *x,
                   int64_t now) {
  return x->attempts > 0 &&
         trk_too_late((long)(x->deadline - now), timeout_of(e, x));
}

/* Finds a wire for an exchange that is due: NULL where it needs none, or none
 * can be made. 0: all are busy. */
static int find_wire(struct trk_engine *e, const struct trk_exchange *x,
                     int64_t now, struct trk_wire **w) {
  *w = NULL;
  if (x->operation == &trk_pause || is_late(e, x, now))
    return 1;
  *w = take_wire(e);
  if (*w != NULL || e->nwires == 0)
    return 1;
  e->crowded = 1;
  return 0;
}

/* Begins what is due, in order, while there are wires. */
static void begin_due(struct trk_engine *e) {
  struct trk_exchange *x = e->waiting, *next;
  struct trk_exchange **at = &e->waiting;
  int64_t us = trk_clock_us(), now = us / 1000;
  e->crowded = 0;
  for (; x != NULL; x = next) {
    struct trk_wire *w;
    next = x->next;
    if (x->due > now || !find_wire(e, x, now, &w)) {
      at = &x->next;
      continue;
    }
    *at = next;
    if (w != NULL)
      begin_attempt(e, x, w, us);
    else if (x->operation == &trk_pause)
      pause_over(e, x);
    else if (is_late(e, x, now))
      finish(e, x);
    else
      starve(e, x);
  }
}

/* Takes the attempts that libcurl has ended. One that met a stale connection
 * sent nothing, and goes on over a new one: no attempt to count. */
static void harvest(struct trk_engine *e) {
  CURLMsg *m;
  int more;
  while ((m = curl_multi_info_read(e->multi, &more)) != NULL) {
    struct trk_wire *w = NULL;
    CURLcode rc = m->data.result; /* m dies with remove_handle */
    CURL *easy = m->easy_handle;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&w);
    curl_multi_remove_handle(e->multi, easy);
    if (w->stale && (rc = put_on(e, w->x, w, trk_clock_ms())) == CURLE_OK)
      continue;
    attempt_over(e, w, rc);
  }
}

/* How long to wait at most: until one that waits is due; or, where it waits for
 * a wire, until it is too late for it. */
static int until_due(const struct trk_engine *e, int wait_ms) {
  const struct trk_exchange *x = e->waiting;
  int64_t now, wait = wait_ms;
  if (x == NULL)
    return wait_ms;
  now = trk_clock_ms();
  for (; x != NULL; x = x->next) {
    int64_t at = x->due;
    if (e->crowded && at <= now && x->operation != &trk_pause)
      at = x->attempts > 0 ? x->deadline : now + wait;
    if (at - now < wait)
      wait = at > now ? at - now : 0;
  }
  return (int)wait;
}

/* libcurl's own wake-up is a pair of sockets, which costs the thread that rings
 * it twice as much. A thread that has none looks by itself. */
void trk_engine_await(struct trk_engine *e, int ms) {
  struct curl_waitfd wake = {0};
  unsigned n = 0;
  if (e->done != NULL && e->wake.out < 0)
    ms = ms < UNWOKEN_MS ? ms : UNWOKEN_MS;
  if (e->wake.out >= 0) {
    wake.fd = e->wake.out;
    wake.events = CURL_WAIT_POLLIN;
    n = 1;
  }
  curl_multi_poll(e->multi, &wake, n, until_due(e, ms), NULL);
  if (wake.revents & CURL_WAIT_POLLIN)
    trk_wake_clear(&e->wake);
}

int trk_engine_perform(struct trk_engine *e) {
  struct trk_sigpipe q;
  int running;
  if (e->multi == NULL)
    return 1; /* nothing was ever started */
  e->moved = 0, enter(e, &q);
  if (e->done != NULL && e->wake.out < 0)
    (void)trk_wake_open(&e->wake); /* no descriptor was left for it */
  if (e->waiting != NULL)
    begin_due(e);
  curl_multi_perform(e->multi, &running);
  harvest(e);
  leave(&q);
  return e->moved > 0;
}

void trk_engine_step(struct trk_engine *e, int ms) {
  if (!trk_engine_perform(e))
    trk_engine_await(e, ms);
}

static void forget_waiting(struct trk_engine *e, struct trk_exchange *x) {
  struct trk_exchange **at = &e->waiting;
  while (*at != NULL && *at != x)
    at = &(*at)->next;
  if (*at != NULL)
    *at = x->next;
}

void trk_engine_cancel(struct trk_engine *e, struct trk_exchange *x) {
  struct trk_wire *w = x->wire;
  struct trk_sigpipe q;
  if (x->done)
    return;
  if (w == NULL) {
    forget_waiting(e, x);
    x->seen.method = x->operation->method;
  } else {
    enter(e, &q);
    curl_multi_remove_handle(e->multi, w->easy);
    leave(&q);
    trk_wire_end(w, CURLE_ABORTED_BY_CALLBACK);
    rest(e, w);
  }
  x->seen.cause = TRK_CANCELLED;
  finish(e, x);
}

void trk_engine_distrust(struct trk_engine *e) {
  trk_shared_distrust(&e->shared);
}

/* ---- for a thread of its own -------------------------------------- */

void trk_engine_collect(struct trk_engine *e, struct trk_queue *row) {
  e->done = row;
  if (e->wake.out < 0)
    (void)trk_wake_open(&e->wake);
}

unsigned trk_engine_room(const struct trk_engine *e) {
  const struct trk_exchange *x = e->waiting;
  unsigned room = e->shared.options.max_in_flight - e->nwires + e->nidle;
  for (; x != NULL && room > 0; x = x->next)
    if (x->attempts == 0 && x->operation != &trk_pause)
      room--;
  return room;
}

unsigned trk_engine_kept(const struct trk_engine *e) {
  unsigned used = e->nwires - e->nidle;
  return e->shared.nsockets > used ? e->shared.nsockets - used : 0;
}

void trk_engine_wake(struct trk_engine *e) {
  if (e->wake.out >= 0)
    trk_wake_ring(&e->wake);
  else
    curl_multi_wakeup(e->multi);
}

/* ---- opening and closing ------------------------------------------ */

struct trk_engine *trk_engine_open(const struct trk_options *options) {
  struct trk_engine *e = calloc(1, sizeof *e);
  if (e == NULL)
    return NULL;
  e->budget = TRK_BUDGET_FULL;
  e->wake.out = e->wake.in = -1;
  trk_process_watch();
  if (trk_shared_init(&e->shared, options) == 0)
    return e;
  free(e);
  return NULL;
}

int trk_engine_inherited(const struct trk_engine *e) {
  return e->multi != NULL && e->forks != trk_process_forks();
}

static void cancel_all(struct trk_engine *e) {
  struct trk_wire *w;
  while (e->waiting != NULL)
    trk_engine_cancel(e, e->waiting);
  for (w = e->shared.wires; w != NULL; w = w->next)
    if (w->x != NULL)
      trk_engine_cancel(e, w->x);
}

void trk_engine_close(struct trk_engine *e) {
  struct trk_sigpipe q;
  if (e == NULL || trk_engine_inherited(e))
    return; /* a parent's: to clean up would speak on its connections */
  cancel_all(e);
  enter(e, &q);
  while (e->shared.wires != NULL) /* easy handles before their multi */
    trk_wire_free(e->shared.wires);
  curl_multi_cleanup(e->multi); /* and what it closes before all else */
  trk_shared_free(&e->shared);
  leave(&q);
  trk_wake_close(&e->wake);
  free(e);
}
