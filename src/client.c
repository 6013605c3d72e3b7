/* SPDX-License-Identifier: MIT
 * client: see client.h. Laws L6 and L9 live here: the userdata owns an engine
 * and a spare call from birth, nothing raw is held across what may raise, and
 * no L is kept.
 */
#include "client.h"

#include "compat.h"
#include "form.h"
#include "reply.h"

#include <string.h>

#define CLIENT_T "trunking.client"
#define SLICE_MS 100 /* how late a Ctrl-C between two looks is seen */

enum state { FRESH, OPEN, CLOSED };

struct client {
  enum state state;
  int lasting;               /* closed for good, or FRESH again? */
  struct trk_engine *engine; /* when OPEN */
  struct trk_call *spare;    /* the next call, or NULL */
  int busy;                  /* calls of this client on the C stack */
  int validate;
  char account[36]; /* account SID; "" when not known */
  char label[16];   /* for tostring: AC...1234 */
};

/* Upvalues of an operation. */
#define UP_CLIENT lua_upvalueindex(1)
#define UP_OPERATION lua_upvalueindex(2)
#define UP_KIT lua_upvalueindex(3)
#define UP_RESOLVE lua_upvalueindex(4)

/* ---- opening and closing ------------------------------------------ */

static int client_close(struct client *c) {
  struct trk_engine *engine = c->engine;
  struct trk_call *spare = c->spare;
  c->engine = NULL;
  c->spare = NULL;
  c->state = c->lasting ? CLOSED : FRESH;
  trk_engine_close(engine);
  trk_call_free(spare);
  return 0;
}

static int client_gc(lua_State *L) {
  return client_close(luaL_checkudata(L, 1, CLIENT_T));
}

/* close(), and __close of a client: its userdata is the upvalue. */
static int close_client(lua_State *L) {
  struct client *c = lua_touserdata(L, lua_upvalueindex(1));
  if (c->busy > 0)
    return luaL_error(L, "a client can't be closed during its own call");
  return client_close(c);
}

static int client_tostring(lua_State *L) {
  const struct client *c = lua_touserdata(L, lua_upvalueindex(1));
  static const char *const states[] = {"default", NULL, "closed"};
  const char *text = c->state == OPEN ? c->label : states[c->state];
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
static void set_label(struct client *c, const char *user) {
  size_t len = strlen(user);
  memset(c->label, 0, sizeof c->label);
  if (len < 8)
    return;
  memcpy(c->label, user, 2);
  memcpy(c->label + 2, "\xE2\x80\xA6", 3);
  memcpy(c->label + 5, user + len - 4, 4);
}

/* Opens c with the options table at index. */
static void client_open(lua_State *L, struct client *c, int index) {
  struct trk_options o;
  const char *account;
  int top = lua_gettop(L);
  luaL_checkstack(L, 16, "options");
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
  c->engine = trk_engine_open(&o);
  if (c->engine == NULL)
    luaL_error(L, "not enough memory");
  c->state = OPEN;
  lua_settop(L, top);
}

/* ---- a call ------------------------------------------------------- */

/* Makes c ready for a call. 0, or how many results say why it is not. */
static int get_ready(lua_State *L, struct client *c,
                     const struct trk_operation *op) {
  const char *why = NULL;
  if (c->state == FRESH) {
    lua_pushvalue(L, UP_RESOLVE);
    lua_call(L, 0, 2);
    if (!lua_istable(L, -2))
      return 2; /* nil, err */
    lua_pop(L, 1);
    client_open(L, c, lua_gettop(L));
    lua_pop(L, 1);
  }
  if (c->state == CLOSED)
    why = "the client is closed";
  else if (trk_engine_inherited(c->engine))
    why = "the client was used before this process was forked; make a new "
          "one here";
  if (why == NULL)
    return 0;
  lua_newtable(L);
  lua_pushliteral(L, "config");
  lua_setfield(L, -2, "kind");
  lua_pushstring(L, why);
  lua_setfield(L, -2, "message");
  return trk_reply_unsent(L, UP_KIT, op);
}

/* The call to fill next; the client owns it until it is started. */
static struct trk_call *draft(lua_State *L, struct client *c,
                              const struct trk_operation *op) {
  struct trk_call *call = c->spare;
  if (call == NULL)
    call = c->spare = trk_call_new();
  if (call != NULL) {
    call->operation = op;
    trk_buf_clear(&call->path);
    trk_buf_clear(&call->body);
    if (trk_buf_add(&call->path, op->path, strlen(op->path)) == TRK_BUF_OK)
      return call;
  }
  luaL_error(L, "not enough memory");
  return NULL;
}

/* Words what the form found wrong: message and field are on top. */
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
  return trk_reply_unsent(L, UP_KIT, op);
}

/* Raises the error on top, with a word on what became of the request. */
static int raise_with_outcome(lua_State *L, const struct trk_call *call) {
  static const char *const words[] = {
      [TRK_DONE] = "the request had been applied",
      [TRK_NOT_SENT] = "the request was not sent",
      [TRK_REFUSED] = "the request was refused",
      [TRK_APPLIED] = "the request had been applied",
      [TRK_UNKNOWN] = "the request was sent and may have been applied",
  };
  if (lua_type(L, -1) == LUA_TSTRING)
    lua_pushfstring(L, "%s (trunking.%s: %s)", lua_tostring(L, -1),
                    call->operation->name, words[call->outcome]);
  return lua_error(L);
}

/* Puts a finished call back for the next one. */
static void give_back(struct client *c, struct trk_call *call) {
  if (c->spare == NULL)
    c->spare = call;
  else
    trk_call_free(call);
}

/* Lets a debug hook run: lua's Ctrl-C is one, and raises. */
static int hook_raises(lua_State *L) {
  lua_rawgeti(L, UP_KIT, TRK_KIT_TICK);
  return lua_pcall(L, 0, 0, 0) != 0;
}

/* Runs the call to its end on this thread. Raises what a hook raises, with
 * the call cancelled, its outcome told and the client as good as before. */
static void run(lua_State *L, struct client *c, struct trk_call *call) {
  c->busy++;
  trk_engine_start(c->engine, call);
  while (!call->done) {
    trk_engine_step(c->engine, SLICE_MS);
    if (call->done || lua_gethook(L) == NULL || !hook_raises(L))
      continue;
    trk_engine_cancel(c->engine, call);
    c->busy--;
    give_back(c, call);
    raise_with_outcome(L, call);
  }
  c->busy--;
}

/* The builder, run protected: client, call, params, kit, and whether memory
 * was short the last time. */
static int build(lua_State *L) {
  const struct client *c = lua_touserdata(L, 1);
  if (lua_toboolean(L, 5))
    lua_gc(L, LUA_GCCOLLECT, 0);
  return trk_reply_push(L, lua_touserdata(L, 2), c->account, 3, 4);
}

/* Pushes the results, and returns how many; or -1, with a hook's error on
 * top. The call's address is at index 2. A want of memory is met with a
 * collection and a second try; if that fails too, an error made beforehand
 * still tells the truth. */
static int results(lua_State *L, struct trk_call *call) {
  int top = lua_gettop(L), rc, again;
  for (again = 0; again < 2; again++) {
    lua_rawgeti(L, UP_KIT, TRK_KIT_BUILD);
    lua_pushvalue(L, UP_CLIENT);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, 1);
    lua_pushvalue(L, UP_KIT);
    lua_pushboolean(L, again);
    rc = lua_pcall(L, 5, LUA_MULTRET, 0);
    if (rc == 0 && lua_gettop(L) > top)
      return lua_gettop(L) - top;
    if (rc != 0 && rc != LUA_ERRMEM)
      return -1;
    lua_settop(L, top);
  }
  if (call->outcome == TRK_DONE)
    call->outcome = TRK_APPLIED;
  lua_pushnil(L);
  lua_rawgeti(L, UP_KIT, TRK_KIT_MEMORY);
  lua_rawgeti(L, -1, (int)call->outcome);
  lua_remove(L, -2);
  return 2;
}

/* ---- the kit ------------------------------------------------------ */

static void push_required(lua_State *L, const char *name) {
  lua_getglobal(L, "require");
  lua_pushstring(L, name);
  lua_call(L, 1, 1);
}

/* An instance of cjson's decoder that no host can reconfigure. */
static void push_decode(lua_State *L) {
  int top = lua_gettop(L);
  push_required(L, "cjson");
  lua_getfield(L, -1, "new");
  lua_call(L, 0, 1);
  lua_getfield(L, -1, "decode_max_depth");
  lua_pushinteger(L, 16);
  lua_call(L, 1, 0);
  lua_getfield(L, -1, "decode_invalid_numbers");
  lua_pushboolean(L, 0);
  lua_call(L, 1, 0);
  lua_getfield(L, -1, "decode");
  lua_insert(L, top + 1);
  lua_settop(L, top + 1);
}

/* Fills the kit at the first call, not at require: a host that never calls
 * loads neither cjson nor the words of errors. The last entry says that all
 * are there. */
static void need_kit(lua_State *L) {
  int kit, errors, outcome;
  lua_rawgeti(L, UP_KIT, TRK_KIT_MEMORY);
  if (!lua_isnil(L, -1)) {
    lua_pop(L, 1);
    return;
  }
  lua_pushvalue(L, UP_KIT);
  kit = lua_gettop(L);
  push_decode(L);
  lua_rawseti(L, kit, TRK_KIT_DECODE);
  push_required(L, "trunking.error");
  errors = lua_gettop(L);
  lua_getfield(L, errors, "make");
  lua_rawseti(L, kit, TRK_KIT_ERROR);
  lua_getfield(L, errors, "tick");
  lua_rawseti(L, kit, TRK_KIT_TICK);
  lua_pushcfunction(L, build);
  lua_rawseti(L, kit, TRK_KIT_BUILD);
  lua_newtable(L);
  for (outcome = TRK_DONE; outcome <= TRK_UNKNOWN; outcome++) {
    lua_getfield(L, errors, "no_memory");
    lua_pushstring(L, trk_outcome_word((enum trk_outcome)outcome));
    lua_call(L, 1, 1);
    lua_rawseti(L, -2, outcome);
  }
  lua_rawseti(L, kit, TRK_KIT_MEMORY);
  lua_settop(L, kit - 2);
}

/* ---- an operation -------------------------------------------------- */

/* create(params) and its siblings. Returns a table, or nil and an error; a
 * wrong argument type raises at the caller's line. */
static int operation(lua_State *L) {
  struct client *c = lua_touserdata(L, UP_CLIENT);
  const struct trk_operation *op = lua_touserdata(L, UP_OPERATION);
  struct trk_call *call;
  enum trk_form_rc rc;
  int n;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  luaL_checkstack(L, 20, "call");
  need_kit(L);
  n = get_ready(L, c, op);
  if (n > 0)
    return n;
  call = draft(L, c, op);
  rc = trk_form_encode(L, 1, op, c->validate, &call->body);
  if (rc != TRK_FORM_OK)
    return invalid(L, rc, op);
  lua_pushlightuserdata(L, call); /* now: LuaJIT may need memory for it */
  c->spare = NULL;
  run(L, c, call);
  n = results(L, call);
  give_back(c, call);
  return n < 0 ? raise_with_outcome(L, call) : n;
}

/* ---- the client's Lua side ---------------------------------------- */

static struct client *push_userdata(lua_State *L, int lasting) {
  struct client *c = lua_newuserdata(L, sizeof *c);
  memset(c, 0, sizeof *c);
  c->lasting = lasting;
  if (luaL_newmetatable(L, CLIENT_T)) {
    lua_pushcfunction(L, client_gc);
    lua_setfield(L, -2, "__gc");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
  }
  lua_setmetatable(L, -2);
  return c;
}

/* Sets table[name] to f with the client's userdata as its upvalue. */
static void set_method(lua_State *L, int table, const char *name,
                       lua_CFunction f, int client) {
  lua_pushvalue(L, client);
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

/* Pushes the table of functions. The kit is upvalue 1 of the running function;
 * the userdata, resolve and what serves as __index (or nil) are at 2, 3, 4. */
static void push_client(lua_State *L) {
  const int ud = 2, resolve = 3, index = 4;
  const struct trk_operation *op = trk_operations;
  int client, meta;
  lua_newtable(L);
  client = lua_gettop(L);
  for (; op->name != NULL; op++) {
    push_home(L, client, op->resource);
    lua_pushvalue(L, ud);
    lua_pushlightuserdata(L, (void *)op);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, resolve);
    lua_pushcclosure(L, operation, 4);
    lua_setfield(L, -2, op->name);
    lua_settop(L, client);
  }
  set_method(L, client, "close", close_client, ud);
  lua_newtable(L);
  meta = lua_gettop(L);
  set_method(L, meta, "__tostring", client_tostring, ud);
  set_method(L, meta, "__close", close_client, ud);
  lua_pushvalue(L, index);
  lua_setfield(L, meta, "__index");
  lua_pushliteral(L, CLIENT_T);
  lua_setfield(L, meta, "__name");
  lua_pushboolean(L, 0);
  lua_setfield(L, meta, "__metatable");
  lua_setmetatable(L, client);
}

int trk_client_new(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  client_open(L, push_userdata(L, 1), 1);
  lua_settop(L, 4); /* no resolve, no __index */
  push_client(L);
  return 1;
}

int trk_client_default(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_settop(L, 2);
  push_userdata(L, 0);
  lua_insert(L, 1);   /* userdata, resolve, index */
  lua_pushnil(L);
  lua_insert(L, 1);   /* as trk_client_new has them */
  push_client(L);
  return 1;
}
