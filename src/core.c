/* SPDX-License-Identifier: MIT
 * core: luaopen_trunking_core: puts a client's functions together in tables,
 * one for each row of the API's table and one more under async, and gives the
 * API's table as Lua data. Lua's own files get clock, days, tls and the private
 * functions of a client besides. Opening does no I/O, may happen twice in one
 * state, and pins the module in memory (law L4).
 */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* dladdr, RTLD_NODELETE */
#endif

#include "call.h"
#include "clock.h"
#include "compat.h"
#include "date.h"
#include "job.h"
#include "kit.h"
#include "loaded.h"
#include "results.h"
#include "yields.h"

#include <dlfcn.h>
#include <string.h>

#define TRK_VERSION "0.1.0"

int luaopen_trunking_core(lua_State *L);

/* Keeps this module in memory for good, and so libcurl: a resolver thread may
 * outlive lua_close, which unmaps modules and what they link. A static build
 * finds no file here, and has nothing to unmap. */
static void pin(void) {
  Dl_info self;
  union {
    int (*f)(lua_State *);
    void *p;
  } here;
  here.f = luaopen_trunking_core;
  if (dladdr(here.p, &self) != 0 && self.dli_fname != NULL)
    (void)dlopen(self.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

static void set_text(lua_State *L, const char *key, const char *value) {
  lua_pushstring(L, value);
  lua_setfield(L, -2, key);
}

/* { transfer_mode = { "disable-all", ... }, ... } */
static void push_enums(lua_State *L) {
  const struct trk_enum *e;
  int i;
  lua_newtable(L);
  for (e = trk_enums; e->name != NULL; e++) {
    lua_newtable(L);
    for (i = 0; e->words[i] != NULL; i++) {
      lua_pushstring(L, e->words[i]);
      lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, e->name);
  }
}

static void set_number(lua_State *L, const char *key, long value) {
  lua_pushinteger(L, (lua_Integer)value);
  lua_setfield(L, -2, key);
}

static void push_field(lua_State *L, const struct trk_field *f, int create) {
  static const char *const types[] = {
      [TRK_TEXT] = "text", [TRK_BOOLEAN] = "boolean",
      [TRK_ENUM] = "enum", [TRK_INTEGER] = "integer",
      [TRK_SID] = "sid",   [TRK_DOMAIN] = "domain",
      [TRK_URL] = "url",   [TRK_SIP_URL] = "sip_url",
  };
  lua_newtable(L);
  set_text(L, "name", f->name);
  set_text(L, "form", f->form);
  set_text(L, "type", types[f->type]);
  set_text(L, "help", f->help);
  lua_pushboolean(L, create && f->required);
  lua_setfield(L, -2, "required");
  if (f->words != NULL)
    set_text(L, "enum", f->words->name);
  if (f->prefix != NULL)
    set_text(L, "prefix", f->prefix);
  if (f->type == TRK_INTEGER)
    set_number(L, "min", f->min);
  if (f->max > 0)
    set_number(L, "max", f->max);
  if (f->preset != NULL && f->type == TRK_BOOLEAN) {
    lua_pushboolean(L, strcmp(f->preset, "true") == 0);
    lua_setfield(L, -2, "default");
  } else if (f->preset != NULL) {
    set_text(L, "default", f->preset);
  }
}

static void push_operation(lua_State *L, const struct trk_operation *op) {
  static const char *const shapes[] = {[TRK_RECORD] = "record",
                                       [TRK_SETTINGS] = "settings",
                                       [TRK_PAGE] = "page",
                                       [TRK_NOTHING] = "nothing"};
  size_t i;
  lua_newtable(L);
  set_text(L, "resource", op->resource);
  set_text(L, "name", op->name);
  set_text(L, "method", trk_method_word(op->method));
  set_number(L, "status", op->status);
  set_text(L, "path", op->path);
  set_text(L, "shape", shapes[op->shape]);
  set_text(L, "proof", op->proof);
  lua_newtable(L);
  for (i = 0; i < op->nfields; i++) {
    push_field(L, &op->fields[i], trk_operation_creates(op));
    lua_rawseti(L, -2, (int)i + 1);
  }
  lua_setfield(L, -2, "fields");
}

/* operations(): { { resource, name, method, path, fields = {...} }, ... }:
 * for those who document and test the API's table. */
static int operations(lua_State *L) {
  const struct trk_operation *op = trk_operations;
  int n = 0;
  lua_newtable(L);
  for (; op->name != NULL; op++) {
    push_operation(L, op);
    lua_rawseti(L, -2, ++n);
  }
  return 1;
}

/* ---- a client's tables ----------------------------------------------- */

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

/* A function with the upvalues of client.h: ud is the index of the userdata,
 * op a row of the API's table or NULL. */
static void push_function(lua_State *L, int ud, const struct trk_operation *op,
                          lua_CFunction f) {
  lua_pushvalue(L, ud);
  lua_pushlightuserdata(L, (void *)op);
  lua_pushcclosure(L, f, 2);
}

/* Sets table[name], or table[home][name], to such a function. */
static void set_function(lua_State *L, int ud, int table, const char *home,
                         const struct trk_operation *op, const char *name,
                         lua_CFunction f) {
  push_home(L, table, home);
  push_function(L, ud, op, f);
  lua_setfield(L, -2, name);
  lua_pop(L, 1);
}

/* Adds an operation: a function, the same under async, and each for a list. */
static void add_operation(lua_State *L, int ud, int client, int async,
                          const struct trk_operation *op) {
  const char *home = op->resource;
  set_function(L, ud, client, home, op, op->name, trk_call_operation);
  set_function(L, ud, async, home, op, op->name, trk_job_operation);
  if (op->shape == TRK_PAGE)
    set_function(L, ud, client, home, op, "each", trk_call_each);
}

static void add_functions(lua_State *L, int ud, int client) {
  static const struct {
    const char *home, *name;
    lua_CFunction f;
  } others[] = {{"", "poll", trk_job_poll},
                {"", "fd", trk_job_fd},
                {"", "in_flight", trk_job_in_flight},
                {"", "close", trk_client_close},
                {"bell", "listen", trk_client_bell_listen},
                {"bell", "accept", trk_client_bell_accept},
                {"bell", "stop", trk_client_bell_stop}};
  const struct trk_operation *op = trk_operations;
  int async = client + 1;
  size_t i;
  lua_newtable(L);
  lua_pushvalue(L, async);
  lua_setfield(L, client, "async");
  for (; op->name != NULL; op++)
    add_operation(L, ud, client, async, op);
  for (i = 0; i < sizeof others / sizeof others[0]; i++)
    set_function(L, ud, client, others[i].home, NULL, others[i].name,
                 others[i].f);
  lua_pop(L, 1);
}

/* __close: calls close(), which a host may have taken over. */
static int scope_end(lua_State *L) {
  lua_getfield(L, 1, "close");
  lua_call(L, 0, 0);
  return 0;
}

/* Sets the metatable of the client's table on top; index: of its __index. */
static void set_metatable(lua_State *L, int ud, int index) {
  int meta = lua_gettop(L) + 1;
  lua_newtable(L);
  set_function(L, ud, meta, "", NULL, "__tostring", trk_client_tostring);
  lua_pushcfunction(L, scope_end);
  lua_setfield(L, meta, "__close");
  lua_pushvalue(L, index);
  lua_setfield(L, meta, "__index");
  set_text(L, "__name", "trunking.client");
  lua_pushboolean(L, 0);
  lua_setfield(L, meta, "__metatable");
  lua_setmetatable(L, meta - 1);
}

/* Pushes what C does for Lua's own files: one table, in no other. */
static void push_private(lua_State *L, int ud) {
  int table = lua_gettop(L) + 1;
  lua_newtable(L);
  set_function(L, ud, table, "", NULL, "pause", trk_call_pause);
  set_function(L, ud, table, "", NULL, "async_pause", trk_job_pause);
  set_function(L, ud, table, "", NULL, "given", trk_call_given);
  set_function(L, ud, table, "", NULL, "instead", trk_job_instead);
  set_function(L, ud, table, "", NULL, "within", trk_call_within);
  set_function(L, ud, table, "", NULL, "async_within", trk_job_within);
  set_function(L, ud, table, "", NULL, "asked", trk_call_asked);
}

/* Pushes the client's table and the private one; index: of its __index, and
 * the userdata and its context on top of all. */
static int push_client(lua_State *L, int index) {
  int context = lua_gettop(L), ud = context - 1;
  trk_checkstack(L, 16, "client");
  push_function(L, ud, NULL, trk_call_follow);
  lua_rawseti(L, context, TRK_CONTEXT_FOLLOW);
  push_function(L, ud, NULL, trk_job_follow);
  lua_rawseti(L, context, TRK_CONTEXT_FOLLOW_ASYNC);
  lua_newtable(L);
  add_functions(L, ud, context + 1);
  set_metatable(L, ud, index);
  push_private(L, ud);
  return 2;
}

#define KIT lua_upvalueindex(1)

/* new(options, index): a client, and the private table: call.h and job.h have
 * its functions. options are as trunking.config has checked them; index is the
 * client's __index. */
static int new_client(lua_State *L) {
  struct trk_client *c;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 2);
  trk_results_prepare(L, KIT, trk_operation_named("list"));
  c = trk_client_push(L, KIT, 0);
  trk_client_open(L, c, lua_gettop(L), 1);
  return push_client(L, 2);
}

/* default(resolve, index): the same; it calls resolve at its first call, and
 * takes the options it returns, or passes on its nil, err. */
static int default_client(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_settop(L, 2);
  (void)trk_client_push(L, KIT, 1);
  lua_pushvalue(L, 1);
  lua_rawseti(L, -2, TRK_CONTEXT_RESOLVE);
  return push_client(L, 2);
}

/* ---- the module ------------------------------------------------------- */

/* clock(): seconds, monotonic, from any start. */
static int clock_now(lua_State *L) {
  lua_pushnumber(L, (lua_Number)trk_clock_us() / 1e6);
  return 1;
}

/* days(year, month, day): whole numbers; days since 1970-01-01, or nil: there
 * is no such day. */
static int days(lua_State *L) {
  int year = (int)luaL_checkinteger(L, 1);
  int month = (int)luaL_checkinteger(L, 2);
  int day = (int)luaL_checkinteger(L, 3);
  if (!trk_date_exists(year, month, day))
    return 0;
  lua_pushinteger(L, (lua_Integer)trk_date_days(year, month, day));
  return 1;
}

static void set_with_kit(lua_State *L, const char *name, lua_CFunction f,
                         int kit) {
  lua_pushvalue(L, kit);
  lua_pushcclosure(L, f, 1);
  lua_setfield(L, -2, name);
}

TRK_EXPORT int luaopen_trunking_core(lua_State *L) {
  char why[80];
  int kit;
  if (trk_loaded_unfit(why, sizeof why))
    return luaL_error(L, "%s", why);
  pin();
  lua_newtable(L);
  kit = lua_gettop(L);
  lua_getglobal(L, "require");
  lua_setfield(L, LUA_REGISTRYINDEX, TRK_REQUIRE);
  lua_newtable(L);
  set_with_kit(L, "new", new_client, kit);
  set_with_kit(L, "default", default_client, kit);
  push_enums(L);
  lua_setfield(L, -2, "enums");
  lua_pushcfunction(L, operations);
  lua_setfield(L, -2, "operations");
  lua_pushcfunction(L, clock_now);
  lua_setfield(L, -2, "clock");
  lua_getglobal(L, "pcall");
  lua_getglobal(L, "xpcall");
  lua_pushcclosure(L, trk_can_yield, 2);
  lua_setfield(L, -2, "can_yield");
  lua_pushcfunction(L, days);
  lua_setfield(L, -2, "days");
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, -2, "null");
  set_text(L, "version", TRK_VERSION);
  set_text(L, "tls", trk_loaded_tls());
  return 1;
}
