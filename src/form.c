/* SPDX-License-Identifier: MIT
 * form: see form.h.
 */
#include "form.h"

#include "compat.h"

#include <stdint.h>
#include <stdio.h> /* snprintf */
#include <string.h>

#define EXACT 9007199254740992.0 /* 2^53: doubles are exact below */
#define DOMAIN_SUFFIX ".pstn.twilio.com"
#define DOMAIN_MAX 253u /* RFC 1035, 2.3.4 */
#define LABEL_MAX 63u
#define SHORT 1024u
#define SHOWN_MAX 60u /* bytes of a wrong value that a message quotes */

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

/* Room for '&', "form=" and the value: for all that they could take, or, where
 * that is too much, for what they do take. */
static enum trk_buf_rc reserve(struct trk_buf *out, size_t form_len,
                               const char *value, size_t len) {
  size_t fixed = 2 + form_len;
  if (len <= SHORT && trk_buf_reserve(out, fixed + 3 * len) == TRK_BUF_OK)
    return TRK_BUF_OK;
  return trk_buf_reserve(out, fixed + escaped_size(value, len));
}

/* The pair "Name=value", with its '&' before all but the first. The name goes
 * as it is. */
static enum trk_form_rc add_pair(lua_State *L, struct trk_buf *out,
                                 const char *form, const char *name,
                                 const char *value, size_t len) {
  size_t form_len = strlen(form);
  enum trk_buf_rc rc = reserve(out, form_len, value, len);
  char *at;
  if (rc == TRK_BUF_OK) {
    at = out->data + out->len;
    if (out->len > 0)
      *at++ = '&';
    memcpy(at, form, form_len);
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
  lua_pushstring(L, name);
  return TRK_FORM_INVALID;
}

/* ---- values ------------------------------------------------------- */

static int is_letter_or_digit(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9');
}

/* The length of the UTF-8 sequence that s begins with; 0: it is none
 * (RFC 3629: no overlong form, no surrogate, nothing past U+10FFFF). */
static size_t utf8_step(const unsigned char *s, size_t left) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  size_t n, i;
  uint32_t c;
  if (s[0] < 0x80)
    return 1;
  n = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
  if (s[0] < 0xC2 || s[0] > 0xF4 || n > left)
    return 0;
  c = s[0] & (0xFFu >> (n + 1));
  for (i = 1; i < n; i++) {
    if ((s[i] & 0xC0) != 0x80)
      return 0;
    c = c << 6 | (s[i] & 0x3Fu);
  }
  if (c < least[n] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
    return 0;
  return n;
}

/* How many characters, or -1 when it is not UTF-8. */
static long utf8_length(const char *s, size_t len) {
  const unsigned char *p = (const unsigned char *)s;
  long count = 0;
  size_t i = 0, step;
  for (; i < len; i += step, count++) {
    step = utf8_step(p + i, len - i);
    if (step == 0)
      return -1;
  }
  return count;
}

static const char *check_text(lua_State *L, const struct trk_field *f,
                              const char *s, size_t len) {
  long count = utf8_length(s, len);
  if (count < 0)
    return lua_pushfstring(L, "%s is not valid UTF-8", f->name);
  if (f->max > 0 && count > f->max)
    return lua_pushfstring(L, "%s has %d characters; at most %d are allowed",
                           f->name, (int)count, (int)f->max);
  return NULL;
}

static const char *check_enum(lua_State *L, const struct trk_field *f,
                              const char *s) {
  const char *const *word = f->words->words;
  int top = lua_gettop(L);
  for (; *word != NULL; word++)
    if (strcmp(*word, s) == 0)
      return NULL;
  luaL_checkstack(L, TRK_MAX_FIELDS * 2, "enum");
  lua_pushfstring(L, "%s must be one of ", f->name);
  for (word = f->words->words; *word != NULL; word++) {
    lua_pushstring(L, *word);
    lua_pushstring(L, word[1] != NULL ? ", " : "");
  }
  lua_pushfstring(L, strlen(s) <= SHOWN_MAX ? "; got '%s'" : "", s);
  lua_concat(L, lua_gettop(L) - top);
  return lua_tostring(L, -1);
}

/* Labels of letters, digits and '-', and at least one before the suffix. */
static int labels_ok(const char *s, size_t len) {
  size_t i, label = 0;
  for (i = 0; i < len; i++) {
    if (s[i] == '.') {
      if (label == 0)
        return 0;
      label = 0;
    } else if (++label > LABEL_MAX) {
      return 0;
    }
  }
  return label > 0;
}

static int same_ignoring_case(const char *a, const char *b, size_t n) {
  size_t i;
  for (i = 0; i < n; i++) {
    char c = a[i] >= 'A' && a[i] <= 'Z' ? (char)(a[i] + 32) : a[i];
    if (c != b[i])
      return 0;
  }
  return 1;
}

static const char *check_domain(lua_State *L, const struct trk_field *f,
                                const char *s, size_t len) {
  const size_t suffix = sizeof DOMAIN_SUFFIX - 1;
  size_t i;
  for (i = 0; i < len; i++)
    if (!is_letter_or_digit((unsigned char)s[i]) && s[i] != '-' &&
        s[i] != '.')
      return lua_pushfstring(
          L, "%s may hold letters, digits, '-' and '.' only", f->name);
  if (len <= suffix ||
      !same_ignoring_case(s + len - suffix, DOMAIN_SUFFIX, suffix))
    return lua_pushfstring(
        L, "%s must be a name that ends with %s", f->name, DOMAIN_SUFFIX);
  if (len > DOMAIN_MAX || !labels_ok(s, len))
    return lua_pushfstring(L, "%s has an empty or too long part", f->name);
  return NULL;
}

static const char *check_url(lua_State *L, const struct trk_field *f,
                             const char *s, size_t len) {
  size_t i, host = 0;
  if (utf8_length(s, len) < 0)
    return lua_pushfstring(L, "%s is not valid UTF-8", f->name);
  if (len > 7 && same_ignoring_case(s, "http://", 7))
    host = 7;
  else if (len > 8 && same_ignoring_case(s, "https://", 8))
    host = 8;
  if (host == 0 || s[host] == '/' || s[host] == '?' || s[host] == '#' ||
      s[host] == ':')
    return lua_pushfstring(
        L, "%s must be a URL like https://example.com/path", f->name);
  for (i = 0; i < len; i++)
    if ((unsigned char)s[i] <= ' ' || (unsigned char)s[i] == 127)
      return lua_pushfstring(
          L, "%s holds a space or a control character; percent-encode it",
          f->name);
  return NULL;
}

/* NULL, or what is wrong, pushed. */
static const char *check_value(lua_State *L, const struct trk_field *f,
                               const char *s, size_t len) {
  switch (f->type) {
  case TRK_TEXT:
    return check_text(L, f, s, len);
  case TRK_ENUM:
    return check_enum(L, f, s);
  case TRK_DOMAIN:
    return check_domain(L, f, s, len);
  case TRK_URL:
    return check_url(L, f, s, len);
  case TRK_BOOLEAN:
    break;
  }
  return NULL;
}

static enum trk_form_rc wrong_type(lua_State *L, int value, const char *name,
                                   const char *expected) {
  lua_pushfstring(L, "%s must be %s; got %s", name, expected,
                  luaL_typename(L, value));
  lua_pushstring(L, name);
  return TRK_FORM_INVALID;
}

/* trunking.null is cjson.null: the light userdata NULL. */
static int is_null(lua_State *L, int index) {
  return lua_type(L, index) == LUA_TLIGHTUSERDATA &&
         lua_touserdata(L, index) == NULL;
}

static int is_empty(lua_State *L, int index) {
  return lua_type(L, index) == LUA_TSTRING &&
         *lua_tostring(L, index) == '\0';
}

static enum trk_form_rc add_string(lua_State *L, int value,
                                   const struct trk_field *f, int validate,
                                   struct trk_buf *out) {
  size_t len;
  const char *s = lua_tolstring(L, value, &len);
  const char *wrong = NULL;
  if (memchr(s, '\0', len) != NULL)
    wrong = lua_pushfstring(L, "%s holds a NUL byte", f->name);
  else if (validate && len > 0)
    wrong = check_value(L, f, s, len);
  if (wrong == NULL)
    return add_pair(L, out, f->form, f->name, s, len);
  lua_pushstring(L, f->name);
  return TRK_FORM_INVALID;
}

/* Adds the value at index as field f. "" and null clear a field. */
static enum trk_form_rc add_value(lua_State *L, int value,
                                  const struct trk_field *f, int validate,
                                  struct trk_buf *out) {
  int type = lua_type(L, value);
  if (is_null(L, value))
    return add_pair(L, out, f->form, f->name, "", 0);
  if (f->type == TRK_BOOLEAN && type == LUA_TBOOLEAN) {
    const char *word = lua_toboolean(L, value) ? "true" : "false";
    return add_pair(L, out, f->form, f->name, word, strlen(word));
  }
  if (f->type == TRK_BOOLEAN && !is_empty(L, value))
    return wrong_type(L, value, f->name, "a boolean");
  if (type != LUA_TSTRING)
    return wrong_type(L, value, f->name, "a string");
  return add_string(L, value, f, validate, out);
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

/* A field that the API's table does not know, sent because the caller said
 * so: the value at index may be anything a form can carry. */
static enum trk_form_rc add_unknown(lua_State *L, const char *key, int value,
                                    struct trk_buf *out) {
  struct trk_field f = {NULL, NULL, TRK_TEXT, 0, NULL, NULL};
  lua_Number n = lua_tonumber(L, value);
  f.name = key;
  f.form = push_form_name(L, key);
  if (lua_type(L, value) == LUA_TBOOLEAN)
    f.type = TRK_BOOLEAN;
  if (lua_type(L, value) == LUA_TNUMBER && n > -EXACT && n < EXACT &&
      n == (lua_Number)(int64_t)n) {
    char text[24];
    snprintf(text, sizeof text, "%.0f", (double)n); /* 10.0 goes as 10 */
    lua_pushstring(L, text);
    value = lua_gettop(L);
  }
  return add_value(L, value, &f, 0, out);
}

/* What is known of a params table after one walk over its keys. */
struct names {
  int base;    /* stack index of field 0's value; nil: not given */
  int unknown; /* some key names no field */
};

/* Takes the pair of key and the value on top: the value goes to its place. */
static enum trk_form_rc note_pair(lua_State *L, const char *key,
                                  const struct trk_operation *op,
                                  int validate, struct names *names) {
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

/* Walks the table at index. */
static enum trk_form_rc read_params(lua_State *L, int index,
                                    const struct trk_operation *op,
                                    int validate, struct names *names) {
  enum trk_form_rc rc = TRK_FORM_OK;
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
                                     struct trk_buf *out) {
  enum trk_form_rc rc = TRK_FORM_OK;
  int top = lua_gettop(L) + 1;
  lua_pushnil(L);
  while (rc == TRK_FORM_OK && lua_next(L, index) != 0) {
    const char *key = lua_tostring(L, top);
    if (find_field(op, key) < 0)
      rc = add_unknown(L, key, top + 1, out);
    if (rc == TRK_FORM_OK)
      lua_settop(L, top);
  }
  return rc;
}

enum trk_form_rc trk_form_encode(lua_State *L, int index,
                                 const struct trk_operation *op,
                                 int validate, struct trk_buf *out) {
  struct names names = {0, 0};
  enum trk_form_rc rc;
  int top = lua_gettop(L), i;
  index = trk_absindex(L, index);
  luaL_checkstack(L, TRK_MAX_FIELDS + 12, "form");
  names.base = top + 1;
  lua_settop(L, top + (int)op->nfields);
  rc = read_params(L, index, op, validate, &names);
  for (i = 0; rc == TRK_FORM_OK && i < (int)op->nfields; i++)
    if (!lua_isnil(L, names.base + i))
      rc = add_value(L, names.base + i, &op->fields[i], validate, out);
  if (rc == TRK_FORM_OK && names.unknown)
    rc = add_unknowns(L, index, op, out);
  if (rc == TRK_FORM_OK)
    lua_settop(L, top);
  return rc;
}
