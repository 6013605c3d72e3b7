/* SPDX-License-Identifier: MIT
 * json: see json.h.
 */
#include "json.h"

#include <string.h>

/* A text being cut: what is kept so far, and what is still to be moved there.
 */
struct cut {
  char *out; /* end of what is kept */
  const char *text;
  const char *seg; /* begin of what comes next, not yet moved */
};

static int is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '_';
}

/* The byte before p, across what has been cut; 0: none. */
static char before(const struct cut *cut, const char *p) {
  if (p > cut->seg)
    return p[-1];
  return cut->out > cut->text ? cut->out[-1] : '\0';
}

/* The quote that opens the name of which the null at p is the value, behind a
 * colon and at most one blank; NULL when it is not plainly one. A quote between
 * a plain character and a colon can but close a name: in a text it would be
 * behind a backslash, and one that opens a text is behind a bracket, a comma, a
 * colon or a blank. */
static const char *name_of(const struct cut *cut, const char *p) {
  if (p > cut->seg && p[-1] == ' ')
    p--;
  if (p - cut->seg < 4 || p[-1] != ':' || p[-2] != '"' || !is_name_char(p[-3]))
    return NULL;
  p -= 3;
  while (p > cut->seg && is_name_char(*p))
    p--;
  return *p == '"' ? p : NULL;
}

/* What goes with the null at p, one comma included: [*from, *to). 0: nothing,
 * it stays. A comma may have one blank behind it. */
static int member(const struct cut *cut, const char *p, const char **from,
                  const char **to) {
  const char *name = name_of(cut, p);
  const char *next = p[4] == ',' && p[5] == ' ' ? p + 6 : p + 5;
  char ahead;
  if (name == NULL || (p[4] != ',' && p[4] != '}'))
    return 0;
  ahead = before(cut, name);
  *from = name;
  *to = p + 4;
  if (ahead == '{') {
    if (p[4] == ',' && *next != '"')
      return 0;
    if (p[4] == ',')
      *to = next;
    return 1;
  }
  if (ahead == ' ' && name - 1 > cut->seg)
    ahead = *(--name - 1);
  if (ahead != ',') /* which has not been cut: no cut ends behind one */
    return 0;
  *from = name - 1;
  ahead = before(cut, *from);
  return ahead != '{' && ahead != ',' && ahead != ' ' && ahead != '\0';
}

static void keep(struct cut *cut, const char *end) {
  size_t n = (size_t)(end - cut->seg);
  if (cut->out != cut->seg)
    memmove(cut->out, cut->seg, n);
  cut->out += n;
}

size_t trk_json_trim(char *text, size_t len, size_t *left) {
  struct cut cut;
  const char *at = text, *from, *to;
  cut.out = text;
  cut.text = cut.seg = text;
  *left = 0;
  while ((at = strstr(at, "null")) != NULL) {
    if (member(&cut, at, &from, &to)) {
      keep(&cut, from);
      cut.seg = to;
    } else {
      ++*left;
    }
    at += 4;
  }
  keep(&cut, text + len);
  *cut.out = '\0';
  return (size_t)(cut.out - text);
}

/* A number, or white space before something. */
static int may_be_number(char c) {
  return (c >= '0' && c <= '9') || c == '-' || (unsigned char)c <= ' ';
}

/* Whether nothing but texts without an escape follows, up to a bracket. */
static int only_texts(const char *p) {
  while (*p == '"') {
    p += 1 + strcspn(p + 1, "\"\\");
    if (p[0] != '"' || (p[1] != ',' && p[1] != ']'))
      return 0;
    if (p[1] == ']')
      return 1;
    p += p[2] == ' ' ? 3 : 2;
  }
  return 0;
}

static const char *skip_space(const char *p) {
  while (*p != '\0' && (unsigned char)*p <= ' ')
    p++;
  return p;
}

/* Whether the text at p is plainly a member's name. */
static int is_name(const char *p) {
  p += 1 + strcspn(p + 1, "\"\\");
  return *p == '"' && *skip_space(p + 1) == ':';
}

/* Whether the bracket at p ends an element behind which an array has others
 * than objects and arrays. */
static int others_follow(const char *p) {
  p = skip_space(p + 1);
  if (*p != ',')
    return 0;
  p = skip_space(p + 1);
  return *p != '{' && *p != '[' && (*p != '"' || !is_name(p));
}

/* memchr: it hops over a text faster than any loop of ours. */
static size_t mixed_arrays(const char *text, size_t len, char bracket) {
  const char *end = text + len, *p;
  size_t n = 0;
  for (p = text; (p = memchr(p, bracket, (size_t)(end - p))) != NULL; p++)
    n += others_follow(p) != 0;
  return n;
}

size_t trk_json_numbers(const char *text, size_t len) {
  const char *end = text + len, *p;
  size_t n = mixed_arrays(text, len, '}') + mixed_arrays(text, len, ']');
  for (p = text; (p = memchr(p, ':', (size_t)(end - p))) != NULL; p++)
    if (may_be_number(p[1]) && (p[1] != ' ' || may_be_number(p[2])) &&
        p > text && (p[-1] == '"' || (unsigned char)p[-1] <= ' '))
      n++;
  for (p = text; (p = memchr(p, '[', (size_t)(end - p))) != NULL; p++)
    if (p[1] == '"')
      n += !only_texts(p + 1);
    else if (p[1] != '{' && p[1] != '[' && p[1] != ']')
      n++;
  return n;
}
