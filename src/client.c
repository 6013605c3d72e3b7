/* SPDX-License-Identifier: MIT
 * client: see client.h.
 */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* RTLD_DEFAULT */
#endif

#include "client.h"

#include "compat.h"
#include "fd.h"
#include "kit.h"

#include <dlfcn.h>
#include <errno.h> /* ENAMETOOLONG */
#include <string.h>

#define CLIENT_T "trunking.client"
#define SPARES 16     /* at most */
#define KNOWN 4       /* SIDs that are kept for each call in flight */
#define WEIGHT 64     /* KiB that the collector takes a client for */
#define DESCRIPTORS 8 /* a first call opens: a connection, to be woken, names */

/* ---- exchanges ----------------------------------------------------- */

static struct trk_exchange *take_spare(struct trk_client *c) {
  struct trk_exchange *x = c->spares;
  if (x == NULL)
    return trk_exchange_new();
  c->spares = x->next;
  c->nspares--;
  return x;
}

/* A closed client keeps none: its finalizer may have run. */
void trk_client_give_back(struct trk_client *c, struct trk_exchange *x) {
  if (x == NULL || c->state != TRK_OPEN || c->nspares == SPARES) {
    trk_exchange_free(x);
    return;
  }
  trk_buf_clear(&x->reply); /* a page's is large */
  x->next = c->spares;
  c->spares = x;
  c->nspares++;
}

struct trk_exchange *trk_client_draft(lua_State *L, struct trk_client *c) {
  struct trk_exchange *x = take_spare(c);
  if (x != NULL) {
    x->next = c->drafts;
    c->drafts = x;
  } else {
    luaL_error(L, "not enough memory");
  }
  return x;
}

void trk_client_undraft(struct trk_client *c, struct trk_exchange *x) {
  struct trk_exchange **at = &c->drafts;
  while (*at != x)
    at = &(*at)->next;
  *at = x->next;
}

/* ---- opening -------------------------------------------------------- */

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

/* A text of several lines. */
static const char *lines(lua_State *L, int table, const char *name) {
  const char *s;
  size_t len = 0;
  lua_getfield(L, table, name);
  s = lua_tolstring(L, -1, &len);
  if (s != NULL && strlen(s) != len)
    luaL_error(L, "option %s holds a NUL", name);
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

/* on_attempt and the origin are Lua values, so they go into the context. A
 * finalizer may open the client meanwhile. */
void trk_client_open(lua_State *L, struct trk_client *c, int context,
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
  o.ca_pem = lines(L, index, "ca_pem");
  o.proxy = option(L, index, "proxy");
  o.proxy_auth = option(L, index, "proxy_auth");
  account = option(L, index, "account_sid");
  o.timeout_ms = option_ms(L, index, "timeout");
  o.connect_timeout_ms = option_ms(L, index, "connect_timeout");
  o.max_attempts = option_count(L, index, "max_attempts");
  o.max_in_flight = option_count(L, index, "max_in_flight");
  lua_getfield(L, index, "validate");
  c->validate = lua_toboolean(L, -1);
  if (o.origin == NULL || o.user == NULL || o.secret == NULL ||
      o.user_agent == NULL || o.proxy == NULL || o.max_in_flight == 0)
    luaL_error(L, "options that trunking.config has not checked");
  else
    set_label(c, account != NULL ? account : o.user);
  memset(c->account, 0, sizeof c->account);
  if (account != NULL && strlen(account) < sizeof c->account)
    memcpy(c->account, account, strlen(account));
  lua_getfield(L, index, "on_attempt");
  c->watch = !lua_isnil(L, -1);
  lua_rawseti(L, context, TRK_CONTEXT_HOOK);
  lua_getfield(L, index, "origin");
  lua_rawseti(L, context, TRK_CONTEXT_ORIGIN);
  if (c->known.slots == NULL &&
      trk_known_init(&c->known, KNOWN * (size_t)o.max_in_flight) != 0)
    luaL_error(L, "not enough memory");
  if (c->engine == NULL)
    c->engine = trk_engine_open(&o);
  if (c->engine == NULL)
    luaL_error(L, "not enough memory");
  c->state = TRK_OPEN;
  lua_settop(L, top);
}

/* ---- closing --------------------------------------------------------- */

/* Closes the client, whichever way it is closed. */
static void shut(struct trk_client *c) {
  struct trk_engine *engine = c->engine;
  struct trk_worker *worker = c->worker;
  struct trk_exchange *spares = c->spares;
  c->engine = NULL;
  c->worker = NULL;
  c->spares = NULL;
  c->nspares = 0;
  c->state = c->is_default ? TRK_FRESH : TRK_CLOSED;
  if (worker != NULL)
    trk_jobs_land_all(trk_worker_stop(worker)); /* and its engine */
  else
    trk_engine_close(engine);
  c->jobs.in_flight = 0; /* those of a parent's worker never land here */
  trk_bell_close(&c->bell);
  trk_known_free(&c->known);
  trk_exchange_free_all(spares);
}

/* Frees drafts too, which close does not: a call that collects garbage while it
 * fills one may cause the close. */
static int client_gc(lua_State *L) {
  struct trk_client *c = luaL_checkudata(L, 1, CLIENT_T);
  c->is_default = 0; /* a finalizer that comes later must not open it again */
  shut(c);
  trk_jobs_forget(&c->jobs);
  trk_exchange_free_all(c->drafts);
  c->drafts = NULL;
  return 0;
}

int trk_client_close(lua_State *L) {
  struct trk_client *c = lua_touserdata(L, TRK_UP_CLIENT);
  if (c->busy > 0)
    return luaL_error(L, "a client can't be closed during its own call");
  shut(c);
  return 0;
}

/* ---- being ready ------------------------------------------------------ */

int trk_client_inherited(const struct trk_client *c) {
  if (c->worker != NULL)
    return trk_worker_inherited(c->worker);
  return c->engine == NULL || trk_engine_inherited(c->engine);
}

/* nil and an error are left on the stack where there are no options. */
static int open_default(lua_State *L, struct trk_client *c, int context) {
  lua_rawgeti(L, context, TRK_CONTEXT_RESOLVE);
  lua_call(L, 0, 2);
  if (!lua_istable(L, -2))
    return 0;
  lua_pop(L, 1);
  if (c->state == TRK_FRESH) /* no finalizer has opened it meanwhile */
    trk_client_open(L, c, context, lua_gettop(L));
  lua_pop(L, 1);
  return 1;
}

/* LuaJIT's compiled code holds what it was compiled for, clients among it. */
static void forget_traces(lua_State *L) {
#if LUA_VERSION_NUM == 501
  enum { ENGINE = 0, FLUSH = 0x200 }; /* luajit.h */
  union {
    int (*setmode)(lua_State *L, int index, int mode);
    void *p;
  } jit;
  jit.p = dlsym(RTLD_DEFAULT, "luaJIT_setmode");
  if (jit.p != NULL)
    (void)jit.setmode(L, 0, ENGINE | FLUSH);
#else
  (void)L;
#endif
}

/* A client that nobody uses any more has its descriptors until it is collected.
 * Where too few are left for one that begins, the others go first. */
static void make_room(lua_State *L, struct trk_client *c) {
  if (!c->called && trk_fd_lack(DESCRIPTORS)) {
    forget_traces(L);
    lua_gc(L, LUA_GCCOLLECT, 0);
  }
  c->called = 1;
}

enum trk_unready trk_client_ready(lua_State *L, struct trk_client *c,
                                  int context, const char **why) {
  if (c->state == TRK_FRESH && !open_default(L, c, context))
    return TRK_UNREADY_RESOLVED;
  make_room(L, c); /* first: a finalizer may close this one, too */
  if (c->state == TRK_CLOSED)
    *why = "the client is closed";
  else if (trk_client_inherited(c))
    *why = "the client was used before this process was forked; make a new "
           "one here";
  else if (c->worker != NULL && trk_worker_ended(c->worker))
    *why = "the process is ending";
  else
    return TRK_READY;
  return TRK_UNREADY;
}

const char *trk_client_need_worker(struct trk_client *c) {
  if (c->worker != NULL)
    return NULL;
  if (c->busy > 0)
    return "the client's first job can't begin during its own blocking call";
  c->worker = trk_worker_start(c->engine);
  return c->worker != NULL ? NULL : "no thread could be started";
}

void trk_client_distrust(struct trk_client *c) {
  if (trk_client_inherited(c))
    return;
  if (c->worker != NULL)
    trk_worker_distrust(c->worker);
  else
    trk_engine_distrust(c->engine);
}

/* ---- for Lua ---------------------------------------------------------- */

struct trk_client *trk_client_push(lua_State *L, int kit, int is_default) {
  static const luaL_Reg meta[] = {{"__gc", client_gc}, {NULL, NULL}};
  struct trk_client *c = lua_newuserdata(L, sizeof *c);
  int ud = lua_gettop(L);
  lua_gc(L, LUA_GCSTEP, WEIGHT);
  memset(c, 0, sizeof *c);
  trk_bell_init(&c->bell);
  c->is_default = is_default;
  c->validate = 1;
  trk_kit_push_metatable(L, CLIENT_T, meta, NULL);
  lua_setmetatable(L, ud);
  lua_createtable(L, TRK_CONTEXT_SIZE, 0);
  lua_pushvalue(L, ud);
  lua_rawseti(L, -2, TRK_CONTEXT_CLIENT);
  lua_pushvalue(L, kit);
  lua_rawseti(L, -2, TRK_CONTEXT_KIT);
  lua_newtable(L);
  lua_rawseti(L, -2, TRK_CONTEXT_JOBS);
  lua_pushvalue(L, -1);
  trk_setuservalue(L, ud);
  return c;
}

int trk_client_tostring(lua_State *L) {
  const struct trk_client *c = lua_touserdata(L, TRK_UP_CLIENT);
  static const char *const states[] = {"default", NULL, "closed"};
  const char *text = c->state == TRK_OPEN ? c->label : states[c->state];
  lua_pushfstring(L, "trunking.client(%s)", text);
  return 1;
}

/* Where there is a connection, there is a worker. */
static void stop_bell(struct trk_client *c) {
  if (c->bell.connection >= 0 && !trk_client_inherited(c))
    trk_worker_signal(c->worker, -1);
  trk_bell_close(&c->bell);
}

static int answer(lua_State *L, const char *why) {
  if (why == NULL) {
    lua_pushboolean(L, 1);
    return 1;
  }
  lua_pushnil(L);
  lua_pushstring(L, why);
  return 2;
}

int trk_client_bell_listen(lua_State *L) {
  struct trk_client *c = lua_touserdata(L, TRK_UP_CLIENT);
  size_t len;
  const char *path = luaL_checklstring(L, 1, &len);
  int rc;
  stop_bell(c);
  rc = trk_bell_listen(&c->bell, path, len);
  if (rc == ENAMETOOLONG)
    return answer(L, "the path is too long");
  return answer(L, rc == 0 ? NULL : strerror(rc));
}

int trk_client_bell_accept(lua_State *L) {
  struct trk_client *c = lua_touserdata(L, TRK_UP_CLIENT);
  if (c->worker == NULL || trk_client_inherited(c) || c->bell.listener < 0)
    return answer(L, "nothing to wait for");
  if (!trk_bell_accept(&c->bell))
    return answer(L, "nobody has connected");
  trk_worker_signal(c->worker, c->bell.connection);
  return answer(L, NULL);
}

int trk_client_bell_stop(lua_State *L) {
  stop_bell(lua_touserdata(L, TRK_UP_CLIENT));
  return 0;
}
