/* SPDX-License-Identifier: MIT
 * exchange: see exchange.h.
 */
#include "exchange.h"

#include <stdlib.h>
#include <string.h>

const struct trk_operation trk_pause = {"",   "pause", TRK_GET,     0,   NULL,
                                        NULL, 0,       TRK_NOTHING, NULL};

/* ---- making and freeing -------------------------------------------- */

struct trk_exchange *trk_exchange_new(void) {
  struct trk_exchange *x = calloc(1, sizeof *x);
  if (x == NULL)
    return NULL;
  trk_buf_init(&x->path, TRK_REQUEST_MAX);
  trk_buf_init(&x->body, TRK_REQUEST_MAX);
  trk_buf_init(&x->reply, TRK_REPLY_MAX);
  trk_buf_init(&x->asked.texts, 2 * TRK_REQUEST_MAX); /* NULs besides */
  x->retry_after_ms = -1;
  return x;
}

void trk_exchange_free(struct trk_exchange *x) {
  if (x == NULL)
    return;
  trk_exchange_free_events(x);
  trk_buf_free(&x->path);
  trk_buf_free(&x->body);
  trk_buf_free(&x->reply);
  trk_buf_free(&x->asked.texts);
  free(x);
}

void trk_exchange_free_all(struct trk_exchange *first) {
  struct trk_exchange *next;
  for (; first != NULL; first = next) {
    next = first->next;
    trk_exchange_free(first);
  }
}

void trk_exchange_clear(struct trk_exchange *x,
                        const struct trk_operation *op) {
  x->operation = op;
  x->watch = 0;
  x->job = NULL;
  x->pause_ms = 0;
  trk_buf_clear(&x->path);
  trk_buf_clear(&x->body);
  x->asked.trunk_sid[0] = x->asked.sid[0] = '\0';
  memset(x->asked.value, 0, sizeof x->asked.value);
  x->asked.others = 0;
  trk_buf_clear(&x->asked.texts);
}

struct trk_event *trk_exchange_event(struct trk_exchange *x) {
  struct trk_event *event = x->events;
  x->events = event->next;
  return event;
}

void trk_exchange_free_events(struct trk_exchange *x) {
  while (x->events != NULL)
    free(trk_exchange_event(x));
}

/* ---- what was asked ------------------------------------------------- */

/* Appends a text with its NUL; *at: where it begins, counted from 1. */
static enum trk_buf_rc add_text(struct trk_buf *texts, const char *text,
                                size_t len, size_t *at) {
  size_t end = texts->len + len + 1;
  char *to;
  if (end >= texts->size) {
    enum trk_buf_rc rc = trk_buf_reserve(texts, len + 1);
    if (rc != TRK_BUF_OK)
      return rc;
  }
  to = texts->data + texts->len;
  memcpy(to, text, len);
  to[len] = '\0';
  *at = texts->len + 1;
  texts->len = end;
  return TRK_BUF_OK;
}

enum trk_buf_rc trk_exchange_keep(struct trk_asked *a, size_t nth,
                                  const char *text, size_t len) {
  return add_text(&a->texts, text, len, &a->value[nth]);
}

enum trk_buf_rc trk_exchange_keep_other(struct trk_asked *a, const char *name,
                                        const char *text, size_t len) {
  size_t at, ignored;
  enum trk_buf_rc rc = add_text(&a->texts, name, strlen(name), &at);
  if (rc != TRK_BUF_OK)
    return rc;
  if (a->others == 0)
    a->others = at;
  return add_text(&a->texts, text, len, &ignored);
}

const char *trk_exchange_kept(const struct trk_asked *a, size_t nth) {
  return a->value[nth] > 0 ? a->texts.data + a->value[nth] - 1 : NULL;
}

/* ---- a record against what was asked ---------------------------------- */

/* The text of the field of a type, where the request has one that is not
 * empty. */
static const char *asked_of_type(const struct trk_exchange *x,
                                 enum trk_type type) {
  size_t i;
  for (i = 0; i < x->operation->nfields; i++) {
    const char *text = trk_exchange_kept(&x->asked, i);
    if (x->operation->fields[i].type == type && text != NULL)
      return *text != '\0' ? text : NULL;
  }
  return NULL;
}

/* What validate = false lets through may come back in another spelling. */
static int is_plain_domain(const char *s) {
  return strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                   "0123456789-._~") == strlen(s);
}

/* A reply that was left over on a kept connection has another's domain. */
static int has_domain(const struct trk_exchange *x,
                      const struct trk_record *record) {
  const char *asked = asked_of_type(x, TRK_DOMAIN);
  return asked == NULL || record->domain_name == NULL ||
         !is_plain_domain(asked) || trk_text_same(asked, record->domain_name);
}

/* The SID that was asked for stands in the path, or is all that a create
 * takes. */
static int has_sid(const struct trk_exchange *x, const char *sid) {
  const char *asked = x->asked.sid;
  if (*asked == '\0' && trk_operation_takes_sid(x->operation))
    asked = asked_of_type(x, TRK_SID);
  return asked == NULL || *asked == '\0' || trk_text_same(asked, sid);
}

static int is_ours(const struct trk_exchange *x, const char *account,
                   const struct trk_record *record) {
  if (record->account_sid != NULL && *account != '\0' &&
      !trk_text_same(record->account_sid, account))
    return 0;
  return record->trunk_sid == NULL || x->asked.trunk_sid[0] == '\0' ||
         trk_text_same(record->trunk_sid, x->asked.trunk_sid);
}

enum trk_body trk_exchange_judge(const struct trk_exchange *x,
                                 const char *account,
                                 const struct trk_record *record) {
  const char *sid = record->sid;
  if (sid == NULL || !trk_text_is_sid(sid, strlen(sid), x->operation->proof))
    return TRK_BODY_BAD;
  if (!is_ours(x, account, record))
    return TRK_BODY_FOREIGN;
  if (x->operation->shape == TRK_RECORD &&
      (!has_sid(x, sid) || !has_domain(x, record)))
    return TRK_BODY_FOREIGN;
  return TRK_BODY_GOOD;
}
