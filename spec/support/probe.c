/* SPDX-License-Identifier: MIT
 * probe: opens the pure rooms (verdict, exchange, form, path, head, json,
 * mask, mend) to the specs, as Lua functions over plain values. It decides nothing
 * itself. What is left out of a table gets a default, and a misspelt key
 * raises, so that no case tests something else than it says. Built by `make
 * probe`, never installed.
 */
#include "api.h"
#include "asked.h"
#include "buf.h"
#include "compat.h"
#include "date.h"
#include "form.h"
#include "head.h"
#include "json.h"
#include "judge.h"
#include "mask.h"
#include "mend.h"
#include "path.h"
#include "verdict.h"

#include <string.h>

#define BUF_T "trunking.probe.buf"
#define EXCHANGE_T "trunking.probe.exchange"

int luaopen_probe(lua_State *L);

/* In the order of their enums. */
static const char *const outcomes[] = {"done",    "not_sent", "refused",
                                       "applied", "unknown",  NULL};
static const char *const methods[] = {"GET", "POST", "DELETE", NULL};
static const char *const causes[] = {
    "none",    "dns",       "connect", "tls",    "timeout",   "network",
    "garbage", "too_large", "memory",  "config", "cancelled", NULL};
static const char *const bodies[] = {"unread",    "good",    "bad",
                                     "elsewhere", "foreign", NULL};

/* ---- tables in ---------------------------------------------------- */

static void check_keys(lua_State *L, int table, const char *const *known) {
  luaL_checktype(L, table, LUA_TTABLE);
  lua_pushnil(L);
  while (lua_next(L, table) != 0) {
    lua_pop(L, 1);
    lua_pushvalue(L, -1); /* checkoption must not touch the walked key */
    (void)luaL_checkoption(L, lua_gettop(L), NULL, known);
    lua_pop(L, 1);
  }
}

static lua_Number number(lua_State *L, int table, const char *key,
                         lua_Number fallback) {
  lua_Number n;
  lua_getfield(L, table, key);
  n = luaL_optnumber(L, lua_gettop(L), fallback);
  lua_pop(L, 1);
  return n;
}

static int boolean(lua_State *L, int table, const char *key) {
  int b;
  lua_getfield(L, table, key);
  b = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return b;
}

static int word(lua_State *L, int table, const char *key, const char *fallback,
                const char *const *words) {
  int i;
  lua_getfield(L, table, key);
  i = luaL_checkoption(L, lua_gettop(L), fallback, words);
  lua_pop(L, 1);
  return i;
}

static void read_evidence(lua_State *L, int table, struct trk_evidence *e) {
  static const char *const known[] = {"method",      "begun", "status",
                                      "cause",       "body",  "transient",
                                      "was_unknown", NULL};
  check_keys(L, table, known);
  e->method = (enum trk_method)word(L, table, "method", "POST", methods);
  e->begun = (int)number(L, table, "begun", 1);
  e->status = (long)number(L, table, "status", 0);
  e->cause = (enum trk_cause)word(L, table, "cause", "none", causes);
  e->transient = boolean(L, table, "transient");
  e->was_unknown = boolean(L, table, "was_unknown");
  e->body = (enum trk_body)word(L, table, "body", "unread", bodies);
}

static void read_history(lua_State *L, int table, struct trk_history *h) {
  static const char *const known[] = {
      "attempts",   "max_attempts",   "budget", "left_ms",
      "timeout_ms", "retry_after_ms", "random", NULL};
  check_keys(L, table, known);
  h->attempts = (unsigned)number(L, table, "attempts", 1);
  h->max_attempts = (unsigned)number(L, table, "max_attempts", 0);
  h->budget = (int)number(L, table, "budget", TRK_BUDGET_FULL);
  h->left_ms = (long)number(L, table, "left_ms", 30000);
  h->timeout_ms = (long)number(L, table, "timeout_ms", 30000);
  h->retry_after_ms = (long)number(L, table, "retry_after_ms", -1);
  h->random = (double)number(L, table, "random", 0);
}

/* ---- verdict ------------------------------------------------------ */

static int probe_verdict(lua_State *L) {
  struct trk_evidence seen;
  read_evidence(L, 1, &seen);
  lua_pushstring(L, outcomes[trk_verdict(&seen)]);
  return 1;
}

static enum trk_outcome check_outcome(lua_State *L, int arg) {
  return (enum trk_outcome)luaL_checkoption(L, arg, NULL, outcomes);
}

static int probe_retry_delay(lua_State *L) {
  enum trk_outcome outcome = check_outcome(L, 1);
  struct trk_evidence seen;
  struct trk_history past;
  read_evidence(L, 2, &seen);
  read_history(L, 3, &past);
  lua_pushinteger(L, (lua_Integer)trk_retry_delay(outcome, &seen, &past));
  return 1;
}

static int probe_budget_after(lua_State *L) {
  int budget = (int)luaL_checkinteger(L, 1);
  lua_pushinteger(L, trk_budget_after(budget, check_outcome(L, 2)));
  return 1;
}

static int probe_retry_after(lua_State *L) {
  const char *value = luaL_optstring(L, 1, NULL);
  const char *date = luaL_optstring(L, 2, NULL);
  lua_pushinteger(L, (lua_Integer)trk_retry_after(value, date));
  return 1;
}

static int probe_http_date(lua_State *L) {
  const char *text = luaL_optstring(L, 1, NULL);
  /* as a float: on Lua 5.1 an integer may have but 32 bits */
  lua_pushnumber(L, (lua_Number)trk_date_http(text));
  return 1;
}

/* same(a, b): whether two texts are the same but for the case. */
static int probe_same(lua_State *L) {
  lua_pushboolean(
      L, trk_text_same(luaL_checkstring(L, 1), luaL_checkstring(L, 2)));
  return 1;
}

/* ---- form --------------------------------------------------------- */

static int buf_gc(lua_State *L) {
  trk_buf_free(luaL_checkudata(L, 1, BUF_T));
  return 0;
}

/* A buffer that Lua owns from birth: freed whoever raises. */
static struct trk_buf *push_buf(lua_State *L) {
  struct trk_buf *b = lua_newuserdata(L, sizeof *b);
  trk_buf_init(b, TRK_REQUEST_MAX);
  if (luaL_newmetatable(L, BUF_T)) {
    lua_pushcfunction(L, buf_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return b;
}

static int exchange_gc(lua_State *L) {
  struct trk_exchange **x = luaL_checkudata(L, 1, EXCHANGE_T);
  trk_exchange_free(*x);
  return 0;
}

/* The same for an exchange of op. */
static struct trk_exchange *push_exchange(lua_State *L,
                                          const struct trk_operation *op) {
  struct trk_exchange **x = lua_newuserdata(L, sizeof *x);
  *x = NULL;
  if (luaL_newmetatable(L, EXCHANGE_T)) {
    lua_pushcfunction(L, exchange_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  *x = trk_exchange_new();
  if (*x == NULL)
    luaL_error(L, "not enough memory");
  else
    trk_exchange_clear(*x, op);
  return *x;
}

static const struct trk_operation *check_operation(lua_State *L, int arg) {
  const struct trk_operation *op = trk_operation_named(
      luaL_optstring(L, arg, "create"));
  if (op == NULL)
    luaL_argerror(L, arg, "no such operation");
  return op;
}

/* What a refusal pushed, behind the nil at top. */
static int refused(lua_State *L, int top, enum trk_form_rc rc) {
  lua_pushvalue(L, top);
  lua_pushvalue(L, -3); /* message */
  lua_pushvalue(L, -3); /* field */
  lua_pushstring(L, rc == TRK_FORM_UNKNOWN ? "unknown" : "invalid");
  return 4;
}

/* path(operation, arguments...): the path, or what form gives. */
static int probe_path(lua_State *L) {
  const struct trk_operation *op = check_operation(L, 1);
  struct trk_exchange *x = push_exchange(L, op);
  enum trk_form_rc rc;
  int top;
  lua_insert(L, 1);
  lua_pushnil(L);
  top = lua_gettop(L);
  if (top - 3 != trk_path_arguments(op))
    return luaL_error(L, "%d arguments expected", trk_path_arguments(op));
  rc = trk_path_build(L, 3, x);
  if (rc != TRK_FORM_OK)
    return refused(L, top, rc);
  lua_pushlstring(L, trk_buf_str(&x->path), x->path.len);
  return 1;
}

/* form(params, validate, operation): the body, of create when no operation is
 * named, and a table of what was asked; or nil, message, field (or nil),
 * "invalid" or "unknown". validate is true when left out. */
static int probe_form(lua_State *L) {
  int validate = lua_isnoneornil(L, 2) || lua_toboolean(L, 2);
  const struct trk_operation *op = check_operation(L, 3);
  struct trk_exchange *x;
  enum trk_form_rc rc;
  int top;
  lua_settop(L, 1);
  x = push_exchange(L, op);
  lua_pushnil(L); /* what a refusal begins with */
  top = lua_gettop(L);
  rc = trk_form_encode(L, 1, validate, x);
  if (rc != TRK_FORM_OK)
    return refused(L, top, rc);
  if (lua_gettop(L) != top)
    return luaL_error(L, "the form left something on the stack");
  lua_pushlstring(L, trk_buf_str(&x->body), x->body.len);
  trk_asked_push(L, x);
  return 2;
}

/* ---- a record against what was asked ---------------------------------- */

static const char *text(lua_State *L, int table, const char *key) {
  const char *s;
  lua_getfield(L, table, key);
  s = luaL_optstring(L, lua_gettop(L), NULL);
  lua_pop(L, 1); /* the table still holds it */
  return s;
}

static void read_echo(lua_State *L, const char *key, struct trk_echo *echo) {
  lua_getfield(L, 4, key);
  echo->type = TRK_ECHO_NONE;
  if (lua_type(L, -1) == LUA_TSTRING) {
    echo->type = TRK_ECHO_TEXT;
    echo->text = lua_tostring(L, -1);
  } else if (lua_isnumber(L, -1)) {
    echo->type = TRK_ECHO_NUMBER;
    echo->number = (double)lua_tonumber(L, -1);
  } else if (lua_isboolean(L, -1)) {
    echo->type = TRK_ECHO_BOOLEAN;
    echo->number = lua_toboolean(L, -1);
  }
  lua_pop(L, 1); /* the table still holds it */
}

/* judge(operation, params, account, record, sids...): "good", "bad",
 * "elsewhere" or "foreign". params may be nil; the SIDs are those of the path.
 * record.known: a SID that a reply before has named. */
static int probe_judge(lua_State *L) {
  const struct trk_operation *op = check_operation(L, 1);
  const char *account = luaL_checkstring(L, 3);
  struct trk_exchange *x = push_exchange(L, op);
  struct trk_record record;
  struct trk_known seen;
  const char *before;
  enum trk_body body;
  size_t i;
  luaL_checktype(L, 4, LUA_TTABLE);
  lua_insert(L, 5); /* the SIDs come behind it */
  if (trk_path_build(L, 6, x) != TRK_FORM_OK ||
      (!lua_isnil(L, 2) && trk_form_encode(L, 2, 1, x) != TRK_FORM_OK))
    return luaL_error(L, "a request that would be refused");
  record.sid = text(L, 4, op->shape == TRK_SETTINGS ? op->proof : "sid");
  record.account_sid = text(L, 4, "account_sid");
  record.trunk_sid = text(L, 4, "trunk_sid");
  for (i = 0; i < op->nfields; i++)
    read_echo(L, op->fields[i].name, &record.fields[i]);
  before = text(L, 4, "known");
  if (trk_known_init(&seen, 1) != 0)
    return luaL_error(L, "not enough memory");
  if (before != NULL)
    trk_known_add(&seen, before);
  body = trk_judge(x, account, &seen, &record);
  trk_known_free(&seen);
  lua_pushstring(L, bodies[body]);
  return 1;
}

/* ---- the head of a reply ----------------------------------------------- */

/* head(lines...): a table of what is kept, each line as it is, with its end;
 * or nil and the number of the line that was too much. */
static int probe_head(lua_State *L) {
  struct trk_head head;
  int n = lua_gettop(L), i;
  trk_head_begin(&head);
  for (i = 1; i <= n; i++) {
    size_t len;
    const char *line = luaL_checklstring(L, i, &len);
    if (!trk_head_line(&head, line, len)) {
      lua_pushnil(L);
      lua_pushinteger(L, i);
      return 2;
    }
  }
  lua_newtable(L);
  lua_pushinteger(L, (lua_Integer)head.status);
  lua_setfield(L, -2, "status");
  lua_pushstring(L, head.request_id);
  lua_setfield(L, -2, "request_id");
  lua_pushstring(L, head.retry_after);
  lua_setfield(L, -2, "retry_after");
  lua_pushstring(L, head.date);
  lua_setfield(L, -2, "date");
  lua_pushstring(L, head.redirect);
  lua_setfield(L, -2, "redirect");
  return 1;
}

/* ---- json --------------------------------------------------------- */

/* json_trim(text): the text without its null members, how many are left. */
static int probe_json_trim(lua_State *L) {
  size_t len, left;
  const char *text = luaL_checklstring(L, 1, &len);
  struct trk_buf *b = push_buf(L);
  if (trk_buf_add(b, text, len) != TRK_BUF_OK)
    return luaL_error(L, "too long");
  b->len = trk_json_trim(b->data, b->len, &left);
  lua_pushlstring(L, b->data, b->len);
  lua_pushinteger(L, (lua_Integer)left);
  return 2;
}

static int probe_json_numbers(lua_State *L) {
  size_t len;
  const char *text = luaL_checklstring(L, 1, &len);
  lua_pushinteger(L, (lua_Integer)trk_json_numbers(text, len));
  return 1;
}

/* mask(text, secret[, auth]) -> the text without them. */
static int probe_mask(lua_State *L) {
  size_t len;
  const char *text = luaL_checklstring(L, 1, &len);
  const char *auth = luaL_optstring(L, 3, NULL);
  char *copy = lua_newuserdata(L, len + 1);
  struct trk_mask m;
  memcpy(copy, text, len + 1);
  if (trk_mask_init(&m, luaL_checkstring(L, 2), auth) != 0)
    return luaL_error(L, "not enough memory");
  len = trk_mask_text(&m, copy, len);
  trk_mask_free(&m);
  if (copy[len] != '\0')
    return luaL_error(L, "no NUL follows");
  lua_pushlstring(L, copy, len);
  return 1;
}

/* mend(text): the text as lua-cjson takes it. */
static int probe_mend(lua_State *L) {
  size_t len;
  const char *text = luaL_checklstring(L, 1, &len);
  size_t size = trk_mend(text, len, NULL);
  char *out = lua_newuserdata(L, size + 1);
  lua_pushlstring(L, out, trk_mend(text, len, out));
  return 1;
}

TRK_EXPORT int luaopen_probe(lua_State *L) {
  static const struct {
    const char *name;
    lua_CFunction f;
  } functions[] = {
      {"verdict", probe_verdict},
      {"form", probe_form},
      {"retry_delay", probe_retry_delay},
      {"http_date", probe_http_date},
      {"budget_after", probe_budget_after},
      {"retry_after", probe_retry_after},
      {"path", probe_path},
      {"json_trim", probe_json_trim},
      {"json_numbers", probe_json_numbers},
      {"judge", probe_judge},
      {"head", probe_head},
      {"same", probe_same},
      {"mask", probe_mask},
      {"mend", probe_mend},
  };
  size_t i;
  lua_newtable(L);
  for (i = 0; i < sizeof functions / sizeof functions[0]; i++) {
    lua_pushcfunction(L, functions[i].f);
    lua_setfield(L, -2, functions[i].name);
  }
  return 1;
}
