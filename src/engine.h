/* SPDX-License-Identifier: MIT
 * engine: calls in flight over one curl multi handle: attempts, retries,
 * deadlines and bounds (laws L1 to L4, L7, L8). A call is a request with its
 * result; the engine runs it until it is done. It knows no Lua and no thread:
 * whoever steps it owns it for that time, and no two may step it at once.
 */
#ifndef TRK_ENGINE_H
#define TRK_ENGINE_H

#include "buf.h"
#include "verdict.h"

#include <stdint.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

#define TRK_REQUEST_MAX ((size_t)64 * 1024)
#define TRK_REPLY_MAX ((size_t)1024 * 1024)
#define TRK_PAGE_MAX ((size_t)4 * 1024 * 1024)
#define TRK_HEADERS_MAX ((size_t)64 * 1024)

/* What a client is made with. Strings are copied; NULL where noted. They
 * become headers and URLs, so none may hold a control character. */
struct trk_options {
  const char *origin;     /* "https://host[:port]" */
  const char *user;       /* account SID or API key */
  const char *secret;     /* auth token or API secret */
  const char *user_agent;
  const char *ca_file;    /* NULL: the bundle libcurl was built with */
  const char *proxy;      /* NULL: the environment's; "": none */
  long timeout_ms;        /* the whole call, retries included */
  long connect_timeout_ms;
  unsigned max_attempts;  /* 0: the verdict's own limits */
  unsigned max_in_flight; /* at least 1 */
};

struct trk_wire;

/* What became of one attempt, for those who watch. */
struct trk_event {
  struct trk_event *next;
  unsigned attempt; /* from 1 */
  enum trk_outcome outcome;
  long status;        /* 0: none came */
  int64_t elapsed_us; /* of this attempt */
  long retry_ms;      /* until the next one; -1: it was the last */
  char request_id[64];
};

struct trk_call {
  /* The request: the caller's to fill before trk_engine_start. */
  const struct trk_operation *operation;
  struct trk_buf path; /* with its query */
  struct trk_buf body; /* form fields */
  int watch;           /* collect events */
  void *host;          /* the caller's own; nobody else looks at it */
  long pause_ms;       /* of a trk_pause: how long; else 0 */

  /* The result: to be read once done is set. */
  int done;
  enum trk_outcome outcome;
  struct trk_evidence seen; /* of the last attempt */
  unsigned attempts;
  struct trk_buf reply;
  char request_id[64]; /* Twilio-Request-Id; "" when none came */
  long retry_after_ms; /* -1: the server asked for nothing */
  char text[256];      /* libcurl's words for the cause; "" when none */
  int64_t elapsed_us;  /* from the start of the first attempt to the end */
  int64_t since; /* the server's clock, in seconds since 1970, when the first
                    attempt began (of a pause: when it ended): no later than
                    it was; -1: no Date header was ever seen */

  /* One for each attempt, oldest first; to be taken off by whoever steps the
   * engine. Where memory is short, one may be missing. */
  struct trk_event *events;

  /* The engine's. */
  int64_t first_us; /* start of the first attempt: monotonic, microseconds */
  int64_t begun_us; /* start of the last one */
  int64_t deadline; /* monotonic, milliseconds */
  int64_t due;      /* not before this */
  struct trk_wire *wire;
  struct trk_call *next;

  /* The worker's, under its lock. */
  struct trk_call *before, *after;
  int place; /* which of its lists holds the call; 0: none */
  int awaited;
};

/* Calls in a row, linked by next; all zero when there are none. */
struct trk_row {
  struct trk_call *first, *last;
};

struct trk_engine;

/* The operation of a call without a request: it is done after pause_ms,
 * unless it is cancelled. So whoever can wait for a call can wait for time to
 * pass, in the same way. */
extern const struct trk_operation trk_pause;

/* Seconds on the clock of deadlines: monotonic, from any start. */
double trk_engine_clock(void);

/* 0 when the libcurl that is loaded will do, else 1 and one line saying why it
 * will not. */
int trk_engine_unfit(char *why, size_t size);

/* The TLS library of the libcurl that is loaded, with its version. */
const char *trk_engine_tls(void);

/* An engine, or NULL when there is no memory. libcurl is not touched before
 * the first call. */
struct trk_engine *trk_engine_open(const struct trk_options *options);

/* Ends every call at once (their outcome says what was sent) and frees the
 * engine, but not the calls. NULL is allowed. In a child process it leaves
 * everything as it is. */
void trk_engine_close(struct trk_engine *e);

/* Whether it was used in a parent of this process: then its connections are
 * the parent's, and only trk_engine_close may be called. */
int trk_engine_inherited(const struct trk_engine *e);

/* A call with an empty request, or NULL when there is no memory. */
struct trk_call *trk_call_new(void);

/* Frees a call that no engine holds. NULL is allowed. */
void trk_call_free(struct trk_call *call);

/* Takes the oldest event off a call that has one; the taker frees it. */
struct trk_event *trk_call_event(struct trk_call *call);

/* Takes the call. Its deadline runs from the start of its first attempt: what
 * waits for others loses no time. Cannot fail; a request that can't be begun
 * ends as TRK_NOT_SENT, at once or in a later step. */
void trk_engine_start(struct trk_engine *e, struct trk_call *call);

/* Moves every call on. Whether a call is done, or there is room for another:
 * then there is no reason to wait. */
int trk_engine_perform(struct trk_engine *e);

/* Waits for something to do, up to ms milliseconds, or until a signal comes.
 * A call has been started before. */
void trk_engine_await(struct trk_engine *e, int ms);

/* The one, and where there is no reason not to, the other. */
void trk_engine_step(struct trk_engine *e, int ms);

/* Ends a call that was started, now. Its outcome tells whether it had been
 * sent. */
void trk_engine_cancel(struct trk_engine *e, struct trk_call *call);

/* From now on each call that is done is also appended to row, the caller's,
 * which must outlive the engine; and waits are made to end cheaply for those
 * who wake it. */
void trk_engine_collect(struct trk_engine *e, struct trk_row *row);

/* How many calls it would begin in the next step if they were started now:
 * more would only wait in it. */
unsigned trk_engine_room(const struct trk_engine *e);

/* How many connections stand and are not in use. */
unsigned trk_engine_kept(const struct trk_engine *e);

/* Has the TLS library register the clean-up that it does at exit, if it has
 * one that can be asked for, before libcurl is brought up: what the caller
 * registers after this runs before that clean-up. Costs microseconds. */
void trk_engine_foresee_exit(void);

/* Ends the wait that is going on, or the next one at once: the one
 * function that any thread may call. Does nothing before the first call has
 * been started, when nothing waits. */
void trk_engine_wake(struct trk_engine *e);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
