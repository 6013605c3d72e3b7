/* SPDX-License-Identifier: MIT
 * fuzz target http: whole replies through libcurl. A thread on the loopback
 * reads one request and answers with the fuzzed bytes; a real engine makes
 * the call, and the reply room reads what came. Input: operation, how the
 * connection ends, in how many pieces; then the bytes.
 */
#include "server.h"

#include <string.h>

#define TIMEOUT_MS 20000L /* a machine may stall */

static const char account[] = "AC0123456789abcdef0123456789abcdef";

/* ---- the call ------------------------------------------------------ */

static void make_call(struct trk_exchange *x) {
  struct trk_options o;
  struct trk_engine *e;
  int steps = 0;
  memset(&o, 0, sizeof o);
  o.origin = server_origin();
  o.user = account;
  o.secret = "secret";
  o.user_agent = "fuzz";
  o.proxy = "";
  o.timeout_ms = o.connect_timeout_ms = TIMEOUT_MS;
  o.max_attempts = 1;
  o.max_in_flight = 1;
  e = trk_engine_open(&o);
  PROMISE(e != NULL);
  trk_engine_start(e, x);
  while (!x->done) {
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

static void check(const struct trk_exchange *x, const char *outcome,
                  const struct answer *a) {
  const char *bytes = (const char *)a->bytes.at;
  size_t size = a->bytes.left;
  const struct trk_operation *op = x->operation;
  long status = plain_status(bytes, size);
  int requests = server_requests();
  PROMISE(requests <= 1);
  PROMISE(x->attempts == 1);
  PROMISE(requests == 0 || x->seen.begun == 1);
  PROMISE(x->seen.begun == 1 || strcmp(outcome, "not_sent") == 0);
  PROMISE(x->reply.len <= size);
  if (a->reset || requests == 0)
    return; /* the reply may have been lost */
  if (status >= 400 && status < 500 && status != 408)
    PROMISE(strcmp(outcome, "refused") == 0);
  if (status != 0 && !trk_is_success(status) && strcmp(outcome, "refused") != 0)
    PROMISE(op->method == TRK_GET || strcmp(outcome, "unknown") == 0);
  if (strcmp(outcome, "done") == 0 && op->method == TRK_POST &&
      op->shape == TRK_RECORD)
    PROMISE(holds_sid(bytes, size, op->proof) ||
            holds_escape(bytes, size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct bytes b = {data, size};
  struct answer a = {{NULL, 0}, 0, 1};
  lua_State *L = fuzz_state();
  struct trk_exchange *x = trk_exchange_new();
  unsigned how;
  PROMISE(x != NULL);
  server_start();
  fuzz_set_operation(x, fuzz_operation(fuzz_byte(&b)));
  how = fuzz_byte(&b);
  PROMISE(trk_buf_add(&x->body, "Secure=true", 11) == TRK_BUF_OK);
  a.bytes = b;
  a.reset = how % 8 == 7;
  a.pieces = (int)(how / 8 % 4 + 1);
  server_answer(&a);
  make_call(x);
  server_wait();
  check(x, fuzz_result(L, x, account), &a);
  trk_exchange_free(x);
  fuzz_collect(L);
  return 0;
}
