/* SPDX-License-Identifier: MIT
 * reply: see reply.h.
 */
#include "reply.h"

#include "check.h"
#include "compat.h"
#include "form.h"
#include "json.h"
#include "kit.h"
#include "path.h"

#include <string.h>

#define EXACT 9007199254740992.0 /* 2^53: doubles are exact below */

static const char *const outcome_words[] = {
    [TRK_DONE] = "done",         [TRK_NOT_SENT] = "not_sent",
    [TRK_REFUSED] = "refused",   [TRK_APPLIED] = "applied",
    [TRK_UNKNOWN] = "unknown",
};

static const char *const kinds[] = {
    [TRK_NO_CAUSE] = "reply",   [TRK_DNS] = "dns",
    [TRK_CONNECT] = "connect",  [TRK_TLS] = "tls",
    [TRK_TIMEOUT] = "timeout",  [TRK_NETWORK] = "network",
    [TRK_GARBAGE] = "reply",    [TRK_TOO_LARGE] = "reply",
    [TRK_MEMORY] = "memory",    [TRK_CONFIG] = "config",
    [TRK_CANCELLED] = "cancelled",
};

static const char *const method_words[] = {
    [TRK_GET] = "GET", [TRK_POST] = "POST", [TRK_DELETE] = "DELETE"};

const char *trk_outcome_word(enum trk_outcome outcome) {
  return outcome_words[outcome];
}

/* ---- decoding ----------------------------------------------------- */

/* What is left for a walk over the table. */
struct untidy {
  size_t nulls;   /* at most */
  size_t numbers; /* at most; none where Lua has no integers */
};

/* Numbers that are whole become integers, where Lua has them: a weight of 10
 * must not come back as 10.0 and go out again as such. */
static void make_whole(lua_State *L, int table) {
#if LUA_VERSION_NUM >= 503
  lua_Number n = lua_tonumber(L, -1);
  if (lua_isinteger(L, -1) || n <= -EXACT || n >= EXACT ||
      n != (lua_Number)(lua_Integer)n)
    return;
  lua_pushvalue(L, -2);
  lua_pushinteger(L, (lua_Integer)n);
  lua_rawset(L, table);
#else
  (void)L;
  (void)table;
#endif
}

/* JSON null becomes an absent key; in an array, where that would be a hole, it
 * stays. The decoder bounds the depth. */
static void tidy(lua_State *L, int table, struct untidy *left) {
  trk_checkstack(L, 6, "reply");
  lua_pushnil(L);
  while (lua_next(L, table) != 0) {
    switch (lua_type(L, -1)) {
    case LUA_TLIGHTUSERDATA:
      if (lua_type(L, -2) == LUA_TSTRING) {
        lua_pushvalue(L, -2);
        lua_pushnil(L);
        lua_rawset(L, table);
      }
      break;
    case LUA_TTABLE:
      tidy(L, lua_gettop(L), left);
      break;
    case LUA_TNUMBER:
      if (lua_type(L, -2) == LUA_TSTRING && left->numbers > 0)
        left->numbers--; /* an array counts once, whatever it holds */
      make_whole(L, table);
      break;
    default:
      break;
    }
    lua_pop(L, 1);
  }
}

/* Tidies the table on top, if there is need. A page's numbers are mostly in
 * its meta: with those done, its records need no walk. */
static void tidy_reply(lua_State *L, struct untidy *left) {
  int table = lua_gettop(L);
  if (left->nulls == 0 && left->numbers > 0) {
    lua_pushliteral(L, "meta");
    lua_rawget(L, table);
    if (lua_istable(L, -1))
      tidy(L, table + 1, left);
    lua_settop(L, table);
  }
  if (left->nulls > 0 || left->numbers > 0)
    tidy(L, table, left);
}

/* Pushes the body as a Lua value and returns 1, or pushes nothing: 0, or -1
 * when there was no memory to read it. (Raised again, that error would pass
 * for any other before Lua 5.4.) cjson stops reading at a NUL, so a body that
 * holds one is not taken. */
static int decode(lua_State *L, struct trk_buf *body, int kit) {
  struct untidy left = {0, 0};
  int rc;
  if (body->len == 0 || memchr(body->data, '\0', body->len) != NULL)
    return 0;
  body->len = trk_json_trim(body->data, body->len, &left.nulls);
#if LUA_VERSION_NUM >= 503
  left.numbers = trk_json_numbers(body->data, body->len);
#endif
  lua_rawgeti(L, kit, TRK_KIT_DECODE);
  lua_pushlstring(L, body->data, body->len);
  rc = lua_pcall(L, 1, 1, 0);
  if (rc == 0 && lua_istable(L, -1)) {
    tidy_reply(L, &left);
    return 1;
  }
  lua_pop(L, 1);
  return rc == LUA_ERRMEM ? -1 : 0;
}

/* ---- believing ---------------------------------------------------- */

/* The string at a field of a table, or NULL; left on the stack. */
static const char *string_field(lua_State *L, int table, const char *name,
                                size_t *len) {
  lua_pushstring(L, name);
  lua_rawget(L, table);
  return lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, len) : NULL;
}

/* ASCII, whatever the case. */
static int same_folded(const char *a, const char *b) {
  if (strcmp(a, b) == 0)
    return 1;
  for (; *a != '\0' && *b != '\0'; a++, b++) {
    char x = *a >= 'A' && *a <= 'Z' ? (char)(*a + 32) : *a;
    char y = *b >= 'A' && *b <= 'Z' ? (char)(*b + 32) : *b;
    if (x != y)
      return 0;
  }
  return *a == *b;
}

/* Whether the reply echoes the domain that was asked for, when both name
 * one: a reply left over on a kept connection would not. The form has it as
 * it is, if it is one: letters, digits, '-' and '.' are never escaped. */
static int echoes_domain(lua_State *L, const struct trk_call *call,
                         int reply) {
  size_t len, sent_len;
  const char *got = string_field(L, reply, "domain_name", &len);
  const char *sent = trk_form_value(&call->body, "DomainName");
  if (got == NULL || sent == NULL)
    return 1;
  sent_len = strcspn(sent, "&");
  if (sent_len == 0 || memchr(sent, '%', sent_len) != NULL)
    return 1;
  lua_pushlstring(L, sent, sent_len);
  return same_folded(got, lua_tostring(L, -1));
}

/* Whether a text is the SID in the call's path, whatever its case. */
static int is_in_path(const struct trk_call *call, int nth, const char *sid,
                      size_t len) {
  char asked[TRK_SID_LENGTH + 1];
  const char *at = trk_path_sid(call->operation, call->path.data, nth);
  if (len != TRK_SID_LENGTH)
    return 0;
  memcpy(asked, at, TRK_SID_LENGTH);
  asked[TRK_SID_LENGTH] = '\0';
  return same_folded(asked, sid);
}

/* Whether a record is of this account and, if it names its trunk, of the
 * trunk that was asked for. */
static int is_ours(lua_State *L, const struct trk_call *call,
                   const char *account, int record) {
  size_t len;
  const char *owner = string_field(L, record, "account_sid", &len);
  const char *trunk;
  if (owner != NULL && *account != '\0' && !same_folded(owner, account))
    return 0;
  trunk = string_field(L, record, "trunk_sid", &len);
  return trunk == NULL || *call->operation->resource == '\0' ||
         is_in_path(call, 0, trunk, len);
}

/* Whether the form, if it begins with this field, gives it this SID. */
static int form_has(const struct trk_buf *form, const char *field,
                    const char *sid) {
  size_t skip = strlen(field) + 1;
  char sent[TRK_SID_LENGTH + 1];
  if (form->len < skip + TRK_SID_LENGTH ||
      strncmp(form->data, field, skip - 1) != 0)
    return 1;
  memcpy(sent, form->data + skip, TRK_SID_LENGTH);
  sent[TRK_SID_LENGTH] = '\0';
  return same_folded(sent, sid);
}

/* Whether a record has the SID that was asked for: in the path, or, where a
 * SID is all that a create takes, in the form. */
static int has_sid_asked(const struct trk_call *call, const char *sid,
                         size_t len) {
  const struct trk_operation *op = call->operation;
  int n = trk_path_arguments(op);
  if (op->path[strlen(op->path) - 1] == '}')
    return is_in_path(call, n - 1, sid, len);
  if (trk_operation_takes_sid(op))
    return form_has(&call->body, op->fields[0].form, sid);
  return 1;
}

static enum trk_body judge_record(lua_State *L, const struct trk_call *call,
                                  const char *account, int reply) {
  size_t len = 0;
  const char *sid = string_field(L, reply, "sid", &len);
  if (!trk_is_sid(sid, len, call->operation->proof))
    return TRK_BODY_BAD;
  if (!has_sid_asked(call, sid, len) || !is_ours(L, call, account, reply) ||
      !echoes_domain(L, call, reply))
    return TRK_BODY_FOREIGN;
  return TRK_BODY_GOOD;
}

/* Whether all that a page's array holds are records. (null stays in an
 * array: see tidy.) */
static int all_are_tables(lua_State *L, int page) {
  int all = 1;
  lua_pushnil(L);
  while (all && lua_next(L, page) != 0) {
    all = lua_istable(L, -1);
    lua_pop(L, 1);
  }
  return all;
}

/* A page holds an array under the key that its meta names, of records with
 * SIDs; the first speaks for all. */
static enum trk_body judge_page(lua_State *L, const struct trk_call *call,
                                const char *account, int reply) {
  size_t len = 0;
  const char *key, *sid;
  int meta = lua_gettop(L) + 1, page = meta + 2;
  lua_pushliteral(L, "meta");
  lua_rawget(L, reply);
  if (!lua_istable(L, meta))
    return TRK_BODY_BAD;
  key = string_field(L, meta, "key", &len);
  if (key == NULL)
    return TRK_BODY_BAD;
  lua_pushlstring(L, key, len);
  lua_rawget(L, reply);
  if (!lua_istable(L, page))
    return TRK_BODY_BAD;
  lua_pushnil(L);
  if (lua_next(L, page) == 0)
    return TRK_BODY_GOOD;
  lua_settop(L, page);
  lua_rawgeti(L, page, 1);
  if (!lua_istable(L, -1) || !all_are_tables(L, page))
    return TRK_BODY_BAD;
  lua_settop(L, page + 1);
  sid = string_field(L, lua_gettop(L), "sid", &len);
  if (!trk_is_sid(sid, len, call->operation->proof))
    return TRK_BODY_BAD;
  return is_ours(L, call, account, lua_gettop(L) - 1) ? TRK_BODY_GOOD
                                                      : TRK_BODY_FOREIGN;
}

/* Of a reply that is to have a body. */
static enum trk_body judge_body(lua_State *L, const struct trk_call *call,
                                const char *account, int reply) {
  enum trk_body body = TRK_BODY_GOOD;
  size_t len;
  int top = lua_gettop(L);
  trk_checkstack(L, 12, "reply");
  if (call->operation->shape == TRK_RECORD)
    body = judge_record(L, call, account, reply);
  else if (call->operation->shape == TRK_PAGE)
    body = judge_page(L, call, account, reply);
  else if (string_field(L, reply, call->operation->proof, &len) == NULL)
    body = TRK_BODY_BAD;
  lua_settop(L, top);
  return body;
}

/* ---- errors ------------------------------------------------------- */

static void set_text(lua_State *L, const char *key, const char *value) {
  if (*value == '\0')
    return;
  lua_pushstring(L, value);
  lua_setfield(L, -2, key);
}

static void set_number(lua_State *L, const char *key, double value) {
#if LUA_VERSION_NUM >= 503
  if (value > -EXACT && value < EXACT &&
      value == (double)(lua_Integer)value)
    lua_pushinteger(L, (lua_Integer)value);
  else
#endif
    lua_pushnumber(L, value);
  lua_setfield(L, -2, key);
}

void trk_reply_push_name(lua_State *L, const struct trk_operation *op) {
  if (*op->resource == '\0')
    lua_pushstring(L, op->name);
  else
    lua_pushfstring(L, "%s.%s", op->resource, op->name);
}

static void set_operation(lua_State *L, const struct trk_operation *op) {
  trk_reply_push_name(L, op);
  lua_setfield(L, -2, "operation");
  set_text(L, "method", method_words[op->method]);
}

/* With the raw table on top: the error object in its place, nil below. */
static int push_error(lua_State *L, int kit) {
  lua_rawgeti(L, kit, TRK_KIT_ERROR);
  lua_insert(L, -2);
  lua_call(L, 1, 1);
  lua_pushnil(L);
  lua_insert(L, -2);
  return 2;
}

int trk_reply_unsent(lua_State *L, int kit, const struct trk_operation *op) {
  set_text(L, "outcome", trk_outcome_word(TRK_NOT_SENT));
  set_operation(L, op);
  return push_error(L, kit);
}

int trk_reply_pending(lua_State *L, int kit, const struct trk_operation *op) {
  set_text(L, "outcome", trk_outcome_word(TRK_UNKNOWN));
  trk_reply_push_name(L, op);
  lua_setfield(L, -2, "operation");
  set_text(L, "method", method_words[TRK_GET]); /* no word on the outcome */
  return push_error(L, kit);
}

/* Once the expected status came, all that was wrong is the reply. */
static const char *kind_of(const struct trk_call *call) {
  enum trk_cause cause = call->seen.cause;
  if (call->seen.status == call->seen.expect && cause != TRK_TIMEOUT &&
      cause != TRK_MEMORY && cause != TRK_CANCELLED)
    return kinds[TRK_NO_CAUSE];
  return kinds[cause];
}

static const char *why(const struct trk_call *call) {
  if (call->seen.body == TRK_BODY_FOREIGN)
    return "the reply answers another request than this one";
  if (call->seen.cause == TRK_CANCELLED)
    return "the call was cancelled";
  return call->text;
}

/* Of a create whose fate is open: what trunking.intent makes a table of, by
 * which it can be settled later. */
static void set_intent(lua_State *L, const struct trk_call *call,
                       const char *account) {
  const struct trk_operation *op = call->operation;
  if (op->method != TRK_POST || strcmp(op->name, "create") != 0 ||
      (call->outcome != TRK_UNKNOWN && call->outcome != TRK_APPLIED))
    return;
  lua_pushlstring(L, trk_buf_str(&call->body), call->body.len);
  lua_setfield(L, -2, "form");
  set_text(L, "account_sid", account);
  if (trk_path_arguments(op) > 0) {
    lua_pushlstring(L, trk_path_sid(op, call->path.data, 0),
                    TRK_SID_LENGTH);
    lua_setfield(L, -2, "trunk_sid");
  }
  if (call->since >= 0)
    set_number(L, "since", (double)call->since);
}

/* An error from what the call saw; decoded is a stack index, or 0. */
static int push_failure(lua_State *L, const struct trk_call *call,
                        const char *account, int decoded, int kit) {
  lua_newtable(L);
  set_operation(L, call->operation);
  set_text(L, "outcome", trk_outcome_word(call->outcome));
  if (call->seen.status == 0 || call->seen.status == call->operation->status)
    set_text(L, "kind", kind_of(call));
  set_text(L, "message", why(call));
  set_text(L, "request_id", call->request_id);
  set_number(L, "attempts", call->attempts);
  if (call->seen.status > 0)
    set_number(L, "status", (double)call->seen.status);
  if (call->retry_after_ms >= 0)
    set_number(L, "retry_after", (double)call->retry_after_ms / 1000);
  if (decoded > 0) {
    lua_pushvalue(L, decoded);
    lua_setfield(L, -2, "decoded");
  } else if (call->reply.len > 0) {
    lua_pushlstring(L, call->reply.data, call->reply.len);
    lua_setfield(L, -2, "body");
  }
  set_intent(L, call, account);
  return push_error(L, kit);
}

/* What is known when a pause is over: see trk_call_pause. */
static void push_time(lua_State *L, const struct trk_call *call,
                      const char *account) {
  lua_createtable(L, 0, 2);
  set_text(L, "account_sid", account);
  if (call->since >= 0)
    set_number(L, "since", (double)call->since);
}

/* What is known of a good reply, for those who need it. */
static void push_meta(lua_State *L, const struct trk_call *call,
                      const char *account) {
  if (call->operation == &trk_pause) {
    push_time(L, call, account);
    return;
  }
  lua_createtable(L, 0, 4);
  set_number(L, "status", (double)call->seen.status);
  set_text(L, "request_id", call->request_id);
  set_number(L, "attempts", call->attempts);
  lua_pushnumber(L, (lua_Number)call->elapsed_us / 1e6);
  lua_setfield(L, -2, "elapsed");
}

void trk_reply_push_event(lua_State *L, const struct trk_call *call,
                          const struct trk_event *event) {
  lua_newtable(L);
  set_operation(L, call->operation);
  set_text(L, "path", call->path.data);
  set_number(L, "attempt", event->attempt);
  set_text(L, "outcome", trk_outcome_word(event->outcome));
  if (event->status > 0)
    set_number(L, "status", (double)event->status);
  set_text(L, "request_id", event->request_id);
  lua_pushnumber(L, (lua_Number)event->elapsed_us / 1e6);
  lua_setfield(L, -2, "elapsed");
  if (event->retry_ms >= 0) {
    lua_pushnumber(L, (lua_Number)event->retry_ms / 1000);
    lua_setfield(L, -2, "retry_delay");
  }
}

int trk_reply_push(lua_State *L, struct trk_call *call, const char *account,
                   int kit) {
  int nothing = call->operation->shape == TRK_NOTHING, decoded = 0;
  if (!nothing || call->seen.status != call->seen.expect)
    decoded = decode(L, &call->reply, kit);
  if (decoded < 0)
    return 0;
  if (decoded > 0)
    decoded = lua_gettop(L);
  call->seen.body = nothing ? TRK_BODY_GOOD : TRK_BODY_BAD;
  if (decoded > 0 && call->seen.status == call->seen.expect)
    call->seen.body = judge_body(L, call, account, decoded);
  call->outcome = trk_verdict(&call->seen);
  if (call->outcome != TRK_DONE)
    return push_failure(L, call, account, decoded, kit);
  if (nothing)
    lua_pushboolean(L, 1);
  push_meta(L, call, account);
  return 2;
}
