/* SPDX-License-Identifier: MIT
 * path: see path.h.
 */
#include "path.h"

#include "check.h"
#include "compat.h"

#include <string.h>

int trk_path_arguments(const struct trk_operation *op) {
  const char *p = op->path;
  int n = 0;
  while ((p = strchr(p, '{')) != NULL)
    p++, n++;
  return n;
}

static void add_text(lua_State *L, struct trk_buf *out, const char *s,
                     size_t len) {
  if (trk_buf_add(out, s, len) != TRK_BUF_OK)
    luaL_error(L, "not enough memory");
}

/* The argument at index goes into the path, and is kept in asked. name is
 * what an error calls it, prefix the SID's. It is checked whatever validate
 * says: it makes the path. */
static enum trk_form_rc add_sid(lua_State *L, int index, const char *name,
                                const char *prefix, char *asked,
                                struct trk_buf *out) {
  size_t len = 0;
  const char *s = trk_form_push_sid(L, index, &len);
  struct trk_why why;
  if (s == NULL)
    lua_pushfstring(L, "%s: the table given has no sid", name);
  else if (!trk_check_sid(name, prefix, s, len, &why))
    lua_pushstring(L, why.text);
  else {
    add_text(L, out, s, len);
    memcpy(asked, s, len + 1);
    lua_pop(L, 1);
    return TRK_FORM_OK;
  }
  lua_pushstring(L, name);
  return TRK_FORM_INVALID;
}

enum trk_form_rc trk_path_build(lua_State *L, int index,
                                struct trk_exchange *x) {
  const char *at = x->operation->path, *brace;
  char prefix[3] = "";
  trk_checkstack(L, 6, "path");
  for (; (brace = strchr(at, '{')) != NULL; at = brace + 4, index++) {
    enum trk_form_rc rc;
    int own = brace[4] == '\0';
    add_text(L, &x->path, at, (size_t)(brace - at));
    memcpy(prefix, brace + 1, 2);
    rc = add_sid(L, index, own ? "sid" : "trunk_sid", prefix,
                 own ? x->asked.sid : x->asked.trunk_sid, &x->path);
    if (rc != TRK_FORM_OK)
      return rc;
  }
  add_text(L, &x->path, at, strlen(at));
  return TRK_FORM_OK;
}
