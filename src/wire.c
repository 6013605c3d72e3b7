/* SPDX-License-Identifier: MIT
 * wire: see wire.h. libcurl only; callbacks append to bounded buffers of the
 * call and return (law L5).
 */
#include "wire.h"

#include "tls.h"

#include <errno.h> /* EMFILE, ECONNRESET */
#include <poll.h>
#include <pthread.h>
#include <stdio.h> /* snprintf */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <unistd.h>

#if LIBCURL_VERSION_NUM < 0x075000
#error trunking needs libcurl 7.80 or newer (CURLOPT_PREREQFUNCTION)
#endif

/* By number: one that every library knows, though newer headers warn of it;
 * and those newer than the oldest libcurl we build with, so that a newer
 * library is used to the full whatever the headers were. */
#define OPT_PROTOCOLS ((CURLoption)(CURLOPTTYPE_LONG + 181))
#define OPT_QUICK_EXIT ((CURLoption)(CURLOPTTYPE_LONG + 322))
#define INFO_USED_PROXY ((CURLINFO)(CURLINFO_LONG + 66))
#define PROTOCOL_HTTP 1L
#define PROTOCOL_HTTPS 2L
#define TOO_LARGE ((CURLcode)100) /* 8.6: CURLE_TOO_LARGE */

/* A write takes a kept connection only if it was used this lately: an idle
 * one may be closing under us, and then the POST would end unknown. */
#define WRITE_REUSE_S 3L
#define READ_REUSE_S 118L /* libcurl's default */

#define LARGE 8192u /* bytes that come at once, of a body that is large */

static const char no_memory[] = "not enough memory";
const char trk_no_descriptor[] = "no file descriptor left for a connection";
static const char headers_too_large[] =
    "the reply's headers are over the limit of 64 KiB";

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
    w->too_large = 1;
  return rc == TRK_BUF_OK ? size * n : 0;
}

/* Copies the value of "Name: value\r\n" into out, unless it is too long. */
static int header_value(const char *line, size_t len, const char *name,
                        char *out, size_t size) {
  size_t skip = strlen(name), i;
  if (len <= skip || !trk_text_begins(line, len, name))
    return 0;
  while (len > skip && (unsigned char)line[len - 1] <= ' ')
    len--;
  while (skip < len && (line[skip] == ' ' || line[skip] == '\t'))
    skip++;
  if (len - skip >= size)
    return 1;
  for (i = skip; i < len; i++) /* it may end on a terminal */
    if (line[i] < ' ' || line[i] > '~')
      return 1;
  memcpy(out, line + skip, len - skip);
  out[len - skip] = '\0';
  return 1;
}

/* "HTTP/1.1 201 Created": a new reply begins; 1xx ones do not count. */
static void status_line(struct trk_wire *w, const char *line, size_t len) {
  const char *p = memchr(line, ' ', len);
  long status = 0;
  if (p != NULL)
    while (++p < line + len && *p >= '0' && *p <= '9' && status < 1000)
      status = status * 10 + (*p - '0');
  w->retry_after[0] = w->date[0] = w->x->request_id[0] = '\0';
  w->redirect[0] = '\0';
  w->x->seen.status = status >= 200 ? status : 0;
  w->head = status >= 100 && status < 200 ? TRK_HEAD_INTERIM
                                          : TRK_HEAD_FINAL;
}

/* Where "Location: https://user@host:port/path" would lead: the host alone,
 * for the rest may be a secret. None, if it is no plain host. */
static void redirect_host(struct trk_wire *w, const char *line, size_t len) {
  const char *end = line + len, *at = line, *host;
  size_t n = 0;
  if (!trk_text_begins(line, len, "Location:"))
    return;
  while (at < end && *at != '/')
    at++;
  if (end - at < 2 || at[1] != '/')
    return; /* within the same host */
  for (host = at += 2; at < end && strchr("/?#\\\r\n", *at) == NULL; at++)
    if (*at == '@')
      host = at + 1;
  while (host + n < at && n < sizeof w->redirect - 1 &&
         (host[n] == '.' || host[n] == '-' ||
          (host[n] >= '0' && host[n] <= '9') ||
          ((host[n] | 32) >= 'a' && (host[n] | 32) <= 'z')))
    n++;
  if (host + n < at && host[n] != ':')
    n = 0;
  memcpy(w->redirect, host, n);
  w->redirect[n] = '\0';
}

/* A field of the reply's head. */
static void header_field(struct trk_wire *w, const char *line, size_t len) {
  if (*line == 'T' || *line == 't')
    header_value(line, len, "Twilio-Request-Id:", w->x->request_id,
                 sizeof w->x->request_id);
  else if (*line == 'R' || *line == 'r')
    header_value(line, len, "Retry-After:", w->retry_after,
                 sizeof w->retry_after);
  else if (*line == 'D' || *line == 'd')
    header_value(line, len, "Date:", w->date, sizeof w->date);
  else if (*line == 'L' || *line == 'l')
    redirect_host(w, line, len);
}

static size_t on_header(char *line, size_t size, size_t n, void *data) {
  struct trk_wire *w = data;
  size_t len = size * n;
  w->header_bytes += len;
  if (w->header_bytes > TRK_HEADERS_MAX) {
    w->too_large = 1;
    return 0;
  }
  if (w->head == TRK_HEAD_NONE) { /* a field may begin with HTTP/ too */
    if (len > 5 && memcmp(line, "HTTP/", 5) == 0)
      status_line(w, line, len);
  } else if (len > 0 && (*line == '\r' || *line == '\n')) {
    w->head = w->head == TRK_HEAD_INTERIM ? TRK_HEAD_NONE : TRK_HEAD_OVER;
  } else if (w->head != TRK_HEAD_OVER && len > 0) {
    header_field(w, line, len);
  }
  return len;
}

/* ---- sockets ------------------------------------------------------ */

/* The local port of a socket, 0 when it has none. */
static int local_port(curl_socket_t fd) {
  struct sockaddr_storage at;
  socklen_t len = sizeof at;
  memset(&at, 0, sizeof at);
  getsockname(fd, (struct sockaddr *)&at, &len);
  return ntohs(at.ss_family == AF_INET6
                   ? ((struct sockaddr_in6 *)&at)->sin6_port
                   : ((struct sockaddr_in *)&at)->sin_port);
}

/* Takes a socket off the list, and gives what stood for it. */
static struct trk_socket *unlist(struct trk_shared *s, curl_socket_t fd) {
  struct trk_socket **at = &s->sockets, *k;
  while (*at != NULL && (*at)->fd != fd)
    at = &(*at)->next;
  k = *at;
  if (k != NULL) {
    *at = k->next;
    s->nsockets--;
  }
  return k;
}

/* Sockets are known by their port later: libcurl does not say which it takes
 * for a request. Where memory is short, it may close one without a word. */
static int on_socket(void *data, curl_socket_t fd, curlsocktype purpose) {
  struct trk_shared *s = data;
  struct trk_socket *k = unlist(s, fd);
  (void)purpose;
  if (k == NULL)
    k = malloc(sizeof *k);
  if (k == NULL)
    return CURL_SOCKOPT_ERROR;
  k->fd = fd;
  k->port = 0;
  k->next = s->sockets;
  s->sockets = k;
  s->nsockets++;
  return CURL_SOCKOPT_OK;
}

/* On a kept connection nothing may wait to be read before the request is out:
 * it would be taken for the reply. Over TLS it may be less than a reply; to
 * take a new connection is right all the same, for nothing has been sent. */
static int is_stale(const struct trk_wire *w, int port) {
  struct trk_socket *k;
  long connects = 0;
  curl_easy_getinfo(w->easy, CURLINFO_NUM_CONNECTS, &connects);
  if (connects > 0)
    return 0;
  for (k = w->shared->sockets; k != NULL; k = k->next) {
    struct pollfd p = {k->fd, POLLIN, 0};
    if (k->port == 0)
      k->port = local_port(k->fd);
    if (k->port == port)
      return poll(&p, 1, 0) > 0;
  }
  return 0;
}

/* A request without a reply is dropped from the kernel's queue with its
 * socket (SO_LINGER 0): else it may still be delivered, and applied, long
 * after the caller was told it had failed. */
static int on_close(void *data, curl_socket_t fd) {
  struct trk_shared *s = data;
  const struct linger now = {1, 0};
  int port = local_port(fd);
  struct trk_wire *w;
  for (w = s->wires; w != NULL; w = w->next)
    if (w->x != NULL && w->begun > 0 && w->port == port &&
        w->x->seen.status == 0)
      setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  free(unlist(s, fd));
  return close(fd);
}

/* ---- the request goes out ------------------------------------------ */

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
  (void)peer_port;
  if (w->shared->loopback_only && !is_loopback(peer_ip)) {
    w->strayed = 1;
    return CURL_PREREQFUNC_ABORT;
  }
  if (w->begun > 0) {
    w->stopped = 1;
    return CURL_PREREQFUNC_ABORT;
  }
  if (is_stale(w, own_port)) {
    w->stale = 1;
    return CURL_PREREQFUNC_ABORT;
  }
  w->begun = 1;
  w->port = own_port;
  return CURL_PREREQFUNC_OK;
}

/* ---- the library itself ------------------------------------------- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const curl_version_info_data *library;

static void ask_library(void) {
  library = curl_version_info(CURLVERSION_NOW);
}

const curl_version_info_data *trk_curl(void) {
  pthread_once(&once, ask_library);
  return library;
}

/* ---- what all wires share ----------------------------------------- */

static void base64(char *out, const unsigned char *in, size_t n) {
  static const char digits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  size_t i;
  for (i = 0; i < n; i += 3) {
    unsigned long v = (unsigned long)in[i] << 16;
    v |= i + 1 < n ? (unsigned long)in[i + 1] << 8 : 0;
    v |= i + 2 < n ? (unsigned long)in[i + 2] : 0;
    *out++ = digits[v >> 18 & 63];
    *out++ = digits[v >> 12 & 63];
    *out++ = i + 1 < n ? digits[v >> 6 & 63] : '=';
    *out++ = i + 2 < n ? digits[v & 63] : '=';
  }
  *out = '\0';
}

/* Built once, not by libcurl for each request: a fifth of its work. */
static char *authorization(const char *user, const char *secret) {
  static const char scheme[] = "Authorization: Basic ";
  size_t plain = strlen(user) + 1 + strlen(secret);
  char *pair = malloc(plain + 1);
  char *line = malloc(sizeof scheme + (plain + 2) / 3 * 4);
  if (pair != NULL && line != NULL) {
    strcpy(pair, user);
    strcat(pair, ":");
    strcat(pair, secret);
    strcpy(line, scheme);
    base64(line + sizeof scheme - 1, (const unsigned char *)pair, plain);
    trk_wipe(pair, plain);
  } else {
    free(line);
    line = NULL;
  }
  free(pair);
  return line;
}

/* One block of memory for the strings that are kept. */
static int copy_options(struct trk_shared *s, const struct trk_options *o) {
  const char **kept[4];
  size_t size = 0, i;
  char *at;
  s->options = *o;
  s->options.user = s->options.secret = NULL;
  kept[0] = &s->options.origin;
  kept[1] = &s->options.user_agent;
  kept[2] = &s->options.ca_file;
  kept[3] = &s->options.proxy;
  for (i = 0; i < 4; i++)
    size += *kept[i] != NULL ? strlen(*kept[i]) + 1 : 0;
  at = s->memory = malloc(size);
  if (at == NULL)
    return -1;
  for (i = 0; i < 4; i++) {
    if (*kept[i] == NULL)
      continue;
    size = strlen(*kept[i]) + 1;
    *kept[i] = memcpy(at, *kept[i], size);
    at += size;
  }
  return 0;
}

int trk_shared_init(struct trk_shared *s, const struct trk_options *o) {
  memset(s, 0, sizeof *s);
  s->loopback_only = strncmp(o->origin, "http:", 5) == 0;
  s->authorization = authorization(o->user, o->secret);
  if (s->authorization != NULL && copy_options(s, o) == 0)
    return 0;
  trk_shared_free(s);
  return -1;
}

/* libcurl prints CURLOPT_USERAGENT twice for each request, character by
 * character, and what is in this list once. */
int trk_shared_ready(struct trk_shared *s) {
  static const char name[] = "User-Agent: ";
  const char *agent = s->options.user_agent;
  struct curl_slist *last;
  char *line;
  if (s->headers != NULL)
    return 0;
  line = malloc(sizeof name + strlen(agent));
  if (line == NULL)
    return -1;
  strcpy(line, name);
  strcat(line, agent);
  s->headers = curl_slist_append(NULL, line);
  free(line);
  last = s->headers;
  if (last != NULL && curl_slist_append(last, s->authorization) != NULL)
    return 0;
  curl_slist_free_all(s->headers);
  s->headers = NULL;
  return -1;
}

void trk_shared_free(struct trk_shared *s) {
  struct curl_slist *h;
  while (s->sockets != NULL)
    free(unlist(s, s->sockets->fd));
  for (h = s->headers; h != NULL; h = h->next)
    trk_wipe(h->data, strlen(h->data));
  curl_slist_free_all(s->headers);
  s->headers = NULL;
  if (s->authorization != NULL)
    trk_wipe(s->authorization, strlen(s->authorization));
  free(s->authorization);
  free(s->memory);
  s->authorization = s->memory = NULL;
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

/* A file of CAs and no folder: only then does libcurl keep the parsed store
 * (7.87 and newer) instead of reading 145 certificates per connection. */
static CURLcode set_trust(const struct trk_wire *w) {
  const char *file = w->shared->options.ca_file;
  CURLcode rc;
  if (file == NULL)
    file = trk_curl()->cainfo;
  if (file == NULL)
    return CURLE_OK; /* built to use the system's own store */
  rc = set_text(w->easy, CURLOPT_CAINFO, file);
  keep(&rc, set_text(w->easy, CURLOPT_CAPATH, NULL));
  return rc;
}

static CURLcode set_callbacks(struct trk_wire *w) {
  CURL *easy = w->easy;
  CURLcode rc = curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  keep(&rc, curl_easy_setopt(easy, CURLOPT_WRITEDATA, (void *)w));
  keep(&rc, curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header));
  keep(&rc, curl_easy_setopt(easy, CURLOPT_HEADERDATA, (void *)w));
  keep(&rc, curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_request));
  keep(&rc, curl_easy_setopt(easy, CURLOPT_PREREQDATA, (void *)w));
  keep(&rc, curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket));
  keep(&rc, curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, (void *)w->shared));
  keep(&rc, curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close));
  keep(&rc, curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA,
                             (void *)w->shared));
  keep(&rc, curl_easy_setopt(easy, CURLOPT_PRIVATE, (void *)w));
  keep(&rc, curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, w->text));
  return rc;
}

/* NULL: the environment's. "": none, and the environment is not even read. */
static CURLcode set_proxy(CURL *easy, const char *proxy) {
  CURLcode rc;
  if (proxy == NULL)
    return CURLE_OK;
  rc = set_text(easy, CURLOPT_PROXY, proxy);
  keep(&rc, set_text(easy, CURLOPT_NOPROXY, *proxy == '\0' ? "*" : ""));
  return rc;
}

static CURLcode set_all(struct trk_wire *w) {
  const struct trk_options *o = &w->shared->options;
  CURLcode rc = CURLE_OK;
  size_t i;
  for (i = 0; i < sizeof fixed / sizeof *fixed; i++)
    keep(&rc, set_long(w->easy, fixed[i].option, fixed[i].value));
  keep(&rc, set_long(w->easy, OPT_PROTOCOLS,
                     w->shared->loopback_only ? PROTOCOL_HTTP
                                              : PROTOCOL_HTTPS));
  keep(&rc, set_trust(w));
  keep(&rc, set_callbacks(w));
  keep(&rc, curl_easy_setopt(w->easy, CURLOPT_HTTPHEADER,
                             w->shared->headers));
  keep(&rc, set_proxy(w->easy, o->proxy));
  keep(&rc, curl_easy_setopt(w->easy, CURLOPT_CURLU, w->url));
  /* Without it a hanging resolver outlives every time-out (law L4); older
   * libraries do not know it. */
  set_long(w->easy, OPT_QUICK_EXIT, 1);
  return rc;
}

struct trk_wire *trk_wire_new(struct trk_shared *s) {
  struct trk_wire *w = calloc(1, sizeof *w);
  if (w == NULL)
    return NULL;
  trk_buf_init(&w->path, TRK_REQUEST_MAX);
  w->shared = s;
  w->next = s->wires;
  s->wires = w;
  w->easy = curl_easy_init();
  w->url = curl_url();
  if (w->easy != NULL && w->url != NULL &&
      curl_url_set(w->url, CURLUPART_URL, s->options.origin, 0) ==
          CURLUE_OK &&
      set_all(w) == CURLE_OK)
    return w;
  trk_wire_free(w);
  return NULL;
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
    rc = curl_url_set(w->url, CURLUPART_QUERY,
                      query != NULL ? query + 1 : NULL, 0);
  if (query != NULL)
    *query = '?';
  if (rc != CURLUE_OK) {
    trk_buf_clear(&w->path);
    return rc == CURLUE_OUT_OF_MEMORY ? CURLE_OUT_OF_MEMORY
                                      : CURLE_URL_MALFORMAT;
  }
  return CURLE_OK;
}

static CURLcode set_body(const struct trk_wire *w,
                         const struct trk_buf *body) {
  CURLcode rc;
  if (w->method != TRK_POST)
    return CURLE_OK;
  rc = set_long(w->easy, CURLOPT_POSTFIELDSIZE, (long)body->len);
  keep(&rc, curl_easy_setopt(w->easy, CURLOPT_POSTFIELDS, trk_buf_str(body)));
  return rc;
}

/* After a stale connection on a new one, then on kept ones again. */
static CURLcode set_fresh(struct trk_wire *w, int fresh) {
  if (w->fresh == fresh)
    return CURLE_OK;
  w->fresh = fresh;
  return set_long(w->easy, CURLOPT_FRESH_CONNECT, fresh);
}

static void forget(struct trk_wire *w, struct trk_exchange *x) {
  int was_unknown = x->seen.was_unknown;
  w->x = x;
  w->begun = w->stopped = w->strayed = w->stale = w->too_large = 0;
  w->lacking = 0;
  w->port = 0;
  w->header_bytes = 0;
  w->head = TRK_HEAD_NONE;
  w->retry_after[0] = w->date[0] = w->redirect[0] = w->text[0] = '\0';
  memset(&x->seen, 0, sizeof x->seen);
  x->seen.was_unknown = was_unknown;
  x->seen.method = x->operation->method;
  x->seen.expect = x->operation->status;
  x->request_id[0] = x->text[0] = '\0';
  x->retry_after_ms = -1;
  trk_buf_clear(&x->reply);
}

CURLcode trk_wire_begin(struct trk_wire *w, struct trk_exchange *x,
                        long timeout_ms) {
  long connect_ms = w->shared->options.connect_timeout_ms;
  CURLcode rc = set_fresh(w, w->stale);
  forget(w, x);
  keep(&rc, set_method(w, x->operation->method));
  keep(&rc, set_path(w, &x->path));
  keep(&rc, set_body(w, &x->body));
  keep(&rc, set_long(w->easy, CURLOPT_TIMEOUT_MS, timeout_ms));
  keep(&rc, set_long(w->easy, CURLOPT_CONNECTTIMEOUT_MS,
                     connect_ms < timeout_ms ? connect_ms : timeout_ms));
  return rc;
}

/* ---- what it proved ----------------------------------------------- */

static const struct {
  CURLcode rc;
  enum trk_cause cause;
  int transient;
} causes[] = {
    {CURLE_OK, TRK_NO_CAUSE, 0},
    {CURLE_UNSUPPORTED_PROTOCOL, TRK_CONFIG, 0},
    {CURLE_URL_MALFORMAT, TRK_CONFIG, 0},
    {CURLE_NOT_BUILT_IN, TRK_CONFIG, 0},
    {CURLE_UNKNOWN_OPTION, TRK_CONFIG, 0},
    {CURLE_COULDNT_RESOLVE_PROXY, TRK_DNS, 1},
    {CURLE_COULDNT_RESOLVE_HOST, TRK_DNS, 1},
    {CURLE_COULDNT_CONNECT, TRK_CONNECT, 1},
    {CURLE_OPERATION_TIMEDOUT, TRK_TIMEOUT, 1},
    {CURLE_OUT_OF_MEMORY, TRK_MEMORY, 0},
    {CURLE_SSL_CONNECT_ERROR, TRK_TLS, 0},
    {CURLE_SSL_ENGINE_NOTFOUND, TRK_TLS, 0},
    {CURLE_SSL_ENGINE_SETFAILED, TRK_TLS, 0},
    {CURLE_SSL_CERTPROBLEM, TRK_TLS, 0},
    {CURLE_SSL_CIPHER, TRK_TLS, 0},
    {CURLE_PEER_FAILED_VERIFICATION, TRK_TLS, 0},
    {CURLE_USE_SSL_FAILED, TRK_TLS, 0},
    {CURLE_SSL_ENGINE_INITFAILED, TRK_TLS, 0},
    {CURLE_SSL_CACERT_BADFILE, TRK_TLS, 0},
    {CURLE_SSL_SHUTDOWN_FAILED, TRK_TLS, 0},
    {CURLE_SSL_CRL_BADFILE, TRK_TLS, 0},
    {CURLE_SSL_ISSUER_ERROR, TRK_TLS, 0},
    {CURLE_SSL_PINNEDPUBKEYNOTMATCH, TRK_TLS, 0},
    {CURLE_SSL_INVALIDCERTSTATUS, TRK_TLS, 0},
    {CURLE_SSL_CLIENTCERT, TRK_TLS, 0},
    {CURLE_WEIRD_SERVER_REPLY, TRK_GARBAGE, 1},
};

/* libcurl's words on a proxy's URL that it cannot read: they have all of it,
 * its password too. */
static int proxy_is_bad(const struct trk_wire *w) {
  static const char words[] = "Unsupported proxy";
  return w->begun == 0 && strncmp(w->text, words, sizeof words - 1) == 0;
}

/* libcurl holds one header line to a bound of its own, before we see it, and
 * calls that a want of memory before 8.6. */
static int is_header_too_large(const struct trk_wire *w, CURLcode rc) {
  return w->begun > 0 &&
         (rc == TOO_LARGE ||
          (rc == CURLE_OUT_OF_MEMORY && w->x->seen.status > 0));
}

static void cause_of(const struct trk_wire *w, CURLcode rc,
                     struct trk_evidence *seen) {
  size_t i;
  seen->cause = TRK_NETWORK; /* what is not in the table */
  seen->transient = 1;
  for (i = 0; i < sizeof causes / sizeof *causes; i++)
    if (causes[i].rc == rc) {
      seen->cause = causes[i].cause;
      seen->transient = causes[i].transient;
    }
  if (rc == CURLE_UNSUPPORTED_PROTOCOL && w->begun > 0)
    seen->cause = TRK_GARBAGE; /* of the reply, not of the URL */
  if (is_header_too_large(w, rc))
    seen->cause = TRK_TOO_LARGE;
  if (rc == CURLE_WRITE_ERROR)
    seen->cause = w->too_large ? TRK_TOO_LARGE : TRK_MEMORY;
  if (w->strayed || proxy_is_bad(w))
    seen->cause = TRK_CONFIG, seen->transient = 0;
}

int trk_descriptors_lack(int wanted) {
  int fd = socket(AF_INET, SOCK_STREAM, 0), lack;
  if (fd < 0)
    return errno == EMFILE || errno == ENFILE;
  lack = wanted > 1 && trk_descriptors_lack(wanted - 1);
  close(fd);
  return lack;
}

/* libcurl does not say so: it only could not connect, not find the host, not
 * read the CAs, or has no memory, each release in its own way. All but the
 * first want one besides the socket, which is closed by now. */
static int none_left(CURLcode rc) {
  if (rc == CURLE_COULDNT_CONNECT)
    return trk_descriptors_lack(1);
  return (rc == CURLE_COULDNT_RESOLVE_HOST || rc == CURLE_OUT_OF_MEMORY ||
          rc == CURLE_COULDNT_RESOLVE_PROXY || rc == CURLE_FAILED_INIT ||
          rc == CURLE_SSL_CACERT_BADFILE) &&
         trk_descriptors_lack(2);
}

/* A handshake cut short may pass; an alert or a version will not. */
static int is_cut_short(const struct trk_wire *w) {
  long sys = 0;
  curl_easy_getinfo(w->easy, CURLINFO_OS_ERRNO, &sys);
  return sys == ECONNRESET || sys == EPIPE || trk_tls_broke_off(w->text);
}

/* Whether a connection that broke stood up to where its handshake begins: a
 * proxy has let it through, or there is none. Newer libcurls on GnuTLS tell of
 * a handshake that is reset as of any read. */
static int is_handshake(const struct trk_wire *w, CURLcode rc, long proxied) {
  long by_proxy = 1;
  if (rc != CURLE_RECV_ERROR && rc != CURLE_SEND_ERROR)
    return 0;
  curl_easy_getinfo(w->easy, INFO_USED_PROXY, &by_proxy);
  return !by_proxy || proxied / 100 == 2;
}

/* The way there. The code for what a proxy answers to CONNECT is another in
 * each release, so only the status that it gave decides: what it refuses, it
 * would refuse again. */
static void cause_of_connecting(struct trk_wire *w, CURLcode rc,
                                struct trk_evidence *seen) {
  long proxied = 0;
  w->lacking = seen->cause != TRK_CONFIG && none_left(rc);
  curl_easy_getinfo(w->easy, CURLINFO_HTTP_CONNECTCODE, &proxied);
  if (rc == CURLE_SSL_CONNECT_ERROR)
    seen->transient = is_cut_short(w);
  if (is_handshake(w, rc, proxied))
    seen->cause = TRK_TLS;
  else if (seen->cause == TRK_NETWORK || seen->cause == TRK_GARBAGE ||
           w->lacking)
    seen->cause = TRK_CONNECT, seen->transient = 1;
  if (seen->cause == TRK_CONNECT && proxied > 0 && proxied < 500 &&
      proxied / 100 != 2)
    seen->transient = 0;
}

static const char *text_of(const struct trk_wire *w, CURLcode rc) {
  if (w->strayed)
    return "http:// is for this machine only, and the host is elsewhere";
  if (proxy_is_bad(w))
    return "the proxy's URL is not understood; percent-encode what is special "
           "in its user and password";
  if (w->stopped)
    return "the connection closed before a reply came";
  if (w->too_large)
    return w->header_bytes > TRK_HEADERS_MAX
               ? headers_too_large
               : "the reply is over the limit of its size";
  if (is_header_too_large(w, rc))
    return headers_too_large;
  if (w->lacking)
    return trk_no_descriptor;
  if (rc == CURLE_OUT_OF_MEMORY)
    return no_memory;
  return w->text[0] != '\0' ? w->text : curl_easy_strerror(rc);
}

/* In words what was wrong, if anything was. */
static void set_reason(struct trk_exchange *x, const struct trk_wire *w,
                       CURLcode rc) {
  if (x->seen.status / 100 == 3 && w->redirect[0] != '\0')
    snprintf(x->text, sizeof x->text,
             "it redirects to %s, which is not followed", w->redirect);
  else if (rc != CURLE_OK &&
           !trk_tls_reason(w->easy, rc, x->text, sizeof x->text))
    snprintf(x->text, sizeof x->text, "%s", text_of(w, rc));
}

void trk_wire_end(struct trk_wire *w, CURLcode rc) {
  struct trk_exchange *x = w->x;
  x->seen.begun = w->begun;
  cause_of(w, rc, &x->seen);
  if (rc != CURLE_OK && w->begun == 0)
    cause_of_connecting(w, rc, &x->seen);
  x->retry_after_ms = trk_retry_after(w->retry_after, w->date);
  set_reason(x, w, rc);
  w->x = NULL;
}
