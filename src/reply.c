/* SPDX-License-Identifier: MIT
 * reply: see reply.h.
 */
#include "reply.h"

#include "asked.h"
#include "compat.h"
#include "decode.h"
#include "kit.h"

#include <string.h>

static const char *const kinds[] = {
    [TRK_NO_CAUSE] = "reply",      [TRK_DNS] = "dns",
    [TRK_CONNECT] = "connect",     [TRK_TLS] = "tls",
    [TRK_TIMEOUT] = "timeout",     [TRK_NETWORK] = "network",
    [TRK_GARBAGE] = "reply",       [TRK_TOO_LARGE] = "reply",
    [TRK_MEMORY] = "memory",       [TRK_CONFIG] = "config",
    [TRK_CANCELLED] = "cancelled",
};

/* ---- believing ---------------------------------------------------- */

/* The string at a field of a table, or NULL; left on the stack. */
static const char *string_field(lua_State *L, int table, const char *name,
                                size_t *len) {
  lua_getfield(L, table, name); /* cjson's tables have no __index */
  return lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, len) : NULL;
}

/* The text at a field, which stays on the stack; NULL: there is none. A text
 * with a NUL in it is no answer to anything. */
static const char *claim(lua_State *L, int table, const char *name) {
  size_t len;
  const char *s = string_field(L, table, name, &len);
  return s == NULL || strlen(s) == len ? s : "";
}

/* Who asks: the client's account, "" when it is not known, and what its
 * replies have named. */
struct asker {
  const char *account;
  const struct trk_known *known;
};

static void read_echo(lua_State *L, int record, const char *name,
                      struct trk_echo *echo) {
  lua_getfield(L, record, name);
  switch (lua_type(L, -1)) {
  case LUA_TSTRING:
    echo->type = TRK_ECHO_TEXT;
    echo->text = lua_tostring(L, -1);
    break;
  case LUA_TBOOLEAN:
    echo->type = TRK_ECHO_BOOLEAN;
    echo->number = lua_toboolean(L, -1);
    break;
  case LUA_TNUMBER:
    echo->type = TRK_ECHO_NUMBER;
    echo->number = (double)lua_tonumber(L, -1);
    break;
  default:
    echo->type = TRK_ECHO_NONE;
    break;
  }
  lua_pop(L, 1); /* the record still holds it */
}

static enum trk_body judge_record(lua_State *L, struct trk_exchange *x,
                                  const struct asker *asker, int record) {
  const struct trk_operation *op = x->operation;
  struct trk_record says;
  size_t i;
  says.sid = claim(L, record, op->shape == TRK_SETTINGS ? op->proof : "sid");
  says.account_sid = claim(L, record, "account_sid");
  says.trunk_sid = claim(L, record, "trunk_sid");
  for (i = 0; op->method == TRK_POST && i < op->nfields; i++)
    if (trk_exchange_kept(&x->asked, i) != NULL)
      read_echo(L, record, op->fields[i].name, &says.fields[i]);
  return trk_judge(x, asker->account, asker->known, &says);
}

/* Whether it is an array, of nothing but records. */
static int all_are_records(lua_State *L, int page) {
  int all = 1;
  lua_pushnil(L);
  while (all && lua_next(L, page) != 0) {
    all = lua_istable(L, -1) && lua_type(L, -2) == LUA_TNUMBER;
    lua_pop(L, 1);
  }
  return all;
}

/* A page holds an array under the key that its meta names, of records with
 * SIDs; the first speaks for all. */
static enum trk_body judge_page(lua_State *L, struct trk_exchange *x,
                                const struct asker *asker, int reply) {
  size_t len = 0;
  const char *key;
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
  if (!lua_istable(L, -1) || !all_are_records(L, page))
    return TRK_BODY_BAD;
  return judge_record(L, x, asker, page + 1);
}

/* Whether what should be a record is another request's page. */
static int is_page(lua_State *L, int reply) {
  int is;
  lua_pushliteral(L, "meta");
  lua_rawget(L, reply);
  is = lua_istable(L, -1);
  lua_pop(L, 1);
  return is;
}

/* Judges a reply that must have a body. */
static enum trk_body judge_body(lua_State *L, struct trk_exchange *x,
                                const struct asker *asker, int reply) {
  enum trk_body body;
  int top = lua_gettop(L);
  trk_checkstack(L, 12, "reply");
  if (x->operation->shape == TRK_PAGE)
    body = judge_page(L, x, asker, reply);
  else
    body = judge_record(L, x, asker, reply);
  if (body == TRK_BODY_BAD && x->operation->shape != TRK_PAGE &&
      is_page(L, reply))
    body = TRK_BODY_FOREIGN;
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
  trk_pushnumber(L, value);
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
  set_text(L, "method", trk_method_word(op->method));
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
  set_text(L, "method", trk_method_word(TRK_GET)); /* no word on the outcome */
  return push_error(L, kit);
}

/* Once a 2xx came, all that was wrong is the reply. */
static const char *kind_of(const struct trk_exchange *x) {
  enum trk_cause cause = x->seen.cause;
  if (x->seen.body == TRK_BODY_ELSEWHERE)
    return kinds[TRK_CONFIG];
  if (x->seen.body == TRK_BODY_FOREIGN)
    return kinds[TRK_NO_CAUSE];
  if (trk_is_success(x->seen.status) && cause != TRK_TIMEOUT &&
      cause != TRK_MEMORY && cause != TRK_CANCELLED)
    return kinds[TRK_NO_CAUSE];
  return kinds[cause];
}

static const char *why(const struct trk_exchange *x) {
  if (x->seen.body == TRK_BODY_FOREIGN)
    return "the reply answers another request than this one";
  if (x->seen.cause == TRK_CANCELLED)
    return "the call was cancelled";
  if (x->seen.cause == TRK_MEMORY && x->text[0] == '\0')
    return "not enough memory to read the reply";
  return x->text;
}

/* Of a create whose fate is open: what trunking.intent makes a table of, by
 * which it can be settled later. */
static void set_intent(lua_State *L, const struct trk_exchange *x,
                       const char *account) {
  if (!trk_operation_creates(x->operation) ||
      (x->outcome != TRK_UNKNOWN && x->outcome != TRK_APPLIED))
    return;
  trk_asked_push(L, x);
  lua_setfield(L, -2, "asked");
  set_text(L, "account_sid", account);
  set_text(L, "trunk_sid", x->asked.trunk_sid);
  if (x->since >= 0)
    set_number(L, "since", (double)x->since);
  else
    set_number(L, "began", (double)x->first_us / 1e6);
}

/* What an answer that is not to be believed names. */
static void set_told(lua_State *L, const struct trk_exchange *x,
                     const char *account) {
  if (x->seen.body != TRK_BODY_FOREIGN && x->seen.body != TRK_BODY_ELSEWHERE)
    return;
  set_text(L, "sid", x->told.sid);
  if (x->seen.body != TRK_BODY_ELSEWHERE)
    return;
  set_text(L, "answered_by", x->told.account);
  set_text(L, "account", account);
}

/* Why there is no result. A body that is encoded is named, and not shown. */
static void set_message(lua_State *L, const struct trk_exchange *x,
                        int decoded) {
  set_text(L, "message", why(x));
  if (decoded != 0 || x->coding[0] == '\0' || *why(x) != '\0')
    return;
  lua_pushfstring(L, "the reply is encoded as %s, which was not asked for",
                  x->coding);
  lua_setfield(L, -2, "message");
  set_text(L, "coding", x->coding);
}

/* An error from what the call saw; decoded is a stack index, or 0; below 0
 * there was no memory to read the reply. The words of a reply with a status of
 * success are none of an error: own secrets may stand in them (see wire). */
static int push_failure(lua_State *L, const struct trk_exchange *x,
                        const char *account, int decoded, int kit) {
  lua_newtable(L);
  set_operation(L, x->operation);
  set_text(L, "outcome", trk_outcome_word(x->outcome));
  if (x->seen.status == 0 || trk_is_success(x->seen.status) ||
      x->seen.body == TRK_BODY_FOREIGN)
    set_text(L, "kind", kind_of(x));
  set_message(L, x, decoded);
  set_text(L, "request_id", x->request_id);
  set_number(L, "attempts", x->attempts);
  if (x->seen.status > 0)
    set_number(L, "status", (double)x->seen.status);
  if (x->retry_after_ms >= 0)
    set_number(L, "retry_after", (double)x->retry_after_ms / 1000);
  if (decoded > 0 && !trk_is_success(x->seen.status)) {
    lua_pushvalue(L, decoded);
    lua_setfield(L, -2, "decoded");
  } else if (decoded == 0 && x->coding[0] == '\0' && x->reply.len > 0 &&
             !trk_is_success(x->seen.status)) {
    lua_pushlstring(L, x->reply.data, x->reply.len);
    lua_setfield(L, -2, "body");
  }
  set_told(L, x, account);
  set_intent(L, x, account);
  return push_error(L, kit);
}

/* What is known when a pause is over: see trk_call_pause. */
static void push_time(lua_State *L, const struct trk_exchange *x,
                      const char *account) {
  lua_createtable(L, 0, 2);
  set_text(L, "account_sid", account);
  if (x->since >= 0)
    set_number(L, "since", (double)x->since);
}

/* What is known of a good reply, for those who need it. */
static void push_meta(lua_State *L, const struct trk_exchange *x,
                      const char *account) {
  if (x->operation == &trk_pause) {
    push_time(L, x, account);
    return;
  }
  lua_createtable(L, 0, 4);
  set_number(L, "status", (double)x->seen.status);
  set_text(L, "request_id", x->request_id);
  set_number(L, "attempts", x->attempts);
  lua_pushnumber(L, (lua_Number)x->elapsed_us / 1e6);
  lua_setfield(L, -2, "elapsed");
}

void trk_reply_push_event(lua_State *L, const struct trk_exchange *x,
                          const struct trk_event *event) {
  lua_newtable(L);
  set_operation(L, x->operation);
  set_text(L, "path", trk_buf_str(&x->shown));
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

/* What the body proves of the request; decoded is a stack index, or 0. That it
 * came before, the engine has seen already: then it is read for the SID that it
 * names alone. */
static enum trk_body body_of(lua_State *L, struct trk_exchange *x,
                             const struct asker *asker, int decoded) {
  int came_before = x->seen.body == TRK_BODY_FOREIGN;
  enum trk_body body = TRK_BODY_BAD;
  x->told.sid[0] = x->told.account[0] = '\0';
  if (x->operation->shape == TRK_NOTHING)
    body = TRK_BODY_GOOD;
  else if (decoded > 0 && trk_is_success(x->seen.status))
    body = judge_body(L, x, asker, decoded);
  return came_before ? TRK_BODY_FOREIGN : body;
}

/* Pushes the reply as a table, if it has to be read: 1; 0: there is none, and
 * -1: there was no memory for it. */
static int decode(lua_State *L, struct trk_exchange *x, int kit, int unread) {
  if (x->operation->shape == TRK_NOTHING && trk_is_success(x->seen.status))
    return 0;
  if (unread)
    return -1;
  lua_rawgeti(L, kit, TRK_KIT_DECODE);
  return trk_decode(L, &x->reply);
}

int trk_reply_push(lua_State *L, struct trk_exchange *x, const char *account,
                   const struct trk_known *known, int kit, int unread) {
  const struct asker asker = {account, known};
  int decoded = decode(L, x, kit, unread);
  if (decoded < 0 && !unread)
    return 0;
  if (decoded > 0)
    decoded = lua_gettop(L);
  if (decoded < 0 && x->seen.status > 0 && x->seen.cause == TRK_NO_CAUSE)
    x->seen.cause = TRK_MEMORY;
  x->seen.body = body_of(L, x, &asker, decoded);
  x->outcome = trk_verdict(&x->seen);
  if (x->outcome != TRK_DONE)
    return push_failure(L, x, account, decoded, kit);
  if (x->operation->shape == TRK_NOTHING)
    lua_pushboolean(L, 1);
  push_meta(L, x, account);
  return 2;
}
