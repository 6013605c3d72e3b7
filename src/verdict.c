/* SPDX-License-Identifier: MIT
 * verdict: see verdict.h. C only.
 */
#include "verdict.h"

#include "date.h"

#define NETWORK_ATTEMPTS 3u
#define RATE_ATTEMPTS 4u
#define BUDGET_FLOOR 50
#define MIN_RETRY_AFTER_MS 100L
#define MAX_RETRY_AFTER_MS (24L * 60 * 60 * 1000)

const char *trk_outcome_word(enum trk_outcome outcome) {
  static const char *const words[] = {
      [TRK_DONE] = "done",       [TRK_NOT_SENT] = "not_sent",
      [TRK_REFUSED] = "refused", [TRK_APPLIED] = "applied",
      [TRK_UNKNOWN] = "unknown",
  };
  return words[outcome];
}

/* A read whose reply began and broke off: it may yet be had whole. */
static int broke_off(const struct trk_evidence *seen) {
  return seen->method == TRK_GET && seen->body == TRK_BODY_UNREAD &&
         (seen->cause == TRK_NETWORK || seen->cause == TRK_TIMEOUT);
}

int trk_is_success(long status) { return status >= 200 && status <= 299; }

/* A 2xx came: done, if the body could be believed. */
static enum trk_outcome verdict_done(const struct trk_evidence *seen) {
  if (broke_off(seen))
    return TRK_UNKNOWN;
  if (seen->body == TRK_BODY_GOOD || seen->body == TRK_BODY_UNREAD)
    return TRK_DONE;
  return seen->method == TRK_GET ? TRK_UNKNOWN : TRK_APPLIED;
}

/* What this attempt proves by itself. */
static enum trk_outcome verdict_alone(const struct trk_evidence *seen) {
  if (seen->begun == 0)
    return TRK_NOT_SENT;
  if (seen->body == TRK_BODY_FOREIGN)
    return TRK_UNKNOWN; /* whatever its status says, it says it of another */
  if (seen->begun > 1 && seen->method == TRK_POST)
    return TRK_UNKNOWN; /* law L1 was broken below us: believe nothing */
  if (trk_is_success(seen->status))
    return verdict_done(seen);
  if (seen->status >= 400 && seen->status < 500 && seen->status != 408)
    return TRK_REFUSED;
  return TRK_UNKNOWN; /* none, 1xx, 3xx, 408, 5xx and the rest */
}

enum trk_outcome trk_verdict(const struct trk_evidence *seen) {
  enum trk_outcome alone = verdict_alone(seen);
  if (!seen->was_unknown || seen->method == TRK_GET || alone == TRK_DONE)
    return alone;
  if (seen->method == TRK_DELETE && alone == TRK_REFUSED && seen->status == 404)
    return TRK_DONE; /* an attempt before did delete it */
  return alone == TRK_APPLIED ? alone : TRK_UNKNOWN;
}

int trk_budget_after(int budget, enum trk_outcome outcome) {
  int after = outcome == TRK_DONE ? budget + 1 : budget - 10;
  if (after < 0)
    return 0;
  return after > TRK_BUDGET_FULL ? TRK_BUDGET_FULL : after;
}

/* May this attempt be followed by another, and how far apart do they start?
 * A POST never on unknown (law L3). */
static int repeatable(enum trk_outcome outcome, const struct trk_evidence *seen,
                      long *base, long *cap, unsigned *limit) {
  if (seen->was_unknown)
    outcome = verdict_alone(seen); /* this attempt's own says how to go on */
  *base = 100;
  *cap = 2000;
  *limit = NETWORK_ATTEMPTS;
  if (seen->cause == TRK_CANCELLED)
    return 0;
  if (outcome == TRK_NOT_SENT)
    return seen->transient;
  if (outcome == TRK_REFUSED && seen->status == 429) {
    *base = 500;
    *cap = 20000;
    *limit = RATE_ATTEMPTS;
    return 1;
  }
  return outcome == TRK_UNKNOWN && seen->method != TRK_POST &&
         (seen->body == TRK_BODY_UNREAD || seen->body == TRK_BODY_FOREIGN);
}

/* Full jitter: uniform in 0 .. min(cap, base * 2^n). */
static long jitter(long base, long cap, unsigned n, double random) {
  long top = base;
  while (n-- > 0 && top < cap)
    top *= 2;
  if (top > cap)
    top = cap;
  return (long)(random * (double)top);
}

/* What an attempt needs to be worth starting: a tenth of the whole time,
 * one second at most. */
static long least_left(long timeout_ms) {
  return timeout_ms / 10 < 1000 ? timeout_ms / 10 : 1000;
}

int trk_too_late(long left_ms, long timeout_ms) {
  return left_ms <= least_left(timeout_ms) / 2;
}

long trk_retry_delay(enum trk_outcome outcome, const struct trk_evidence *seen,
                     const struct trk_history *past) {
  long base, cap, asked, delay, room;
  unsigned limit;
  if (!repeatable(outcome, seen, &base, &cap, &limit))
    return -1;
  if (past->max_attempts > 0)
    limit = past->max_attempts;
  if (past->attempts >= limit || past->budget <= BUDGET_FLOOR)
    return -1;
  room = past->left_ms - least_left(past->timeout_ms);
  asked = past->retry_after_ms > 0 ? past->retry_after_ms : 0;
  if (room < asked || room <= 0)
    return -1; /* sooner than asked would be refused again */
  delay = asked + jitter(base, cap, past->attempts - 1, past->random);
  return delay < room ? delay : room;
}

static long clamp_ms(long long seconds) {
  if (seconds > MAX_RETRY_AFTER_MS / 1000)
    return MAX_RETRY_AFTER_MS;
  if (seconds * 1000 < MIN_RETRY_AFTER_MS)
    return MIN_RETRY_AFTER_MS;
  return (long)(seconds * 1000);
}

long trk_retry_after(const char *value, const char *date) {
  long long seconds = 0, until, now;
  const char *p = value;
  if (value == NULL || *value == '\0')
    return -1;
  for (; *p >= '0' && *p <= '9'; p++)
    if (seconds <= MAX_RETRY_AFTER_MS)
      seconds = seconds * 10 + (*p - '0');
  if (*p == '\0')
    return clamp_ms(seconds);
  until = trk_date_http(value);
  now = trk_date_http(date);
  if (until < 0 || now < 0)
    return -1;
  return clamp_ms(until - now);
}
