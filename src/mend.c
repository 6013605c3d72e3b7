/* SPDX-License-Identifier: MIT
 * mend: see mend.h.
 */
#include "mend.h"

#include <stdio.h> /* snprintf */
#include <string.h>

/* A text that is being written: where from, and how much so far. */
struct copy {
  const char *at;
  char *out; /* NULL: it is only measured */
  size_t len;
};

static void add(struct copy *c, const char *bytes, size_t n) {
  if (c->out != NULL)
    memcpy(c->out + c->len, bytes, n);
  c->len += n;
}

/* Copies up to an end. */
static void keep(struct copy *c, const char *end) {
  add(c, c->at, (size_t)(end - c->at));
  c->at = end;
}

static int is_digit(char c) { return c >= '0' && c <= '9'; }

static const char *skip_digits(const char *p) {
  while (is_digit(*p))
    p++;
  return p;
}

/* ---- surrogates ------------------------------------------------------- */

static int hex(char c) {
  if (is_digit(c))
    return c - '0';
  c = (char)(c | 32);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The number of the escape at p, as in \u00e4; -1: there is none. */
static long unit_at(const char *p) {
  long unit = 0;
  int i, digit;
  if (p[0] != '\\' || p[1] != 'u')
    return -1;
  for (i = 2; i < 6; i++) {
    digit = hex(p[i]);
    if (digit < 0)
      return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

static int is_high(long unit) { return unit >= 0xD800 && unit < 0xDC00; }
static int is_low(long unit) { return unit >= 0xDC00 && unit < 0xE000; }

/* The backslash at p, with what belongs to it. */
static void escape(struct copy *c, const char *p) {
  long unit = unit_at(p);
  keep(c, p);
  if (unit < 0) {
    keep(c, p[1] == '\0' ? p + 1 : p + 2);
  } else if (is_high(unit) && is_low(unit_at(p + 6))) {
    keep(c, p + 12);
  } else if (is_high(unit) || is_low(unit)) {
    add(c, "\\ufffd", 6);
    c->at = p + 6;
  } else {
    keep(c, p + 6);
  }
}

/* The text whose quote is at p, which ends behind its other quote. */
static void string(struct copy *c, const char *p) {
  keep(c, p + 1);
  for (;;) {
    p = c->at + strcspn(c->at, "\"\\");
    if (*p != '\\')
      break;
    escape(c, p);
  }
  keep(c, *p == '"' ? p + 1 : p);
}

/* ---- fractions ---------------------------------------------------------- */

#define MOST 99999999L /* an exponent beyond all that are */

/* The exponent at p, and its end; 0 where there is none. */
static long exponent(const char *p, const char **end) {
  const char *digits = p + 1;
  long n = 0;
  int sign = 1;
  *end = p;
  if ((*p | 32) != 'e')
    return 0;
  if (*digits == '+' || *digits == '-')
    sign = *digits++ == '-' ? -1 : 1;
  *end = skip_digits(digits);
  if (*end == digits) {
    *end = p;
    return 0;
  }
  for (; digits < *end && n < MOST; digits++)
    n = n * 10 + (*digits - '0');
  return sign * n;
}

/* The digits of the number at p, without the point at its place, and without
 * the zeros before the first other: 0.05 has a 5. */
static void digits(struct copy *c, const char *p, const char *point,
                   const char *end) {
  if (point == p + 1 && *p == '0') {
    c->at = point + 1;
    while (*c->at == '0' && c->at + 1 < end)
      c->at++;
  } else {
    keep(c, point);
    c->at = point + 1;
  }
  keep(c, end);
}

/* The number at p, "12.5e3" as "125e2": a point is read by the locale, and
 * what is left is not. */
static void number(struct copy *c, const char *p) {
  const char *first = *p == '-' ? p + 1 : p, *point = skip_digits(first);
  const char *last = *point == '.' ? skip_digits(point + 1) : point, *end;
  char power[32];
  long n;
  if (point == first || last < point + 2) {
    keep(c, last == p ? p + 1 : last);
    return;
  }
  keep(c, first);
  digits(c, first, point, last);
  n = exponent(last, &end) - (long)(last - point - 1);
  add(c, power, (size_t)snprintf(power, sizeof power, "e%ld", n));
  c->at = end;
}

/* ---- all of it -------------------------------------------------------- */

size_t trk_mend(const char *text, size_t len, char *out) {
  struct copy c;
  const char *p;
  c.at = text;
  c.out = out;
  c.len = 0;
  if (strncmp(text, "\xEF\xBB\xBF", 3) == 0)
    c.at += 3;
  for (p = c.at; p < text + len; p = c.at) {
    if (*p == '"')
      string(&c, p);
    else if (*p == '-' || is_digit(*p))
      number(&c, p);
    else
      keep(&c, p + 1);
  }
  if (out != NULL)
    out[c.len] = '\0';
  return c.len;
}
