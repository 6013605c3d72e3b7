/* SPDX-License-Identifier: MIT
 * judge: whether a reply is the answer to its request (law L12). What was sent
 * is held against what comes back, and the SIDs in it against those that other
 * replies have named. Plain C: it reads no JSON, and knows no connection.
 */
#ifndef TRK_JUDGE_H
#define TRK_JUDGE_H

#include "exchange.h"
#include "known.h"

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

enum trk_echo_type {
  TRK_ECHO_NONE, /* null, absent, or what no field is: nothing to compare */
  TRK_ECHO_TEXT,
  TRK_ECHO_BOOLEAN,
  TRK_ECHO_NUMBER
};

/* A field of a record. */
struct trk_echo {
  enum trk_echo_type type;
  const char *text;
  double number; /* of a boolean, 0 or 1 */
};

/* What a record of a reply says of itself; NULL: nothing. */
struct trk_record {
  const char *sid; /* of settings, the field that they have */
  const char *account_sid;
  const char *trunk_sid;
  struct trk_echo fields[TRK_MAX_FIELDS]; /* of those that were sent */
};

/* Whether a record answers the request, and what it names. account: the
 * client's account SID, "" when it is not known. known may be NULL. The record
 * of a page need not be what was asked for, but must be of this account and
 * trunk. */
enum trk_body trk_judge(struct trk_exchange *x, const char *account,
                        const struct trk_known *known,
                        const struct trk_record *record);

/* Whether a request makes a record with a SID of its own. */
int trk_judge_makes_sid(const struct trk_operation *op);

/* The SID of the record in a reply that has not been decoded, where it plainly
 * is one of op's: written to sid; or "". */
void trk_judge_find_sid(const struct trk_operation *op, const char *reply,
                        char sid[TRK_SID_LENGTH + 1]);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
