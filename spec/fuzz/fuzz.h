/* SPDX-License-Identifier: MIT
 * fuzz: what the targets share: a reader of fuzzed bytes, a Lua state with the
 * module's own kit, and the promises that every result and every error keeps.
 * A promise that is broken aborts, and libFuzzer keeps the input.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "engine.h"

#include <lua.h>

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Aborts with the promise's text unless it holds. */
#define PROMISE(holds) \
  ((holds) ? (void)0 : fuzz_broken(#holds, __FILE__, __LINE__))
void fuzz_broken(const char *promise, const char *file, int line);

struct bytes {
  const uint8_t *at;
  size_t left;
};

/* The next byte; 0 when there is none. */
unsigned fuzz_byte(struct bytes *b);

/* The next n bytes at most, up to the end of the line; its length in *len. */
const char *fuzz_text(struct bytes *b, size_t n, size_t *len);

/* One of the operations of the API's table, by a byte. */
const struct trk_operation *fuzz_operation(unsigned byte);

/* Makes the call one of op, with a path of its own. */
void fuzz_set_operation(struct trk_exchange *x,
                        const struct trk_operation *op);

/* The state: made at the first call, made anew now and then. The kit is at
 * index 1, and is all there is on its stack. */
lua_State *fuzz_state(void);

/* Pushes nothing that lasts, and aborts when memory has grown for good. */
void fuzz_collect(lua_State *L);

/* Aborts when a light userdata (null) stands anywhere in the value at index,
 * or its tables are nested deeper than the decoder allows. */
void fuzz_no_null(lua_State *L, int index);

/* Aborts unless the value at index is an error as DESIGN has it; gives its
 * outcome. */
const char *fuzz_error(lua_State *L, int index);

/* The result of a finished call, through reply: checked against an oracle of
 * its own for what the call saw. DONE is returned as "done". */
const char *fuzz_result(lua_State *L, struct trk_exchange *x,
                        const char *account);

#endif
