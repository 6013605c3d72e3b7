/* SPDX-License-Identifier: MIT
 * verdict: what an attempt proves, and whether and when to try again (laws L2
 * and L3). Pure: no I/O, no clock, no randomness of its own, no libcurl, no
 * Lua. Everything it needs comes in as plain values, so every row is tested.
 */
#ifndef TRK_VERDICT_H
#define TRK_VERDICT_H

#include "api.h"

#include <stddef.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* What became of the request. */
enum trk_outcome {
  TRK_DONE,     /* a 2xx status, and a reply to believe */
  TRK_NOT_SENT, /* no byte of the request left */
  TRK_REFUSED,  /* answered, and not applied */
  TRK_APPLIED,  /* done, but the reply could not be read */
  TRK_UNKNOWN   /* sent; applied or not, nobody can tell */
};

/* "done", "not_sent", "refused", "applied" or "unknown". */
const char *trk_outcome_word(enum trk_outcome outcome);

/* Why an attempt ended without a reply. It words the error and says whether
 * a request that was never sent may be tried again; it never decides the
 * outcome: after the server had applied a POST, libcurl has returned fourteen
 * different codes, "could not connect" among them. */
enum trk_cause {
  TRK_NO_CAUSE, /* a whole reply came */
  TRK_DNS,
  TRK_CONNECT,
  TRK_TLS,
  TRK_TIMEOUT,
  TRK_NETWORK,
  TRK_GARBAGE,   /* an answer that is not HTTP */
  TRK_TOO_LARGE, /* a bound of law L7 */
  TRK_MEMORY,
  TRK_CONFIG, /* libcurl refused an option or the URL */
  TRK_CANCELLED
};

/* How far the reply's body has been judged. The engine does not read bodies:
 * it asks with TRK_BODY_UNREAD, and the reply room asks again. */
enum trk_body {
  TRK_BODY_UNREAD,
  TRK_BODY_GOOD,      /* decoded, the expected SID, our account */
  TRK_BODY_BAD,       /* cut, garbage, or no well-formed SID */
  TRK_BODY_ELSEWHERE, /* the answer, but another account's */
  TRK_BODY_FOREIGN    /* not the answer to this request */
};

struct trk_evidence {
  enum trk_method method;
  int begun;   /* times libcurl was about to send the request */
  long status; /* the final status; 0: none came */
  enum trk_cause cause;
  int transient;   /* the cause may pass: worth another try */
  int was_unknown; /* an earlier attempt of this call ended unknown */
  enum trk_body body;
};

/* Whether a status says that it is done. Any 2xx may: Twilio has answered
 * one request with 201 and with 202, and what is done the body proves. */
int trk_is_success(long status);

/* What the attempt proves. */
enum trk_outcome trk_verdict(const struct trk_evidence *seen);

/* A token bucket per client, in tenths: 10 tokens, one off for each failed
 * attempt, a tenth back for each success, no retry at 5 or below (gRPC's
 * proposal A6). */
#define TRK_BUDGET_FULL 100

/* The budget after an attempt with this outcome. Refusals that are not about
 * load (any but 429) are not the server's failures: do not count them. */
int trk_budget_after(int budget, enum trk_outcome outcome);

struct trk_history {
  unsigned attempts;     /* made so far, this one included */
  unsigned max_attempts; /* the caller's limit; 0: the defaults below */
  int budget;            /* after this attempt */
  long left_ms;          /* until the deadline */
  long timeout_ms;       /* the whole call's */
  long retry_after_ms;   /* what the server asked for; -1: nothing */
  double random;         /* uniform in [0, 1) */
};

/* Whether so little is left of a call's time that an attempt is not worth
 * starting any more, though one was to come. */
int trk_too_late(long left_ms, long timeout_ms);

/* Milliseconds to wait before the next attempt, or -1: this was the last. */
long trk_retry_delay(enum trk_outcome outcome, const struct trk_evidence *seen,
                     const struct trk_history *past);

/* The Retry-After header (RFC 9110, 10.2.3) in milliseconds: seconds, or an
 * HTTP date against the reply's own Date (never the local clock); clamped to
 * 0.1 s .. one day. -1: absent or not understood. Either may be NULL. */
long trk_retry_after(const char *value, const char *date);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
