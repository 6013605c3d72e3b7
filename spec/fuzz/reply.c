/* SPDX-License-Identifier: MIT
 * fuzz target reply: what an attempt saw and a body, into reply's decoder,
 * through a real Lua and cjson. Input: operation, status, how it went; then
 * the body.
 */
#include "fuzz.h"

static const char account[] = "AC0123456789abcdef0123456789abcdef";

static long status_of(struct bytes *b) {
  static const long common[] = {201, 200, 204, 400, 401, 403, 404, 405,
                                408, 409, 415, 422, 429, 500, 502, 503,
                                504, 100, 202, 301, 302, 304, 399, 600};
  unsigned n = fuzz_byte(b);
  if (n < sizeof common / sizeof *common)
    return common[n];
  return (long)(n * 4 % 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct bytes b = {data, size};
  lua_State *L = fuzz_state();
  struct trk_exchange *x = trk_exchange_new();
  unsigned how;
  PROMISE(x != NULL);
  fuzz_set_operation(x, fuzz_operation(fuzz_byte(&b)));
  x->seen.method = x->operation->method;
  x->seen.status = status_of(&b);
  how = fuzz_byte(&b);
  x->seen.begun = how % 4 == 3 ? 1 : (int)(how % 4);
  x->seen.was_unknown = how / 4 % 8 == 7;
  x->seen.cause = (enum trk_cause)(how / 32 % (TRK_CANCELLED + 1));
  x->attempts = 1;
  if (x->seen.begun == 0)
    x->seen.status = 0;
  PROMISE(trk_buf_add(&x->reply, b.at, b.left) == TRK_BUF_OK);
  (void)fuzz_result(L, x, how % 2 ? account : "");
  trk_exchange_free(x);
  fuzz_collect(L);
  return 0;
}
