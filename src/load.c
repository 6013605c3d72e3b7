/* SPDX-License-Identifier: MIT
 * load: luaopen_trunking_load: opens trunking.core, which stands beside it,
 * as cheaply as the system can. Lua's own loader has every symbol of libcurl
 * and its thirty libraries looked up at once, a third of what require costs;
 * here each is looked up when it is first called. A module of its own, which
 * links nothing; without it, require "trunking.core" does as well.
 */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* dladdr, RTLD_NODELETE */
#endif

#include "compat.h"

#include <dlfcn.h>
#include <string.h>

#define CORE "core.so"

int luaopen_trunking_load(lua_State *L);

/* Pushes the path of what stands beside this file. 0: it is in no file. */
static int push_path(lua_State *L) {
  Dl_info self;
  union {
    int (*f)(lua_State *);
    void *p;
  } here;
  const char *slash;
  here.f = luaopen_trunking_load;
  if (dladdr(here.p, &self) == 0 || self.dli_fname == NULL)
    return 0;
  slash = strrchr(self.dli_fname, '/');
  if (slash == NULL)
    return 0;
  lua_pushlstring(L, self.dli_fname, (size_t)(slash + 1 - self.dli_fname));
  lua_pushliteral(L, CORE);
  lua_concat(L, 2);
  return 1;
}

/* It stays in memory, as law L4 has it. */
TRK_EXPORT int luaopen_trunking_load(lua_State *L) {
  union {
    lua_CFunction f;
    void *p;
  } open;
  void *core = NULL;
  open.p = NULL;
  if (push_path(L))
    core = dlopen(lua_tostring(L, -1), RTLD_LAZY | RTLD_NODELETE);
  if (core != NULL)
    open.p = dlsym(core, "luaopen_trunking_core");
  if (open.p == NULL)
    return luaL_error(L, "trunking.core is not beside trunking.load");
  lua_pushcfunction(L, open.f);
  lua_call(L, 0, 1);
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "loaded");
  lua_pushvalue(L, -3);
  lua_setfield(L, -2, "trunking.core");
  lua_pop(L, 2);
  return 1;
}
