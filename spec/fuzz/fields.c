/* SPDX-License-Identifier: MIT
 * fields: see fields.h.
 */
#include "fields.h"

#include "fuzz.h"

#include <locale.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define MAX_CHARACTERS 4096
#define LABEL "[A-Za-z0-9_-]{1,63}"

#define ADDRESS "\\[[0-9A-Fa-f:.]{2,}\\]"
#define PORT "(:([0-9]{1,6}))?"
#define SIP_URL \
  "^[sS][iI][pP]:([^@]+@|//)?(" ADDRESS "|" LABEL "(\\." LABEL \
  ")*\\.?)" PORT "([;?][^@]*)?$"
#define DOMAIN \
  "^[A-Za-z0-9-]{1,63}(\\.[A-Za-z0-9-]{1,63})*" \
  "\\.[Pp][Ss][Tt][Nn]\\.[Tt][Ww][Ii][Ll][Ii][Oo]\\.[Cc][Oo][Mm]$"
#define ANY_LABEL "[^].!-,/:-@[\\^`{-~]{1,63}" /* bytes beyond ASCII, too */
#define URL \
  "^[Hh][Tt][Tt][Pp][Ss]?://([^/?#]*@)?(" ADDRESS "|" ANY_LABEL \
  "(\\." ANY_LABEL ")*\\.?)" PORT "([/?#].*)?$"

struct expression {
  const char *text;
  int ready;
  regex_t re;
};

static int match(struct expression *e, const char *text, size_t n,
                 regmatch_t *at) {
  if (!e->ready)
    PROMISE(regcomp(&e->re, e->text, REG_EXTENDED) == 0);
  e->ready = 1;
  return regexec(&e->re, text, n, at, 0) == 0;
}

/* Of how many characters, -1 when it is no UTF-8. The C library takes what
 * Unicode has no room for as well. */
static long characters(const char *text) {
  static wchar_t wide[MAX_CHARACTERS];
  static locale_t utf8, before;
  size_t n, i;
  if (utf8 == (locale_t)0)
    utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
  PROMISE(utf8 != (locale_t)0);
  before = uselocale(utf8);
  n = mbstowcs(wide, text, MAX_CHARACTERS);
  uselocale(before);
  if (n == (size_t)-1)
    return -1;
  PROMISE(n < MAX_CHARACTERS);
  for (i = 0; i < n; i++)
    if (wide[i] > 0x10FFFF || (wide[i] >= 0xD800 && wide[i] <= 0xDFFF))
      return -1;
  return (long)n;
}

/* Whether all bytes are in this range. */
static int within(const char *text, int least, int most) {
  for (; *text != '\0'; text++)
    if ((unsigned char)*text < least || (unsigned char)*text > most)
      return 0;
  return 1;
}

static int takes_word(const struct trk_enum *e, const char *text) {
  size_t i;
  for (i = 0; e->words[i] != NULL; i++)
    if (strcmp(e->words[i], text) == 0)
      return 1;
  return 0;
}

static int takes_domain(const char *text) {
  static struct expression e = {.text = DOMAIN};
  return strlen(text) <= 253 && match(&e, text, 0, NULL);
}

/* A name of 253 characters at most, and a port that there is. */
static int is_reachable(const char *text, const regmatch_t *at) {
  long port;
  if (text[at[2].rm_so] != '[' && at[2].rm_eo - at[2].rm_so > 253)
    return 0;
  if (at[5].rm_so < 0)
    return 1;
  port = strtol(text + at[5].rm_so, NULL, 10);
  return port >= 1 && port <= 65535;
}

static int takes_url(const char *text) {
  static struct expression e = {.text = URL};
  regmatch_t at[6];
  return characters(text) >= 0 && within(text, '!', 255) &&
         strchr(text, 127) == NULL && match(&e, text, 6, at) &&
         is_reachable(text, at);
}

static int takes_sip_url(const char *text) {
  static struct expression e = {.text = SIP_URL};
  regmatch_t at[6];
  return within(text, '!', '~') && match(&e, text, 6, at) &&
         is_reachable(text, at);
}

int fields_is_sid(const char *text, size_t len, const char *prefix) {
  static const char digits[] = "0123456789abcdefABCDEF";
  size_t i;
  if (len != 34 || memcmp(text, prefix, 2) != 0)
    return 0;
  for (i = 2; i < len; i++) /* no NUL ends it */
    if (memchr(digits, text[i], sizeof digits - 1) == NULL)
      return 0;
  return 1;
}

int fields_take_text(const struct trk_field *f, const char *text) {
  long n;
  switch (f->type) {
  case TRK_TEXT:
    n = characters(text);
    return n >= 0 && (f->max == 0 || n <= f->max);
  case TRK_ENUM:
    return takes_word(f->words, text);
  case TRK_SID:
    return fields_is_sid(text, strlen(text), f->prefix);
  case TRK_DOMAIN:
    return takes_domain(text);
  case TRK_URL:
    return takes_url(text);
  case TRK_SIP_URL:
    return takes_sip_url(text);
  case TRK_BOOLEAN:
  case TRK_INTEGER:
    break;
  }
  return 0;
}

int fields_find(const struct trk_operation *op, const char *key) {
  size_t i;
  for (i = 0; i < op->nfields; i++)
    if (strcmp(op->fields[i].name, key) == 0 ||
        strcmp(op->fields[i].form, key) == 0)
      return (int)i;
  return -1;
}

int fields_are_one_sid(const struct trk_operation *op) {
  return op->nfields == 1 && op->fields[0].type == TRK_SID;
}
