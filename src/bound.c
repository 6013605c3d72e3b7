/* SPDX-License-Identifier: MIT
 * bound: see bound.h. libcurl only.
 */
#include "bound.h"

#include "judge.h"
#include "tls.h"

#include <poll.h>
#include <string.h>

/* ---- before the request ------------------------------------------------ */

static void take_socket(struct trk_bound *b, struct trk_shared *s, int port) {
  b->socket = trk_shared_socket(s, port);
  if (b->socket != NULL)
    b->last = b->socket->last;
}

/* On a kept connection nothing may wait to be read before the request is out:
 * it would be taken for the reply. Over TLS it may be less than a reply; to
 * take a new connection is right all the same, for nothing has been sent. */
int trk_bound_is_stale(struct trk_bound *b, struct trk_shared *s, CURL *easy,
                       int port) {
  struct pollfd p = {-1, POLLIN, 0};
  long connects = 0;
  take_socket(b, s, port);
  curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connects);
  if (connects > 0 || b->socket == NULL)
    return 0;
  if (b->socket->distrust || (!s->loopback_only && trk_tls_waits(easy)))
    return 1;
  p.fd = b->socket->fd;
  return poll(&p, 1, 0) > 0;
}

void trk_bound_closed(struct trk_bound *b, curl_socket_t fd) {
  if (b->socket != NULL && b->socket->fd == fd)
    b->socket = NULL;
}

/* ---- after the reply ---------------------------------------------------- */

/* What tells a reply from the one before it. Twilio gives each request an id of
 * its own, and each record a SID. A short id may be a constant of a test's
 * server. */
static void read_marks(const struct trk_head *head,
                       const struct trk_exchange *x, struct trk_last *now) {
  size_t len = strlen(head->request_id);
  now->request_id[0] = now->sid[0] = '\0';
  if (len >= TRK_SID_LENGTH)
    memcpy(now->request_id, head->request_id, len + 1);
  else
    trk_judge_find_sid(x->operation, trk_buf_str(&x->reply), now->sid);
}

static int came_before(const struct trk_last *now, const struct trk_last *last,
                       const struct trk_operation *op) {
  if (now->request_id[0] != '\0')
    return strcmp(now->request_id, last->request_id) == 0;
  return now->sid[0] != '\0' && trk_judge_makes_sid(op) &&
         trk_text_same(now->sid, last->sid);
}

void trk_bound_reply(struct trk_bound *b, const struct trk_head *head,
                     struct trk_exchange *x) {
  struct trk_last now;
  if (head->status == 0)
    return;
  read_marks(head, x, &now);
  if (came_before(&now, &b->last, x->operation))
    x->seen.body = TRK_BODY_FOREIGN;
  if (b->socket == NULL)
    return;
  b->socket->last = now;
  b->socket->distrust |= x->seen.body == TRK_BODY_FOREIGN;
}
