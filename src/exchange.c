/* SPDX-License-Identifier: MIT
 * exchange: see exchange.h.
 */
#include "exchange.h"

#include <stdlib.h>
#include <string.h>

const struct trk_operation trk_pause = {"",   "pause", TRK_GET,     204, NULL,
                                        NULL, 0,       TRK_NOTHING, NULL};

/* ---- making and freeing -------------------------------------------- */

struct trk_exchange *trk_exchange_new(void) {
  struct trk_exchange *x = calloc(1, sizeof *x);
  if (x == NULL)
    return NULL;
  trk_buf_init(&x->path, TRK_REQUEST_MAX);
  trk_buf_init(&x->body, TRK_REQUEST_MAX);
  trk_buf_init(&x->shown, TRK_REQUEST_MAX);
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
  trk_buf_free(&x->shown);
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
  x->timeout_ms = 0;
  trk_buf_clear(&x->path);
  trk_buf_clear(&x->body);
  x->asked.trunk_sid[0] = x->asked.sid[0] = '\0';
  memset(x->asked.value, 0, sizeof x->asked.value);
  x->asked.others = 0;
  trk_buf_clear(&x->asked.texts);
}

void trk_exchange_note(struct trk_exchange *x, int64_t now,
                       enum trk_outcome outcome, long retry_ms) {
  struct trk_event **at = &x->events;
  struct trk_event *event = calloc(1, sizeof *event);
  if (event == NULL)
    return;
  event->attempt = x->attempts;
  event->outcome = outcome;
  event->status = x->seen.status;
  event->elapsed_us = now - x->begun_us;
  event->retry_ms = retry_ms;
  memcpy(event->request_id, x->request_id, sizeof event->request_id);
  while (*at != NULL)
    at = &(*at)->next;
  *at = event;
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

void trk_queue_append(struct trk_queue *row, struct trk_exchange *x) {
  x->next = NULL;
  if (row->first == NULL)
    row->first = x;
  else
    row->last->next = x;
  row->last = x;
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
