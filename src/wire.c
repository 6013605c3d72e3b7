/* SPDX-License-Identifier: MIT
 * wire: see wire.h. libcurl only; callbacks append to bounded buffers of the
 * exchange and return (law L5).
 */
#include "wire.h"

#include "fd.h"
#include "library.h"
#include "lookups.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#if LIBCURL_VERSION_NUM < 0x075000
#error trunking needs libcurl 7.80 or newer (CURLOPT_PREREQFUNCTION)
#endif

/* By number: one that every library knows, though newer headers warn of it;
 * and one newer than the oldest libcurl we build with, so that a newer library
 * is used to the full whatever the headers were. */
#define OPT_PROTOCOLS ((CURLoption)(CURLOPTTYPE_LONG + 181))
#define OPT_QUICK_EXIT ((CURLoption)(CURLOPTTYPE_LONG + 322))
#define PROTOCOL_HTTP 1L
#define PROTOCOL_HTTPS 2L

/* A write takes a kept connection only if it was used this lately: an idle
 * one may be closing under us, and then the POST would end unknown. */
#define WRITE_REUSE_S 3L
#define READ_REUSE_S 118L /* libcurl's default */

#define LARGE 8192u /* bytes that come at once, of a body that is large */

/* ---- callbacks ---------------------------------------------------- */

/* Room for the whole body at once, where it says how long it is: a large one
 * would be copied over and over while the buffer grows. */
static void expect_body(struct trk_wire *w) {
  curl_off_t all = -1;
  curl_easy_getinfo(w->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &all);
  if (all > 0 && all < (curl_off_t)w->x->reply.max)
    (void)trk_buf_reserve(&w->x->reply, (size_t)all);
}

static size_t on_body(char *bytes, size_t size, size_t n, void *data) {
  struct trk_wire *w = data;
  enum trk_buf_rc rc;
  if (w->x->reply.len == 0 && size * n >= LARGE)
    expect_body(w);
  rc = trk_buf_add(&w->x->reply, bytes, size * n);
  if (rc == TRK_BUF_FULL)
    w->saw.too_large = 1;
  return rc == TRK_BUF_OK ? size * n : 0;
}

static size_t on_header(char *line, size_t size, size_t n, void *data) {
  struct trk_wire *w = data;
  if (trk_head_line(&w->saw.head, line, size * n))
    return size * n;
  w->saw.too_large = 1;
  return 0;
}

/* ---- sockets ------------------------------------------------------ */

/* A new connection. Where its file of CAs has changed since the wire was set
 * up, the request is begun anew. */
static curl_socket_t on_open(void *data, curlsocktype purpose,
                             struct curl_sockaddr *to) {
  struct trk_wire *w = data;
  (void)purpose;
  trk_trust_look(&w->shared->trust);
  if (w->trust_turn != w->shared->trust.turn) {
    w->stale = 1;
    return CURL_SOCKET_BAD;
  }
  return trk_fd_socket(to->family, to->socktype, to->protocol);
}

/* Where memory is short, libcurl may close one without a word. */
static int on_socket(void *data, curl_socket_t fd, curlsocktype purpose) {
  (void)purpose;
  return trk_shared_opened(data, fd) ? CURL_SOCKOPT_OK : CURL_SOCKOPT_ERROR;
}

/* A request without a reply is dropped from the kernel's queue with its
 * socket (SO_LINGER 0): else it may still be delivered, and applied, long
 * after the caller was told it had failed. */
static int on_close(void *data, curl_socket_t fd) {
  struct trk_shared *s = data;
  const struct linger now = {1, 0};
  int port = trk_local_port(fd);
  struct trk_wire *w;
  for (w = s->wires; w != NULL; w = w->next) {
    if (w->x != NULL && w->saw.begun > 0 && w->port == port &&
        w->saw.head.status == 0)
      setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    trk_bound_closed(&w->bound, fd);
  }
  trk_shared_closed(s, fd);
  return close(fd);
}

/* ---- names --------------------------------------------------------- */

/* Called when a name is about to be looked up; not where libcurl knows it. */
static int on_lookup(void *resolver, void *reserved, void *data) {
  struct trk_wire *w = data;
  (void)resolver, (void)reserved;
  w->saw.unanswered = !trk_lookups_may(w->shared,
                                       w->shared->options.max_in_flight);
  w->looking = !w->saw.unanswered;
  return w->saw.unanswered;
}

/* Notes a look-up that is given up before it has an answer. */
static void leave_lookup(struct trk_wire *w, CURLcode rc) {
  curl_off_t us = 0;
  if (!w->looking ||
      (rc != CURLE_OPERATION_TIMEDOUT && rc != CURLE_ABORTED_BY_CALLBACK))
    return;
  curl_easy_getinfo(w->easy, CURLINFO_NAMELOOKUP_TIME_T, &us);
  if (us == 0)
    trk_lookups_leave(w->shared);
}

/* ---- the request goes out ------------------------------------------ */

/* Whether a connection is not to the proxy that was asked for. libcurl says so
 * itself from 8.7 on. Before, a new connection must have been let through by
 * the proxy; a kept one was. (To a name with socks, the port must do.) */
static int is_astray(const struct trk_wire *w, const char *ip, int port) {
  const struct trk_proxy *proxy = &w->shared->proxy;
  long used = 1, connects = 0, answer = 0;
  if (proxy->port == 0)
    return 0;
  curl_easy_getinfo(w->easy, TRK_INFO_USED_PROXY, &used);
  curl_easy_getinfo(w->easy, CURLINFO_NUM_CONNECTS, &connects);
  curl_easy_getinfo(w->easy, CURLINFO_HTTP_CONNECTCODE, &answer);
  return !used || !trk_proxy_is_peer(proxy, ip, port) ||
         (proxy->tunnels && connects > 0 && answer / 100 != 2);
}

static int is_loopback(const char *ip) {
  return strncmp(ip, "127.", 4) == 0 || strcmp(ip, "::1") == 0;
}

/* Called when a connection stands and the request is about to go out: the
 * one sure sign of "sent" (law L2), and the place to stop libcurl from
 * sending it again on its own when a kept connection dies (law L1). */
static int on_request(void *data, char *peer_ip, char *own_ip, int peer_port,
                      int own_port) {
  struct trk_wire *w = data;
  (void)own_ip;
  if (w->shared->loopback_only && !is_loopback(peer_ip)) {
    w->saw.strayed = 1;
    return CURL_PREREQFUNC_ABORT;
  }
  if (is_astray(w, peer_ip, peer_port)) {
    w->saw.astray = 1;
    return CURL_PREREQFUNC_ABORT;
  }
  if (w->saw.begun > 0) {
    w->saw.stopped = 1;
    return CURL_PREREQFUNC_ABORT;
  }
  w->port = own_port;
  if (trk_bound_is_stale(&w->bound, w->shared, w->easy, own_port)) {
    w->stale = 1;
    return CURL_PREREQFUNC_ABORT;
  }
  w->saw.begun = 1;
  return CURL_PREREQFUNC_OK;
}

/* ---- a wire ------------------------------------------------------- */

static const struct {
  CURLoption option;
  long value;
} fixed[] = {
    {CURLOPT_NOSIGNAL, 1},
    {CURLOPT_FOLLOWLOCATION, 0},
    {CURLOPT_SSL_VERIFYPEER, 1},
    {CURLOPT_SSL_VERIFYHOST, 2},
    {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
    {CURLOPT_PROXY_SSL_VERIFYPEER, 1},
    {CURLOPT_PROXY_SSL_VERIFYHOST, 2},
    {CURLOPT_PROXY_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
    {CURLOPT_SSL_SESSIONID_CACHE, 0}, /* 7.88.1 frees it twice */
    {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
    {CURLOPT_HTTP09_ALLOWED, 0},
    {CURLOPT_NETRC, CURL_NETRC_IGNORED},
    {CURLOPT_PATH_AS_IS, 1},
    {CURLOPT_SUPPRESS_CONNECT_HEADERS, 1},
};

static CURLcode set_long(CURL *easy, CURLoption option, long value) {
  return curl_easy_setopt(easy, option, value);
}

static CURLcode set_text(CURL *easy, CURLoption option, const char *value) {
  return curl_easy_setopt(easy, option, value);
}

/* The first of several results that is not well. */
static void keep(CURLcode *first, CURLcode rc) {
  if (*first == CURLE_OK)
    *first = rc;
}

static CURLcode set_blob(CURL *easy, CURLoption option, const char *text) {
  struct curl_blob blob = {0};
  blob.data = (void *)text;
  blob.len = strlen(text);
  blob.flags = CURL_BLOB_NOCOPY;
  return curl_easy_setopt(easy, option, &blob);
}

/* Certificates that are given themselves, and no file besides. */
static CURLcode set_pem(const struct trk_wire *w, const char *pem) {
  CURLcode rc = set_blob(w->easy, CURLOPT_CAINFO_BLOB, pem);
  keep(&rc, set_text(w->easy, CURLOPT_CAPATH, NULL));
  if (w->shared->proxy.over_tls) {
    keep(&rc, set_blob(w->easy, CURLOPT_PROXY_CAINFO_BLOB, pem));
    keep(&rc, set_text(w->easy, CURLOPT_PROXY_CAPATH, NULL));
  }
  return rc;
}

/* A file of CAs and no folder: only then does libcurl keep the parsed store
 * (7.87 and newer) instead of reading 145 certificates per connection. A proxy
 * of https is trusted by the same. */
static CURLcode set_file(const struct trk_wire *w, const char *file) {
  CURLcode rc = set_text(w->easy, CURLOPT_CAINFO, file);
  keep(&rc, set_text(w->easy, CURLOPT_CAPATH, NULL));
  if (w->shared->proxy.over_tls) {
    keep(&rc, set_text(w->easy, CURLOPT_PROXY_CAINFO, file));
    keep(&rc, set_text(w->easy, CURLOPT_PROXY_CAPATH, NULL));
  }
  return rc;
}

/* With neither, libcurl is built to use the system's own store. */
static CURLcode set_trust(struct trk_wire *w) {
  const struct trk_shared *s = w->shared;
  const char *file = trk_trust_name(&s->trust);
  CURLcode rc = CURLE_OK;
  if (s->options.ca_pem != NULL)
    rc = set_pem(w, s->options.ca_pem);
  else if (file != NULL)
    rc = set_file(w, file);
  if (rc == CURLE_OK)
    w->trust_turn = s->trust.turn;
  return rc;
}

/* Has a file of CAs that has changed read again. While a connection is kept it
 * is looked at once a second; on_open looks before each that is new. */
static CURLcode renew_trust(struct trk_wire *w) {
  struct trk_shared *s = w->shared;
  trk_trust_glance(&s->trust);
  return w->trust_turn == s->trust.turn ? CURLE_OK : set_trust(w);
}

/* Whether TLS failed for a file of CAs that has been replaced meanwhile. */
static int is_outdated(const struct trk_wire *w) {
  trk_trust_look(&w->shared->trust);
  return w->trust_turn != w->shared->trust.turn;
}

static CURLcode set_callbacks(struct trk_wire *w) {
  CURL *easy = w->easy;
  CURLcode rc = curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  keep(&rc, curl_easy_setopt(easy, CURLOPT_WRITEDATA, (void *)w));
  keep(&rc, curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header));
  keep(&rc, curl_easy_setopt(easy, CURLOPT_HEADERDATA, (void *)w));
  keep(&rc, curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_request));
  keep(&rc, curl_easy_setopt(easy, CURLOPT_PREREQDATA, (void *)w));
  keep(&rc, curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open));
  keep(&rc, curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, (void *)w));
  keep(&rc, curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket));
  keep(&rc, curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, (void *)w->shared));
  keep(&rc, curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close));
  keep(&rc, curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, (void *)w->shared));
  if (trk_library()->ares == NULL) { /* c-ares has no threads */
    keep(&rc,
         curl_easy_setopt(easy, CURLOPT_RESOLVER_START_FUNCTION, on_lookup));
    keep(&rc, curl_easy_setopt(easy, CURLOPT_RESOLVER_START_DATA, (void *)w));
  }
  keep(&rc, curl_easy_setopt(easy, CURLOPT_PRIVATE, (void *)w));
  keep(&rc, curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, w->saw.text));
  return rc;
}

/* The environment is not even read. User and password are not in the URL, and
 * the port is set besides: a libcurl that cannot read one of them, for want of
 * memory, goes to no proxy, or to another port. */
static CURLcode set_proxy(const struct trk_wire *w) {
  const struct trk_options *o = &w->shared->options;
  CURLcode rc = set_text(w->easy, CURLOPT_PROXY, o->proxy);
  keep(&rc, set_text(w->easy, CURLOPT_NOPROXY, *o->proxy == '\0' ? "*" : ""));
  keep(&rc, set_long(w->easy, CURLOPT_PROXYPORT, w->shared->proxy.port));
  if (o->proxy_auth != NULL)
    keep(&rc, set_text(w->easy, CURLOPT_PROXYUSERPWD, o->proxy_auth));
  return rc;
}

static CURLcode set_all(struct trk_wire *w) {
  CURLcode rc = CURLE_OK;
  size_t i;
  for (i = 0; i < sizeof fixed / sizeof *fixed; i++)
    keep(&rc, set_long(w->easy, fixed[i].option, fixed[i].value));
  keep(&rc,
       set_long(w->easy, OPT_PROTOCOLS,
                w->shared->loopback_only ? PROTOCOL_HTTP : PROTOCOL_HTTPS));
  keep(&rc, set_trust(w));
  keep(&rc, set_callbacks(w));
  keep(&rc, curl_easy_setopt(w->easy, CURLOPT_HTTPHEADER, w->shared->headers));
  keep(&rc, set_proxy(w));
  keep(&rc, curl_easy_setopt(w->easy, CURLOPT_CURLU, w->url));
  /* Without it a hanging resolver outlives every time-out (law L4); older
   * libraries do not know it. */
  set_long(w->easy, OPT_QUICK_EXIT, 1);
  return rc;
}

struct trk_wire *trk_wire_new(struct trk_shared *s) {
  struct trk_wire *w = calloc(1, sizeof *w);
  CURLcode rc = CURLE_OUT_OF_MEMORY;
  if (w == NULL)
    return NULL;
  trk_buf_init(&w->path, TRK_REQUEST_MAX);
  w->shared = s;
  w->next = s->wires;
  s->wires = w;
  w->easy = curl_easy_init();
  w->url = curl_url();
  w->saw.easy = w->easy;
  w->saw.proxy_tls = s->proxy.over_tls;
  if (w->easy != NULL && w->url != NULL &&
      curl_url_set(w->url, CURLUPART_URL, s->options.origin, 0) == CURLUE_OK)
    rc = set_all(w);
  if (rc == CURLE_OK)
    return w;
  s->refused = rc != CURLE_OUT_OF_MEMORY;
  trk_wire_free(w);
  return NULL;
}

const char *trk_wire_refused(const struct trk_shared *s) {
  return s->options.ca_pem != NULL
             ? "the TLS library of this libcurl takes no ca_pem; give a ca_file"
             : "this libcurl takes no such options";
}

void trk_wire_free(struct trk_wire *w) {
  curl_easy_cleanup(w->easy);
  curl_url_cleanup(w->url);
  trk_buf_free(&w->path);
  w->shared->wires = w->next;
  free(w);
}

/* ---- an attempt --------------------------------------------------- */

static CURLcode set_method(struct trk_wire *w, enum trk_method method) {
  CURLcode rc;
  if (w->configured && w->method == method)
    return CURLE_OK;
  rc = set_long(w->easy, method == TRK_POST ? CURLOPT_POST : CURLOPT_HTTPGET,
                1);
  keep(&rc, set_text(w->easy, CURLOPT_CUSTOMREQUEST,
                     method == TRK_DELETE ? "DELETE" : NULL));
  keep(&rc, set_long(w->easy, CURLOPT_MAXAGE_CONN,
                     method == TRK_POST ? WRITE_REUSE_S : READ_REUSE_S));
  keep(&rc, set_long(w->easy, CURLOPT_FORBID_REUSE, method == TRK_DELETE));
  w->method = method;
  w->configured = rc == CURLE_OK;
  return rc;
}

/* Path and query, unless the last call on this wire had the same. */
static CURLcode set_path(struct trk_wire *w, const struct trk_buf *path) {
  char *query = NULL;
  CURLUcode rc;
  if (w->path.len == path->len &&
      memcmp(trk_buf_str(&w->path), path->data, path->len) == 0)
    return CURLE_OK;
  trk_buf_clear(&w->path);
  if (trk_buf_add(&w->path, path->data, path->len) != TRK_BUF_OK)
    return CURLE_OUT_OF_MEMORY;
  query = strchr(w->path.data, '?');
  if (query != NULL)
    *query = '\0';
  rc = curl_url_set(w->url, CURLUPART_PATH, w->path.data, 0);
  if (rc == CURLUE_OK)
    rc = curl_url_set(w->url, CURLUPART_QUERY, query != NULL ? query + 1 : NULL,
                      0);
  if (query != NULL)
    *query = '?';
  if (rc != CURLUE_OK) {
    trk_buf_clear(&w->path);
    return rc == CURLUE_OUT_OF_MEMORY ? CURLE_OUT_OF_MEMORY
                                      : CURLE_URL_MALFORMAT;
  }
  return CURLE_OK;
}

static CURLcode set_body(const struct trk_wire *w, const struct trk_buf *body) {
  CURLcode rc;
  if (w->method != TRK_POST)
    return CURLE_OK;
  rc = set_long(w->easy, CURLOPT_POSTFIELDSIZE, (long)body->len);
  keep(&rc, curl_easy_setopt(w->easy, CURLOPT_POSTFIELDS, trk_buf_str(body)));
  return rc;
}

/* After a stale connection on a new one, then on kept ones again. A reply to
 * a DELETE has nothing in it that would bind it to its request, so a DELETE has
 * a connection of its own (law L12). */
static CURLcode set_fresh(struct trk_wire *w, enum trk_method method) {
  int fresh = w->stale || method == TRK_DELETE;
  if (w->fresh == fresh)
    return CURLE_OK;
  w->fresh = fresh;
  return set_long(w->easy, CURLOPT_FRESH_CONNECT, fresh);
}

static void forget(struct trk_wire *w, struct trk_exchange *x) {
  int was_unknown = x->seen.was_unknown;
  w->x = x;
  w->stale = w->looking = 0;
  w->port = 0;
  memset(&w->bound, 0, sizeof w->bound);
  w->saw.begun = w->saw.stopped = w->saw.too_large = 0;
  w->saw.strayed = w->saw.astray = w->saw.unanswered = 0;
  w->saw.is_page = x->operation->shape == TRK_PAGE;
  w->saw.text[0] = '\0';
  trk_head_begin(&w->saw.head);
  memset(&x->seen, 0, sizeof x->seen);
  x->seen.was_unknown = was_unknown;
  x->seen.method = x->operation->method;
  x->request_id[0] = x->coding[0] = x->text[0] = '\0';
  x->retry_after_ms = -1;
  trk_buf_clear(&x->reply);
}

CURLcode trk_wire_begin(struct trk_wire *w, struct trk_exchange *x,
                        long timeout_ms) {
  long connect_ms = w->shared->options.connect_timeout_ms;
  CURLcode rc = set_fresh(w, x->operation->method);
  forget(w, x);
  keep(&rc, renew_trust(w));
  keep(&rc, set_method(w, x->operation->method));
  keep(&rc, set_path(w, &x->path));
  keep(&rc, set_body(w, &x->body));
  keep(&rc, set_long(w->easy, CURLOPT_TIMEOUT_MS, timeout_ms));
  keep(&rc, set_long(w->easy, CURLOPT_CONNECTTIMEOUT_MS,
                     connect_ms < timeout_ms ? connect_ms : timeout_ms));
  return rc;
}

/* Masks own secrets in what was said. A reply with a status of success is left:
 * a record is given as it is, and no error has its words. */
static void hide_secrets(const struct trk_wire *w, struct trk_exchange *x) {
  const struct trk_mask *mask = &w->shared->mask;
  trk_mask_text(mask, x->request_id, strlen(x->request_id));
  trk_mask_text(mask, x->text, strlen(x->text));
  if (x->reply.len > 0 && !trk_is_success(x->seen.status))
    x->reply.len = trk_mask_text(mask, x->reply.data, x->reply.len);
}

void trk_wire_end(struct trk_wire *w, CURLcode rc) {
  struct trk_exchange *x = w->x;
  const struct trk_head *head = &w->saw.head;
  x->seen.status = head->status;
  memcpy(x->request_id, head->request_id, sizeof x->request_id);
  memcpy(x->coding, head->coding, sizeof x->coding);
  x->retry_after_ms = trk_retry_after(head->retry_after, head->date);
  leave_lookup(w, rc);
  trk_cause(&w->saw, rc, &x->seen, x->text, sizeof x->text);
  if (x->seen.cause == TRK_TLS && is_outdated(w))
    x->seen.transient = 1;
  trk_bound_reply(&w->bound, head, x);
  hide_secrets(w, x);
  w->x = NULL;
  w->bound.socket = NULL;
}
