/* SPDX-License-Identifier: MIT
 * fuzz target form: Lua values into the path and the form of every operation,
 * and back by a decoder of its own. What was given must come out, each once,
 * in the API's order and nothing else; what is refused must be wrong, and must
 * name its field. Input: operation, validate, the path's arguments, then
 * pairs: which key, which type, a value.
 */
#include "fields.h"
#include "fuzz.h"

#include "form.h"
#include "path.h"

#include <lauxlib.h>

#include <math.h> /* HUGE_VAL, NAN */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PAIRS 12
#define MAX_TEXT 700
#define CREATED 201

struct pair {
  char key[80];
  size_t key_len;
  enum { NONE, TEXT, BOOLEAN, NUMBER, OTHER } type;
  char value[MAX_TEXT]; /* as the form must carry it; ends with a NUL */
  size_t len;
  double number; /* of a NUMBER */
  int seen;      /* in the body */
};

struct given {
  struct pair pairs[MAX_PAIRS];
  int count;
  int odd_key; /* a key that is no string, is empty or holds a NUL */
};

struct arguments {
  int count;
  char path[256];    /* that they must make */
  const char *wrong; /* the name of the first that is no SID; NULL */
};

/* ---- SIDs ----------------------------------------------------------- */

/* A SID of one digit, mostly of this kind; 34 bytes and a NUL. */
static void fill_sid(struct bytes *b, const char *prefix, char *out) {
  unsigned n = fuzz_byte(b);
  memset(out, "0123456789abcdefABCDEF"[n % 22], 34);
  memcpy(out, n < 240 ? prefix : "XX", 2);
  out[34] = '\0';
}

/* Puts the value on top into a table, as its field. */
static void wrap(lua_State *L, const char *field) {
  lua_newtable(L);
  lua_insert(L, -2);
  lua_setfield(L, -2, field);
}

/* Pushes an argument: a text or a table, with a SID or not. Whether it is
 * one; then it is in sid. */
static int push_argument(lua_State *L, struct bytes *b, const char *prefix,
                         char *sid) {
  unsigned how = fuzz_byte(b);
  size_t len = 34;
  const char *text = sid;
  if (how % 8 == 7) { /* a record without its SID */
    if (how < 128)
      lua_pushnumber(L, 34);
    else
      lua_pushnil(L);
    wrap(L, "sid");
    return 0;
  }
  if (how % 4 == 3)
    text = fuzz_text(b, MAX_TEXT, &len);
  else
    fill_sid(b, prefix, sid);
  lua_pushlstring(L, text, len);
  if (how >= 128)
    wrap(L, "sid");
  if (!fields_is_sid(text, len, prefix))
    return 0;
  memmove(sid, text, 34);
  return 1;
}

/* Pushes the arguments of op's path. */
static void push_arguments(lua_State *L, struct bytes *b,
                           const struct trk_operation *op,
                           struct arguments *a) {
  const char *at = op->path;
  char *out = a->path;
  a->count = 0;
  a->wrong = NULL;
  while (*at != '\0') {
    char sid[35] = "", prefix[3] = "";
    if (*at != '{') {
      *out++ = *at++;
      continue;
    }
    memcpy(prefix, at + 1, 2);
    at += 4;
    a->count++;
    if (!push_argument(L, b, prefix, sid) && a->wrong == NULL)
      a->wrong = *at == '\0' ? "sid" : "trunk_sid";
    memcpy(out, sid, 34);
    out += 34;
  }
  *out = '\0';
}

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
  } else if (n < 216) {
    text = "sid";
    len = 3;
  } else {
    text = fuzz_text(b, sizeof p->key - 1, &len);
  }
  copy_key(p, text, len);
}

/* Pushes this text as the pair's value. */
static void push_text(lua_State *L, struct pair *p, const char *text,
                      size_t len) {
  lua_pushlstring(L, text, len);
  if (len > 0)
    memmove(p->value, text, len);
  p->value[len] = '\0';
  p->len = len;
  p->type = TEXT;
}

/* Pushes a number: small or large, an integer or not. */
static void push_number(lua_State *L, struct bytes *b, struct pair *p) {
  unsigned how = fuzz_byte(b) % 8, n = fuzz_byte(b) << 8;
  int all; /* its digits go */
  n |= fuzz_byte(b);
  p->type = NUMBER;
  p->number = n;
  if (how < 3 || how == 7) {
    long long whole = how < 3 ? n : n * (1LL << 47) + 1;
    lua_pushinteger(L, whole);
    p->number = (double)whole;
    p->len = (size_t)sprintf(p->value, "%lld", whole);
    return;
  }
  if (how == 4) /* 0 stays 0 */
    p->number = n > 0 ? -p->number : 0;
  else if (how == 5)
    p->number += 0.5;
  else if (how == 6)
    p->number *= 1e13;
  lua_pushnumber(L, how == 4 && n == 0 ? -0.0 : p->number);
  all = how != 5 && p->number < 9007199254740992.0; /* 2^53 */
  p->len = (size_t)sprintf(p->value, all ? "%.0f" : "%.14g", p->number);
}

/* Pushes something no form can carry. */
static void push_other(lua_State *L, unsigned which) {
  if (which == 4)
    lua_pushnumber(L, HUGE_VAL);
  else if (which == 5)
    lua_newtable(L);
  else
    lua_pushlightuserdata(L, L);
}

/* Pushes a text that mutated bytes seldom are: a SID, or a word of the
 * field's own; or one in which a line may end. */
static void push_shaped(lua_State *L, struct bytes *b,
                        const struct trk_operation *op, struct pair *p,
                        unsigned which) {
  int index = fields_find(op, p->key);
  const struct trk_field *f = index >= 0 ? &op->fields[index] : NULL;
  char sid[35];
  size_t n = fuzz_byte(b), i = 0;
  if (which == 13) {
    fill_sid(b, f != NULL && f->prefix != NULL ? f->prefix : op->proof, sid);
    push_text(L, p, sid, 34);
  } else if (which == 14 && f != NULL && f->words != NULL) {
    for (; n > 0 && f->words->words[i + 1] != NULL; n--)
      i++;
    push_text(L, p, f->words->words[i], strlen(f->words->words[i]));
  } else {
    n = n < b->left ? n : b->left;
    push_text(L, p, (const char *)b->at, n);
    b->at += n;
    b->left -= n;
  }
}

/* Pushes a value, and notes how the form must carry it. */
static void push_value(lua_State *L, struct bytes *b,
                       const struct trk_operation *op, struct pair *p) {
  unsigned which = fuzz_byte(b) % 16;
  const char *text;
  p->seen = 0;
  p->len = 0;
  p->value[0] = '\0';
  if (which > 12) {
    push_shaped(L, b, op, p, which);
  } else if (which > 6) {
    text = fuzz_text(b, sizeof p->value - 1, &p->len);
    push_text(L, p, text, p->len);
  } else if (which == 0) { /* null clears */
    lua_pushlightuserdata(L, NULL);
    p->type = NONE;
  } else if (which < 3) {
    lua_pushboolean(L, which == 1);
    p->len = (size_t)sprintf(p->value, which == 1 ? "true" : "false");
    p->type = BOOLEAN;
  } else if (which == 3) {
    push_number(L, b, p);
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
    push_value(L, b, op, &fresh);
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

/* Where a SID is all that the operation takes: a text instead of a table, or
 * the record in the table, of which nothing else goes. */
static void take_sid(struct given *g, const struct trk_operation *op) {
  struct pair *sid = NULL;
  int i;
  for (i = 0; i < g->count; i++) {
    if (fields_find(op, g->pairs[i].key) >= 0)
      return;
    if (strcmp(g->pairs[i].key, "sid") == 0 && g->pairs[i].type == TEXT &&
        g->pairs[i].key_len == 3)
      sid = &g->pairs[i];
  }
  if (sid == NULL)
    return;
  g->pairs[0] = *sid;
  copy_key(&g->pairs[0], op->fields[0].name, strlen(op->fields[0].name));
  g->count = 1;
  g->odd_key = 0;
}

/* Pushes what the operation takes besides its path. */
static void push_params_or_sid(lua_State *L, struct bytes *b,
                               const struct trk_operation *op, int bare,
                               struct given *g) {
  struct pair *p = &g->pairs[0];
  if (!fields_are_one_sid(op) || !bare) {
    push_params(L, b, op, g);
    if (fields_are_one_sid(op))
      take_sid(g, op);
    return;
  }
  p->seen = 0;
  copy_key(p, op->fields[0].name, strlen(op->fields[0].name));
  push_shaped(L, b, op, p, 13 + fuzz_byte(b) % 3);
  g->count = 1;
  g->odd_key = 0;
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
    index = fields_find(op, p->key);
    if (index < 0)
      index = TRK_MAX_FIELDS;
    PROMISE(index == TRK_MAX_FIELDS || index > last);
    last = index;
    found++;
  }
  PROMISE(found == g->count);
}

/* ---- what may go --------------------------------------------------- */

static int number_may_go(const struct trk_field *f, double n, int validate) {
  return f->type == TRK_INTEGER &&
         (!validate || (n >= (double)f->min && n <= (double)f->max &&
                        n == (double)(long)n));
}

static int may_go(const struct pair *p, const struct trk_operation *op,
                  int validate) {
  int index = fields_find(op, p->key);
  const struct trk_field *f = index >= 0 ? &op->fields[index] : NULL;
  if (p->type == OTHER || (f == NULL && validate))
    return 0;
  if (p->type == TEXT && strlen(p->value) != p->len)
    return 0;
  if (f == NULL || p->type == NONE || p->len == 0)
    return 1;
  if (p->type == BOOLEAN)
    return f->type == TRK_BOOLEAN;
  if (p->type == NUMBER)
    return number_may_go(f, p->number, validate);
  return f->type != TRK_BOOLEAN && f->type != TRK_INTEGER &&
         (!validate || fields_take_text(f, p->value));
}

/* Why field index of op is wrong: it cannot go, is spelt in two ways, or is
 * missing. */
static int is_wrong(const struct given *g, const struct trk_operation *op,
                    int validate, int index) {
  int required = op->status == CREATED && op->fields[index].required;
  int i, spelt = 0, empty = 1;
  for (i = 0; i < g->count; i++) {
    if (fields_find(op, g->pairs[i].key) != index)
      continue;
    spelt++;
    empty = g->pairs[i].len == 0 && g->pairs[i].type != OTHER;
    if (!may_go(&g->pairs[i], op, validate))
      return 1;
  }
  return spelt > 1 || (validate && required && empty);
}

/* Whether the pair has a name that no field has, and another pair's name would
 * be sent as the same. */
static int is_twice(const struct given *g, const struct trk_operation *op,
                    int index) {
  static char one[sizeof g->pairs[0].key], other[sizeof one];
  size_t len;
  int i;
  if (fields_find(op, g->pairs[index].key) >= 0)
    return 0;
  len = form_name(g->pairs[index].key, one);
  for (i = 0; i < g->count; i++)
    if (i != index && form_name(g->pairs[i].key, other) == len &&
        memcmp(one, other, len) == 0)
      return 1;
  return 0;
}

static int all_may_go(const struct given *g, const struct trk_operation *op,
                      int validate) {
  int i;
  for (i = 0; i < (int)op->nfields; i++)
    if (is_wrong(g, op, validate, i))
      return 0;
  for (i = 0; i < g->count; i++)
    if (!may_go(&g->pairs[i], op, validate) || is_twice(g, op, i))
      return 0;
  return !g->odd_key;
}

/* On top: a message and the name of a field that is wrong, or nil for a key
 * that has none. The message names it too. */
static void check_refusal(lua_State *L, const struct given *g,
                          const struct trk_operation *op, int validate) {
  const char *field = lua_tostring(L, -1);
  int i, index;
  PROMISE(lua_type(L, -2) == LUA_TSTRING);
  PROMISE(*lua_tostring(L, -2) != '\0');
  if (field == NULL) {
    PROMISE(g->odd_key);
    return;
  }
  PROMISE(strstr(lua_tostring(L, -2), field) != NULL);
  index = fields_find(op, field);
  if (index >= 0) {
    PROMISE(strcmp(op->fields[index].name, field) == 0);
    PROMISE(is_wrong(g, op, validate, index));
    return;
  }
  for (i = 0; i < g->count; i++)
    if (strcmp(g->pairs[i].key, field) == 0)
      break;
  PROMISE(i < g->count);
  PROMISE(!may_go(&g->pairs[i], op, validate) || is_twice(g, op, i));
}

/* ---- the target --------------------------------------------------- */

struct job {
  struct bytes bytes;
  struct trk_exchange *x;
};

/* Whether the path's arguments are what they should be. */
static int check_path(lua_State *L, const struct trk_operation *op,
                      struct job *job) {
  struct arguments a;
  int top = lua_gettop(L);
  enum trk_form_rc rc;
  push_arguments(L, &job->bytes, op, &a);
  PROMISE(a.count == trk_path_arguments(op));
  rc = trk_path_build(L, top + 1, job->x);
  PROMISE((rc == TRK_FORM_OK) == (a.wrong == NULL));
  if (rc == TRK_FORM_OK) {
    PROMISE(lua_gettop(L) == top + a.count);
    PROMISE(strcmp(trk_buf_str(&job->x->path), a.path) == 0);
    PROMISE(strlen(a.path) == job->x->path.len);
  } else {
    PROMISE(rc == TRK_FORM_INVALID);
    PROMISE(strcmp(lua_tostring(L, -1), a.wrong) == 0);
    PROMISE(strstr(lua_tostring(L, -2), a.wrong) != NULL);
  }
  lua_settop(L, top);
  return rc == TRK_FORM_OK;
}

static void check_form(lua_State *L, const struct trk_operation *op,
                       struct job *job, int validate, int bare) {
  static struct given given;
  int top;
  enum trk_form_rc rc;
  push_params_or_sid(L, &job->bytes, op, bare, &given);
  top = lua_gettop(L);
  rc = trk_form_encode(L, top, validate, job->x);
  PROMISE((rc == TRK_FORM_OK) == all_may_go(&given, op, validate));
  if (rc == TRK_FORM_OK) {
    PROMISE(lua_gettop(L) == top);
    PROMISE(strlen(trk_buf_str(&job->x->body)) == job->x->body.len);
    check_body(trk_buf_str(&job->x->body), op, &given);
  } else {
    check_refusal(L, &given, op, validate);
  }
}

static int encode(lua_State *L) {
  struct job *job = lua_touserdata(L, 1);
  const struct trk_operation *op = fuzz_operation(fuzz_byte(&job->bytes));
  unsigned how = fuzz_byte(&job->bytes);
  trk_exchange_clear(job->x, op);
  if (check_path(L, op, job) && op->nfields > 0)
    check_form(L, op, job, how % 2, how / 2 % 4 == 3);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct job job;
  lua_State *L = fuzz_state();
  job.bytes.at = data;
  job.bytes.left = size;
  job.x = trk_exchange_new();
  PROMISE(job.x != NULL);
  lua_pushcfunction(L, encode);
  lua_pushlightuserdata(L, &job);
  if (lua_pcall(L, 1, 0, 0) != 0) {
    fprintf(stderr, "form raised: %s\n", lua_tostring(L, -1));
    abort();
  }
  trk_exchange_free(job.x);
  lua_settop(L, 1);
  fuzz_collect(L);
  return 0;
}
