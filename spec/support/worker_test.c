/* SPDX-License-Identifier: MIT
 * worker_test: the worker room in plain C, without Lua: `make worker-test`
 * and its kin. Runs under spec/support/sandbox/run; NAME... runs these cases,
 * -NAME... all but these. Counts and outcomes are asserted, times are printed;
 * the one bound in time is that of a stop, and goes by the machine's speed.
 * TRUNKING_CHECKED and TRUNKING_SLOW: see below.
 */
#include "api.h"
#include "refuse.h"
#include "worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int failures; /* of the case that runs */
static int checked; /* by a sanitizer or valgrind: CPU time says nothing */
static int slow;    /* by valgrind: fewer calls, and no bound on a stop */
static double stop_ms; /* of CPU time, at most, that a stop may take */

#define CHECK(condition) check((condition) != 0, #condition, __LINE__)

static void check(int holds, const char *text, int line) {
  if (holds)
    return;
  printf("# line %d: %s\n", line, text);
  __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
}

static void die(const char *what) {
  printf("not ok - cannot go on: %s: %s\n", what, strerror(errno));
  fflush(stdout);
  _exit(2);
}

static void note(const char *format, ...) {
  va_list args;
  va_start(args, format);
  printf("# ");
  vprintf(format, args);
  printf("\n");
  va_end(args);
}

static double clock_ms(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double now(void) { return clock_ms(CLOCK_MONOTONIC); }

static void pause_ms(long ms) {
  struct timespec t = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&t, NULL);
}

/* How long some work takes that is the same everywhere. A stop may take three
 * times as much; it takes half of it. */
static double measure_speed(void) {
  double begun = clock_ms(CLOCK_PROCESS_CPUTIME_ID);
  volatile unsigned x = 1;
  long i;
  for (i = 0; i < 40000000; i++)
    x = x * 1664525u + 1013904223u;
  return clock_ms(CLOCK_PROCESS_CPUTIME_ID) - begun;
}

/* ---- steering the sandbox ------------------------------------------- */

static const char *env(const char *name) {
  const char *value = getenv(name);
  if (value == NULL)
    die("not under spec/support/sandbox/run");
  return value;
}

static int dial(void) {
  struct sockaddr_in at;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  memset(&at, 0, sizeof at);
  at.sin_family = AF_INET;
  at.sin_port = htons(
      (unsigned short)atoi(strrchr(env("TRUNKING_SANDBOX_HTTP"), ':') + 1));
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) != 0)
    die("the sandbox");
  return fd;
}

/* One request to the sandbox's control endpoints; its reply in a static. */
static const char *control(const char *method, const char *path,
                           const char *json) {
  static char text[8192];
  size_t len = 0;
  ssize_t n;
  int fd = dial();
  snprintf(text, sizeof text,
           "%s /_sandbox/%s HTTP/1.0\r\nHost: x\r\nContent-Length: %lu\r\n"
           "\r\n%s",
           method, path, (unsigned long)strlen(json), json);
  if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
    die("the sandbox");
  while (len + 1 < sizeof text &&
         (n = read(fd, text + len, sizeof text - 1 - len)) > 0)
    len += (size_t)n;
  close(fd);
  text[len] = '\0';
  if (strstr(text, " 200 ") == NULL)
    die(text);
  return text;
}

static void arm(const char *fault) { control("POST", "arm", fault); }

static void release(void) { control("POST", "release", ""); }

/* "count": requests received; "created": trunks made. */
static long ledger(const char *what) {
  const char *text = control("GET", "ledger?last=0", "");
  char key[32];
  snprintf(key, sizeof key, "\"%s\":", what);
  text = strstr(text, key);
  return text != NULL ? strtol(text + strlen(key), NULL, 10) : -1;
}

static void until_received(long count) {
  int tries = 12000;
  while (ledger("count") < count && tries-- > 0)
    pause_ms(5);
  CHECK(tries > 0);
}

/* ---- workers and calls ---------------------------------------------- */

static const char *ca_file; /* NULL: the sandbox's */

static struct trk_engine *engine_at(const char *origin, unsigned in_flight) {
  struct trk_options o;
  struct trk_engine *engine;
  memset(&o, 0, sizeof o);
  o.origin = origin;
  o.user = env("TRUNKING_SANDBOX_ACCOUNT_SID");
  o.secret = env("TRUNKING_SANDBOX_AUTH_TOKEN");
  o.user_agent = "worker_test";
  o.ca_file = ca_file != NULL ? ca_file : env("TRUNKING_SANDBOX_CA");
  o.proxy = "";
  o.timeout_ms = 60000;
  o.connect_timeout_ms = 30000;
  o.max_in_flight = in_flight;
  engine = trk_engine_open(&o);
  if (engine == NULL)
    die("trk_engine_open");
  return engine;
}

static struct trk_worker *worker_at(const char *origin, unsigned in_flight) {
  struct trk_worker *w = trk_worker_start(engine_at(origin, in_flight));
  if (w == NULL)
    die("trk_worker_start");
  return w;
}

static struct trk_worker *worker(unsigned in_flight) {
  return worker_at(env("TRUNKING_SANDBOX"), in_flight);
}

static struct trk_exchange *create(void) {
  struct trk_exchange *x = trk_exchange_new();
  const char form[] = "FriendlyName=Head+office";
  if (x == NULL)
    die("trk_exchange_new");
  x->operation = &trk_operations[0];
  if (trk_buf_add(&x->path, "/v1/Trunks", 10) != TRK_BUF_OK ||
      trk_buf_add(&x->body, form, sizeof form - 1) != TRK_BUF_OK)
    die("trk_buf_add");
  return x;
}

static struct trk_exchange *submit(struct trk_worker *w) {
  struct trk_exchange *x = create();
  trk_worker_submit(w, x);
  return x;
}

static void submit_many(struct trk_worker *w, int n) {
  while (n-- > 0)
    submit(w);
}

static int is_created(const struct trk_exchange *x) {
  return x->done && x->outcome == TRK_DONE && x->seen.status == 201;
}

/* Waits until there is something to take, ms milliseconds at most. Whether
 * there is. */
static int wait_any(struct trk_worker *w, int ms) {
  struct pollfd p;
  p.fd = trk_worker_fd(w);
  p.events = POLLIN;
  return poll(&p, 1, ms) == 1;
}

/* Takes n calls, waiting as long as it takes; how many were created. */
static int take_created(struct trk_worker *w, int n) {
  int created = 0, tries = 6000;
  while (n > 0 && tries > 0) {
    struct trk_exchange *x = trk_worker_take(w);
    if (x == NULL) {
      tries -= !wait_any(w, 100);
      continue;
    }
    created += is_created(x);
    trk_exchange_free(x);
    n--;
  }
  CHECK(n == 0);
  return created;
}

/* Waits for one call as a blocking caller would. */
static void await(struct trk_worker *w, struct trk_exchange *x) {
  int tries = 600;
  while (tries-- > 0 && !trk_worker_wait_for(w, x, 100))
    ;
  CHECK(tries >= 0);
}

static int is_cancelled(const struct trk_exchange *x,
                        enum trk_outcome outcome) {
  return x->done && x->outcome == outcome &&
         x->seen.cause == TRK_CANCELLED;
}

static struct trk_exchange *timed_stop(struct trk_worker *w, int *n,
                                   double *wall, double *cpu) {
  double begun = now(), cpu_begun = clock_ms(CLOCK_PROCESS_CPUTIME_ID);
  struct trk_exchange *calls = trk_worker_stop(w), *x;
  *wall = now() - begun;
  *cpu = clock_ms(CLOCK_PROCESS_CPUTIME_ID) - cpu_begun;
  for (*n = 0, x = calls; x != NULL; x = x->next)
    ++*n;
  return calls;
}

/* Stops within the bound; *n: how many calls came back. */
static struct trk_exchange *stop(struct trk_worker *w, int *n) {
  double wall, cpu;
  struct trk_exchange *calls = timed_stop(w, n, &wall, &cpu);
  note("stop: %.1f ms, %.1f of CPU, %d calls handed back", wall, cpu, *n);
  CHECK(cpu < stop_ms || slow);
  CHECK(wall < 30000 || slow); /* half of what a call may take */
  return calls;
}

static void free_all(struct trk_exchange *x) {
  while (x != NULL) {
    struct trk_exchange *next = x->next;
    trk_exchange_free(x);
    x = next;
  }
}

static void stop_empty(struct trk_worker *w) {
  int n;
  free_all(stop(w, &n));
  CHECK(n == 0);
}

/* ---- the work -------------------------------------------------------- */

static void creates(void) {
  struct trk_worker *w = worker(16);
  int n = slow ? 100 : 1000;
  double begun = now();
  submit_many(w, n);
  CHECK(take_created(w, n) == n);
  note("%d creates over TLS, 16 in flight: %.0f per second", n,
       n / (now() - begun) * 1e3);
  CHECK(ledger("created") == n);
  CHECK(trk_worker_take(w) == NULL);
  stop_empty(w);
}

static void ten_thousand(void) {
  struct trk_worker *w = worker(16);
  int n = slow ? 300 : 10000;
  double begun = now(), cpu = clock_ms(CLOCK_THREAD_CPUTIME_ID);
  submit_many(w, n);
  note("%d submits: %.2f us each, %.2f us of CPU, the call's making "
       "included", n, (now() - begun) / n * 1e3,
       (clock_ms(CLOCK_THREAD_CPUTIME_ID) - cpu) / n * 1e3);
  CHECK(take_created(w, n) == n);
  note("%.0f per second", n / (now() - begun) * 1e3);
  CHECK(ledger("created") == n);
  stop_empty(w);
}

static void in_order(void) {
  struct trk_worker *w = worker(1);
  struct trk_exchange *calls[20];
  int i;
  for (i = 0; i < 20; i++)
    calls[i] = submit(w);
  for (i = 0; i < 20; i++) {
    struct trk_exchange *x;
    while ((x = trk_worker_take(w)) == NULL)
      wait_any(w, 100);
    CHECK(x == calls[i]);
    CHECK(is_created(x));
    trk_exchange_free(x);
  }
  stop_empty(w);
}

/* An engine that made blocking calls before it got a thread. */
static void used_before(void) {
  struct trk_engine *engine = engine_at(env("TRUNKING_SANDBOX"), 4);
  struct trk_exchange *x = create();
  struct trk_worker *w;
  trk_engine_start(engine, x);
  while (!x->done)
    trk_engine_step(engine, 100);
  CHECK(is_created(x));
  w = trk_worker_start(engine);
  if (w == NULL)
    die("trk_worker_start");
  trk_worker_submit(w, x); /* a call may be used again */
  await(w, x);
  CHECK(is_created(x));
  trk_exchange_free(x);
  CHECK(ledger("created") == 2);
  stop_empty(w);
}

static void refused(void) {
  struct trk_worker *w = worker_at("https://127.0.0.1:1", 4);
  struct trk_exchange *x = submit(w);
  await(w, x);
  CHECK(x->outcome == TRK_NOT_SENT && x->seen.cause == TRK_CONNECT);
  CHECK(x->attempts > 1);
  trk_exchange_free(x);
  stop_empty(w);
}

/* What waits for another attempt neither holds up the queue nor stands
 * behind it: it is due after 1 to 1.5 s, while the first of the queue is on
 * its way. */
static void retries(void) {
  struct trk_worker *w = worker(1);
  struct trk_exchange *first, *x = NULL;
  int before = 0, after = 0, n = 60;
  arm("[{\"status\":429,\"headers\":{\"Retry-After\":\"1\"}},"
      "{\"apply\":true,\"hold\":true}]");
  first = submit(w);
  submit_many(w, n);
  until_received(2);
  pause_ms(1600);
  release();
  while (before + after < n + 1) {
    x = trk_worker_take(w);
    if (x == NULL) {
      wait_any(w, 100);
      continue;
    }
    CHECK(is_created(x));
    if (x == first) {
      CHECK(x->attempts == 2);
      note("the retry finished after %d of %d queued calls", before, n);
      CHECK(before > 0 && before < n);
      after++;
    } else {
      before++;
    }
    trk_exchange_free(x);
  }
  stop_empty(w);
}

/* ---- cancelling ------------------------------------------------------ */

static void cancel_queued(void) {
  struct trk_worker *w = worker(1);
  struct trk_exchange *first, *second, *third;
  arm("{\"apply\":true,\"hold\":true}");
  first = submit(w);
  until_received(1);
  second = submit(w);
  third = submit(w);
  trk_worker_cancel(w, second);
  trk_worker_cancel(w, second);
  await(w, second);
  CHECK(!trk_worker_finished(w, first));
  CHECK(is_cancelled(second, TRK_NOT_SENT));
  release();
  await(w, first);
  await(w, third);
  CHECK(is_created(first));
  CHECK(is_created(third));
  CHECK(ledger("created") == 2);
  trk_exchange_free(first);
  trk_exchange_free(second);
  trk_exchange_free(third);
  stop_empty(w);
}

/* Last in, first cancelled: the order a list likes least. */
static void cancel_many(void) {
  struct trk_worker *w = worker(2);
  int n = slow ? 300 : 10000, i, not_sent = 0, unknown = 0;
  struct trk_exchange **calls = malloc((size_t)n * sizeof *calls);
  double begun;
  if (calls == NULL)
    die("malloc");
  arm("{\"apply\":true,\"hold\":true,\"times\":2}");
  for (i = 0; i < n; i++)
    calls[i] = submit(w);
  until_received(2);
  begun = now();
  while (i-- > 0)
    trk_worker_cancel(w, calls[i]);
  for (i = 0; i < n; i++) {
    await(w, calls[i]);
    not_sent += is_cancelled(calls[i], TRK_NOT_SENT);
    unknown += is_cancelled(calls[i], TRK_UNKNOWN);
    trk_exchange_free(calls[i]);
  }
  note("%d cancelled and awaited in %.0f ms", n, now() - begun);
  CHECK(not_sent == n - 2);
  CHECK(unknown == 2);
  free(calls);
  stop_empty(w);
}

/* The thread sleeps by now, and would until the call's time is over: only a
 * wake-up can bring the news before. */
static void cancel_a_silent_one(struct trk_worker *w) {
  struct trk_exchange *silent, *other;
  double begun;
  arm("{\"apply\":true,\"hold\":true}");
  silent = submit(w);
  until_received(1);
  pause_ms(500); /* libcurl's own timers are over */
  other = submit(w);
  CHECK(trk_worker_wait_for(w, other, 20000));
  CHECK(is_created(other));
  pause_ms(500);
  begun = now();
  trk_worker_cancel(w, silent);
  CHECK(trk_worker_wait_for(w, silent, 20000));
  note("cancelled in %.2f ms", now() - begun);
  CHECK(is_cancelled(silent, TRK_UNKNOWN));
  CHECK(silent->seen.begun == 1);
  trk_exchange_free(silent);
  trk_worker_submit(w, other); /* the engine is as good as before */
  await(w, other);
  CHECK(is_created(other));
  trk_exchange_free(other);
  stop_empty(w);
}

static void cancel_in_flight(void) { cancel_a_silent_one(worker(4)); }

static void cancel_finished(void) {
  struct trk_worker *w = worker(4);
  struct trk_exchange *x = submit(w);
  CHECK(wait_any(w, 60000));
  CHECK(trk_worker_finished(w, x));
  trk_worker_cancel(w, x);
  CHECK(trk_worker_take(w) == x);
  trk_worker_cancel(w, x);
  CHECK(trk_worker_take(w) == NULL);
  CHECK(is_created(x));
  trk_exchange_free(x);
  stop_empty(w);
}

/* Cancels at every moment of a call's life; each tells the truth. */
static void cancel_race(void) {
  struct trk_worker *w = worker(8);
  int n = slow ? 50 : 1000, i, done = 0, unknown = 0, not_sent = 0;
  long created;
  for (i = 0; i < n; i++) {
    struct trk_exchange *x = submit(w);
    double until = now() + i % 50 * 0.12;
    while (now() < until)
      ;
    trk_worker_cancel(w, x);
    await(w, x);
    done += is_created(x);
    unknown += is_cancelled(x, TRK_UNKNOWN);
    not_sent += is_cancelled(x, TRK_NOT_SENT);
    trk_exchange_free(x);
  }
  pause_ms(50); /* what was sent and given up may still arrive */
  created = ledger("created");
  note("%d created, %d unknown, %d not sent; %ld trunks", done, unknown,
       not_sent, created);
  CHECK(done + unknown + not_sent == n);
  CHECK(created >= done && created <= done + unknown);
  stop_empty(w);
}

/* ---- waiting ---------------------------------------------------------- */

static int readable(int fd) {
  struct pollfd p;
  p.fd = fd;
  p.events = POLLIN;
  p.revents = 0;
  return poll(&p, 1, 0) == 1 && p.revents == POLLIN;
}

static void descriptor(void) {
  struct trk_worker *w = worker(4);
  int fd = trk_worker_fd(w), round, i;
  struct trk_exchange *x;
  struct pollfd p;
  CHECK(fd >= 0);
  CHECK(fd == trk_worker_fd(w));
  CHECK(!readable(fd));
  for (round = 0; round < 20; round++) {
    submit_many(w, 5);
    for (i = 0; i < 5;) {
      p.fd = fd;
      p.events = POLLIN;
      CHECK(poll(&p, 1, 60000) == 1);
      x = trk_worker_take(w);
      CHECK(x != NULL); /* readable means: there is one */
      i += x != NULL;
      trk_exchange_free(x);
    }
    CHECK(trk_worker_take(w) == NULL);
    CHECK(!readable(fd));
  }
  x = submit(w);
  await(w, x);
  CHECK(readable(fd)); /* it was awaited, and the host has not looked since */
  CHECK(trk_worker_take(w) == NULL);
  CHECK(!readable(fd));
  trk_exchange_free(x);
  stop_empty(w);
}

static void descriptor_made_late(void) {
  struct trk_worker *w = worker(4);
  struct trk_exchange *x = submit(w);
  int fd, tries = 12000;
  while (!trk_worker_finished(w, x) && tries-- > 0)
    pause_ms(5);
  fd = trk_worker_fd(w);
  CHECK(readable(fd));
  CHECK(trk_worker_take(w) == x);
  CHECK(!readable(fd));
  trk_exchange_free(x);
  stop_empty(w);
}

static void waiting(void) {
  struct trk_worker *w = worker(4);
  struct trk_exchange *late, *soon;
  double begun = now();
  CHECK(!wait_any(w, 0));
  CHECK(!wait_any(w, 50));
  CHECK(now() - begun >= 49);
  arm("{\"apply\":true,\"hold\":true}");
  late = submit(w);
  until_received(1);
  CHECK(!trk_worker_wait_for(w, late, 0));
  CHECK(!trk_worker_wait_for(w, late, 20));
  soon = submit(w);
  CHECK(wait_any(w, 60000));
  CHECK(trk_worker_finished(w, soon));
  release();
  await(w, late); /* out of its turn */
  CHECK(trk_worker_wait_for(w, late, 0)); /* ours already */
  CHECK(trk_worker_take(w) == soon);
  CHECK(trk_worker_take(w) == NULL);
  CHECK(is_created(late) && is_created(soon));
  trk_exchange_free(late);
  trk_exchange_free(soon);
  stop_empty(w);
}

/* A blocking caller among jobs. */
static void blocking(void) {
  struct trk_worker *w = worker(4);
  int i, n = slow ? 5 : 100;
  for (i = 0; i < n; i++) {
    struct trk_exchange *x;
    submit(w);
    x = submit(w);
    await(w, x);
    CHECK(is_created(x));
    trk_exchange_free(x);
  }
  CHECK(take_created(w, n) == n);
  stop_empty(w);
}

static void idle(void) {
  struct trk_worker *w = worker(4);
  struct rusage before, after;
  struct trk_exchange *x = submit(w);
  long woken;
  double cpu;
  await(w, x);
  trk_exchange_free(x);
  arm("{\"apply\":true,\"delay\":1}");
  x = submit(w);
  until_received(1);
  getrusage(RUSAGE_SELF, &before);
  cpu = clock_ms(CLOCK_PROCESS_CPUTIME_ID);
  pause_ms(400);
  cpu = clock_ms(CLOCK_PROCESS_CPUTIME_ID) - cpu;
  getrusage(RUSAGE_SELF, &after);
  woken = after.ru_nvcsw - before.ru_nvcsw;
  note("400 ms with a call in flight: %.2f ms of CPU, %ld wake-ups", cpu,
       woken);
  await(w, x);
  trk_exchange_free(x);
  getrusage(RUSAGE_SELF, &before);
  cpu = clock_ms(CLOCK_PROCESS_CPUTIME_ID);
  pause_ms(400);
  cpu = clock_ms(CLOCK_PROCESS_CPUTIME_ID) - cpu;
  getrusage(RUSAGE_SELF, &after);
  woken = after.ru_nvcsw - before.ru_nvcsw;
  note("400 ms with nothing to do: %.2f ms of CPU, %ld wake-ups", cpu,
       woken);
  stop_empty(w);
}

/* ---- stopping ---------------------------------------------------------- */

static void stop_busy(void) {
  struct trk_worker *w = worker(4);
  struct trk_exchange *calls, *x;
  int n, created = 0, unknown = 0, not_sent = 0;
  x = submit(w);
  await(w, x);
  CHECK(trk_worker_take(w) == NULL);
  trk_worker_submit(w, x);
  CHECK(wait_any(w, 60000)); /* and is left untaken */
  arm("{\"apply\":true,\"hold\":true,\"times\":4}");
  submit_many(w, 1000);
  until_received(6);
  calls = stop(w, &n);
  CHECK(calls == x); /* the finished one comes first */
  for (x = calls; x != NULL; x = x->next) {
    created += is_created(x);
    unknown += is_cancelled(x, TRK_UNKNOWN);
    not_sent += is_cancelled(x, TRK_NOT_SENT);
  }
  CHECK(n == 1001);
  CHECK(created == 1);
  CHECK(unknown == 4);
  CHECK(not_sent == 996);
  free_all(calls);
}

static void stop_at_once(void) {
  int i, n;
  for (i = 0; i < 20; i++)
    free_all(trk_worker_stop(worker(4)));
  for (i = 0; i < 20; i++) {
    struct trk_worker *w = worker(4);
    struct trk_exchange *calls;
    submit_many(w, 8);
    if (i % 4 > 0)
      pause_ms(i % 4);
    calls = trk_worker_stop(w);
    for (n = 0; calls != NULL; n++) {
      struct trk_exchange *next = calls->next;
      CHECK(calls->done);
      trk_exchange_free(calls);
      calls = next;
    }
    CHECK(n == 8);
  }
  CHECK(trk_worker_stop(NULL) == NULL);
}

/* A server that accepts and then says nothing, not even to a TLS hello. */
static void stop_in_handshake(void) {
  struct sockaddr_in at;
  socklen_t len = sizeof at;
  int fd = socket(AF_INET, SOCK_STREAM, 0), n;
  struct trk_worker *w;
  struct trk_exchange *calls, *x;
  char origin[64];
  memset(&at, 0, sizeof at);
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0 ||
      listen(fd, 16) != 0 ||
      getsockname(fd, (struct sockaddr *)&at, &len) != 0)
    die("a silent server");
  snprintf(origin, sizeof origin, "https://127.0.0.1:%d",
           ntohs(at.sin_port));
  w = worker_at(origin, 8);
  submit_many(w, 8);
  pause_ms(slow ? 500 : 100);
  calls = stop(w, &n);
  CHECK(n == 8);
  for (x = calls; x != NULL; x = x->next)
    CHECK(is_cancelled(x, TRK_NOT_SENT));
  free_all(calls);
  close(fd);
}

static int append(FILE *to, const char *path) {
  char bytes[4096];
  size_t n;
  FILE *from = fopen(path, "r");
  if (from == NULL)
    return 0;
  while ((n = fread(bytes, 1, sizeof bytes, from)) > 0)
    if (fwrite(bytes, 1, n, to) != n)
      die(path);
  fclose(from);
  return 1;
}

/* 64 cold handshakes at once, which begin with the parsing of the system's
 * bundle: the most that a step ever does in one go. The bound is on the CPU
 * time here: that much of it is as long as a busy machine makes it. */
static void stop_cold(void) {
  char path[256];
  double wall, cpu, worst_wall = 0, worst_cpu = 0;
  int ms, n;
  FILE *bundle;
  snprintf(path, sizeof path, "%s/bundle.pem", env("TRUNKING_SANDBOX_DIR"));
  bundle = fopen(path, "w");
  if (bundle == NULL || !append(bundle, env("TRUNKING_SANDBOX_CA")))
    die(path);
  if (!slow && !append(bundle, "/etc/ssl/certs/ca-certificates.crt"))
    note("no system bundle: with the sandbox's CA alone");
  fclose(bundle);
  ca_file = path;
  for (ms = 0; ms < (slow ? 10 : 100); ms += 5) {
    struct trk_worker *w = worker_at(env("TRUNKING_SANDBOX_CLOSING"), 64);
    submit_many(w, 64);
    pause_ms(ms);
    free_all(timed_stop(w, &n, &wall, &cpu));
    CHECK(n == 64);
    worst_wall = wall > worst_wall ? wall : worst_wall;
    worst_cpu = cpu > worst_cpu ? cpu : worst_cpu;
  }
  ca_file = NULL;
  note("worst stop: %.1f ms, %.1f ms of CPU", worst_wall, worst_cpu);
  CHECK(worst_cpu < stop_ms || checked);
}

/* A nameserver that takes questions and gives no answers. */
static int open_silence(void) {
  struct sockaddr_in at;
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  memset(&at, 0, sizeof at);
  at.sin_family = AF_INET;
  at.sin_port = htons(53);
  if (inet_pton(AF_INET, "127.7.7.7", &at.sin_addr) != 1 ||
      bind(fd, (struct sockaddr *)&at, sizeof at) != 0)
    die("a silent nameserver");
  return fd;
}

/* Run apart, where that is the only nameserver: see spec/support/worker. */
static void resolver(void) {
  int fd = open_silence(), n;
  struct trk_worker *w = worker_at("https://silence.example", 4);
  struct trk_exchange *x = submit(w), *calls;
  struct pollfd asked;
  double begun;
  asked.fd = fd;
  asked.events = POLLIN;
  submit_many(w, 8);
  CHECK(!trk_worker_wait_for(w, x, 200));
  begun = now();
  trk_worker_cancel(w, x);
  await(w, x);
  note("cancelled in %.2f ms", now() - begun);
  CHECK(is_cancelled(x, TRK_NOT_SENT));
  CHECK(poll(&asked, 1, 20000) == 1);
  trk_exchange_free(x);
  pause_ms(100);
  calls = stop(w, &n);
  CHECK(n == 8);
  for (x = calls; x != NULL; x = x->next)
    CHECK(is_cancelled(x, TRK_NOT_SENT));
  free_all(calls);
  close(fd);
}

/* ---- processes, signals and threads ------------------------------------ */

static int status_of(pid_t pid) {
  int status = -1;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
    ;
  return status;
}

/* A child has no thread of its parent's, so what that thread's stack held
 * would pass for leaked: LeakSanitizer asks here. */
static int in_child;
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void) { return in_child; }

static pid_t fork_here(void) {
  pid_t pid;
  fflush(stdout);
  pid = fork();
  if (pid < 0)
    die("fork");
  if (pid == 0) {
    in_child = 1;
    alarm(120);
  }
  return pid;
}

/* In a child: exit runs what the parent registered, too. */
static void child(struct trk_worker *w) {
  exit(trk_worker_inherited(w) && trk_worker_stop(w) == NULL ? 0 : 1);
}

/* While connections are set up and used. The TLS library's clean-up at exit
 * waited for a lock that the parent's thread had held when the child was made,
 * and that nobody lets go there (OpenSSL 3.0: OBJ_NAME_cleanup). */
static void forks_at(const char *origin) {
  struct trk_worker *w = worker_at(origin, 8);
  int i, n = slow ? 20 : 200, children = slow ? 2 : 20, status;
  double begun, longest = 0;
  submit_many(w, n);
  for (i = 0; i < children; i++) {
    pid_t pid = fork_here();
    if (pid == 0)
      child(w);
    begun = now();
    status = status_of(pid);
    if (status != 0)
      note("child %d ended with status %#x", i, status);
    CHECK(status == 0);
    if (now() - begun > longest)
      longest = now() - begun;
  }
  note("%d children, each gone within %.1f ms", children, longest);
  CHECK(!trk_worker_inherited(w));
  CHECK(take_created(w, n) == n);
  CHECK(ledger("created") == n);
  stop_empty(w);
}

static void forks(void) {
  forks_at(env("TRUNKING_SANDBOX"));
  control("POST", "reset", "{}");
  forks_at(env("TRUNKING_SANDBOX_HTTP"));
}

/* In a child: a worker of its own. */
static void own_worker(void) {
  struct trk_worker *own = worker(4);
  struct trk_exchange *x = submit(own);
  await(own, x);
  exit(is_created(x) && trk_worker_stop(own) == NULL ? 0 : 1);
}

/* Children that make a worker of their own while their parent's has work. */
static void worker_in_child(void) {
  struct trk_worker *w = worker(4);
  int i, children = slow ? 2 : 10, n = 2 * children;
  submit_many(w, n);
  for (i = 0; i < children; i++) {
    pid_t pid = fork_here();
    if (pid == 0)
      own_worker();
    CHECK(status_of(pid) == 0);
  }
  CHECK(take_created(w, n) == n);
  CHECK(ledger("created") == n + children);
  stop_empty(w);
}

static void *submit_more(void *arg) {
  submit_many(arg, slow ? 20 : 1000);
  return NULL;
}

/* A thread of the host's puts in calls while another forks. Over plain HTTP:
 * what OpenSSL keeps for a thread would pass for lost in a child. */
static void forks_amid_calls(void) {
  struct trk_worker *w = worker_at(env("TRUNKING_SANDBOX_HTTP"), 8);
  int i, n = slow ? 20 : 1000;
  pthread_t other;
  if (pthread_create(&other, NULL, submit_more, w) != 0)
    die("pthread_create");
  for (i = 0; i < (slow ? 2 : 50); i++) {
    pid_t pid = fork_here();
    if (pid == 0)
      child(w);
    CHECK(status_of(pid) == 0);
  }
  pthread_join(other, NULL);
  CHECK(take_created(w, n) == n);
  CHECK(ledger("created") == n);
  stop_empty(w);
}

/* The thread leaves the host's signals alone: one that the host blocks stays
 * pending, and would kill the process if the thread took it. */
static void signals(void) {
  struct trk_worker *w = worker(4);
  sigset_t set, before, pending;
  int sig = 0;
  submit_many(w, 20);
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &set, &before);
  kill(getpid(), SIGTERM);
  CHECK(take_created(w, 20) == 20);
  sigpending(&pending);
  CHECK(sigismember(&pending, SIGTERM));
  sigwait(&set, &sig);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  stop_empty(w);
}

static void *one_of_four(void *arg) {
  int n = slow ? 25 : 1000;
  struct trk_worker *w = worker(8);
  (void)arg;
  submit_many(w, n);
  CHECK(take_created(w, n) == n);
  free_all(trk_worker_stop(w));
  return NULL;
}

static void four_threads(void) {
  pthread_t threads[4];
  int i;
  for (i = 0; i < 4; i++)
    if (pthread_create(&threads[i], NULL, one_of_four, NULL) != 0)
      die("pthread_create");
  for (i = 0; i < 4; i++)
    pthread_join(threads[i], NULL);
  CHECK(ledger("created") == (slow ? 100 : 4000));
}

/* One worker, four threads that submit and wait for their own. */
static void *guest(void *arg) {
  struct trk_worker *w = arg;
  int n = slow ? 10 : 200;
  while (n-- > 0) {
    struct trk_exchange *x = submit(w);
    await(w, x);
    CHECK(is_created(x));
    trk_exchange_free(x);
  }
  return NULL;
}

static void four_guests(void) {
  struct trk_worker *w = worker(8);
  pthread_t threads[4];
  int i;
  for (i = 0; i < 4; i++)
    if (pthread_create(&threads[i], NULL, guest, w) != 0)
      die("pthread_create");
  for (i = 0; i < 4; i++)
    pthread_join(threads[i], NULL);
  stop_empty(w);
}

/* exit() with handshakes going on and nobody to stop the thread: libraries
 * clean up after themselves then, and the thread must not be in them. */
static void exits(void) {
  int i, n = slow ? 4 : 100;
  for (i = 0; i < n; i++) {
    pid_t pid = fork_here();
    if (pid == 0) {
      struct trk_worker *w =
          worker_at(env("TRUNKING_SANDBOX_CLOSING"), 32);
      submit_many(w, 2000);
      wait_any(w, 60000);
      pause_ms(i % 10);
      exit(0);
    }
    CHECK(status_of(pid) == 0);
  }
}

/* An exit while the thread brings libcurl up, which takes a millisecond: the
 * TLS library's clean-up fell into it, and one process in thirty crashed. The
 * first of all cases, so that the children find libcurl as it is loaded. */
static void exits_starting(void) {
  int i, n = slow ? 4 : 400;
  for (i = 0; i < n; i++) {
    pid_t pid = fork_here();
    if (pid == 0) {
      struct timespec t = {0, i % 40 * 50000L};
      submit(worker(4));
      nanosleep(&t, NULL);
      exit(0);
    }
    CHECK(status_of(pid) == 0);
  }
}

/* A host that stops its worker when exit has ended the thread: over plain
 * HTTP, for the TLS library has cleaned up by then. */
static struct trk_worker *late;

static void stop_late(void) {
  struct trk_exchange *calls = trk_worker_stop(late);
  if (late != NULL && (calls == NULL || calls->seen.cause != TRK_CANCELLED))
    _exit(3);
  free_all(calls);
}

static void stop_after_exit(void) {
  pid_t pid = fork_here();
  if (pid == 0) {
    late = worker_at(env("TRUNKING_SANDBOX_HTTP"), 1);
    arm("{\"apply\":true,\"hold\":true}");
    submit(late);
    until_received(1);
    exit(0);
  }
  CHECK(status_of(pid) == 0);
}

/* ---- a system that refuses ---------------------------------------------- */

/* Whatever is missing, there is no worker, and the engine is ours still. */
static void refused_start(void) {
  static const struct {
    const char *what;
    int times;
  } refusals[] = {{"pthread_create", 1},        {"pthread_sigmask", 1},
                  {"pthread_mutex_init", 1},    {"pthread_cond_init", 2},
                  {"pthread_condattr_init", 1}, {"pthread_condattr_setclock",
                                                 1}};
  struct trk_engine *engine = engine_at(env("TRUNKING_SANDBOX"), 4);
  struct trk_exchange *x;
  struct trk_worker *w;
  size_t i;
  int nth;
  for (i = 0; i < sizeof refusals / sizeof *refusals; i++)
    for (nth = 1; nth <= refusals[i].times; nth++) {
      refuse(refusals[i].what, nth);
      CHECK(trk_worker_start(engine) == NULL);
      CHECK(refuse(NULL, 0));
    }
  w = trk_worker_start(engine);
  if (w == NULL)
    die("trk_worker_start");
  x = submit(w);
  await(w, x);
  CHECK(is_created(x));
  trk_exchange_free(x);
  stop_empty(w);
}

/* No pipe, or one whose ends can't be made ready: no descriptor, and nothing
 * else is lost. */
static void refused_descriptor(void) {
  struct trk_worker *w = worker(4);
  struct trk_exchange *x = submit(w);
  int nth;
  refuse("pipe", 1);
  CHECK(trk_worker_fd(w) == -1);
  for (nth = 1; nth <= 6; nth++) {
    refuse("fcntl", nth);
    CHECK(trk_worker_fd(w) == -1);
    CHECK(refuse(NULL, 0));
  }
  await(w, x);
  CHECK(is_created(x));
  trk_exchange_free(x);
  CHECK(trk_worker_fd(w) >= 0);
  stop_empty(w);
}

/* A worker that is started while no descriptor is left to open. */
static struct trk_worker *worker_without_descriptor(void) {
  struct trk_engine *engine = engine_at(env("TRUNKING_SANDBOX"), 4);
  struct rlimit all, none;
  struct trk_worker *w;
  if (getrlimit(RLIMIT_NOFILE, &all) != 0)
    die("getrlimit");
  none = all;
  none.rlim_cur = 0;
  if (setrlimit(RLIMIT_NOFILE, &none) != 0)
    die("setrlimit");
  w = trk_worker_start(engine);
  if (setrlimit(RLIMIT_NOFILE, &all) != 0)
    die("setrlimit");
  if (w == NULL)
    die("trk_worker_start");
  return w;
}

/* News reach the thread by a pipe where there is no eventfd, and by what
 * libcurl has where there is neither. */
static void refused_wake(void) {
  struct trk_worker *w;
  refuse("eventfd", 1);
  w = worker(4);
#if defined(__linux__)
  CHECK(refuse(NULL, 0));
#endif
  cancel_a_silent_one(w);
  control("POST", "reset", "{}");
  cancel_a_silent_one(worker_without_descriptor());
}

/* A signal that comes amid a byte's writing or reading. */
static void interrupted_descriptor(void) {
  struct trk_worker *w = worker(4);
  struct trk_exchange *x = submit(w);
  int tries = 12000, fd;
  while (!trk_worker_finished(w, x) && tries-- > 0)
    pause_ms(5);
  refuse("write", 1);
  fd = trk_worker_fd(w);
  CHECK(refuse(NULL, 0));
  CHECK(readable(fd));
  refuse("read", 1);
  CHECK(trk_worker_take(w) == x);
  CHECK(refuse(NULL, 0));
  CHECK(!readable(fd));
  trk_exchange_free(x);
  stop_empty(w);
}

/* Another thread takes the only call while this one is about to. */
static struct trk_worker *robbed;
static struct trk_exchange *loot;

static void rob(void) { loot = trk_worker_take(robbed); }

static void taken_by_another(void) {
  struct trk_worker *w = worker(4);
  struct trk_exchange *x = submit(w);
  CHECK(wait_any(w, 60000));
  robbed = w;
  before_lock(rob);
  CHECK(trk_worker_take(w) == NULL);
  CHECK(loot == x);
  trk_exchange_free(loot);
  stop_empty(w);
}

/* ---- running them ------------------------------------------------------ */

static const struct {
  const char *name;
  void (*run)(void);
  int apart; /* only when asked for by name */
} cases[] = {
    {"exits_starting", exits_starting, 0},
    {"creates", creates, 0},
    {"ten_thousand", ten_thousand, 0},
    {"in_order", in_order, 0},
    {"used_before", used_before, 0},
    {"refused", refused, 0},
    {"retries", retries, 0},
    {"cancel_queued", cancel_queued, 0},
    {"cancel_many", cancel_many, 0},
    {"cancel_in_flight", cancel_in_flight, 0},
    {"cancel_finished", cancel_finished, 0},
    {"cancel_race", cancel_race, 0},
    {"descriptor", descriptor, 0},
    {"descriptor_made_late", descriptor_made_late, 0},
    {"waiting", waiting, 0},
    {"blocking", blocking, 0},
    {"idle", idle, 0},
    {"stop_busy", stop_busy, 0},
    {"stop_at_once", stop_at_once, 0},
    {"stop_in_handshake", stop_in_handshake, 0},
    {"stop_cold", stop_cold, 0},
    {"forks", forks, 0},
    {"worker_in_child", worker_in_child, 0},
    {"forks_amid_calls", forks_amid_calls, 0},
    {"signals", signals, 0},
    {"four_threads", four_threads, 0},
    {"four_guests", four_guests, 0},
    {"exits", exits, 0},
    {"stop_after_exit", stop_after_exit, 0},
    {"refused_start", refused_start, 0},
    {"refused_descriptor", refused_descriptor, 0},
    {"refused_wake", refused_wake, 0},
    {"interrupted_descriptor", interrupted_descriptor, 0},
    {"taken_by_another", taken_by_another, 0},
    {"resolver", resolver, 1},
};

/* NAME... runs these; -NAME... all but these. */
static int wanted(size_t i, int argc, char **argv) {
  int others = !cases[i].apart, k;
  for (k = 1; k < argc; k++) {
    if (strcmp(argv[k], cases[i].name) == 0)
      return 1;
    if (*argv[k] != '-' || strcmp(argv[k] + 1, cases[i].name) == 0)
      others = 0;
  }
  return others;
}

int main(int argc, char **argv) {
  int failed = 0;
  size_t i;
  slow = getenv("TRUNKING_SLOW") != NULL;
  checked = slow || getenv("TRUNKING_CHECKED") != NULL;
  setvbuf(stdout, NULL, _IOLBF, 0);
  stop_ms = 3 * measure_speed();
  note("a stop may take %.0f ms of CPU", stop_ms);
  alarm(900); /* whatever hangs */
  atexit(stop_late); /* before any worker's own */
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    if (!wanted(i, argc, argv))
      continue;
    failures = 0;
    control("POST", "reset", "{}");
    cases[i].run();
    printf("%s - %s\n", failures ? "not ok" : "ok", cases[i].name);
    failed += failures > 0;
  }
  return failed > 0;
}
