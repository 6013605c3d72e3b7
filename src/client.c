/* SPDX-License-Identifier: MIT
 * client: see client.h.
 */
#include "client.h"

#include "bell.h"
#include "call.h"
#include "compat.h"
#include "job.h"
#include "kit.h"

#include <string.h>

#define CLIENT_T "trunking.client"

/* ---- opening and closing ------------------------------------------ */

static void free_calls(struct trk_call *calls) {
  struct trk_call *next;
  for (; calls != NULL; calls = next) {
    next = calls->next;
    trk_call_free(calls);
  }
}

static int client_close(struct trk_client *c) {
  struct trk_engine *engine = c->engine;
  struct trk_worker *worker = c->worker;
  struct trk_call *spares = c->spares;
  c->engine = NULL;
  c->worker = NULL;
  c->spares = NULL;
  c->nspares = 0;
  c->state = c->lasting ? TRK_CLOSED : TRK_FRESH;
  if (worker != NULL)
    trk_job_land_all(trk_worker_stop(worker)); /* and its engine */
  else
    trk_engine_close(engine);
  c->flying = 0; /* those of a parent's worker never land here */
  trk_bell_close(&c->bell);
  free_calls(spares);
  return 0;
}

/* A draft may be in the hands of a call whose garbage collection brought about
 * a close: drafts go with the client only. */
static int client_gc(lua_State *L) {
  struct trk_client *c = luaL_checkudata(L, 1, CLIENT_T);
  c->lasting = 1; /* a finalizer that comes later must not open it again */
  client_close(c);
  trk_job_forget_all(c);
  free_calls(c->drafts);
  c->drafts = NULL;
  return 0;
}

/* close(): the client's userdata is the upvalue. */
static int close_client(lua_State *L) {
  struct trk_client *c = lua_touserdata(L, lua_upvalueindex(1));
  if (c->busy > 0)
    return luaL_error(L, "a client can't be closed during its own call");
  return client_close(c);
}

/* __close: calls close(), which a host may have taken over. */
static int client_scope_end(lua_State *L) {
  lua_getfield(L, 1, "close");
  lua_call(L, 0, 0);
  return 0;
}

static int client_tostring(lua_State *L) {
  const struct trk_client *c = lua_touserdata(L, lua_upvalueindex(1));
  static const char *const states[] = {"default", NULL, "closed"};
  const char *text = c->state == TRK_OPEN ? c->label : states[c->state];
  lua_pushfstring(L, "trunking.client(%s)", text);
  return 1;
}

static const char *option(lua_State *L, int table, const char *name) {
  const char *s;
  size_t len = 0, i;
  lua_getfield(L, table, name);
  s = lua_tolstring(L, -1, &len);
  for (i = 0; i < len; i++) /* they become headers and URLs */
    if ((unsigned char)s[i] < ' ' || (unsigned char)s[i] == 127)
      luaL_error(L, "option %s holds a control character", name);
  return s; /* stays on the stack */
}

static long option_ms(lua_State *L, int table, const char *name) {
  double seconds;
  lua_getfield(L, table, name);
  seconds = lua_tonumber(L, -1);
  return seconds * 1000 < 1 ? 1L : (long)(seconds * 1000);
}

static unsigned option_count(lua_State *L, int table, const char *name) {
  lua_getfield(L, table, name);
  return (unsigned)lua_tonumber(L, -1);
}

/* "AC...1234": enough to tell two accounts apart, no more. */
static void set_label(struct trk_client *c, const char *user) {
  size_t len = strlen(user);
  memset(c->label, 0, sizeof c->label);
  if (len < 8)
    return;
  memcpy(c->label, user, 2);
  memcpy(c->label + 2, "\xE2\x80\xA6", 3);
  memcpy(c->label + 5, user + len - 4, 4);
}

/* Opens c, whose context is at an index too, with the options at index. */
static void client_open(lua_State *L, struct trk_client *c, int context,
                        int index) {
  struct trk_options o;
  const char *account;
  int top = lua_gettop(L);
  trk_checkstack(L, 16, "options");
  memset(&o, 0, sizeof o);
  o.origin = option(L, index, "origin");
  o.user = option(L, index, "user");
  o.secret = option(L, index, "secret");
  o.user_agent = option(L, index, "user_agent");
  o.ca_file = option(L, index, "ca_file");
  o.proxy = option(L, index, "proxy");
  account = option(L, index, "account_sid");
  o.timeout_ms = option_ms(L, index, "timeout");
  o.connect_timeout_ms = option_ms(L, index, "connect_timeout");
  o.max_attempts = option_count(L, index, "max_attempts");
  o.max_in_flight = option_count(L, index, "max_in_flight");
  lua_getfield(L, index, "validate");
  c->validate = lua_toboolean(L, -1);
  if (o.origin == NULL || o.user == NULL || o.secret == NULL ||
      o.user_agent == NULL || o.max_in_flight == 0)
    luaL_error(L, "options that trunking.config has not checked");
  else
    set_label(c, account != NULL ? account : o.user);
  memset(c->account, 0, sizeof c->account);
  if (account != NULL && strlen(account) < sizeof c->account)
    memcpy(c->account, account, strlen(account));
  lua_getfield(L, index, "origin");
  lua_rawseti(L, context, TRK_CONTEXT_ORIGIN);
  if (c->engine == NULL) /* else a finalizer has opened it meanwhile */
    c->engine = trk_engine_open(&o);
  if (c->engine == NULL)
    luaL_error(L, "not enough memory");
  c->state = TRK_OPEN;
  lua_settop(L, top);
}

int trk_client_inherited(const struct trk_client *c) {
  if (c->worker != NULL)
    return trk_worker_inherited(c->worker);
  return c->engine == NULL || trk_engine_inherited(c->engine);
}

const char *trk_client_ready(lua_State *L, struct trk_client *c,
                             int context) {
  if (c->state == TRK_FRESH) {
    lua_rawgeti(L, context, TRK_CONTEXT_RESOLVE);
    lua_call(L, 0, 2);
    if (!lua_istable(L, -2))
      return ""; /* nil, err */
    lua_pop(L, 1);
    if (c->state == TRK_FRESH) /* no finalizer has opened it meanwhile */
      client_open(L, c, context, lua_gettop(L));
    lua_pop(L, 1);
  }
  if (c->state == TRK_CLOSED)
    return "the client is closed";
  if (trk_client_inherited(c))
    return "the client was used before this process was forked; make a new "
           "one here";
  if (c->worker != NULL && trk_worker_ended(c->worker))
    return "the process is ending";
  return NULL;
}

const char *trk_client_need_worker(struct trk_client *c) {
  if (c->worker != NULL)
    return NULL;
  if (c->busy > 0)
    return "the client's first job can't begin during its own blocking call";
  c->worker = trk_worker_start(c->engine);
  return c->worker != NULL ? NULL : "no thread could be started";
}

/* ---- the client's Lua side ---------------------------------------- */

static struct trk_client *push_userdata(lua_State *L, int lasting) {
  static const luaL_Reg meta[] = {{"__gc", client_gc}, {NULL, NULL}};
  struct trk_client *c = lua_newuserdata(L, sizeof *c);
  memset(c, 0, sizeof *c);
  c->bell.listener = c->bell.connection = -1;
  c->lasting = lasting;
  trk_kit_push_metatable(L, CLIENT_T, meta, NULL);
  lua_setmetatable(L, -2);
  return c;
}

/* Stack of those who make a client, under its table. */
enum { UD = 1, CONTEXT, INDEX };

/* Sets table[name] to f with the client's userdata as its upvalue. */
static void set_method(lua_State *L, int table, const char *name,
                       lua_CFunction f) {
  lua_pushvalue(L, UD);
  lua_pushcclosure(L, f, 1);
  lua_setfield(L, table, name);
}

/* The table in which an operation stands: the client, or one below it. */
static void push_home(lua_State *L, int client, const char *resource) {
  if (*resource == '\0') {
    lua_pushvalue(L, client);
    return;
  }
  lua_getfield(L, client, resource);
  if (!lua_isnil(L, -1))
    return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_setfield(L, client, resource);
}

/* A function with the upvalues of client.h, for a row of the API's table or
 * NULL; the kit is upvalue 1 of the running function. */
static void push_function(lua_State *L, const struct trk_operation *op,
                          lua_CFunction f, int client) {
  lua_pushvalue(L, client);
  lua_pushlightuserdata(L, (void *)op);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushvalue(L, CONTEXT);
  lua_pushcclosure(L, f, 4);
}

/* Adds what a row of the API's table makes: a function, its like under async,
 * and for a list an iterator besides. */
static void add_operation(lua_State *L, const struct trk_operation *op,
                          int client, int async) {
  int home = lua_gettop(L) + 1;
  push_home(L, client, op->resource);
  push_function(L, op, trk_call_operation, UD);
  if (op->shape == TRK_PAGE) {
    push_function(L, op, trk_call_each, home + 1);
    lua_setfield(L, home, "each");
  }
  lua_setfield(L, home, op->name);
  push_home(L, async, op->resource);
  push_function(L, op, trk_job_start, UD);
  lua_setfield(L, -2, op->name);
  lua_settop(L, home - 1);
}

static void add_functions(lua_State *L, int client, int async) {
  static const struct {
    const char *home, *name;
    lua_CFunction f;
  } functions[] = {{"", "poll", trk_job_poll},
                   {"", "fd", trk_job_fd},
                   {"", "in_flight", trk_job_in_flight},
                   {"bell", "listen", trk_bell_listen},
                   {"bell", "accept", trk_bell_accept},
                   {"bell", "stop", trk_bell_stop}};
  const struct trk_operation *op = trk_operations;
  size_t i;
  for (; op->name != NULL; op++)
    add_operation(L, op, client, async);
  for (i = 0; i < sizeof functions / sizeof functions[0]; i++) {
    push_home(L, client, functions[i].home);
    push_function(L, NULL, functions[i].f, UD);
    lua_setfield(L, -2, functions[i].name);
    lua_pop(L, 1);
  }
}

/* Pushes the table of functions; and, for lua/trunking alone, the functions
 * pause and form (call.h) and a pause that is a job (job.h), which stand in no
 * table. Returns how many. */
static int push_client(lua_State *L) {
  int client, meta;
  trk_checkstack(L, 12, "client");
  lua_newtable(L);
  client = lua_gettop(L);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_setfield(L, client, "async");
  add_functions(L, client, client + 1);
  lua_settop(L, client);
  set_method(L, client, "close", close_client);
  lua_newtable(L);
  meta = lua_gettop(L);
  set_method(L, meta, "__tostring", client_tostring);
  lua_pushcfunction(L, client_scope_end);
  lua_setfield(L, meta, "__close");
  lua_pushvalue(L, INDEX);
  lua_setfield(L, meta, "__index");
  lua_pushliteral(L, CLIENT_T);
  lua_setfield(L, meta, "__name");
  lua_pushboolean(L, 0);
  lua_setfield(L, meta, "__metatable");
  lua_setmetatable(L, client);
  push_function(L, NULL, trk_call_pause, UD);
  push_function(L, NULL, trk_call_form, UD);
  push_function(L, NULL, trk_job_pause, UD);
  return 4;
}

/* Pushes the context of the userdata at index: its own table. */
static void push_context(lua_State *L, int ud) {
  lua_createtable(L, TRK_CONTEXT_JOBS, 0);
  lua_pushvalue(L, ud);
  lua_rawseti(L, -2, TRK_CONTEXT_CLIENT);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_rawseti(L, -2, TRK_CONTEXT_KIT);
  lua_newtable(L);
  lua_rawseti(L, -2, TRK_CONTEXT_JOBS);
  lua_pushvalue(L, -1);
  trk_setuservalue(L, ud);
}

int trk_client_new(lua_State *L) {
  struct trk_client *c;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 2);
  c = push_userdata(L, 1);
  lua_insert(L, UD);
  push_context(L, UD);
  lua_insert(L, CONTEXT); /* then the options and index */
  lua_getfield(L, 3, "on_attempt");
  c->watch = !lua_isnil(L, -1);
  lua_rawseti(L, CONTEXT, TRK_CONTEXT_HOOK);
  client_open(L, c, CONTEXT, 3);
  lua_remove(L, 3);
  return push_client(L);
}

int trk_client_default(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_settop(L, 2);
  push_userdata(L, 0);
  lua_insert(L, UD);
  push_context(L, UD);
  lua_insert(L, CONTEXT); /* then resolve and index */
  lua_pushvalue(L, 3);
  lua_rawseti(L, CONTEXT, TRK_CONTEXT_RESOLVE);
  lua_remove(L, 3);
  return push_client(L);
}
