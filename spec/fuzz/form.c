/* SPDX-License-Identifier: MIT
 * fuzz target form: Lua values into the form encoder, and back by a decoder
 * of its own. What was given must come out, each once, in the API's order and
 * nothing else; what is refused must name its field. Input: operation,
 * validate, then pairs: which key, which type, a line of text.
 */
#include "fuzz.h"

#include "form.h"

#include <lauxlib.h>

#include <locale.h>
#include <math.h> /* HUGE_VAL */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PAIRS 12
#define MAX_TEXT 700

struct pair {
  char key[80];
  size_t key_len;
  enum { NONE, TEXT, BOOLEAN, NUMBER, OTHER } type;
  char value[MAX_TEXT]; /* as the form must carry it; ends with a NUL */
  size_t len;
  int seen; /* in the body */
};

struct given {
  struct pair pairs[MAX_PAIRS];
  int count;
  int odd_key; /* a key that is no string, is empty or holds a NUL */
};

/* ---- building a table --------------------------------------------- */

static void copy_key(struct pair *p, const char *key, size_t len) {
  p->key_len = len < sizeof p->key ? len : sizeof p->key - 1;
  if (p->key_len > 0)
    memcpy(p->key, key, p->key_len);
  p->key[p->key_len] = '\0';
}

static void choose_key(struct bytes *b, const struct trk_operation *op,
                       struct pair *p) {
  unsigned n = fuzz_byte(b);
  size_t len;
  const char *text;
  if (n < 200 && op->nfields > 0) {
    const struct trk_field *f = &op->fields[n / 2 % op->nfields];
    text = n % 2 ? f->form : f->name;
    len = strlen(text);
  } else {
    text = fuzz_text(b, sizeof p->key - 1, &len);
  }
  copy_key(p, text, len);
}

/* Pushes a line of text. */
static void push_text(lua_State *L, struct bytes *b, struct pair *p) {
  const char *text = fuzz_text(b, sizeof p->value - 1, &p->len);
  lua_pushlstring(L, text, p->len);
  if (p->len > 0)
    memcpy(p->value, text, p->len);
  p->value[p->len] = '\0';
  p->type = TEXT;
}

/* Pushes something no form can carry. */
static void push_other(lua_State *L, unsigned which) {
  if (which == 4)
    lua_pushnumber(L, HUGE_VAL); /* no form can carry it */
  else if (which == 5)
    lua_newtable(L);
  else
    lua_pushlightuserdata(L, L);
}

/* Pushes a value, and notes how the form must carry it. */
static void push_value(lua_State *L, struct bytes *b, struct pair *p) {
  unsigned which = fuzz_byte(b) % 16;
  double number;
  p->seen = 0;
  p->len = 0;
  p->value[0] = '\0';
  if (which > 6) {
    push_text(L, b, p);
  } else if (which == 0) { /* null clears */
    lua_pushlightuserdata(L, NULL);
    p->type = NONE;
  } else if (which < 3) {
    lua_pushboolean(L, which == 1);
    p->len = (size_t)sprintf(p->value, which == 1 ? "true" : "false");
    p->type = BOOLEAN;
  } else if (which == 3) {
    number = (double)fuzz_byte(b) * 257 - 32768;
    lua_pushnumber(L, number);
    p->len = (size_t)sprintf(p->value, "%.0f", number);
    p->type = NUMBER;
  } else {
    push_other(L, which);
    p->type = OTHER;
  }
}

/* The last of two equal keys stands, as in Lua. */
static struct pair *place(struct given *g, const struct pair *fresh) {
  int i;
  for (i = 0; i < g->count; i++)
    if (g->pairs[i].key_len == fresh->key_len &&
        memcmp(g->pairs[i].key, fresh->key, fresh->key_len) == 0)
      return &g->pairs[i];
  return &g->pairs[g->count++];
}

static void push_params(lua_State *L, struct bytes *b,
                        const struct trk_operation *op, struct given *g) {
  static struct pair fresh;
  lua_newtable(L);
  g->count = g->odd_key = 0;
  while (b->left > 0 && g->count < MAX_PAIRS) {
    choose_key(b, op, &fresh);
    lua_pushlstring(L, fresh.key, fresh.key_len);
    push_value(L, b, &fresh);
    lua_rawset(L, -3);
    g->odd_key |= fresh.key_len == 0 ||
                  memchr(fresh.key, '\0', fresh.key_len) != NULL;
    *place(g, &fresh) = fresh;
  }
  if (b->left > 0 && *b->at % 32 == 0) { /* a list, by mistake */
    lua_pushboolean(L, 1);
    lua_rawseti(L, -2, 1);
    g->odd_key = 1;
  }
}

/* ---- decoding ----------------------------------------------------- */

static int hex(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                                : -1;
}

/* Decodes up to the end or one of stop's characters. Only RFC 3986's
 * unreserved characters and %XX may stand there. */
static size_t decode(const char **at, const char *stop, char *out,
                     size_t size) {
  static const char bare[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  const char *p = *at;
  size_t n = 0;
  for (; *p != '\0' && strchr(stop, *p) == NULL; p++) {
    PROMISE(n < size);
    if (*p != '%') {
      PROMISE(strchr(bare, *p) != NULL);
      out[n++] = *p;
      continue;
    }
    PROMISE(hex(p[1]) >= 0 && hex(p[2]) >= 0);
    out[n++] = (char)(hex(p[1]) * 16 + hex(p[2]));
    p += 2;
  }
  *at = p;
  return n;
}

static int field_index(const struct trk_operation *op, const char *key) {
  size_t i;
  for (i = 0; i < op->nfields; i++)
    if (strcmp(op->fields[i].name, key) == 0 ||
        strcmp(op->fields[i].form, key) == 0)
      return (int)i;
  return -1;
}

/* friendly_name -> FriendlyName, and a NUL. */
static size_t form_name(const char *key, char *out) {
  int upper = 1;
  size_t n = 0;
  for (; *key != '\0'; key++) {
    if (*key == '_') {
      upper = 1;
      continue;
    }
    out[n++] = upper && *key >= 'a' && *key <= 'z' ? (char)(*key - 32) : *key;
    upper = 0;
  }
  return n;
}

static struct pair *find_given(struct given *g, const char *name, size_t len,
                               const char *value, size_t value_len) {
  char form[80];
  int i;
  for (i = 0; i < g->count; i++) {
    struct pair *p = &g->pairs[i];
    if (!p->seen && form_name(p->key, form) == len &&
        memcmp(form, name, len) == 0 && p->len == value_len &&
        memcmp(p->value, value, value_len) == 0)
      return p;
  }
  return NULL;
}

/* Each pair of the body is one that was given, and all were: the API's fields
 * in the table's order, then the unknown. */
static void check_body(const char *body, const struct trk_operation *op,
                       struct given *g) {
  static char name[256], value[MAX_TEXT];
  int found = 0, last = -1, index;
  struct pair *p;
  while (*body != '\0') {
    size_t len = decode(&body, "=", name, sizeof name), value_len;
    PROMISE(*body == '=');
    body++;
    value_len = decode(&body, "&", value, sizeof value);
    PROMISE(*body == '\0' || body[1] != '\0');
    body += *body == '&';
    p = find_given(g, name, len, value, value_len);
    PROMISE(p != NULL);
    p->seen = 1;
    index = field_index(op, p->key);
    if (index < 0)
      index = TRK_MAX_FIELDS;
    PROMISE(index == TRK_MAX_FIELDS || index > last);
    last = index;
    found++;
  }
  PROMISE(found == g->count);
}

/* ---- what may go --------------------------------------------------- */

/* UTF-8 by the C library, of as many characters as the field may have. It
 * takes what Unicode has no room for as well. */
static int good_text(const struct trk_field *f, const struct pair *p) {
  static wchar_t wide[MAX_TEXT + 1];
  size_t n = mbstowcs(wide, p->value, MAX_TEXT), i;
  if (n == (size_t)-1 || (f->max > 0 && n > (size_t)f->max))
    return 0;
  for (i = 0; i < n; i++)
    if (wide[i] > 0x10FFFF || (wide[i] >= 0xD800 && wide[i] <= 0xDFFF))
      return 0;
  return 1;
}

/* Whether the pair may go: 1, 0, or -1 when only form's own rules can tell. */
static int may_go(const struct pair *p, const struct trk_operation *op,
                  int validate) {
  int index = field_index(op, p->key);
  const struct trk_field *f = index >= 0 ? &op->fields[index] : NULL;
  if (p->type == OTHER || (f == NULL && validate))
    return 0;
  if (p->type == NONE)
    return 1;
  if (p->type == BOOLEAN || p->type == NUMBER)
    return f == NULL || (p->type == BOOLEAN && f->type == TRK_BOOLEAN);
  if (strlen(p->value) != p->len)
    return 0;
  if (f == NULL || p->len == 0)
    return 1;
  if (f->type == TRK_BOOLEAN)
    return 0;
  if (!validate)
    return 1;
  return f->type == TRK_TEXT ? good_text(f, p) : -1;
}

/* Two spellings of one field cannot both go. */
static int spelt_twice(const struct given *g,
                       const struct trk_operation *op) {
  int i, j, index;
  for (i = 0; i < g->count; i++)
    for (j = 0; j < i; j++) {
      index = field_index(op, g->pairs[i].key);
      if (index >= 0 && index == field_index(op, g->pairs[j].key))
        return 1;
    }
  return 0;
}

/* The same, for all that were given. */
static int all_may_go(const struct given *g, const struct trk_operation *op,
                      int validate) {
  int all = !g->odd_key && !spelt_twice(g, op), i, one;
  for (i = 0; all != 0 && i < g->count; i++) {
    one = may_go(&g->pairs[i], op, validate);
    all = one == 1 ? all : one;
  }
  return all;
}

/* On top: a message and a field's name, or nil for a key that has none. */
static void check_refusal(lua_State *L, const struct given *g,
                          const struct trk_operation *op) {
  const char *field = lua_tostring(L, -1);
  int i, named = 0;
  PROMISE(lua_type(L, -2) == LUA_TSTRING);
  PROMISE(*lua_tostring(L, -2) != '\0');
  if (field == NULL) {
    PROMISE(g->odd_key);
    return;
  }
  for (i = 0; i < g->count; i++)
    named |= strcmp(g->pairs[i].key, field) == 0 ||
             (field_index(op, field) >= 0 &&
              field_index(op, field) == field_index(op, g->pairs[i].key));
  PROMISE(named);
}

/* ---- the target --------------------------------------------------- */

struct job {
  struct bytes bytes;
  struct trk_buf *out;
};

/* Of the operations' forms, those for which may_go can tell: nothing is
 * required, and no field takes a number or a SID. */
static int is_told(const struct trk_operation *op) {
  size_t i;
  for (i = 0; i < op->nfields; i++)
    if (op->fields[i].required || op->fields[i].type == TRK_INTEGER ||
        op->fields[i].type == TRK_SID)
      return 0;
  return op->nfields > 0;
}

static const struct trk_operation *choose_operation(unsigned byte) {
  while (!is_told(fuzz_operation(byte)))
    byte++;
  return fuzz_operation(byte);
}

static int encode(lua_State *L) {
  static struct given given;
  struct job *job = lua_touserdata(L, 1);
  const struct trk_operation *op =
      choose_operation(fuzz_byte(&job->bytes));
  int validate = fuzz_byte(&job->bytes) % 2, top;
  enum trk_form_rc rc;
  push_params(L, &job->bytes, op, &given);
  top = lua_gettop(L);
  rc = trk_form_encode(L, top, op, validate, job->out);
  if (rc == TRK_FORM_OK) {
    PROMISE(lua_gettop(L) == top);
    PROMISE(all_may_go(&given, op, validate) != 0);
    PROMISE(strlen(trk_buf_str(job->out)) == job->out->len);
    check_body(trk_buf_str(job->out), op, &given);
  } else {
    PROMISE(all_may_go(&given, op, validate) != 1);
    check_refusal(L, &given, op);
  }
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct job job = {{data, size}, NULL};
  struct trk_buf out;
  lua_State *L = fuzz_state();
  setlocale(LC_CTYPE, "C.UTF-8");
  trk_buf_init(&out, TRK_REQUEST_MAX);
  job.out = &out;
  lua_pushcfunction(L, encode);
  lua_pushlightuserdata(L, &job);
  if (lua_pcall(L, 1, 0, 0) != 0) {
    fprintf(stderr, "form raised: %s\n", lua_tostring(L, -1));
    abort();
  }
  trk_buf_free(&out);
  lua_settop(L, 1);
  fuzz_collect(L);
  return 0;
}
