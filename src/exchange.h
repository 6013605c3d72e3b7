/* SPDX-License-Identifier: MIT
 * exchange: one request, what was asked in it, and its result. Others fill,
 * send and read it; here it is made and freed. Plain C: no libcurl, no Lua.
 */
#ifndef TRK_EXCHANGE_H
#define TRK_EXCHANGE_H

#include "buf.h"
#include "text.h"
#include "verdict.h"

#include <stdint.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

#define TRK_REQUEST_MAX ((size_t)64 * 1024)
#define TRK_REPLY_MAX ((size_t)1024 * 1024)
#define TRK_PAGE_MAX ((size_t)4 * 1024 * 1024)

/* What was asked, kept while it is encoded: no later room reads the path or
 * the form again. */
struct trk_asked {
  char trunk_sid[TRK_SID_LENGTH + 1]; /* whose the resource is; "" */
  char sid[TRK_SID_LENGTH + 1];       /* the record's own, in the path; "" */
  size_t value[TRK_MAX_FIELDS];       /* of each field, where its text begins in
                                   texts, counted from 1; 0: not sent */
  size_t others; /* the same for the names and texts of fields that the API's
                    table does not know: pairs, up to the end of texts */
  struct trk_buf texts; /* each ends with a NUL */
};

/* What became of one attempt, for on_attempt. */
struct trk_event {
  struct trk_event *next;
  unsigned attempt; /* from 1 */
  enum trk_outcome outcome;
  long status;        /* 0: none came */
  int64_t elapsed_us; /* of this attempt */
  long retry_ms;      /* until the next one; -1: it was the last */
  char request_id[64];
};

/* What a reply names, believed or not; "" where it names nothing. */
struct trk_told {
  char sid[TRK_SID_LENGTH + 1];
  char account[TRK_SID_LENGTH + 1];
};

struct trk_wire;

struct trk_exchange {
  /* The request: to be filled before it is started. */
  const struct trk_operation *operation;
  struct trk_buf path; /* with its query */
  struct trk_buf body; /* form fields */
  struct trk_asked asked;
  int watch;       /* collect events */
  void *job;       /* the job it belongs to; NULL: a blocking call */
  long pause_ms;   /* of a trk_pause: how long; else 0 */
  long timeout_ms; /* less than the client's, or 0: the client's */

  /* The result: to be read once done is set. */
  int done;
  enum trk_outcome outcome;
  struct trk_evidence seen; /* of the last attempt */
  unsigned attempts;
  struct trk_buf reply;
  struct trk_told told; /* once the reply is judged */
  char request_id[64];  /* Twilio-Request-Id; "" when none came */
  char coding[32];      /* of it, as in Content-Encoding; "": none */
  long retry_after_ms;  /* -1: the server asked for nothing */
  char text[256];       /* why there is no reply; "" when there is one */
  int64_t elapsed_us;   /* from the start of the first attempt to the end */
  int64_t since; /* the server's clock, in seconds since 1970, when the first
                    attempt began (of a pause: when it ended): no later than
                    it was; -1: no Date header was ever seen */

  /* One for each attempt, oldest first; who tells on_attempt takes them off.
   * Where memory is short, one may be missing. */
  struct trk_event *events;
  struct trk_buf shown; /* the path, as they may show it */

  /* The engine's. */
  int64_t first_us; /* start of the first attempt: monotonic, microseconds */
  int64_t begun_us; /* start of the last one */
  int64_t deadline; /* monotonic, milliseconds */
  int64_t due;      /* not before this */
  struct trk_wire *wire;
  struct trk_exchange *next;

  /* The mailbox's, under its lock. */
  struct trk_exchange *before, *after;
  int place; /* which of its lists holds it; 0: none */
  int awaited;
};

/* Exchanges that are linked by next; all zero when there are none. */
struct trk_queue {
  struct trk_exchange *first, *last;
};

void trk_queue_append(struct trk_queue *row, struct trk_exchange *x);

/* The operation of an exchange without a request: it is done after pause_ms,
 * unless it is cancelled. So whoever can wait for a reply can wait for time
 * to pass, in the same way. */
extern const struct trk_operation trk_pause;

/* An exchange with an empty request, or NULL when there is no memory. */
struct trk_exchange *trk_exchange_new(void);

/* Frees an exchange that no engine holds. NULL is allowed. */
void trk_exchange_free(struct trk_exchange *x);

/* Frees those that are linked by next. */
void trk_exchange_free_all(struct trk_exchange *first);

/* Empties the request, and makes it one of op. */
void trk_exchange_clear(struct trk_exchange *x, const struct trk_operation *op);

/* Notes what became of the attempt that ended now (monotonic, microseconds),
 * and in how many milliseconds another begins; -1: none does. Where there is
 * no memory for an event, the exchange goes on without it. */
void trk_exchange_note(struct trk_exchange *x, int64_t now,
                       enum trk_outcome outcome, long retry_ms);

/* Takes the oldest event off an exchange that has one; the taker frees it. */
struct trk_event *trk_exchange_event(struct trk_exchange *x);

void trk_exchange_free_events(struct trk_exchange *x);

/* Keeps the text of the nth field, or of one that the API's table does not
 * know, after all those that it knows. */
enum trk_buf_rc trk_exchange_keep(struct trk_asked *a, size_t nth,
                                  const char *text, size_t len);
enum trk_buf_rc trk_exchange_keep_other(struct trk_asked *a, const char *name,
                                        const char *text, size_t len);

/* The text that was sent of the nth field; NULL: it was not sent. */
const char *trk_exchange_kept(const struct trk_asked *a, size_t nth);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
