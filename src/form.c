/* SPDX-License-Identifier: MIT
 * form: see form.h.
 */
#include "form.h"

#include "check.h"
#include "compat.h"

#include <stdint.h>
#include <stdio.h> /* snprintf */
#include <string.h>

#define SHORT 1024u

/* ---- encoding ----------------------------------------------------- */

/* RFC 3986's unreserved characters stand for themselves: letters, digits,
 * '-', '.', '_' and '~'. A byte each: this is the hottest loop we have. */
static const unsigned char plain[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 00 */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 10 */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, /* 20 */
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, /* 30 */
    0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, /* 40 */
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, /* 50 */
    0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, /* 60 */
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 0, /* 70 */
};

static size_t escaped_size(const char *s, size_t len) {
  size_t size = len, i;
  for (i = 0; i < len; i++)
    if (!plain[(unsigned char)s[i]])
      size += 2;
  return size;
}

static char *escape(char *at, const char *s, size_t len) {
  static const char hex[] = "0123456789ABCDEF";
  size_t i;
  for (i = 0; i < len; i++) {
    unsigned char c = (unsigned char)s[i];
    if (plain[c]) {
      *at++ = (char)c;
      continue;
    }
    *at++ = '%';
    *at++ = hex[c >> 4];
    *at++ = hex[c & 15];
  }
  return at;
}

/* Makes room for '&', "form=" and the value. A short value gets three times
 * its length, so that it need not be measured. */
static enum trk_buf_rc reserve(struct trk_buf *out, size_t form_len,
                               const char *value, size_t len) {
  size_t fixed = 2 + form_len;
  if (len <= SHORT && trk_buf_reserve(out, fixed + 3 * len) == TRK_BUF_OK)
    return TRK_BUF_OK;
  return trk_buf_reserve(out, fixed + escaped_size(value, len));
}

/* Which of the operation's fields it is; nfields: none of them. By address:
 * this is for each field of each request. */
static size_t index_of(const struct trk_operation *op,
                       const struct trk_field *f) {
  uintptr_t first = (uintptr_t)op->fields, at = (uintptr_t)f;
  size_t size = op->nfields * sizeof *f;
  return at >= first && at - first < size ? (at - first) / sizeof *f
                                          : op->nfields;
}

static enum trk_buf_rc keep_asked(struct trk_exchange *x,
                                  const struct trk_field *f, const char *value,
                                  size_t len) {
  size_t nth = index_of(x->operation, f);
  return nth < x->operation->nfields
             ? trk_exchange_keep(&x->asked, nth, value, len)
             : trk_exchange_keep_other(&x->asked, f->name, value, len);
}

/* Adds the pair "Name=value", with '&' before all but the first, and keeps
 * what was asked. The name goes as it is. */
static enum trk_form_rc add_pair(lua_State *L, struct trk_exchange *x,
                                 const struct trk_field *f, const char *value,
                                 size_t len) {
  struct trk_buf *out = &x->body;
  size_t form_len = strlen(f->form);
  enum trk_buf_rc rc = reserve(out, form_len, value, len);
  char *at;
  if (rc == TRK_BUF_OK)
    rc = keep_asked(x, f, value, len);
  if (rc == TRK_BUF_OK) {
    at = out->data + out->len;
    if (out->len > 0)
      *at++ = '&';
    memcpy(at, f->form, form_len);
    at += form_len;
    *at++ = '=';
    at = escape(at, value, len);
    *at = '\0';
    out->len = (size_t)(at - out->data);
    return TRK_FORM_OK;
  }
  if (rc == TRK_BUF_NO_MEMORY)
    luaL_error(L, "not enough memory");
  lua_pushfstring(L, "the request is over its limit of %d bytes",
                  (int)out->max);
  lua_pushstring(L, f->name);
  return TRK_FORM_INVALID;
}

/* ---- values ------------------------------------------------------- */

/* What makes the right type of a value: those of a CSV are texts. */
static const char *remedy(lua_State *L, int value, enum trk_type type) {
  const char *s = lua_type(L, value) == LUA_TSTRING ? lua_tostring(L, value)
                                                    : "";
  if (type == TRK_BOOLEAN && (!strcmp(s, "true") || !strcmp(s, "false")))
    return "; text == \"true\" makes one of it";
  if (type == TRK_BOOLEAN || !lua_isnumber(L, value))
    return "";
  return type == TRK_INTEGER ? "; tonumber makes one of it"
                             : "; tostring makes one of it";
}

static enum trk_form_rc wrong_type(lua_State *L, int value,
                                   const struct trk_field *f,
                                   const char *expected) {
  lua_pushfstring(L, "%s must be %s; got %s%s", f->name, expected,
                  luaL_typename(L, value), remedy(L, value, f->type));
  lua_pushstring(L, f->name);
  return TRK_FORM_INVALID;
}

/* trunking.null is cjson.null: the light userdata NULL. */
static int is_null(lua_State *L, int index) {
  return lua_type(L, index) == LUA_TLIGHTUSERDATA &&
         lua_touserdata(L, index) == NULL;
}

static int is_empty(lua_State *L, int index) {
  size_t len;
  return lua_type(L, index) == LUA_TSTRING &&
         (lua_tolstring(L, index, &len), len == 0);
}

static int is_absent(lua_State *L, int index) {
  return lua_isnil(L, index) || is_null(L, index) || is_empty(L, index);
}

static enum trk_form_rc add_string(lua_State *L, int value,
                                   const struct trk_field *f, int validate,
                                   struct trk_exchange *x) {
  size_t len;
  const char *s = lua_tolstring(L, value, &len);
  struct trk_why why;
  if (memchr(s, '\0', len) != NULL)
    lua_pushfstring(L, "%s holds a NUL byte", f->name);
  else if (!validate || trk_check_value(f, s, len, &why))
    return add_pair(L, x, f, s, len);
  else
    lua_pushstring(L, why.text);
  lua_pushstring(L, f->name);
  return TRK_FORM_INVALID;
}

/* Puts a point where the host's locale has another decimal sign, which may be
 * of several bytes. */
static void with_point(char *text) {
  char *to = text;
  for (; *text != '\0'; text++)
    if (strchr("0123456789+-e", *text) != NULL)
      *to++ = *text;
    else if (to[-1] != '.')
      *to++ = '.';
  *to = '\0';
}

/* A whole number goes as such, with all its digits: 10.0 as 10, -0.0 as 0. */
static void write_number(lua_State *L, int value, int whole, char *text,
                         size_t size) {
  double n = (double)lua_tonumber(L, value);
#if LUA_VERSION_NUM >= 503
  if (lua_isinteger(L, value)) {
    snprintf(text, size, LUA_INTEGER_FMT, lua_tointeger(L, value));
    return;
  }
#endif
  snprintf(text, size, whole ? "%.0f" : "%.14g", n == 0 ? 0.0 : n);
  with_point(text);
}

/* Only validate = 0 lets a number through that is not whole, and nothing lets
 * NaN or infinity through. */
static enum trk_form_rc add_number(lua_State *L, int value,
                                   const struct trk_field *f, int validate,
                                   struct trk_exchange *x) {
  lua_Number n = lua_tonumber(L, value);
  int whole = n > -TRK_EXACT && n < TRK_EXACT && n == (lua_Number)(int64_t)n;
  char text[32];
  if (n - n != 0) {
    lua_pushfstring(L, "%s must be a finite number", f->name);
    lua_pushstring(L, f->name);
    return TRK_FORM_INVALID;
  }
  if (validate &&
      (!whole || n < (lua_Number)f->min || n > (lua_Number)f->max)) {
    lua_pushvalue(L, value); /* as Lua writes it: 0, and not 0.0 */
    lua_pushfstring(L, "%s must be a whole number from %d to %d; got %s",
                    f->name, (int)f->min, (int)f->max, lua_tostring(L, -1));
    lua_pushstring(L, f->name);
    return TRK_FORM_INVALID;
  }
  write_number(L, value, whole, text, sizeof text);
  return add_pair(L, x, f, text, strlen(text));
}

static enum trk_form_rc add_boolean(lua_State *L, int value,
                                    const struct trk_field *f,
                                    struct trk_exchange *x) {
  const char *word = lua_toboolean(L, value) ? "true" : "false";
  return add_pair(L, x, f, word, strlen(word));
}

/* Adds the value at index as field f. "" and null clear a field. */
static enum trk_form_rc add_value(lua_State *L, int value,
                                  const struct trk_field *f, int validate,
                                  struct trk_exchange *x) {
  int type = lua_type(L, value);
  if (is_null(L, value) || is_empty(L, value))
    return add_pair(L, x, f, "", 0);
  switch (f->type) {
  case TRK_BOOLEAN:
    return type == LUA_TBOOLEAN ? add_boolean(L, value, f, x)
                                : wrong_type(L, value, f, "a boolean");
  case TRK_INTEGER:
    return type == LUA_TNUMBER ? add_number(L, value, f, validate, x)
                               : wrong_type(L, value, f, "a whole number");
  default:
    return type == LUA_TSTRING ? add_string(L, value, f, validate, x)
                               : wrong_type(L, value, f, "a string");
  }
}

/* ---- names -------------------------------------------------------- */

/* Which field a key names, by either spelling; -1: none. */
static int find_field(const struct trk_operation *op, const char *key) {
  const struct trk_field *f = op->fields;
  size_t i;
  for (i = 0; i < op->nfields; i++, f++)
    if ((*f->name == *key && strcmp(f->name, key) == 0) ||
        (*f->form == *key && strcmp(f->form, key) == 0))
      return (int)i;
  return -1;
}

/* friendly_name becomes FriendlyName; FriendlyName stays. Escaped, pushed. */
static const char *push_form_name(lua_State *L, const char *key) {
  luaL_Buffer b;
  int upper = 1;
  luaL_buffinit(L, &b);
  for (; *key != '\0'; key++) {
    char c = upper && *key >= 'a' && *key <= 'z' ? (char)(*key - 32) : *key;
    char out[3];
    upper = *key == '_';
    if (!upper)
      luaL_addlstring(&b, out, (size_t)(escape(out, &c, 1) - out));
  }
  luaL_pushresult(&b);
  return lua_tostring(L, -1);
}

/* Whether the request has a field that the API's table does not know by this
 * form name. */
static int is_other(lua_State *L, const struct trk_asked *a, const char *form) {
  const char *at, *end;
  int found = 0;
  if (a->others == 0)
    return 0;
  end = a->texts.data + a->texts.len;
  for (at = a->texts.data + a->others - 1; at < end && !found;
       at += strlen(at) + 1) {
    found = strcmp(push_form_name(L, at), form) == 0;
    lua_pop(L, 1);
    at += strlen(at) + 1; /* to its text */
  }
  return found;
}

/* Whether the request has a field by this form name already. */
static int is_asked(lua_State *L, const struct trk_exchange *x,
                    const char *form) {
  const struct trk_field *fields = x->operation->fields;
  size_t i;
  for (i = 0; i < x->operation->nfields; i++)
    if (x->asked.value[i] > 0 && strcmp(fields[i].form, form) == 0)
      return 1;
  return is_other(L, &x->asked, form);
}

/* A field that the API's table does not know, sent because the caller said
 * so: the value at index may be anything a form can carry. */
static enum trk_form_rc add_unknown(lua_State *L, const char *key, int value,
                                    struct trk_exchange *x) {
  struct trk_field f = {NULL, NULL, TRK_TEXT, 0, 0, NULL, NULL, 0, NULL, NULL};
  f.name = key;
  f.form = push_form_name(L, key);
  if (is_asked(L, x, f.form)) {
    lua_pushfstring(L, "%s is given twice, as %s too", f.form, key);
    lua_pushstring(L, key);
    return TRK_FORM_INVALID;
  }
  if (lua_type(L, value) == LUA_TBOOLEAN)
    f.type = TRK_BOOLEAN;
  else if (lua_type(L, value) == LUA_TNUMBER)
    f.type = TRK_INTEGER;
  return add_value(L, value, &f, 0, x);
}

/* What is known of a params table after one walk over its keys. */
struct names {
  int base;    /* stack index of field 0's value; nil: not given */
  int unknown; /* some key names no field */
};

/* Takes the pair of key and the value on top: the value goes to its place. */
static enum trk_form_rc note_pair(lua_State *L, const char *key,
                                  const struct trk_operation *op, int validate,
                                  struct names *names) {
  int i = find_field(op, key);
  if (i < 0 && validate) {
    lua_pushfstring(L, "unknown field '%s'", key);
    lua_pushstring(L, key);
    return TRK_FORM_UNKNOWN;
  }
  if (i < 0) {
    names->unknown = 1;
    lua_pop(L, 1);
    return TRK_FORM_OK;
  }
  if (!lua_isnil(L, names->base + i)) {
    lua_pushfstring(L, "%s and %s are one field; give one of them",
                    op->fields[i].name, op->fields[i].form);
    lua_pushstring(L, op->fields[i].name);
    return TRK_FORM_INVALID;
  }
  lua_replace(L, names->base + i);
  return TRK_FORM_OK;
}

/* Whether the table at index has fields that a walk over it does not show. */
static int hides_fields(lua_State *L, int index) {
  int top = lua_gettop(L);
  int hides = lua_getmetatable(L, index) &&
              (luaL_getmetafield(L, index, "__index") ||
               luaL_getmetafield(L, index, "__pairs"));
  lua_settop(L, top);
  return hides;
}

/* Walks the table at index. */
static enum trk_form_rc read_params(lua_State *L, int index,
                                    const struct trk_operation *op,
                                    int validate, struct names *names) {
  enum trk_form_rc rc = TRK_FORM_OK;
  if (hides_fields(L, index)) {
    lua_pushliteral(L, "the fields are those of the table itself; give a "
                       "plain one, without __index and __pairs");
    lua_pushnil(L);
    return TRK_FORM_INVALID;
  }
  lua_pushnil(L);
  while (rc == TRK_FORM_OK && lua_next(L, index) != 0) {
    size_t len;
    const char *key;
    if (lua_type(L, -2) != LUA_TSTRING) {
      lua_pushfstring(L, "field names are strings; got a %s",
                      luaL_typename(L, -2));
      lua_pushnil(L);
      return TRK_FORM_INVALID;
    }
    key = lua_tolstring(L, -2, &len);
    if (strlen(key) != len || (len == 0 && !validate)) {
      lua_pushliteral(L, "a field's name is empty or holds a NUL byte");
      lua_pushnil(L);
      return TRK_FORM_INVALID;
    }
    rc = note_pair(L, key, op, validate, names);
  }
  return rc;
}

/* After the known fields, the ones that only validate = false lets in. */
static enum trk_form_rc add_unknowns(lua_State *L, int index,
                                     const struct trk_operation *op,
                                     struct trk_exchange *x) {
  enum trk_form_rc rc = TRK_FORM_OK;
  int top = lua_gettop(L) + 1;
  lua_pushnil(L);
  while (rc == TRK_FORM_OK && lua_next(L, index) != 0) {
    const char *key = lua_tostring(L, top);
    if (find_field(op, key) < 0)
      rc = add_unknown(L, key, top + 1, x);
    if (rc == TRK_FORM_OK)
      lua_settop(L, top);
  }
  return rc;
}

/* Words what a create lacks: all of it at once. */
static enum trk_form_rc missing(lua_State *L, const struct trk_operation *op,
                                const struct names *names) {
  const char *first = NULL;
  int i, n = 0, top = lua_gettop(L);
  trk_checkstack(L, TRK_MAX_FIELDS * 2 + 2, "missing");
  for (i = 0; i < (int)op->nfields; i++) {
    if (!op->fields[i].required || !is_absent(L, names->base + i))
      continue;
    if (n++ == 0)
      first = op->fields[i].name;
    else
      lua_pushliteral(L, ", ");
    lua_pushstring(L, op->fields[i].name);
  }
  if (n == 0)
    return TRK_FORM_OK;
  lua_pushstring(L, n == 1 ? " is missing" : " are missing");
  lua_concat(L, lua_gettop(L) - top);
  lua_pushstring(L, first);
  return TRK_FORM_INVALID;
}

const char *trk_form_push_sid(lua_State *L, int index, size_t *len) {
  if (lua_istable(L, index)) {
    lua_pushliteral(L, "sid");
    lua_rawget(L, index);
  } else {
    lua_pushvalue(L, index);
  }
  return lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, len) : NULL;
}

/* Whether the table at index has a field, by either spelling. */
static int has_field(lua_State *L, int index, const struct trk_field *f) {
  int has;
  lua_pushstring(L, f->name);
  lua_rawget(L, index);
  lua_pushstring(L, f->form);
  lua_rawget(L, index);
  has = !lua_isnil(L, -1) || !lua_isnil(L, -2);
  lua_pop(L, 2);
  return has;
}

/* The SID itself, or a record that has one, in place of the params of an
 * operation that takes nothing but a SID: it becomes the value of field 0. */
static int take_sid(lua_State *L, int index, const struct trk_operation *op,
                    const struct names *names) {
  size_t len;
  if (!trk_operation_takes_sid(op))
    return 0;
  if (lua_istable(L, index) && has_field(L, index, &op->fields[0]))
    return 0;
  if (trk_form_push_sid(L, index, &len) == NULL) {
    lua_pop(L, 1);
    return 0;
  }
  lua_replace(L, names->base);
  return 1;
}

enum trk_form_rc trk_form_encode(lua_State *L, int index, int validate,
                                 struct trk_exchange *x) {
  const struct trk_operation *op = x->operation;
  struct names names = {0, 0};
  enum trk_form_rc rc = TRK_FORM_OK;
  int top = lua_gettop(L), i;
  trk_checkstack(L, TRK_MAX_FIELDS + 12, "form");
  names.base = top + 1;
  lua_settop(L, top + (int)op->nfields);
  if (!take_sid(L, index, op, &names))
    rc = read_params(L, index, op, validate, &names);
  if (rc == TRK_FORM_OK && validate && trk_operation_creates(op))
    rc = missing(L, op, &names);
  for (i = 0; rc == TRK_FORM_OK && i < (int)op->nfields; i++)
    if (!lua_isnil(L, names.base + i))
      rc = add_value(L, names.base + i, &op->fields[i], validate, x);
  if (rc == TRK_FORM_OK && names.unknown)
    rc = add_unknowns(L, index, op, x);
  if (rc == TRK_FORM_OK)
    lua_settop(L, top);
  return rc;
}
