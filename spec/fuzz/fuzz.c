/* SPDX-License-Identifier: MIT
 * fuzz: see fuzz.h.
 */
#include "fuzz.h"

#include "reply.h"

#include <lauxlib.h>
#include <lualib.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNS_PER_STATE 50000L
#define RUNS_PER_COLLECTION 2048L
#define GROWTH_KB 256
#define DEEPEST 20

int luaopen_trunking_core(lua_State *L);

void fuzz_broken(const char *promise, const char *file, int line) {
  fprintf(stderr, "%s:%d: broken promise: %s\n", file, line, promise);
  abort();
}

/* ---- bytes -------------------------------------------------------- */

unsigned fuzz_byte(struct bytes *b) {
  if (b->left == 0)
    return 0;
  b->left--;
  return *b->at++;
}

const char *fuzz_text(struct bytes *b, size_t n, size_t *len) {
  const char *text = (const char *)b->at;
  const uint8_t *end;
  if (n > b->left)
    n = b->left;
  end = n > 0 ? memchr(b->at, '\n', n) : NULL;
  *len = end != NULL ? (size_t)(end - b->at) : n;
  n = end != NULL ? *len + 1 : *len;
  b->at += n;
  b->left -= n;
  return text;
}

const struct trk_operation *fuzz_operation(unsigned byte) {
  unsigned count = 0;
  while (trk_operations[count].name != NULL)
    count++;
  return &trk_operations[byte % count];
}

/* Its SIDs are all of one digit. */
void fuzz_set_operation(struct trk_exchange *x,
                        const struct trk_operation *op) {
  const char *at = op->path;
  trk_exchange_clear(x, op);
  for (; *at != '\0'; at++) {
    char sid[35] = "";
    if (*at != '{') {
      PROMISE(trk_buf_add(&x->path, at, 1) == TRK_BUF_OK);
      continue;
    }
    memset(sid, 'a', 34);
    memcpy(sid, at + 1, 2);
    PROMISE(trk_buf_add(&x->path, sid, 34) == TRK_BUF_OK);
    memcpy(at[4] == '\0' ? x->asked.sid : x->asked.trunk_sid, sid, 35);
    at += 3;
  }
}

/* ---- the state ---------------------------------------------------- */

/* The module fills its kit at a client's first call; the kit is the first
 * upvalue of its functions. */
static const char first_call[] =
    "local core = ...\n"
    "package.loaded['trunking.core'] = core\n"
    "local function nothing() return nil, 'no options' end\n"
    "core.default(nothing, nothing).create {}\n";

static lua_State *open_state(void) {
  lua_State *L = luaL_newstate();
  PROMISE(L != NULL);
  luaL_openlibs(L);
  lua_pushcfunction(L, luaopen_trunking_core);
  if (lua_pcall(L, 0, 1, 0) != 0 || luaL_loadstring(L, first_call) != 0) {
    fprintf(stderr, "fuzz: %s\n", lua_tostring(L, -1));
    abort();
  }
  lua_pushvalue(L, 1);
  if (lua_pcall(L, 1, 0, 0) != 0) {
    fprintf(stderr, "fuzz: %s\n", lua_tostring(L, -1));
    abort();
  }
  lua_getfield(L, 1, "new");
  PROMISE(lua_getupvalue(L, -1, 1) != NULL);
  lua_replace(L, 1);
  lua_settop(L, 1);
  return L;
}

lua_State *fuzz_state(void) {
  static lua_State *L;
  static long runs;
  if (L != NULL && runs++ > RUNS_PER_STATE) {
    lua_close(L);
    L = NULL;
    runs = 0;
  }
  if (L == NULL)
    L = open_state();
  return L;
}

void fuzz_collect(lua_State *L) {
  static lua_State *known;
  static long runs;
  static int before;
  int now;
  PROMISE(lua_gettop(L) == 1);
  if (L != known) {
    lua_gc(L, LUA_GCCOLLECT, 0);
    before = lua_gc(L, LUA_GCCOUNT, 0);
    known = L;
    runs = 0;
  }
  if (++runs % RUNS_PER_COLLECTION != 0)
    return;
  lua_gc(L, LUA_GCCOLLECT, 0);
  now = lua_gc(L, LUA_GCCOUNT, 0);
  PROMISE(now < before + GROWTH_KB);
}

/* ---- promises ----------------------------------------------------- */

/* None but in an array, where its absence would be a hole. */
static void no_null(lua_State *L, int index, int depth) {
  int type = lua_type(L, index);
  PROMISE(type != LUA_TLIGHTUSERDATA);
  PROMISE(depth < DEEPEST);
  if (type != LUA_TTABLE)
    return;
  luaL_checkstack(L, 4, "fuzz");
  lua_pushnil(L);
  while (lua_next(L, index) != 0) {
    PROMISE(lua_type(L, -2) != LUA_TLIGHTUSERDATA);
    if (lua_type(L, -1) != LUA_TLIGHTUSERDATA)
      no_null(L, lua_gettop(L), depth + 1);
    else
      PROMISE(lua_type(L, -2) == LUA_TNUMBER);
    lua_pop(L, 1);
  }
}

void fuzz_no_null(lua_State *L, int index) { no_null(L, index, 0); }

static int is_one_of(const char *word, const char *const *words) {
  for (; *words != NULL; words++)
    if (strcmp(word, *words) == 0)
      return 1;
  return 0;
}

/* The string at a field: it must be one, and not empty. */
static const char *text_field(lua_State *L, int index, const char *name) {
  const char *text;
  lua_getfield(L, index, name);
  PROMISE(lua_type(L, -1) == LUA_TSTRING);
  text = lua_tostring(L, -1);
  PROMISE(*text != '\0');
  lua_pop(L, 1); /* the table still holds it */
  return text;
}

/* tostring(err): one line that no terminal takes amiss. */
static void one_line(lua_State *L, int index) {
  const char *text;
  size_t len, i;
  PROMISE(luaL_callmeta(L, index, "__tostring"));
  text = lua_tolstring(L, -1, &len);
  PROMISE(text != NULL);
  for (i = 0; i < len; i++)
    PROMISE((unsigned char)text[i] >= ' ' && text[i] != 127);
  lua_pop(L, 1);
}

const char *fuzz_error(lua_State *L, int index) {
  static const char *const kinds[] = {
      "config",    "invalid",    "dns",      "connect", "tls",
      "timeout",   "network",    "auth",     "not_found", "rate_limit",
      "rejected",  "server",     "reply",    "cancelled", "memory", NULL};
  static const char *const outcomes[] = {"not_sent", "refused", "applied",
                                         "unknown", NULL};
  const char *outcome;
  PROMISE(lua_istable(L, index));
  PROMISE(is_one_of(text_field(L, index, "kind"), kinds));
  outcome = text_field(L, index, "outcome");
  PROMISE(is_one_of(outcome, outcomes));
  (void)text_field(L, index, "message");
  (void)text_field(L, index, "operation");
  one_line(L, index);
  fuzz_no_null(L, index);
  return outcome;
}

/* ---- a call's result ---------------------------------------------- */

static int is_sid(const char *s, const char *prefix) {
  return s != NULL && strlen(s) == 34 && strncmp(s, prefix, 2) == 0 &&
         strspn(s + 2, "0123456789abcdefABCDEF") == 32;
}

/* A table that was believed: of a 2xx status, with a SID of its kind. */
static void check_done(lua_State *L, const struct trk_exchange *x) {
  const struct trk_operation *op = x->operation;
  PROMISE(x->outcome == TRK_DONE);
  PROMISE(x->seen.begun > 0);
  PROMISE(trk_is_success(x->seen.status) ||
          (op->method == TRK_DELETE && x->seen.was_unknown));
  fuzz_no_null(L, 2);
  if (op->method != TRK_POST || op->shape != TRK_RECORD)
    return;
  PROMISE(lua_istable(L, 2));
  lua_getfield(L, 2, "sid");
  PROMISE(is_sid(lua_tostring(L, -1), op->proof));
  lua_pop(L, 1);
}

/* What a POST's outcome must be, from law L2; a reply of any status may also be
 * foreign. */
static void check_outcome(const struct trk_evidence *seen, const char *got) {
  int client_error =
      seen->status >= 400 && seen->status <= 499 && seen->status != 408;
  int refused = client_error && !seen->was_unknown;
  if (seen->method != TRK_POST)
    return;
  if (seen->begun == 0)
    PROMISE(strcmp(got, seen->was_unknown ? "unknown" : "not_sent") == 0);
  else if (seen->body == TRK_BODY_FOREIGN)
    PROMISE(strcmp(got, "unknown") == 0);
  else if (seen->begun == 1 && trk_is_success(seen->status))
    PROMISE(strcmp(got, "applied") == 0);
  else if (seen->begun == 1 && refused)
    PROMISE(strcmp(got, "refused") == 0);
  else
    PROMISE(strcmp(got, "unknown") == 0);
}

/* Protected: kit, call, account. */
static int push_result(lua_State *L) {
  struct trk_exchange *x = lua_touserdata(L, 2);
  const char *account = lua_tostring(L, 3);
  return trk_reply_push(L, x, account, NULL, 1, 0);
}

const char *fuzz_result(lua_State *L, struct trk_exchange *x,
                        const char *account) {
  const char *outcome = "done";
  lua_pushcfunction(L, push_result);
  lua_pushvalue(L, 1);
  lua_pushlightuserdata(L, x);
  lua_pushstring(L, account);
  if (lua_pcall(L, 3, LUA_MULTRET, 0) != 0) {
    fprintf(stderr, "fuzz: %s\n", lua_tostring(L, -1));
    abort();
  }
  PROMISE(lua_gettop(L) == 3);
  if (!lua_isnil(L, 2)) {
    check_done(L, x);
  } else {
    outcome = fuzz_error(L, 3);
    check_outcome(&x->seen, outcome);
    outcome = trk_outcome_word(x->outcome); /* not Lua's to free */
  }
  lua_settop(L, 1);
  return outcome;
}
