/* SPDX-License-Identifier: MIT
 * judge: see judge.h.
 */
#include "judge.h"

#include <stdlib.h>
#include <string.h>

/* ---- a field against its echo ----------------------------------------- */

static int is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The text without white space around it. */
static const char *trimmed(const char *s, size_t *len) {
  while (is_space(*s))
    s++;
  *len = strlen(s);
  while (*len > 0 && is_space(s[*len - 1]))
    --*len;
  return s;
}

/* A server may store a text trimmed, and a host in small letters. */
static int is_same_text(const char *a, const char *b) {
  size_t na, nb;
  if (strcmp(a, b) == 0)
    return 1;
  a = trimmed(a, &na);
  b = trimmed(b, &nb);
  return na == nb && trk_text_same_n(a, b, na);
}

static int is_same_number(const char *sent, double number) {
  char *end;
  double value = (double)strtol(sent, &end, 10);
  return *end != '\0' || value == number; /* not validated: as it may be */
}

/* What validate = false lets through may come back in another spelling. */
static int is_plain_domain(const char *s) {
  return strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                   "0123456789-._~") == strlen(s);
}

static int is_echo_of_text(enum trk_type type, const char *sent,
                           const char *text) {
  if (type == TRK_ENUM)
    return strcmp(sent, text) == 0;
  if (type == TRK_DOMAIN && !is_plain_domain(sent))
    return 1;
  return is_same_text(sent, text);
}

/* Whether what a record has can be what was sent. A field that was cleared
 * comes back as whatever the API gives to one that was not sent. */
static int is_echo(enum trk_type type, const char *sent,
                   const struct trk_echo *echo) {
  if (*sent == '\0')
    return 1;
  switch (echo->type) {
  case TRK_ECHO_TEXT:
    return is_echo_of_text(type, sent, echo->text);
  case TRK_ECHO_BOOLEAN:
    return type != TRK_BOOLEAN || (*sent == 't') == (echo->number > 0);
  case TRK_ECHO_NUMBER:
    return type != TRK_INTEGER || is_same_number(sent, echo->number);
  default:
    return 1;
  }
}

static int has_echoes(const struct trk_exchange *x,
                      const struct trk_record *record) {
  const struct trk_operation *op = x->operation;
  size_t i;
  for (i = 0; op->method == TRK_POST && i < op->nfields; i++) {
    const char *sent = trk_exchange_kept(&x->asked, i);
    if (sent != NULL && !is_echo(op->fields[i].type, sent, &record->fields[i]))
      return 0;
  }
  return 1;
}

/* ---- a record against what was asked ------------------------------------ */

int trk_judge_makes_sid(const struct trk_operation *op) {
  return trk_operation_creates(op) && !trk_operation_takes_sid(op);
}

/* The SID that was asked for stands in the path, or is all that a create
 * takes. One that a create makes has not been seen before. */
static int has_sid(const struct trk_exchange *x, const struct trk_known *known,
                   const char *sid) {
  const char *asked = x->asked.sid;
  if (trk_judge_makes_sid(x->operation))
    return known == NULL || !trk_known_has(known, sid);
  if (*asked == '\0' && trk_operation_takes_sid(x->operation))
    asked = trk_exchange_kept(&x->asked, 0);
  return asked == NULL || *asked == '\0' || trk_text_same(asked, sid);
}

static int is_at_trunk(const struct trk_exchange *x, const char *trunk_sid) {
  return trunk_sid == NULL || x->asked.trunk_sid[0] == '\0' ||
         trk_text_same(trunk_sid, x->asked.trunk_sid);
}

static int is_answer(const struct trk_exchange *x,
                     const struct trk_known *known,
                     const struct trk_record *record) {
  if (!is_at_trunk(x, record->trunk_sid))
    return 0;
  if (x->operation->shape == TRK_RECORD && !has_sid(x, known, record->sid))
    return 0;
  return x->operation->shape == TRK_PAGE || has_echoes(x, record);
}

/* The account's SID, where it is one. */
static void note_account(struct trk_told *told, const char *sid) {
  if (trk_text_is_sid(sid, strlen(sid), "AC"))
    memcpy(told->account, sid, sizeof told->account);
}

enum trk_body trk_judge(struct trk_exchange *x, const char *account,
                        const struct trk_known *known,
                        const struct trk_record *record) {
  const char *sid = record->sid, *whose = record->account_sid;
  int settings = x->operation->shape == TRK_SETTINGS;
  x->told.sid[0] = x->told.account[0] = '\0';
  if (sid == NULL ||
      (!settings && !trk_text_is_sid(sid, strlen(sid), x->operation->proof)))
    return TRK_BODY_BAD;
  if (!settings)
    memcpy(x->told.sid, sid, sizeof x->told.sid);
  if (!is_answer(x, known, record))
    return TRK_BODY_FOREIGN;
  if (whose == NULL || *account == '\0' || trk_text_same(whose, account))
    return TRK_BODY_GOOD;
  note_account(&x->told, whose);
  return x->told.account[0] != '\0' ? TRK_BODY_ELSEWHERE : TRK_BODY_FOREIGN;
}

/* ---- a reply that has not been decoded ---------------------------------- */

void trk_judge_find_sid(const struct trk_operation *op, const char *reply,
                        char sid[TRK_SID_LENGTH + 1]) {
  static const char name[] = "\"sid\"";
  const char *at = strstr(reply, name);
  sid[0] = '\0';
  if (at == NULL || op->shape != TRK_RECORD)
    return;
  at += sizeof name - 1;
  at += strspn(at, " :");
  if (*at++ != '"' || strcspn(at, "\"") != TRK_SID_LENGTH ||
      !trk_text_is_sid(at, TRK_SID_LENGTH, op->proof))
    return;
  memcpy(sid, at, TRK_SID_LENGTH);
  sid[TRK_SID_LENGTH] = '\0';
}
