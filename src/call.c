/* SPDX-License-Identifier: MIT
 * call: see call.h. Nothing raw is held across what may raise: until it is
 * started, a call is one of its client's drafts, and what runs after that is
 * protected. Wherever Lua takes memory a finalizer may run, and make calls of
 * its own or close the client: a draft is nobody else's.
 */
#include "call.h"

#include "compat.h"
#include "kit.h"
#include "path.h"
#include "reply.h"

#include <stdlib.h>
#include <string.h>

#define SPARES 16 /* of a client, at most */

/* ---- arguments ---------------------------------------------------- */

static const char by_colon[] = "call it with a dot, not with a colon";

/* Whether the first argument is a client, or the home of a resource: all of
 * those have one of these two functions, and no params have. */
static int came_by_colon(lua_State *L) {
  int found;
  if (!lua_istable(L, 1))
    return 0;
  lua_pushliteral(L, "fetch");
  lua_rawget(L, 1);
  lua_pushliteral(L, "list");
  lua_rawget(L, 1);
  found = lua_isfunction(L, -1) || lua_isfunction(L, -2);
  lua_pop(L, 2);
  return found;
}

/* A GET may do without params: then they are empty. */
int trk_call_arguments(lua_State *L, const struct trk_operation *op) {
  int n = trk_path_arguments(op), i;
  if (op->shape == TRK_PAGE && lua_isnil(L, n + 1) &&
      !lua_isnoneornil(L, n + 2)) /* as `for` calls what it is given */
    luaL_argerror(L, n + 2, "for is to be given what each() returns");
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
  if (lua_istable(L, n) ||
      (trk_operation_takes_sid(op) && lua_type(L, n) == LUA_TSTRING))
    return n;
  if (came_by_colon(L))
    luaL_argerror(L, 1, by_colon);
  luaL_checktype(L, n, LUA_TTABLE);
  return n;
}

/* ---- a request ---------------------------------------------------- */

int trk_call_not_begun(lua_State *L, int kit, const struct trk_operation *op,
                       const char *kind, const char *why) {
  lua_newtable(L);
  lua_pushstring(L, kind);
  lua_setfield(L, -2, "kind");
  lua_pushstring(L, why);
  lua_setfield(L, -2, "message");
  return trk_reply_unsent(L, kit, op);
}

/* Words what path or form found wrong: message and field are on top. */
static int invalid(lua_State *L, enum trk_form_rc rc,
                   const struct trk_operation *op) {
  size_t i;
  if (came_by_colon(L)) {
    rc = TRK_FORM_INVALID;
    lua_pop(L, 2);
    lua_pushstring(L, by_colon);
    lua_pushnil(L);
  }
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

static void empty(const struct trk_client *c, const struct trk_operation *op,
                  struct trk_call *call) {
  call->operation = op;
  call->watch = c->watch;
  call->host = NULL;
  call->pause_ms = 0;
  trk_buf_clear(&call->path);
  trk_buf_clear(&call->body);
}

static void add(lua_State *L, struct trk_buf *b, const char *s, size_t n) {
  if (trk_buf_add(b, s, n) != TRK_BUF_OK)
    luaL_error(L, "not enough memory"); /* what is too long was refused */
}

/* The fields of a GET are its query. */
static enum trk_form_rc move_query(lua_State *L, struct trk_call *call) {
  if (call->operation->method != TRK_GET || call->body.len == 0)
    return TRK_FORM_OK;
  if (call->path.len + 1 + call->body.len > call->path.max) {
    lua_pushfstring(L, "the request is over its limit of %d bytes",
                    (int)call->path.max);
    lua_pushnil(L);
    return TRK_FORM_INVALID;
  }
  add(L, &call->path, "?", 1);
  add(L, &call->path, call->body.data, call->body.len);
  trk_buf_clear(&call->body);
  return TRK_FORM_OK;
}

int trk_call_fill(lua_State *L, struct trk_client *c,
                  const struct trk_operation *op, int params,
                  struct trk_call *call) {
  enum trk_form_rc rc;
  empty(c, op, call);
  rc = trk_path_build(L, 1, op, &call->path);
  if (rc == TRK_FORM_OK && params > 0)
    rc = trk_form_encode(L, params, op, c->validate, &call->body);
  if (rc == TRK_FORM_OK)
    rc = move_query(L, call);
  return rc == TRK_FORM_OK ? 0 : invalid(L, rc, op);
}

/* A day at most; rounded up, for a pause never ends early. */
void trk_call_fill_pause(lua_State *L, const struct trk_client *c,
                         struct trk_call *call) {
  lua_Number seconds = lua_tonumber(L, 1);
  empty(c, &trk_pause, call);
  if (seconds > 0)
    call->pause_ms = seconds < 86400 ? (long)(seconds * 1000) + 1 : 86400000L;
}

void trk_call_fill_query(lua_State *L, struct trk_client *c,
                         const struct trk_operation *op,
                         struct trk_call *call) {
  size_t path_len, len;
  const char *path = lua_tolstring(L, TRK_UP_PATH, &path_len);
  const char *query = lua_tolstring(L, 1, &len);
  empty(c, op, call);
  add(L, &call->path, path, path_len);
  add(L, &call->path, "?", 1);
  add(L, &call->path, query, len);
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
  if (lua_type(L, -1) == LUA_TSTRING && op->method != TRK_GET) {
    lua_pushfstring(L, "%s (trunking.", lua_tostring(L, -1));
    trk_reply_push_name(L, op);
    lua_pushfstring(L, ": %s)", words[outcome]);
    lua_concat(L, 3);
  }
  return lua_error(L);
}

static struct trk_event *last_event(const struct trk_call *call) {
  struct trk_event *event = call->events;
  while (event->next != NULL)
    event = event->next;
  return event;
}

static struct trk_call *take(struct trk_client *c) {
  struct trk_call *call = c->spares;
  if (call == NULL)
    return trk_call_new();
  c->spares = call->next;
  c->nspares--;
  return call;
}

/* A closed client, whose end may have come, gets none. */
void trk_call_give_back(struct trk_client *c, struct trk_call *call) {
  if (call == NULL || c->state != TRK_OPEN || c->nspares == SPARES) {
    trk_call_free(call);
    return;
  }
  trk_buf_clear(&call->reply); /* a page's is large */
  call->next = c->spares;
  c->spares = call;
  c->nspares++;
}

struct trk_call *trk_call_draft(lua_State *L, struct trk_client *c) {
  struct trk_call *call = take(c);
  if (call != NULL) {
    call->next = c->drafts;
    c->drafts = call;
  } else {
    luaL_error(L, "not enough memory");
  }
  return call;
}

void trk_call_undraft(struct trk_client *c, struct trk_call *call) {
  struct trk_call **at = &c->drafts;
  while (*at != call)
    at = &(*at)->next;
  *at = call->next;
}

int trk_call_give_up(struct trk_client *c, struct trk_call *call, int n) {
  trk_call_undraft(c, call);
  trk_call_give_back(c, call);
  return n;
}

/* Pushes an entry of the kit. */
static void push_kit(lua_State *L, int context, int entry) {
  lua_rawgeti(L, context, TRK_CONTEXT_KIT);
  lua_rawgeti(L, -1, entry);
  lua_remove(L, -2);
}

int trk_call_tick(lua_State *L, int context) {
  push_kit(L, context, TRK_KIT_TICK);
  return lua_pcall(L, 0, 0, 0) != 0;
}

/* Run protected: the hook, and a call with an event. */
static int tell(lua_State *L) {
  struct trk_call *call = lua_touserdata(L, 2);
  struct trk_event *first = trk_call_event(call), event = *first;
  free(first); /* before what may raise */
  lua_settop(L, 1);
  trk_reply_push_event(L, call, &event);
  lua_call(L, 1, 0);
  return 0;
}

/* on_attempt's own errors come no further than trunking.hook, and for want of
 * memory an event is lost. */
int trk_call_tell(lua_State *L, int context, int address) {
  const struct trk_call *call = lua_touserdata(L, address);
  int rc;
  while (call->events != NULL) {
    push_kit(L, context, TRK_KIT_TELL);
    lua_rawgeti(L, context, TRK_CONTEXT_HOOK);
    lua_pushvalue(L, address);
    rc = lua_pcall(L, 2, 0, 0);
    if (rc == LUA_ERRMEM)
      lua_pop(L, 1);
    else if (rc != 0)
      return 1;
  }
  return 0;
}

static int debug_hook_raises(lua_State *L) {
  return lua_gethook(L) != NULL && trk_call_tick(L, TRK_UP_CONTEXT);
}

/* Runs the call, whose address is on top, on this thread. Whether a hook
 * raised, the call cancelled then. */
static int run_here(lua_State *L, struct trk_client *c,
                    struct trk_call *call) {
  int address = lua_gettop(L);
  trk_engine_start(c->engine, call);
  while (!call->done) {
    trk_engine_step(c->engine, TRK_SLICE_MS);
    if (call->done || (!debug_hook_raises(L) &&
                       !trk_call_tell(L, TRK_UP_CONTEXT, address)))
      continue;
    trk_engine_cancel(c->engine, call);
    return 1;
  }
  return 0;
}

/* The same, where the client has a thread: its events wait for the end. */
static int run_there(lua_State *L, struct trk_client *c,
                     struct trk_call *call) {
  int raised = 0;
  call->host = call; /* a blocking call, no job */
  trk_worker_submit(c->worker, call);
  while (!trk_worker_wait_for(c->worker, call, TRK_SLICE_MS)) {
    if (raised || !debug_hook_raises(L))
      continue;
    raised = 1;
    trk_worker_cancel(c->worker, call);
  }
  return raised;
}

/* Runs the call on top to its end. Raises what a hook raises, with the call
 * cancelled, its outcome told and the client as good as before. The last
 * event stays: its outcome may change with the reply. */
static void run(lua_State *L, struct trk_client *c, struct trk_call *call) {
  enum trk_outcome outcome;
  int raised;
  c->busy++;
  raised = c->worker != NULL ? run_there(L, c, call) : run_here(L, c, call);
  c->busy--;
  if (!raised)
    return;
  outcome = call->outcome;
  trk_call_give_back(c, call);
  raise_with_outcome(L, call->operation, outcome);
}

/* ---- results ------------------------------------------------------ */

/* Run protected: client, call, kit, whether memory was short the last time,
 * what follows the links of a page, and the origin. */
static int build(lua_State *L) {
  const struct trk_client *c = lua_touserdata(L, 1);
  struct trk_call *call = lua_touserdata(L, 2);
  int n;
  if (lua_toboolean(L, 4))
    lua_gc(L, LUA_GCCOLLECT, 0);
  n = trk_reply_push(L, call, c->account, 3);
  if (n == 0 || call->operation->shape != TRK_PAGE ||
      call->outcome != TRK_DONE)
    return n;
  lua_rawgeti(L, 3, TRK_KIT_PAGE);
  lua_pushvalue(L, -3); /* the reply */
  lua_pushvalue(L, 6);
  lua_pushlstring(L, call->path.data, strcspn(call->path.data, "?"));
  trk_reply_push_name(L, call->operation);
  lua_pushvalue(L, 5);
  lua_call(L, 5, 1);
  lua_replace(L, -3);
  return n;
}

/* A function that takes a query to another page of the call's list; nil when
 * it is no list. */
static void push_follow(lua_State *L, int context,
                        const struct trk_call *call, lua_CFunction follow) {
  if (call->operation->shape != TRK_PAGE) {
    lua_pushnil(L);
    return;
  }
  lua_rawgeti(L, context, TRK_CONTEXT_CLIENT);
  lua_pushlightuserdata(L, (void *)call->operation);
  lua_rawgeti(L, context, TRK_CONTEXT_KIT);
  lua_pushvalue(L, context);
  lua_pushlstring(L, call->path.data, strcspn(call->path.data, "?"));
  lua_pushcclosure(L, follow, 5);
}

/* When there is no memory for results, an error made beforehand still tells
 * the truth. */
static int no_memory(lua_State *L, int context, struct trk_call *call) {
  if (call->outcome == TRK_DONE) {
    call->seen.body = TRK_BODY_BAD;
    call->outcome = trk_verdict(&call->seen);
  }
  lua_pushnil(L);
  push_kit(L, context, TRK_KIT_MEMORY);
  lua_rawgeti(L, -1, (int)call->outcome);
  lua_remove(L, -2);
  return 2;
}

/* The results of the call whose address is on top, what follows below it. A
 * want of memory is met with a collection and a second try. */
static int protected_results(lua_State *L, int context) {
  int top = lua_gettop(L), rc, again;
  struct trk_call *call = lua_touserdata(L, top);
  for (again = 0; again < 2; again++) {
    push_kit(L, context, TRK_KIT_BUILD);
    lua_rawgeti(L, context, TRK_CONTEXT_CLIENT);
    lua_pushvalue(L, top);
    lua_rawgeti(L, context, TRK_CONTEXT_KIT);
    lua_pushboolean(L, again);
    lua_pushvalue(L, top - 1);
    lua_rawgeti(L, context, TRK_CONTEXT_ORIGIN);
    rc = lua_pcall(L, 6, LUA_MULTRET, 0);
    if (rc == 0 && lua_gettop(L) > top)
      return lua_gettop(L) - top;
    if (rc != 0 && rc != LUA_ERRMEM)
      return -1;
    lua_settop(L, top);
  }
  return no_memory(L, context, call);
}

void trk_call_foresee(lua_State *L, int context, struct trk_call *call,
                      lua_CFunction follow) {
  push_follow(L, context, call, follow);
  lua_pushlightuserdata(L, call); /* LuaJIT may need memory the first time */
}

int trk_call_results(lua_State *L, int context) {
  struct trk_call *call = lua_touserdata(L, -1);
  int n = protected_results(L, context);
  if (call->events != NULL)
    last_event(call)->outcome = call->outcome; /* the reply has its say */
  return n;
}

/* ---- what Lua calls ----------------------------------------------- */

int trk_call_prepare(lua_State *L, struct trk_client *c,
                     const struct trk_operation *op) {
  const char *why;
  trk_checkstack(L, 24, "call");
  trk_kit_need(L, TRK_UP_KIT, build, tell);
  if (op->shape == TRK_PAGE)
    trk_kit_need_pages(L, TRK_UP_KIT);
  why = trk_client_ready(L, c, TRK_UP_CONTEXT);
  if (why == NULL)
    return 0;
  return *why == '\0' ? 2
                      : trk_call_not_begun(L, TRK_UP_KIT, op, "config", why);
}

static int follow(lua_State *L);

/* Runs a draft and pushes what came of it. What takes memory is done before:
 * once the call runs, nothing may raise but hooks. */
static int perform(lua_State *L, struct trk_client *c,
                   struct trk_call *call) {
  const struct trk_operation *op = call->operation;
  enum trk_outcome outcome;
  int n, raised, address;
  trk_call_foresee(L, TRK_UP_CONTEXT, call, follow);
  address = lua_gettop(L);
  if (c->state != TRK_OPEN) /* a finalizer closed it */
    return trk_call_give_up(c, call,
                   trk_call_not_begun(L, TRK_UP_KIT, op, "config",
                                      "the client is closed"));
  trk_call_undraft(c, call);
  run(L, c, call);
  n = trk_call_results(L, TRK_UP_CONTEXT);
  outcome = call->outcome;
  raised = n < 0 || trk_call_tell(L, TRK_UP_CONTEXT, address);
  trk_call_give_back(c, call);
  return raised ? raise_with_outcome(L, op, outcome) : n;
}

int trk_call_operation(lua_State *L) {
  struct trk_client *c = lua_touserdata(L, TRK_UP_CLIENT);
  const struct trk_operation *op = lua_touserdata(L, TRK_UP_OPERATION);
  int params = trk_call_arguments(L, op);
  int n = trk_call_prepare(L, c, op);
  struct trk_call *call;
  if (n > 0)
    return n;
  call = trk_call_draft(L, c);
  n = trk_call_fill(L, c, op, params, call);
  return n > 0 ? trk_call_give_up(c, call, n) : perform(L, c, call);
}

/* follow(query): another page of a list; the path is an upvalue. */
static int follow(lua_State *L) {
  struct trk_client *c = lua_touserdata(L, TRK_UP_CLIENT);
  const struct trk_operation *op = lua_touserdata(L, TRK_UP_OPERATION);
  struct trk_call *call;
  int n;
  luaL_checkstring(L, 1);
  lua_settop(L, 1);
  n = trk_call_prepare(L, c, op);
  if (n > 0)
    return n;
  call = trk_call_draft(L, c);
  trk_call_fill_query(L, c, op, call);
  return perform(L, c, call);
}

int trk_call_pause(lua_State *L) {
  struct trk_client *c = lua_touserdata(L, TRK_UP_CLIENT);
  struct trk_call *call;
  int n;
  luaL_checknumber(L, 1);
  lua_settop(L, 1);
  n = trk_call_prepare(L, c, &trk_pause);
  if (n > 0)
    return n;
  call = trk_call_draft(L, c);
  trk_call_fill_pause(L, c, call);
  return perform(L, c, call);
}

int trk_call_form(lua_State *L) {
  struct trk_client *c = lua_touserdata(L, TRK_UP_CLIENT);
  const struct trk_operation *op = trk_operation_named(luaL_checkstring(L, 1));
  struct trk_call *call;
  enum trk_form_rc rc;
  int n;
  if (op == NULL)
    return luaL_argerror(L, 1, "no such operation");
  lua_settop(L, 3);
  if (!trk_operation_takes_sid(op) || lua_type(L, 2) != LUA_TSTRING)
    luaL_checktype(L, 2, LUA_TTABLE);
  n = trk_call_prepare(L, c, op);
  if (n > 0)
    return n;
  call = trk_call_draft(L, c);
  empty(c, op, call);
  rc = trk_form_encode(L, 2, op, c->validate && !lua_toboolean(L, 3),
                       &call->body);
  if (rc != TRK_FORM_OK)
    return trk_call_give_up(c, call, invalid(L, rc, op));
  lua_pushlstring(L, trk_buf_str(&call->body), call->body.len);
  return trk_call_give_up(c, call, 1);
}

int trk_call_each(lua_State *L) {
  const struct trk_operation *op = lua_touserdata(L, TRK_UP_OPERATION);
  int i, n;
  (void)trk_call_arguments(L, op);
  n = lua_gettop(L);
  trk_checkstack(L, n + 8, "each");
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
