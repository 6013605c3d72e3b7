/* SPDX-License-Identifier: MIT
 * fuzz target json: a reply's JSON text through our own decoding, which cuts
 * nulls out of the text and spares itself a walk over the table where it can,
 * and through cjson alone with a walk over everything: json.lua compares.
 * Input: how; then the text, or the members of an object, or what a document
 * is made from.
 */
#include "fuzz.h"

#include "json.h"
#include "reply.h"

#include <lauxlib.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH 5
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- a document ------------------------------------------------------- */

static void add(struct trk_buf *out, const char *s) {
  PROMISE(trk_buf_add(out, s, strlen(s)) == TRK_BUF_OK);
}

/* White space where it may stand, seldom. */
static void add_space(struct trk_buf *out, struct bytes *b) {
  static const char *const spaces[] = {" ", "\n", "\t \r\n"};
  unsigned n = b->left > 0 && *b->at >= 240 ? fuzz_byte(b) : 0;
  if (n > 0)
    add(out, spaces[n % COUNT(spaces)]);
}

/* What a name or a text holds to mislead who looks for nulls and numbers. */
static void add_inside(struct trk_buf *out, struct bytes *b) {
  static const char *const pieces[] = {
      "null", ":null", "\\\":null,\\\"", "\\\\", "a",   "{", "}", ",", "\\\"",
      "[",    "b_1",   " ",              "5",    ":-1", "]", "\\u006e", ":"};
  unsigned n = fuzz_byte(b) % 5;
  for (; n > 0; n--)
    add(out, pieces[fuzz_byte(b) % COUNT(pieces)]);
}

static void add_number(struct trk_buf *out, struct bytes *b) {
  static const char *const numbers[] = {
      "0",    "1",     "-7",   "10.0",  "1.5",   "1e2",
      "-0",   "-0.0",  "5e-1", "1E400", "65535", "9007199254740991",
      "1e15", "1e-9",  "9007199254740993", "12345678901234567890"};
  add(out, numbers[fuzz_byte(b) % COUNT(numbers)]);
}

/* Mostly a name of its own; the number makes it one. */
static void add_name(struct trk_buf *out, struct bytes *b, int *names) {
  static const char *const common[] = {"meta", "mode", "null", "n"};
  unsigned n = fuzz_byte(b) % 32;
  char own[16];
  add(out, "\"");
  if (n < COUNT(common)) {
    add(out, common[n]);
  } else {
    snprintf(own, sizeof own, "k%d_", ++*names);
    add(out, own);
    if (n % 2)
      add_inside(out, b);
  }
  add(out, "\"");
}

static void add_value(struct trk_buf *out, struct bytes *b, int depth,
                      int *names);

static void add_members(struct trk_buf *out, struct bytes *b, int depth,
                        int *names, int named) {
  unsigned n = fuzz_byte(b) % 6;
  for (; n > 0 && b->left > 0; n--) {
    if (named) {
      add_name(out, b, names);
      add_space(out, b);
      add(out, ":");
    }
    add_space(out, b);
    add_value(out, b, depth + 1, names);
    add_space(out, b);
    if (n > 1 && b->left > 0)
      add(out, ",");
  }
}

static void add_value(struct trk_buf *out, struct bytes *b, int depth,
                      int *names) {
  unsigned n = fuzz_byte(b) % (depth < DEPTH ? 12 : 8);
  if (n < 3) {
    add(out, "null");
  } else if (n < 5) {
    add_number(out, b);
  } else if (n < 7) {
    add(out, "\"");
    add_inside(out, b);
    add(out, "\"");
  } else if (n == 7) {
    add(out, "true");
  } else {
    add(out, n < 10 ? "[" : "{");
    add_members(out, b, depth, names, n >= 10);
    add(out, n < 10 ? "]" : "}");
  }
}

/* Breaks a text: a comma, colon or bracket is gone or there twice, or has a
 * comma before it or behind it. */
static void damage(struct trk_buf *text, unsigned where, unsigned how) {
  char *at;
  PROMISE(trk_buf_reserve(text, 1) == TRK_BUF_OK);
  at = text->data + where % text->len;
  at += strcspn(at, ",:{}[]");
  if (*at == '\0')
    return;
  if (how % 4 == 2) {
    memmove(at, at + 1, strlen(at));
    text->len--;
    return;
  }
  memmove(at + 1, at, strlen(at) + 1);
  text->len++;
  if (how % 4 == 1)
    at[0] = ',';
  else if (how % 4 == 3)
    at[1] = ',';
}

static void add_document(struct trk_buf *out, struct bytes *b) {
  unsigned how = fuzz_byte(b);
  unsigned place = how >= 208 ? fuzz_byte(b) * 16 : 0;
  unsigned harm = how >= 208 ? fuzz_byte(b) : 0;
  int names = 0;
  if (how < 32) {
    PROMISE(trk_buf_add(out, (const char *)b->at, b->left) == TRK_BUF_OK);
    return;
  }
  add(out, how % 2 ? "{\"mode\":\"m\"," : "{\"n\":null,\"mode\":\"m\",");
  if (how < 96) {
    PROMISE(trk_buf_add(out, (const char *)b->at, b->left) == TRK_BUF_OK);
  } else if (how < 160) {
    add(out, "\"meta\":");
    add_value(out, b, 0, &names);
    add(out, ",\"list\":");
    add_value(out, b, 0, &names);
  } else {
    add_name(out, b, &names);
    add(out, ":");
    add_value(out, b, 0, &names);
    while (b->left > 0) {
      add(out, ",");
      add_name(out, b, &names);
      add(out, ":");
      add_value(out, b, 0, &names);
    }
  }
  add(out, "}");
  if (how >= 208)
    damage(out, place + harm / 16, harm);
}

/* ---- for json.lua ----------------------------------------------------- */

/* reply(text): what a reply of that text to recording.fetch comes to: a table
 * with a mode, or nil and an error. */
static int reply(lua_State *L) {
  size_t len;
  const char *text = luaL_checklstring(L, 1, &len);
  struct trk_exchange *x = trk_exchange_new();
  int n;
  PROMISE(x != NULL);
  fuzz_set_operation(x, trk_operation_named("recording.fetch"));
  x->seen.method = x->operation->method;
  x->seen.status = x->operation->status;
  x->seen.begun = 1;
  x->attempts = 1;
  PROMISE(trk_buf_add(&x->reply, text, len) == TRK_BUF_OK);
  lua_pushvalue(L, lua_upvalueindex(1));
  n = trk_reply_push(L, x, "", NULL, lua_gettop(L), 0);
  PROMISE(n == 2);
  trk_exchange_free(x);
  if (lua_isnil(L, -2))
    (void)fuzz_error(L, lua_gettop(L));
  return 2;
}

static void push_checker(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, "json");
  if (!lua_isnil(L, -1))
    return;
  lua_pop(L, 1);
  PROMISE(luaL_loadfile(L, "spec/fuzz/json.lua") == LUA_OK);
  lua_pushvalue(L, 1);
  lua_pushcclosure(L, reply, 1);
  lua_call(L, 1, 1);
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, "json");
}

/* ---- the target ------------------------------------------------------- */

/* The cut itself: no longer than the text, ended by a NUL. */
static void check_trim(const struct trk_buf *text) {
  struct trk_buf copy;
  size_t left, len;
  trk_buf_init(&copy, TRK_REPLY_MAX);
  PROMISE(trk_buf_add(&copy, trk_buf_str(text), text->len) == TRK_BUF_OK);
  if (copy.len > 0 && strlen(copy.data) == copy.len) {
    len = trk_json_trim(copy.data, copy.len, &left);
    PROMISE(len <= copy.len && strlen(copy.data) == len);
    PROMISE(left > 0 || strstr(copy.data, "null") == NULL);
  }
  trk_buf_free(&copy);
}

/* Protected: kit, text. */
static int check(lua_State *L) {
  push_checker(L);
  lua_pushvalue(L, 2);
  lua_call(L, 1, 0);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct bytes b = {data, size};
  lua_State *L = fuzz_state();
  struct trk_buf text;
  trk_buf_init(&text, TRK_REPLY_MAX);
  add_document(&text, &b);
  check_trim(&text);
  lua_pushcfunction(L, check);
  lua_pushvalue(L, 1);
  lua_pushlstring(L, trk_buf_str(&text), text.len);
  if (lua_pcall(L, 2, 0, 0) != 0) {
    fprintf(stderr, "broken promise: %s\n%s\n",
            luaL_tolstring(L, -1, NULL), trk_buf_str(&text));
    abort();
  }
  trk_buf_free(&text);
  fuzz_collect(L);
  return 0;
}
