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
    (void)dlopen(self.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
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

static void push_field(lua_State *L, const struct trk_field *f) {
  static const char *const types[] = {
      [TRK_TEXT] = "text",     [TRK_BOOLEAN] = "boolean",
      [TRK_ENUM] = "enum",     [TRK_DOMAIN] = "domain",
      [TRK_URL] = "url",
  };
  lua_newtable(L);
  set_text(L, "name", f->name);
  set_text(L, "form", f->form);
  set_text(L, "type", types[f->type]);
  set_text(L, "help", f->help);
  if (f->words != NULL)
    set_text(L, "enum", f->words->name);
  if (f->max > 0) {
    lua_pushinteger(L, (lua_Integer)f->max);
    lua_setfield(L, -2, "max");
  }
}

/* { { resource, name, method, path, fields = {...} }, ... } */
static void push_operations(lua_State *L) {
  static const char *const methods[] = {
      [TRK_GET] = "GET", [TRK_POST] = "POST", [TRK_DELETE] = "DELETE"};
  const struct trk_operation *op = trk_operations;
  int n = 0;
  size_t i;
  lua_newtable(L);
  for (; op->name != NULL; op++) {
    lua_newtable(L);
    set_text(L, "resource", op->resource);
    set_text(L, "name", op->name);
    set_text(L, "method", methods[op->method]);
    set_text(L, "path", op->path);
    lua_newtable(L);
    for (i = 0; i < op->nfields; i++) {
      push_field(L, &op->fields[i]);
      lua_rawseti(L, -2, (int)i + 1);
    }
    lua_setfield(L, -2, "fields");
    lua_rawseti(L, -2, ++n);
  }
}

static void set_with_kit(lua_State *L, const char *name, lua_CFunction f,
                         int kit) {
  lua_pushvalue(L, kit);
  lua_pushcclosure(L, f, 1);
  lua_setfield(L, -2, name);
}

TRK_EXPORT int luaopen_trunking_core(lua_State *L) {
  const char *unfit = trk_engine_unfit();
  int kit;
  if (unfit != NULL)
    return luaL_error(L, "%s", unfit);
  pin();
  lua_newtable(L);
  kit = lua_gettop(L);
  lua_newtable(L);
  set_with_kit(L, "new", trk_client_new, kit);
  set_with_kit(L, "default", trk_client_default, kit);
  push_enums(L);
  lua_setfield(L, -2, "enums");
  push_operations(L);
  lua_setfield(L, -2, "operations");
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, -2, "null");
  set_text(L, "version", TRK_VERSION);
  return 1;
}
