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
  struct trk_call *call = trk_call_new();
  unsigned how;
  PROMISE(call != NULL);
  fuzz_set_operation(call, fuzz_operation(fuzz_byte(&b)));
  call->seen.method = call->operation->method;
  call->seen.expect = call->operation->status;
  call->seen.status = status_of(&b);
  how = fuzz_byte(&b);
  call->seen.begun = how % 4 == 3 ? 1 : (int)(how % 4);
  call->seen.was_unknown = how / 4 % 8 == 7;
  call->seen.cause = (enum trk_cause)(how / 32 % (TRK_CANCELLED + 1));
  call->attempts = 1;
  if (call->seen.begun == 0)
    call->seen.status = 0;
  PROMISE(trk_buf_add(&call->reply, b.at, b.left) == TRK_BUF_OK);
  (void)fuzz_result(L, call, how % 2 ? account : "");
  trk_call_free(call);
  fuzz_collect(L);
  return 0;
}
