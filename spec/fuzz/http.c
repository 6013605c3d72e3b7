/* SPDX-License-Identifier: MIT
 * fuzz target http: whole replies through libcurl. A thread on the loopback
 * reads one request and answers with the fuzzed bytes; a real engine makes
 * the call, and the reply room reads what came. Input: operation, how the
 * connection ends, in how many pieces; then the bytes.
 */
#include "fuzz.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define TIMEOUT_MS 2000L

static const char account[] = "AC0123456789abcdef0123456789abcdef";

/* ---- the server ---------------------------------------------------- */

static struct {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  int listener;
  char origin[64];
  struct bytes reply;
  int reset, pieces;
  int requests; /* read to their end */
  int serving;
} the = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, -1, "",
         {NULL, 0}, 0, 1, 0, 0};

/* Reads up to the end of a request; 0 when it never came. */
static int read_request(int fd) {
  char text[8192];
  size_t have = 0;
  long body = 0;
  char *end, *length;
  ssize_t n;
  while (have < sizeof text - 1) {
    n = recv(fd, text + have, sizeof text - 1 - have, 0);
    if (n <= 0)
      return 0;
    have += (size_t)n;
    text[have] = '\0';
    end = strstr(text, "\r\n\r\n");
    if (end == NULL)
      continue;
    length = strcasestr(text, "\r\nContent-Length:");
    body = length != NULL && length < end ? atol(length + 17) : 0;
    if (have >= (size_t)(end + 4 - text) + (size_t)body)
      return 1;
  }
  return 0;
}

static void answer(int fd) {
  struct linger now = {1, 0};
  size_t piece = the.reply.left / (size_t)the.pieces + 1, n;
  char sink[512];
  while (the.reply.left > 0) {
    n = the.reply.left < piece ? the.reply.left : piece;
    if (send(fd, the.reply.at, n, MSG_NOSIGNAL) < 0)
      break;
    the.reply.at += n;
    the.reply.left -= n;
  }
  if (the.reset) {
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    return;
  }
  shutdown(fd, SHUT_WR);
  while (recv(fd, sink, sizeof sink, 0) > 0)
    continue;
}

static void *serve(void *unused) {
  const struct timeval patience = {1, 0};
  int one = 1, fd, whole;
  (void)unused;
  for (;;) {
    fd = accept(the.listener, NULL, NULL);
    if (fd < 0)
      continue;
    pthread_mutex_lock(&the.lock);
    the.serving = 1;
    pthread_mutex_unlock(&the.lock);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    whole = read_request(fd);
    __atomic_add_fetch(&the.requests, whole, __ATOMIC_SEQ_CST);
    if (whole)
      answer(fd);
    close(fd);
    pthread_mutex_lock(&the.lock);
    the.serving = 0;
    pthread_cond_signal(&the.changed);
    pthread_mutex_unlock(&the.lock);
  }
  return NULL;
}

static void start_server(void) {
  struct sockaddr_in at;
  socklen_t len = sizeof at;
  pthread_t thread;
  if (the.listener >= 0)
    return;
  memset(&at, 0, sizeof at);
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  the.listener = socket(AF_INET, SOCK_STREAM, 0);
  PROMISE(bind(the.listener, (struct sockaddr *)&at, sizeof at) == 0);
  PROMISE(listen(the.listener, 16) == 0);
  PROMISE(getsockname(the.listener, (struct sockaddr *)&at, &len) == 0);
  snprintf(the.origin, sizeof the.origin, "http://127.0.0.1:%d",
           ntohs(at.sin_port));
  PROMISE(pthread_create(&thread, NULL, serve, NULL) == 0);
}

static void wait_for_server(void) {
  pthread_mutex_lock(&the.lock);
  while (the.serving)
    pthread_cond_wait(&the.changed, &the.lock);
  pthread_mutex_unlock(&the.lock);
}

/* ---- the call ------------------------------------------------------ */

static void make_call(struct trk_call *call) {
  struct trk_options o;
  struct trk_engine *e;
  int steps = 0;
  memset(&o, 0, sizeof o);
  o.origin = the.origin;
  o.user = account;
  o.secret = "secret";
  o.user_agent = "fuzz";
  o.proxy = "";
  o.timeout_ms = o.connect_timeout_ms = TIMEOUT_MS;
  o.max_attempts = 1;
  o.max_in_flight = 1;
  e = trk_engine_open(&o);
  PROMISE(e != NULL);
  trk_engine_start(e, call);
  while (!call->done) {
    trk_engine_step(e, 100);
    PROMISE(++steps < 100000);
  }
  trk_engine_close(e);
}

/* The status of the first line, when that is as simple as can be; 0. */
static long plain_status(const char *bytes, size_t size) {
  if (size < 15 || memcmp(bytes, "HTTP/1.1 ", 9) != 0 || bytes[9] < '2' ||
      bytes[9] > '5' || bytes[10] < '0' || bytes[10] > '9' ||
      bytes[11] < '0' || bytes[11] > '9' ||
      memcmp(bytes + 12, " \r\n", 3) != 0)
    return 0;
  return (bytes[9] - '0') * 100 + (bytes[10] - '0') * 10 + bytes[11] - '0';
}

/* Whether a SID stands anywhere in the bytes. */
static int holds_sid(const char *bytes, size_t size, const char *prefix) {
  size_t i, n;
  for (i = 0; i + 34 <= size; i++) {
    if (memcmp(bytes + i, prefix, 2) != 0)
      continue;
    for (n = 2; n < 34; n++)
      if (strchr("0123456789abcdefABCDEF", bytes[i + n]) == NULL ||
          bytes[i + n] == '\0')
        break;
    if (n == 34)
      return 1;
  }
  return 0;
}

/* JSON may spell a SID with \u0054; then it only looks as if none came. */
static int holds_escape(const char *bytes, size_t size) {
  return memchr(bytes, '\\', size) != NULL;
}

static void check(const struct trk_call *call, const char *outcome,
                  const char *bytes, size_t size) {
  const struct trk_operation *op = call->operation;
  long status = plain_status(bytes, size);
  int requests = __atomic_load_n(&the.requests, __ATOMIC_SEQ_CST);
  PROMISE(requests <= 1);
  PROMISE(call->attempts == 1);
  PROMISE(requests == 0 || call->seen.begun == 1);
  PROMISE(call->seen.begun == 1 || strcmp(outcome, "not_sent") == 0);
  PROMISE(call->reply.len <= size);
  if (the.reset || requests == 0)
    return; /* the reply may have been lost */
  if (status >= 400 && status < 500 && status != 408)
    PROMISE(strcmp(outcome, "refused") == 0);
  if (status != 0 && status != op->status && strcmp(outcome, "refused") != 0)
    PROMISE(op->method == TRK_GET || strcmp(outcome, "unknown") == 0);
  if (strcmp(outcome, "done") == 0 && op->method == TRK_POST &&
      op->shape == TRK_RECORD)
    PROMISE(holds_sid(bytes, size, op->proof) ||
            holds_escape(bytes, size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct bytes b = {data, size};
  lua_State *L = fuzz_state();
  struct trk_call *call = trk_call_new();
  const char *outcome;
  unsigned how;
  PROMISE(call != NULL);
  start_server();
  fuzz_set_operation(call, fuzz_operation(fuzz_byte(&b)));
  how = fuzz_byte(&b);
  PROMISE(trk_buf_add(&call->body, "Secure=true", 11) == TRK_BUF_OK);
  the.reply = b;
  the.reset = how % 8 == 7;
  the.pieces = how / 8 % 4 + 1;
  __atomic_store_n(&the.requests, 0, __ATOMIC_SEQ_CST);
  make_call(call);
  wait_for_server();
  outcome = fuzz_result(L, call, account);
  check(call, outcome, (const char *)b.at, b.left);
  trk_call_free(call);
  fuzz_collect(L);
  return 0;
}
