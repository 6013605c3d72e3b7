/* SPDX-License-Identifier: MIT
 * call: see call.h. Until it is carried out an exchange is one of its
 * client's drafts, and what runs after that is protected: nothing raw is held
 * across what may raise.
 */
#include "call.h"

#include "asked.h"
#include "compat.h"
#include "kit.h"
#include "path.h"
#include "reply.h"
#include "results.h"

#include <string.h>

/* ---- arguments ---------------------------------------------------- */

static const char by_for[] = "call it: for trunk in trunking.each() do";
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
static int arguments(lua_State *L, const struct trk_operation *op) {
  int n = trk_path_arguments(op), i;
  if (op->shape == TRK_PAGE && lua_isnil(L, n + 1) &&
      !lua_isnoneornil(L, n + 2)) /* as `for` calls what it is given */
    luaL_argerror(L, n + 2, by_for);
  for (i = 1; i <= n; i++)
    if (lua_type(L, i) != LUA_TTABLE && lua_type(L, i) != LUA_TSTRING)
      luaL_argerror(L, i,
                    lua_pushfstring(L, "a SID or a record expected, got %s",
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

/* follow(operation, trunk_sid, query, seconds): op is what the first names. */
static int read_follow(lua_State *L, const struct trk_operation *op) {
  luaL_checkstring(L, 3);
  if (trk_path_arguments(op) > 0)
    luaL_checkstring(L, 2);
  luaL_optnumber(L, 4, 0);
  lua_settop(L, 4);
  return 0;
}

/* within(operation, seconds, ...): the seconds stand behind the arguments that
 * are left, where the context comes next. */
static int read_within(lua_State *L, const struct trk_operation *op) {
  lua_Number seconds = luaL_checknumber(L, 2);
  int params;
  lua_remove(L, 1);
  lua_remove(L, 1);
  params = arguments(L, op);
  lua_pushnumber(L, seconds);
  return params;
}

static int read_pause(lua_State *L, const struct trk_operation *op) {
  (void)op;
  luaL_checknumber(L, 1);
  lua_settop(L, 1);
  return 0;
}

const struct trk_operation *trk_call_named(lua_State *L) {
  const struct trk_operation *op = trk_operation_named(luaL_checkstring(L, 1));
  if (op == NULL)
    luaL_argerror(L, 1, "no such operation");
  return op;
}

/* ---- filling ------------------------------------------------------ */

/* Pushes nil and an error for what path or form found wrong. Their message and
 * field are on top. */
static int invalid(lua_State *L, const struct trk_act *act,
                   enum trk_form_rc rc) {
  const struct trk_operation *op = act->operation;
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
    if (op->shape == TRK_PAGE) {
      lua_pushliteral(L, "cursor");
      lua_rawseti(L, -2, (int)i + 1);
    }
    lua_setfield(L, -2, "choices");
  }
  return trk_reply_unsent(L, act->kit, op);
}

static void add(lua_State *L, struct trk_buf *b, const char *s, size_t n) {
  if (trk_buf_add(b, s, n) != TRK_BUF_OK)
    luaL_error(L, "not enough memory"); /* what is too long was refused */
}

/* Moves the fields of a GET from the body to the query. */
static enum trk_form_rc move_query(lua_State *L, struct trk_exchange *x) {
  if (x->operation->method != TRK_GET || x->body.len == 0)
    return TRK_FORM_OK;
  if (x->path.len + 1 + x->body.len > x->path.max) {
    lua_pushfstring(L, "the request is over its limit of %d bytes",
                    (int)x->path.max);
    lua_pushnil(L);
    return TRK_FORM_INVALID;
  }
  add(L, &x->path, "?", 1);
  add(L, &x->path, x->body.data, x->body.len);
  trk_buf_clear(&x->body);
  return TRK_FORM_OK;
}

/* Whether list is given a cursor. */
static int has_cursor(lua_State *L, const struct trk_act *act) {
  int has;
  if (act->operation->shape != TRK_PAGE)
    return 0;
  lua_pushliteral(L, "cursor");
  lua_rawget(L, act->params);
  has = !lua_isnil(L, -1);
  lua_pop(L, 1);
  return has;
}

/* The query comes from the cursor: trunking.pages has checked it. */
static int fill_cursor(lua_State *L, const struct trk_act *act,
                       struct trk_exchange *x) {
  size_t len;
  const char *query;
  lua_rawgeti(L, act->kit, TRK_KIT_CURSOR);
  lua_pushvalue(L, act->params);
  lua_rawgeti(L, act->context, TRK_CONTEXT_ORIGIN);
  lua_pushlstring(L, x->path.data, x->path.len);
  lua_call(L, 3, 3);
  query = lua_tolstring(L, -3, &len);
  if (query == NULL)
    return invalid(L, act, TRK_FORM_INVALID);
  add(L, &x->path, "?", 1);
  add(L, &x->path, query, len);
  return 0;
}

static int fill_operation(lua_State *L, const struct trk_act *act,
                          struct trk_exchange *x) {
  enum trk_form_rc rc = trk_path_build(L, 1, x);
  if (rc == TRK_FORM_OK && has_cursor(L, act))
    return fill_cursor(L, act, x);
  if (rc == TRK_FORM_OK && act->params > 0)
    rc = trk_form_encode(L, act->params, act->client->validate, x);
  if (rc == TRK_FORM_OK)
    rc = move_query(L, x);
  return rc == TRK_FORM_OK ? 0 : invalid(L, act, rc);
}

/* A day is more than any client's timeout. */
static void set_timeout(struct trk_exchange *x, lua_Number seconds) {
  if (seconds > 0 && seconds < 86400)
    x->timeout_ms = (long)(seconds * 1000) + 1;
}

static int fill_follow(lua_State *L, const struct trk_act *act,
                       struct trk_exchange *x) {
  size_t len;
  const char *query = lua_tolstring(L, 3, &len);
  enum trk_form_rc rc = trk_path_build(L, 2, x);
  if (rc != TRK_FORM_OK)
    return invalid(L, act, rc);
  add(L, &x->path, "?", 1);
  add(L, &x->path, query, len);
  set_timeout(x, lua_tonumber(L, 4));
  return 0;
}

static int fill_within(lua_State *L, const struct trk_act *act,
                       struct trk_exchange *x) {
  set_timeout(x, lua_tonumber(L, act->context - 1));
  return fill_operation(L, act, x);
}

/* A pause lasts a day at most, and never ends early. */
static int fill_pause(lua_State *L, const struct trk_act *act,
                      struct trk_exchange *x) {
  lua_Number seconds = lua_tonumber(L, 1);
  (void)act;
  if (seconds > 0)
    x->pause_ms = seconds < 86400 ? (long)(seconds * 1000) + 1 : 86400000L;
  return 0;
}

const struct trk_kind trk_kind_operation = {arguments, fill_operation};
const struct trk_kind trk_kind_follow = {read_follow, fill_follow};
const struct trk_kind trk_kind_within = {read_within, fill_within};
const struct trk_kind trk_kind_pause = {read_pause, fill_pause};

/* ---- one way for all ------------------------------------------------ */

int trk_call_refuse(lua_State *L, const struct trk_act *act, const char *why) {
  return trk_results_not_begun(L, act->kit, act->operation, "config", why);
}

int trk_call_give_up(const struct trk_act *act, struct trk_exchange *x, int n) {
  trk_client_undraft(act->client, x);
  trk_client_give_back(act->client, x);
  return n;
}

int trk_call_prepare(lua_State *L, const struct trk_manner *manner,
                     struct trk_act *act) {
  const char *why = NULL;
  trk_checkstack(L, 24, "call");
  act->client = lua_touserdata(L, TRK_UP_CLIENT);
  trk_getuservalue(L, TRK_UP_CLIENT);
  act->context = lua_gettop(L);
  lua_rawgeti(L, act->context, TRK_CONTEXT_KIT);
  act->kit = lua_gettop(L);
  if (act->client->state == TRK_FRESH) /* all that its calls can need */
    trk_results_prepare(L, act->kit, trk_operation_named("list"));
  trk_results_prepare(L, act->kit, act->operation);
  switch (trk_client_ready(L, act->client, act->context, &why)) {
  case TRK_UNREADY_RESOLVED:
    return 2;
  case TRK_READY:
    why = manner->ready(act->client);
    break;
  default:
    break;
  }
  return why == NULL ? 0 : trk_call_refuse(L, act, why);
}

static struct trk_exchange *draft(lua_State *L, const struct trk_act *act) {
  struct trk_exchange *x = trk_client_draft(L, act->client);
  trk_exchange_clear(x, act->operation);
  x->watch = act->client->watch;
  return x;
}

/* A request that is wrong in itself is told before a want of credentials. The
 * n results on top say why the client is not ready. */
static int unready(lua_State *L, const struct trk_act *act,
                   const struct trk_kind *kind, int n) {
  struct trk_exchange *x;
  int top = lua_gettop(L), wrong;
  if (act->client->state != TRK_FRESH)
    return n;
  x = draft(L, act);
  wrong = kind->fill(L, act, x);
  if (wrong == 0)
    lua_settop(L, top);
  return trk_call_give_up(act, x, wrong > 0 ? wrong : n);
}

int trk_call(lua_State *L, const struct trk_operation *op,
             const struct trk_kind *kind, const struct trk_manner *manner) {
  struct trk_act act;
  struct trk_exchange *x;
  int n;
  act.operation = op;
  act.params = kind->read(L, op);
  n = trk_call_prepare(L, manner, &act);
  if (n > 0)
    return unready(L, &act, kind, n);
  x = draft(L, &act);
  n = kind->fill(L, &act, x);
  return n > 0 ? trk_call_give_up(&act, x, n) : manner->carry_out(L, &act, x);
}

/* ---- here and now --------------------------------------------------- */

static const char *always(struct trk_client *c) {
  (void)c;
  return NULL;
}

/* Runs the exchange, whose address is on top, on this thread. Whether a hook
 * raised; the exchange is cancelled then. */
static int run_here(lua_State *L, const struct trk_act *act,
                    struct trk_exchange *x) {
  struct trk_engine *engine = act->client->engine;
  int address = lua_gettop(L);
  trk_engine_start(engine, x);
  while (!x->done) {
    trk_engine_step(engine, TRK_SLICE_MS);
    if (x->done || (!trk_results_hook_raises(L, act->context) &&
                    !trk_results_tell(L, act->context, address)))
      continue;
    trk_engine_cancel(engine, x);
    return 1;
  }
  return 0;
}

/* The same, where the client has a thread. on_attempt runs at the end. */
static int run_there(lua_State *L, const struct trk_act *act,
                     struct trk_exchange *x) {
  struct trk_worker *worker = act->client->worker;
  int raised = 0;
  trk_worker_submit(worker, x);
  while (!trk_worker_wait_for(worker, x, TRK_SLICE_MS)) {
    if (raised || !trk_results_hook_raises(L, act->context))
      continue;
    raised = 1;
    trk_worker_cancel(worker, x);
  }
  return raised;
}

/* Runs the exchange on top to its end. Raises what a hook raises, with the
 * exchange cancelled and the client as good as before. */
static void run(lua_State *L, const struct trk_act *act,
                struct trk_exchange *x) {
  struct trk_client *c = act->client;
  enum trk_outcome outcome;
  int raised;
  c->busy++;
  raised = c->worker != NULL ? run_there(L, act, x) : run_here(L, act, x);
  c->busy--;
  if (!raised)
    return;
  outcome = x->outcome;
  trk_client_give_back(c, x);
  trk_results_raise(L, act->operation, outcome);
}

/* Nothing but a hook may raise once it runs: LuaJIT may need memory for the
 * address, so it is pushed before. A finalizer may close the client then. */
static int run_now(lua_State *L, const struct trk_act *act,
                   struct trk_exchange *x) {
  struct trk_client *c = act->client;
  enum trk_outcome outcome;
  int n, raised, address;
  lua_pushlightuserdata(L, x);
  address = lua_gettop(L);
  if (c->state != TRK_OPEN)
    return trk_call_give_up(act, x,
                            trk_call_refuse(L, act, "the client is closed"));
  trk_client_undraft(c, x);
  run(L, act, x);
  n = trk_results_push(L, act->context);
  outcome = x->outcome;
  raised = n < 0 || trk_results_tell(L, act->context, address);
  trk_client_give_back(c, x);
  return raised ? trk_results_raise(L, act->operation, outcome) : n;
}

static const struct trk_manner here = {always, run_now};

int trk_call_operation(lua_State *L) {
  return trk_call(L, lua_touserdata(L, TRK_UP_OPERATION), &trk_kind_operation,
                  &here);
}

int trk_call_follow(lua_State *L) {
  return trk_call(L, trk_call_named(L), &trk_kind_follow, &here);
}

int trk_call_within(lua_State *L) {
  return trk_call(L, trk_call_named(L), &trk_kind_within, &here);
}

int trk_call_pause(lua_State *L) {
  return trk_call(L, &trk_pause, &trk_kind_pause, &here);
}

/* ---- without a request ---------------------------------------------- */

/* asked(operation, params, was_sent): op is what the first argument names. */
static int read_asked(lua_State *L, const struct trk_operation *op) {
  lua_settop(L, 3);
  if (!trk_operation_takes_sid(op) || lua_type(L, 2) != LUA_TSTRING)
    luaL_checktype(L, 2, LUA_TTABLE);
  return 2;
}

static int fill_asked(lua_State *L, const struct trk_act *act,
                      struct trk_exchange *x) {
  int validate = act->client->validate && !lua_toboolean(L, 3);
  enum trk_form_rc rc = trk_form_encode(L, act->params, validate, x);
  return rc == TRK_FORM_OK ? 0 : invalid(L, act, rc);
}

static int tell_asked(lua_State *L, const struct trk_act *act,
                      struct trk_exchange *x) {
  trk_asked_push(L, x);
  return trk_call_give_up(act, x, 1);
}

int trk_call_asked(lua_State *L) {
  static const struct trk_kind kind = {read_asked, fill_asked};
  static const struct trk_manner tell = {always, tell_asked};
  return trk_call(L, trk_call_named(L), &kind, &tell);
}

int trk_call_given(lua_State *L) {
  const struct trk_client *c = lua_touserdata(L, TRK_UP_CLIENT);
  const struct trk_given_record *r;
  unsigned i;
  lua_newtable(L);
  for (i = 0; (r = trk_given_nth(&c->given, i)) != NULL; i++) {
    lua_pushstring(L, r->sid);
    lua_rawseti(L, -2, (int)i + 1);
  }
  return 1;
}

/* It calls list's own function, which checks each page's arguments. */
int trk_call_each(lua_State *L) {
  const struct trk_operation *op = lua_touserdata(L, TRK_UP_OPERATION);
  int i, n, kit;
  if (lua_gettop(L) == 2 && lua_isnil(L, 1) && lua_isnil(L, 2))
    luaL_argerror(L, 2, by_for); /* as `for` calls what it is given, at once */
  (void)arguments(L, op);
  n = lua_gettop(L);
  trk_checkstack(L, n + 10, "each");
  trk_getuservalue(L, TRK_UP_CLIENT);
  lua_rawgeti(L, -1, TRK_CONTEXT_KIT);
  kit = lua_gettop(L);
  trk_results_prepare(L, kit, op);
  lua_rawgeti(L, kit, TRK_KIT_EACH);
  lua_pushvalue(L, TRK_UP_CLIENT);
  lua_pushvalue(L, TRK_UP_OPERATION);
  lua_pushcclosure(L, trk_call_operation, 2);
  trk_reply_push_name(L, op);
  for (i = n; i >= 1; i--) /* params first: there is always one */
    lua_pushvalue(L, i);
  lua_call(L, n + 2, 1);
  return 1;
}
