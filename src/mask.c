/* SPDX-License-Identifier: MIT
 * mask: see mask.h.
 */
#include "mask.h"

#include "buf.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define ANYWHERE 8u /* bytes: found within a word too */
#define ALONE 4u    /* bytes: found where it stands alone */
#define LONG 16u    /* bytes: found by its first half */
#define LONGEST 512 /* bytes: trunking.config refuses what is longer */

/* ---- reading what is encoded ------------------------------------------ */

enum { JSON = 1, HTML = 2, PERCENT = 4, TWICE = 8, ALL = 15 };

#define OTHER 256 /* a character of no secret */
#define END (-1)

struct reader {
  const char *at, *end;
  unsigned codings;
};

static int hex_digit(int c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  c |= 32;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Characters without width, and those that turn a line round: what shows an
 * error takes them out, so they hide no secret. */
static int is_void(long c) {
  return c == 0xAD || c == 0x61C || (c >= 0x200B && c <= 0x200F) ||
         (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x2069) ||
         c == 0xFEFF;
}

/* Goes over one of them in UTF-8. */
static int skip_void(struct reader *r) {
  const unsigned char *p = (const unsigned char *)r->at;
  long c = 0;
  int n = 2;
  if (r->end - r->at >= 2 && (*p & 0xE0) == 0xC0)
    c = (*p & 0x1FL) << 6 | (p[1] & 0x3FL);
  else if (r->end - r->at >= 3 && (*p & 0xF0) == 0xE0)
    c = (*p & 0xFL) << 12 | (p[1] & 0x3FL) << 6 | (p[2] & 0x3FL), n = 3;
  if (!is_void(c))
    return 0;
  r->at += n;
  return 1;
}

/* The code of \uXXXX, or -1. */
static long escaped(const struct reader *r) {
  long code = 0;
  int i;
  if (r->end - r->at < 6 || r->at[1] != 'u')
    return -1;
  for (i = 2; i < 6; i++) {
    int digit = hex_digit(r->at[i]);
    if (digit < 0)
      return -1;
    code = code * 16 + digit;
  }
  return code;
}

/* A byte, as it stands or as JSON writes it. */
static int json_char(struct reader *r) {
  while (r->at < r->end) {
    long code;
    if ((unsigned char)*r->at >= 0x80 && skip_void(r))
      continue;
    if (*r->at != '\\' || !(r->codings & JSON))
      return (unsigned char)*r->at++;
    code = escaped(r);
    if (code >= 0) {
      r->at += 6;
      if (is_void(code))
        continue;
      return code < OTHER ? (int)code : OTHER;
    }
    if (r->end - r->at < 2 || strchr("/\"\\", r->at[1]) == NULL)
      return (unsigned char)*r->at++;
    r->at += 2;
    return (unsigned char)r->at[-1];
  }
  return END;
}

/* What stands between & and ; as a character, or OTHER. */
static int entity(const char *name) {
  static const struct {
    const char *name;
    char c;
  } known[] = {{"amp", '&'},   {"lt", '<'},  {"gt", '>'},    {"quot", '"'},
               {"apos", '\''}, {"sol", '/'}, {"plus", '+'},  {"equals", '='},
               {"colon", ':'}, {"num", '#'}, {"percnt", '%'}};
  size_t i;
  if (*name == '#') {
    int is_hex = (name[1] | 32) == 'x';
    long code = strtol(name + 1 + is_hex, NULL, is_hex ? 16 : 10);
    return code > 0 && code < OTHER ? (int)code : OTHER;
  }
  for (i = 0; i < sizeof known / sizeof *known; i++)
    if (strcmp(name, known[i].name) == 0)
      return known[i].c;
  return OTHER;
}

static int html_char(struct reader *r) {
  int c = json_char(r);
  const char *after = r->at;
  char name[10];
  size_t n = 0;
  if (c != '&' || !(r->codings & HTML))
    return c;
  while (n < sizeof name - 1) {
    c = json_char(r);
    if (c == ';') {
      name[n] = '\0';
      c = entity(name);
      if (c != OTHER)
        return c;
      break;
    }
    if (c != '#' && hex_digit(c) < 0 && ((c | 32) < 'a' || (c | 32) > 'z'))
      break;
    name[n++] = (char)c;
  }
  r->at = after;
  return '&';
}

/* A byte in whatever coding: that of URLs may be applied more than once. */
static int next_char(struct reader *r) {
  int c = html_char(r);
  while (c == '%' && (r->codings & PERCENT)) {
    const char *after = r->at;
    int high = hex_digit(html_char(r));
    int low = high < 0 ? -1 : hex_digit(html_char(r));
    if (low < 0) {
      r->at = after;
      break;
    }
    c = high * 16 + low;
    if (!(r->codings & TWICE))
      break;
  }
  return c;
}

/* Letters without case, and base64 of URLs as the other. */
static int folded(int c) {
  if (c >= 'A' && c <= 'Z')
    return c + ('a' - 'A');
  if (c == '-')
    return '+';
  return c == '_' ? '/' : c;
}

/* ---- finding ---------------------------------------------------------- */

static int is_word(int c) {
  return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

/* Whether so much of a form is enough: at says where it ended. */
static int is_enough(const struct trk_mask_form *f, size_t matched,
                     const char *text, const char *from,
                     const struct reader *at) {
  if (f->len < ANYWHERE)
    return matched == f->len && (from == text || !is_word(from[-1])) &&
           (at->at == at->end || !is_word(*at->at));
  if (f->len < LONG)
    return matched == f->len;
  return matched >= (f->len + 1) / 2 ||
         (at->at == at->end && matched >= ANYWHERE);
}

/* How many bytes at from write a form in these codings, or enough of it. */
static size_t match(const struct trk_mask_form *f, const char *text,
                    const char *from, const char *end, unsigned codings) {
  struct reader r = {from, end, codings};
  size_t i;
  for (i = 0; i < f->len; i++) {
    const char *before = r.at;
    if (folded(next_char(&r)) != (unsigned char)f->text[i]) {
      r.at = before;
      break;
    }
  }
  return is_enough(f, i, text, from, &r) ? (size_t)(r.at - from) : 0;
}

/* Whether a byte stands for itself alone. */
static int is_plain(char c) {
  return (unsigned char)c < 0x80 && c != '\\' && c != '&' && c != '%';
}

/* Whether the first two bytes may write those of a form: most do not. */
static int is_like(const struct trk_mask_form *f, const char *from,
                   const char *end) {
  if (!is_plain(from[0]))
    return 1;
  if (folded((unsigned char)from[0]) != (unsigned char)f->text[0])
    return 0;
  return from + 1 == end || !is_plain(from[1]) ||
         folded((unsigned char)from[1]) == (unsigned char)f->text[1];
}

/* The longest of them. A form that holds what a coding begins with is looked
 * for in each choice of codings. */
static size_t longest(const struct trk_mask *m, const char *text,
                      const char *from, const char *end) {
  size_t best = 0, i;
  for (i = 0; i < m->nforms; i++) {
    const struct trk_mask_form *f = &m->forms[i];
    unsigned codings = f->tricky ? 0 : ALL;
    if (!is_like(f, from, end))
      continue;
    for (; codings <= ALL; codings++) {
      size_t n = match(f, text, from, end, codings);
      if (n > best)
        best = n;
    }
  }
  return best;
}

size_t trk_mask_text(const struct trk_mask *m, char *text, size_t len) {
  const char *end = text + len, *from = text, *kept = text;
  char *out = text;
  while (from < end) {
    size_t n = 0;
    if (m->begins[(unsigned char)*from])
      n = longest(m, text, from, end);
    if (n == 0) {
      from++;
      continue;
    }
    if (out != kept)
      memmove(out, kept, (size_t)(from - kept));
    out += from - kept;
    memcpy(out, "***", 3);
    out += 3;
    kept = from += n;
  }
  if (out != kept)
    memmove(out, kept, (size_t)(end - kept));
  out += end - kept;
  *out = '\0';
  return (size_t)(out - text);
}

/* ---- secrets ---------------------------------------------------------- */

static void add_form(struct trk_mask *m, const char *text, size_t len) {
  struct trk_mask_form *f = &m->forms[m->nforms++];
  char *to = m->memory + m->size;
  size_t i;
  f->text = to;
  f->len = len;
  f->tricky = 0;
  for (i = 0; i < len; i++) {
    to[i] = (char)folded((unsigned char)text[i]);
    f->tricky |= strchr("\\&%", text[i]) != NULL;
  }
  m->size += len;
  for (i = 0; i < sizeof m->begins; i++)
    m->begins[i] |= folded((int)i) == (unsigned char)*f->text;
}

/* Base64 of a text that stands behind so many other bytes: the digits that are
 * of it alone. */
static void add_base64(struct trk_mask *m, const char *text, size_t len,
                       size_t before) {
  char digits[4 * (LONGEST + 4) / 3 + 4];
  unsigned char bytes[2 + LONGEST] = {0};
  size_t from = (8 * before + 5) / 6, to = 8 * (before + len) / 6;
  memcpy(bytes + before, text, len);
  trk_text_base64(digits, bytes, before + len);
  if (to - from >= ANYWHERE)
    add_form(m, digits + from, to - from);
  trk_wipe(digits, sizeof digits);
  trk_wipe(bytes, sizeof bytes);
}

static void add(struct trk_mask *m, const char *text, size_t len,
                size_t least) {
  size_t before;
  if (len < least)
    return;
  add_form(m, text, len);
  for (before = 0; before < 3; before++)
    add_base64(m, text, len, before);
}

/* Decodes what is percent-encoded, within the text; its new length. */
static size_t decode(char *text, size_t len) {
  const char *at = text, *end = text + len;
  char *out = text;
  while (at < end) {
    int high = *at == '%' && end - at > 2 ? hex_digit(at[1]) : -1;
    int low = high >= 0 ? hex_digit(at[2]) : -1;
    *out++ = low >= 0 ? (char)(high * 16 + low) : *at;
    at += low >= 0 ? 3 : 1;
  }
  return (size_t)(out - text);
}

/* A user that is short is any word. What is too short by itself is found where
 * both stand, as they do in a header. */
static void add_proxy(struct trk_mask *m, const char *auth) {
  char pair[LONGEST + 1], *password;
  size_t len = strlen(auth), user = strcspn(auth, ":"), n;
  if (len > LONGEST)
    return; /* trunking.proxy has refused it */
  memcpy(pair, auth, len + 1);
  password = pair + user + (pair[user] != '\0');
  len = decode(password, strlen(password));
  n = decode(pair, user);
  add(m, pair, n, ANYWHERE);
  add(m, password, len, ALONE);
  if (pair[user] == ':') {
    pair[n] = ':';
    memmove(pair + n + 1, password, len);
    add(m, pair, n + 1 + len, ANYWHERE);
  }
  trk_wipe(pair, sizeof pair);
}

int trk_mask_init(struct trk_mask *m, const char *secret, const char *auth) {
  size_t len = strlen(secret), all = len;
  memset(m, 0, sizeof *m);
  if (auth != NULL)
    all += 2 * strlen(auth);
  m->memory = malloc(5 * all + 128); /* of a text: itself, and thrice base64 */
  if (m->memory == NULL)
    return -1;
  if (len <= LONGEST)
    add(m, secret, len, ALONE);
  if (auth != NULL)
    add_proxy(m, auth);
  m->begins['\\'] = m->begins['&'] = m->begins['%'] = m->nforms > 0;
  return 0;
}

void trk_mask_free(struct trk_mask *m) {
  if (m->memory != NULL)
    trk_wipe(m->memory, m->size);
  free(m->memory);
  memset(m, 0, sizeof *m);
}
