/* SPDX-License-Identifier: MIT
 * call: see call.h. Nothing raw is held across what may raise: until it is
 * started, a call is its client's spare one, and what runs after that is
 * protected.
 */
#include "call.h"

#include "client.h"
#include "compat.h"
#include "kit.h"
#include "path.h"
#include "reply.h"

#include <stdlib.h>
#include <string.h>

#define SLICE_MS 100 /* how late a Ctrl-C between two looks is seen */

/* ---- arguments ---------------------------------------------------- */

/* The operation takes nothing but a SID, which may come without a table. */
static int takes_sid(const struct trk_operation *op) {
  return op->nfields == 1 && op->fields[0].type == TRK_SID;
}

/* Leaves the arguments of op on the stack and no more, params (which a GET
 * may do without) as a table. Returns the index of params, or 0. Raises at
 * the caller's line. */
static int take_arguments(lua_State *L, const struct trk_operation *op) {
  int n = trk_path_arguments(op), i;
  for (i = 1; i <= n; i++)
    if (lua_type(L, i) != LUA_TTABLE && lua_type(L, i) != LUA_TSTRING)
      luaL_argerror(
          L, i, lua_pushfstring(L, "a SID or a record expected, got %s",
                                luaL_typename(L, i)));
  lua_settop(L, op->fields != NULL ? n + 1 : n);
  if (op->fields == NULL)
    return 0;
  n++;
  if (op->method == TRK_GET && lua_isnil(L, n)) {
    lua_newtable(L);
    lua_replace(L, n);
  }
  if (!takes_sid(op) || lua_type(L, n) != LUA_TSTRING)
    luaL_checktype(L, n, LUA_TTABLE);
  return n;
}

/* ---- a request ---------------------------------------------------- */

/* nil and an error for a call that was not begun, why being its message. */
static int not_begun(lua_State *L, const struct trk_operation *op,
                     const char *why) {
  lua_newtable(L);
  lua_pushliteral(L, "config");
  lua_setfield(L, -2, "kind");
  lua_pushstring(L, why);
  lua_setfield(L, -2, "message");
  return trk_reply_unsent(L, TRK_UP_KIT, op);
}

/* Words what path or form found wrong: message and field are on top. */
static int invalid(lua_State *L, enum trk_form_rc rc,
                   const struct trk_operation *op) {
  size_t i;
  lua_newtable(L);
  lua_insert(L, -3);
  lua_setfield(L, -3, "field");
  lua_setfield(L, -2, "message");
  lua_pushliteral(L, "invalid");
  lua_setfield(L, -2, "kind");
  if (rc == TRK_FORM_UNKNOWN) {
    lua_newtable(L);
    for (i = 0; i < op->nfields; i++) {
      lua_pushstring(L, op->fields[i].name);
      lua_rawseti(L, -2, (int)i + 1);
    }
    lua_setfield(L, -2, "choices");
  }
  return trk_reply_unsent(L, TRK_UP_KIT, op);
}

/* The call to fill next; the client owns it until it is started. */
static struct trk_call *draft(lua_State *L, struct trk_client *c,
                              const struct trk_operation *op) {
  struct trk_call *call = c->spare;
  if (call == NULL)
    call = c->spare = trk_call_new();
  if (call == NULL) {
    luaL_error(L, "not enough memory");
    return NULL;
  }
  call->operation = op;
  call->watch = !lua_isnil(L, TRK_UP_HOOK);
  call->pause_ms = 0;
  trk_buf_clear(&call->path);
  trk_buf_clear(&call->body);
  return call;
}

/* The fields of a GET are its query. */
static void move_query(lua_State *L, struct trk_call *call) {
  if (call->operation->method != TRK_GET || call->body.len == 0)
    return;
  if (trk_buf_add(&call->path, "?", 1) != TRK_BUF_OK ||
      trk_buf_add(&call->path, call->body.data, call->body.len) !=
          TRK_BUF_OK)
    luaL_error(L, "not enough memory");
  trk_buf_clear(&call->body);
}

/* ---- running ------------------------------------------------------ */

/* Raises the error on top, with a word on what became of the request. */
static int raise_with_outcome(lua_State *L, const struct trk_operation *op,
                              enum trk_outcome outcome) {
  static const char *const words[] = {
      [TRK_DONE] = "the request had been applied",
      [TRK_NOT_SENT] = "the request was not sent",
      [TRK_REFUSED] = "the request was refused",
      [TRK_APPLIED] = "the request had been applied",
      [TRK_UNKNOWN] = "the request was sent and may have been applied",
  };
  if (lua_type(L, -1) == LUA_TSTRING && op != &trk_pause) {
    lua_pushfstring(L, "%s (trunking.", lua_tostring(L, -1));
    trk_reply_push_name(L, op);
    lua_pushfstring(L, ": %s)", words[outcome]);
    lua_concat(L, 3);
  }
  return lua_error(L);
}

/* Puts a finished call back for the next one. */
static void give_back(struct trk_client *c, struct trk_call *call) {
  trk_buf_clear(&call->reply); /* a page's is large */
  if (c->spare == NULL)
    c->spare = call;
  else
    trk_call_free(call);
}

/* Lets a debug hook run: lua's Ctrl-C is one, and raises. */
static int tick_raises(lua_State *L) {
  lua_rawgeti(L, TRK_UP_KIT, TRK_KIT_TICK);
  return lua_pcall(L, 0, 0, 0) != 0;
}

/* Run protected: the hook, a call and its event. */
static int tell(lua_State *L) {
  lua_settop(L, 3);
  lua_pushvalue(L, 1);
  trk_reply_push_event(L, lua_touserdata(L, 2), lua_touserdata(L, 3));
  lua_call(L, 1, 0);
  return 0;
}

/* Tells on_attempt of what is over. Whether a debug hook raised meanwhile,
 * with its error on top: on_attempt's own errors come no further than
 * trunking.hook, and for want of memory an event is lost. */
static int telling_raises(lua_State *L, struct trk_call *call) {
  struct trk_event *event;
  int rc;
  while ((event = trk_call_event(call)) != NULL) {
    lua_rawgeti(L, TRK_UP_KIT, TRK_KIT_TELL);
    lua_pushvalue(L, TRK_UP_HOOK);
    lua_pushlightuserdata(L, call);
    lua_pushlightuserdata(L, event);
    rc = lua_pcall(L, 3, 0, 0);
    free(event);
    if (rc == LUA_ERRMEM)
      lua_pop(L, 1);
    else if (rc != 0)
      return 1;
  }
  return 0;
}

/* Runs the call to its end on this thread. Raises what a hook raises, with
 * the call cancelled, its outcome told and the client as good as before. The
 * last event stays: its outcome may change with the reply. */
static void run(lua_State *L, struct trk_client *c, struct trk_call *call) {
  enum trk_outcome outcome;
  c->busy++;
  trk_engine_start(c->engine, call);
  while (!call->done) {
    trk_engine_step(c->engine, SLICE_MS);
    if (call->done || ((lua_gethook(L) == NULL || !tick_raises(L)) &&
                       !telling_raises(L, call)))
      continue;
    trk_engine_cancel(c->engine, call);
    c->busy--;
    outcome = call->outcome;
    give_back(c, call);
    raise_with_outcome(L, call->operation, outcome);
  }
  c->busy--;
}

/* ---- results ------------------------------------------------------ */

/* Run protected: client, call, params, kit, whether memory was short the last
 * time, and what follows the links of a page. */
static int build(lua_State *L) {
  const struct trk_client *c = lua_touserdata(L, 1);
  struct trk_call *call = lua_touserdata(L, 2);
  int n;
  if (lua_toboolean(L, 5))
    lua_gc(L, LUA_GCCOLLECT, 0);
  n = trk_reply_push(L, call, c->account, 3, 4);
  if (call->operation->shape != TRK_PAGE || call->outcome != TRK_DONE)
    return n;
  lua_rawgeti(L, 4, TRK_KIT_PAGE);
  lua_pushvalue(L, -3); /* the reply */
  lua_pushstring(L, trk_engine_origin(c->engine));
  lua_pushlstring(L, call->path.data, strcspn(call->path.data, "?"));
  trk_reply_push_name(L, call->operation);
  lua_pushvalue(L, 6);
  lua_call(L, 5, 1);
  lua_replace(L, -3);
  return n;
}

static int follow(lua_State *L);

/* A function that takes a query to another page of the call's list; nil when
 * it is no list. */
static void push_follow(lua_State *L, const struct trk_call *call) {
  int i;
  if (call->operation->shape != TRK_PAGE) {
    lua_pushnil(L);
    return;
  }
  for (i = 1; i <= 5; i++)
    lua_pushvalue(L, lua_upvalueindex(i));
  lua_pushlstring(L, call->path.data, strcspn(call->path.data, "?"));
  lua_pushcclosure(L, follow, 6);
}

/* Pushes the results, and returns how many; or -1, with a hook's error on
 * top. A want of memory is met with a collection and a second try; if that
 * fails too, an error made beforehand still tells the truth. follow is a stack
 * index. */
static int results(lua_State *L, struct trk_call *call, int params,
                   int following) {
  int top = lua_gettop(L), rc, again;
  for (again = 0; again < 2; again++) {
    lua_rawgeti(L, TRK_UP_KIT, TRK_KIT_BUILD);
    lua_pushvalue(L, TRK_UP_CLIENT);
    lua_pushlightuserdata(L, call);
    lua_pushvalue(L, params);
    lua_pushvalue(L, TRK_UP_KIT);
    lua_pushboolean(L, again);
    lua_pushvalue(L, following);
    rc = lua_pcall(L, 6, LUA_MULTRET, 0);
    if (rc == 0)
      return lua_gettop(L) - top;
    if (rc != LUA_ERRMEM)
      return -1;
    lua_settop(L, top);
  }
  if (call->outcome == TRK_DONE) {
    call->seen.body = TRK_BODY_BAD;
    call->outcome = trk_verdict(&call->seen);
  }
  lua_pushnil(L);
  lua_rawgeti(L, TRK_UP_KIT, TRK_KIT_MEMORY);
  lua_rawgeti(L, -1, (int)call->outcome);
  lua_remove(L, -2);
  return 2;
}

/* Runs a drafted call and pushes what came of it. The stack holds the
 * arguments, or one value. */
static int perform(lua_State *L, struct trk_client *c, struct trk_call *call,
                   int params) {
  const struct trk_operation *op = call->operation;
  enum trk_outcome outcome;
  int n, raised;
  push_follow(L, call);
  c->spare = NULL;
  run(L, c, call);
  n = results(L, call, params > 0 ? params : lua_gettop(L),
              lua_gettop(L));
  if (call->events != NULL)
    call->events->outcome = call->outcome;
  outcome = call->outcome;
  raised = n < 0 || telling_raises(L, call);
  give_back(c, call);
  return raised ? raise_with_outcome(L, op, outcome) : n;
}

/* ---- what Lua calls ----------------------------------------------- */

/* Makes all ready that a call needs. 0, or how many results say why not. */
static int prepare(lua_State *L, struct trk_client *c,
                   const struct trk_operation *op) {
  const char *why;
  luaL_checkstack(L, 24, "call");
  trk_kit_need(L, TRK_UP_KIT, build, tell);
  if (op->shape == TRK_PAGE)
    trk_kit_need_pages(L, TRK_UP_KIT);
  why = trk_client_ready(L, c);
  if (why == NULL)
    return 0;
  return *why == '\0' ? 2 : not_begun(L, op, why);
}

int trk_call_operation(lua_State *L) {
  struct trk_client *c = lua_touserdata(L, TRK_UP_CLIENT);
  const struct trk_operation *op = lua_touserdata(L, TRK_UP_OPERATION);
  int params = take_arguments(L, op);
  int n = prepare(L, c, op);
  struct trk_call *call;
  enum trk_form_rc rc;
  if (n > 0)
    return n;
  call = draft(L, c, op);
  rc = trk_path_build(L, 1, op, &call->path);
  if (rc == TRK_FORM_OK && params > 0)
    rc = trk_form_encode(L, params, op, c->validate, &call->body);
  if (rc != TRK_FORM_OK)
    return invalid(L, rc, op);
  move_query(L, call);
  return perform(L, c, call, params);
}

/* follow(query): another page of a list; the path is an upvalue. */
static int follow(lua_State *L) {
  struct trk_client *c = lua_touserdata(L, TRK_UP_CLIENT);
  const struct trk_operation *op = lua_touserdata(L, TRK_UP_OPERATION);
  struct trk_call *call;
  size_t path_len, len;
  const char *path = lua_tolstring(L, TRK_UP_PATH, &path_len);
  const char *query = luaL_checklstring(L, 1, &len);
  int n;
  lua_settop(L, 1);
  n = prepare(L, c, op);
  if (n > 0)
    return n;
  call = draft(L, c, op);
  if (trk_buf_add(&call->path, path, path_len) != TRK_BUF_OK ||
      trk_buf_add(&call->path, "?", 1) != TRK_BUF_OK ||
      trk_buf_add(&call->path, query, len) != TRK_BUF_OK)
    return luaL_error(L, "not enough memory");
  return perform(L, c, call, 0);
}

/* Milliseconds of the seconds at index: a day at most. */
static long check_pause(lua_State *L, int index) {
  lua_Number seconds = luaL_checknumber(L, index);
  if (!(seconds > 0))
    return 0;
  return seconds < 86400 ? (long)(seconds * 1000) : 86400000L;
}

int trk_call_pause(lua_State *L) {
  struct trk_client *c = lua_touserdata(L, TRK_UP_CLIENT);
  long ms = check_pause(L, 1);
  int n = prepare(L, c, &trk_pause);
  struct trk_call *call;
  int64_t time;
  if (n > 0)
    return n;
  call = draft(L, c, &trk_pause);
  call->pause_ms = ms;
  c->spare = NULL;
  run(L, c, call);
  time = call->since;
  give_back(c, call);
  lua_pushboolean(L, 1);
  if (time >= 0 && (int64_t)(lua_Integer)time == time)
    lua_pushinteger(L, (lua_Integer)time);
  else if (time >= 0)
    lua_pushnumber(L, (lua_Number)time);
  else
    lua_pushnil(L);
  if (c->account[0] != '\0')
    lua_pushstring(L, c->account);
  else
    lua_pushnil(L);
  return 3;
}

/* The row of a name like "create" or "origination_urls.create". */
static const struct trk_operation *find_operation(const char *name) {
  const struct trk_operation *op = trk_operations;
  for (; op->name != NULL; op++) {
    size_t len = strlen(op->resource);
    if (strncmp(name, op->resource, len) == 0 &&
        strcmp(len > 0 && name[len] == '.' ? name + len + 1 : name,
               op->name) == 0)
      return op;
  }
  return NULL;
}

int trk_call_form(lua_State *L) {
  struct trk_client *c = lua_touserdata(L, TRK_UP_CLIENT);
  const struct trk_operation *op = find_operation(luaL_checkstring(L, 1));
  struct trk_call *call;
  enum trk_form_rc rc;
  int n;
  luaL_argcheck(L, op != NULL, 1, "no such operation");
  lua_settop(L, 2);
  if (!takes_sid(op) || lua_type(L, 2) != LUA_TSTRING)
    luaL_checktype(L, 2, LUA_TTABLE);
  n = prepare(L, c, op);
  if (n > 0)
    return n;
  call = draft(L, c, op);
  rc = trk_form_encode(L, 2, op, c->validate, &call->body);
  if (rc != TRK_FORM_OK)
    return invalid(L, rc, op);
  lua_pushlstring(L, trk_buf_str(&call->body), call->body.len);
  return 1;
}

int trk_call_each(lua_State *L) {
  const struct trk_operation *op = lua_touserdata(L, TRK_UP_OPERATION);
  int i, n;
  (void)take_arguments(L, op);
  n = lua_gettop(L);
  luaL_checkstack(L, n + 8, "each");
  trk_kit_need(L, TRK_UP_KIT, build, tell);
  trk_kit_need_pages(L, TRK_UP_KIT);
  lua_rawgeti(L, TRK_UP_KIT, TRK_KIT_EACH);
  lua_pushvalue(L, TRK_UP_CLIENT); /* the list's function */
  trk_reply_push_name(L, op);
  for (i = n; i >= 1; i--) /* params first: there is always one */
    lua_pushvalue(L, i);
  lua_call(L, n + 2, 1);
  return 1;
}
