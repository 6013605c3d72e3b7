/* SPDX-License-Identifier: MIT
 * asked: see asked.h.
 */
#include "asked.h"

#include "compat.h"

#include <string.h>

/* Turns the text on top, a field's as it was sent, into the field's type. A
 * field that was cleared stays "". */
static void to_type(lua_State *L, enum trk_type type) {
  const char *text = lua_tostring(L, -1);
  if (type == TRK_BOOLEAN && *text != '\0')
    lua_pushboolean(L, *text == 't');
  else if (type == TRK_INTEGER && lua_isnumber(L, -1))
    trk_pushnumber(L, (double)lua_tonumber(L, -1));
  else
    return;
  lua_remove(L, -2);
}

/* A field's name in the spelling of the replies: FriendlyName and
 * friendly_name are friendly_name. */
static void push_snake(lua_State *L, const char *name) {
  luaL_Buffer b;
  int words = 0, begins = 1;
  luaL_buffinit(L, &b);
  for (; *name != '\0'; name++) {
    int upper = *name >= 'A' && *name <= 'Z';
    begins |= upper || *name == '_';
    if (*name == '_')
      continue;
    if (begins && words++ > 0)
      luaL_addchar(&b, '_');
    begins = 0;
    luaL_addchar(&b, upper ? (char)(*name | 32) : *name);
  }
  luaL_pushresult(&b);
}

void trk_asked_push(lua_State *L, const struct trk_exchange *x) {
  const struct trk_asked *a = &x->asked;
  const struct trk_field *fields = x->operation->fields;
  const char *at = trk_buf_str(&a->texts), *end = at + a->texts.len;
  size_t i;
  lua_newtable(L);
  for (i = 0; i < x->operation->nfields; i++) {
    const char *text = trk_exchange_kept(a, i);
    if (text == NULL)
      continue;
    lua_pushstring(L, text);
    to_type(L, fields[i].type);
    lua_setfield(L, -2, fields[i].name);
  }
  for (at += a->others > 0 ? a->others - 1 : a->texts.len; at < end;
       at += strlen(at) + 1) {
    push_snake(L, at);
    at += strlen(at) + 1;
    lua_pushstring(L, at);
    lua_rawset(L, -3);
  }
}
