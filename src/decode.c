/* SPDX-License-Identifier: MIT
 * decode: see decode.h.
 */
#include "decode.h"

#include "compat.h"
#include "json.h"
#include "mend.h"

#include <locale.h>
#include <stdio.h> /* snprintf */
#include <stdlib.h>
#include <string.h>
#if defined(__APPLE__)
#include <xlocale.h>
#endif

/* ---- what lua-cjson needs around it ---------------------------------- */

/* lua-cjson ends the process where malloc refuses. What it is about to ask
 * for, the text's length and a buffer's head, is asked for before. A small
 * block that is given back stays in the heap, where it is found again. A large
 * one goes back to the system, and another thread may take it: there must be
 * room to spare. */
#define LARGE ((size_t)32 * 1024)
#define SPARE ((size_t)64 * 1024)

struct head {
  char *at;
  size_t sizes[2];
  int others[3];
};

static int has_memory(size_t n) {
  void *volatile block = malloc(n < LARGE ? n + 1 : n + SPARE);
  void *volatile small = malloc(sizeof(struct head)); /* or they are left out */
  int has = block != NULL && small != NULL;
  free(block);
  free(small);
  return has;
}

/* Calls the function below n arguments, for one result, in C's locale if it is
 * plain: that is this thread's alone, and only while it runs. Returns as
 * lua_pcall does. */
static int call(lua_State *L, int n, int plain) {
  locale_t c = (locale_t)0, before = (locale_t)0;
  int rc;
  if (plain)
    c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (c != (locale_t)0)
    before = uselocale(c);
  rc = lua_pcall(L, n, 1, 0);
  if (c != (locale_t)0) {
    uselocale(before);
    freelocale(c);
  }
  return rc;
}

/* ---- loading it ------------------------------------------------------ */

/* More than it takes to load it, and than it then holds for what it writes. */
#define BUFFER ((size_t)16 * 1024)

/* The same as call, and raises its error. */
static void must_call(lua_State *L, int n, int plain) {
  if (!has_memory(BUFFER))
    luaL_error(L, "not enough memory");
  if (call(L, n, plain) != 0)
    lua_error(L);
}

/* lua-cjson looks at the decimal point when it is loaded, and ends the process
 * if that is of several bytes. */
static int is_point_long(void) {
  char text[16];
  return snprintf(text, sizeof text, "%g", 0.5) != 3;
}

/* Whether the lua-cjson on top takes the point for the decimal point: for all
 * of its instances there is but one. */
static int is_plain(lua_State *L) {
  int top = lua_gettop(L), plain;
  lua_getfield(L, top, "decode");
  lua_pushliteral(L, "0.5");
  plain = has_memory(BUFFER) && call(L, 1, 1) == 0 && lua_isnumber(L, -1);
  lua_settop(L, top);
  return plain;
}

/* Sets an option of the instance on top, if it has that. */
static void set_option(lua_State *L, const char *name, int value, int is_flag) {
  lua_getfield(L, -1, name);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    return;
  }
  if (is_flag)
    lua_pushboolean(L, value);
  else
    lua_pushinteger(L, value);
  lua_call(L, 1, 0);
}

static int load_cjson(lua_State *L) {
  trk_require(L, "cjson");
  return 1;
}

/* A new instance looks at the decimal point for all: it is made where it finds
 * what the others know, so that the host's own stays as it is. */
void trk_decode_open(lua_State *L) {
  int top = lua_gettop(L), plain = is_point_long();
  lua_pushcfunction(L, load_cjson);
  must_call(L, 0, plain);
  plain = plain || is_plain(L);
  lua_getfield(L, -1, "new");
  must_call(L, 0, plain);
  set_option(L, "decode_max_depth", 16, 0);
  set_option(L, "decode_invalid_numbers", 0, 1);
  set_option(L, "decode_array_with_array_mt", 1, 1);
  lua_getfield(L, -1, "decode");
  lua_insert(L, top + 1);
  lua_settop(L, top + 1);
}

/* ---- tidying --------------------------------------------------------- */

/* What is left for a walk over the table. */
struct untidy {
  size_t nulls;   /* at most */
  size_t numbers; /* at most; none where Lua has no integers */
};

/* Numbers that are whole become integers, where Lua has them: a weight of 10
 * must not come back as 10.0 and go out again as such. */
static void make_whole(lua_State *L, int table) {
#if LUA_VERSION_NUM >= 503
  lua_Number n = lua_tonumber(L, -1);
  if (lua_isinteger(L, -1) || n <= -TRK_EXACT || n >= TRK_EXACT ||
      n != (lua_Number)(lua_Integer)n)
    return;
  lua_pushvalue(L, -2);
  lua_pushinteger(L, (lua_Integer)n);
  lua_rawset(L, table);
#else
  (void)L;
  (void)table;
#endif
}

/* JSON null becomes an absent key; in an array, where that would be a hole, it
 * stays. The decoder bounds the depth. */
static void tidy(lua_State *L, int table, struct untidy *left) {
  trk_checkstack(L, 6, "reply");
  lua_pushnil(L);
  while (lua_next(L, table) != 0) {
    switch (lua_type(L, -1)) {
    case LUA_TLIGHTUSERDATA:
      if (lua_type(L, -2) == LUA_TSTRING) {
        lua_pushvalue(L, -2);
        lua_pushnil(L);
        lua_rawset(L, table);
      }
      break;
    case LUA_TTABLE:
      tidy(L, lua_gettop(L), left);
      break;
    case LUA_TNUMBER:
      if (lua_type(L, -2) == LUA_TSTRING && left->numbers > 0)
        left->numbers--; /* an array counts once, whatever it holds */
      make_whole(L, table);
      break;
    default:
      break;
    }
    lua_pop(L, 1);
  }
}

/* Tidies the table on top, if there is need. A page's numbers are mostly in
 * its meta: with those done, its records need no walk. */
static void tidy_reply(lua_State *L, struct untidy *left) {
  int table = lua_gettop(L);
  if (left->nulls == 0 && left->numbers > 0) {
    lua_pushliteral(L, "meta");
    lua_rawget(L, table);
    if (lua_istable(L, -1))
      tidy(L, table + 1, left);
    lua_settop(L, table);
  }
  if (left->nulls > 0 || left->numbers > 0)
    tidy(L, table, left);
}

/* ---- reading --------------------------------------------------------- */

enum { NO_MEMORY = -1, UNREADABLE, READ };

/* Calls the decoder with the text on top of it, and takes both off: READ
 * leaves a table. (Raised again, a want of memory would pass for any other
 * error before Lua 5.4.) */
static int read_text(lua_State *L, size_t len) {
  int rc;
  if (!has_memory(len)) {
    lua_pop(L, 2);
    return NO_MEMORY;
  }
  rc = call(L, 1, 1);
  if (rc == 0 && lua_istable(L, -1))
    return READ;
  lua_pop(L, 1);
  return rc == LUA_ERRMEM ? NO_MEMORY : UNREADABLE;
}

/* The same once more for a text that could not be read, if there is something
 * to mend in it. */
static int read_mended(lua_State *L, int decoder, const struct trk_buf *text) {
  size_t len = trk_mend(text->data, text->len, NULL);
  char *mended = lua_newuserdata(L, len + 1);
  trk_mend(text->data, text->len, mended);
  if (len == text->len && memcmp(mended, text->data, len) == 0)
    return UNREADABLE;
  lua_pushvalue(L, decoder);
  lua_pushlstring(L, mended, len);
  return read_text(L, len);
}

/* cjson stops reading at a NUL, so a text that holds one is not taken. */
int trk_decode(lua_State *L, struct trk_buf *text) {
  struct untidy left = {0, 0};
  int decoder = lua_gettop(L), rc = UNREADABLE;
  if (text->len > 0 && memchr(text->data, '\0', text->len) == NULL) {
    text->len = trk_json_trim(text->data, text->len, &left.nulls);
#if LUA_VERSION_NUM >= 503
    left.numbers = trk_json_numbers(text->data, text->len);
#endif
    lua_pushvalue(L, decoder);
    lua_pushlstring(L, text->data, text->len);
    rc = read_text(L, text->len);
    if (rc == UNREADABLE)
      rc = read_mended(L, decoder, text);
  }
  if (rc != READ) {
    lua_settop(L, decoder - 1);
    return rc;
  }
  lua_replace(L, decoder);
  lua_settop(L, decoder);
  tidy_reply(L, &left);
  return READ;
}
