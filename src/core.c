/* SPDX-License-Identifier: MIT
 * core: luaopen_trunking_core: the functions that lua/trunking is built on,
 * and the API's table as Lua data. Opening does no I/O, may happen twice in
 * one state, and pins the module in memory (law L4).
 */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* dladdr, RTLD_NODELETE */
#endif

#include "client.h"
#include "compat.h"
#include "engine.h"

#include <dlfcn.h>
#include <string.h>

#define TRK_VERSION "0.1.0"

int luaopen_trunking_core(lua_State *L);

/* A resolver thread may outlive lua_close, which unmaps modules and what they
 * link: libcurl must stay. In a static build this finds no file, and there is
 * nothing to unmap. */
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
      [TRK_TEXT] = "text",       [TRK_BOOLEAN] = "boolean",
      [TRK_ENUM] = "enum",       [TRK_INTEGER] = "integer",
      [TRK_SID] = "sid",         [TRK_DOMAIN] = "domain",
      [TRK_URL] = "url",         [TRK_SIP_URL] = "sip_url",
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
}

static void push_operation(lua_State *L, const struct trk_operation *op) {
  static const char *const methods[] = {
      [TRK_GET] = "GET", [TRK_POST] = "POST", [TRK_DELETE] = "DELETE"};
  static const char *const shapes[] = {[TRK_RECORD] = "record",
                                       [TRK_SETTINGS] = "settings",
                                       [TRK_PAGE] = "page",
                                       [TRK_NOTHING] = "nothing"};
  size_t i;
  lua_newtable(L);
  set_text(L, "resource", op->resource);
  set_text(L, "name", op->name);
  set_text(L, "method", methods[op->method]);
  set_number(L, "status", op->status);
  set_text(L, "path", op->path);
  set_text(L, "shape", shapes[op->shape]);
  set_text(L, "proof", op->proof);
  lua_newtable(L);
  for (i = 0; i < op->nfields; i++) {
    push_field(L, &op->fields[i], strcmp(op->name, "create") == 0);
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

/* clock(): seconds, monotonic. */
static int clock_now(lua_State *L) {
  lua_pushnumber(L, (lua_Number)trk_engine_clock());
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
  if (trk_engine_unfit(why, sizeof why))
    return luaL_error(L, "%s", why);
  pin();
  lua_newtable(L);
  kit = lua_gettop(L);
  lua_newtable(L);
  set_with_kit(L, "new", trk_client_new, kit);
  set_with_kit(L, "default", trk_client_default, kit);
  push_enums(L);
  lua_setfield(L, -2, "enums");
  lua_pushcfunction(L, operations);
  lua_setfield(L, -2, "operations");
  lua_pushcfunction(L, clock_now);
  lua_setfield(L, -2, "clock");
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, -2, "null");
  set_text(L, "version", TRK_VERSION);
  set_text(L, "tls", trk_engine_tls());
  return 1;
}
