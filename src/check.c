/* SPDX-License-Identifier: MIT
 * check: see check.h.
 */
#include "check.h"

#include "text.h"

#include <stdint.h>
#include <stdio.h> /* snprintf */
#include <string.h>

#define DOMAIN_SUFFIX ".pstn.twilio.com"
#define DOMAIN_MAX 253u /* RFC 1035, 2.3.4 */
#define LABEL_MAX 63u
#define SHOWN_MAX 60u /* bytes of a wrong value that a message quotes */

/* Writes what is wrong, as printf does: 0. */
#define wrong(why, ...) \
  (snprintf((why)->text, sizeof(why)->text, __VA_ARGS__), 0)

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

static int check_text(const struct trk_field *f, const char *s, size_t len,
                      struct trk_why *why) {
  long count = utf8_length(s, len);
  if (count < 0)
    return wrong(why, "%s is not valid UTF-8", f->name);
  if (count > f->max)
    return wrong(why, "%s has %d characters; at most %d are allowed", f->name,
                 (int)count, (int)f->max);
  return 1;
}

static int check_enum(const struct trk_field *f, const char *s, size_t len,
                      struct trk_why *why) {
  const char *const *word = f->words->words;
  size_t n;
  for (; *word != NULL; word++)
    if (strcmp(*word, s) == 0)
      return 1;
  (void)wrong(why, "%s must be one of ", f->name);
  for (word = f->words->words; *word != NULL; word++) {
    n = strlen(why->text);
    snprintf(why->text + n, sizeof why->text - n, "%s%s", *word,
             word[1] != NULL ? ", " : "");
  }
  n = strlen(why->text);
  if (len <= SHOWN_MAX)
    snprintf(why->text + n, sizeof why->text - n, "; got '%s'", s);
  return 0;
}

/* Whether labels are neither empty nor too long. There is at least one. */
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

static int check_domain(const struct trk_field *f, const char *s, size_t len,
                        struct trk_why *why) {
  const size_t suffix = sizeof DOMAIN_SUFFIX - 1;
  size_t i;
  for (i = 0; i < len; i++)
    if (!is_letter_or_digit((unsigned char)s[i]) && s[i] != '-' && s[i] != '.')
      return wrong(why, "%s may hold letters, digits, '-' and '.' only",
                   f->name);
  if (len <= suffix ||
      !trk_text_begins(s + len - suffix, suffix, DOMAIN_SUFFIX))
    return wrong(why, "%s must be a name that ends with %s", f->name,
                 DOMAIN_SUFFIX);
  if (len > DOMAIN_MAX || !labels_ok(s, len))
    return wrong(why, "%s has an empty or too long part", f->name);
  return 1;
}

static int has_blank(const char *s, size_t len) {
  size_t i;
  for (i = 0; i < len; i++)
    if ((unsigned char)s[i] <= ' ' || (unsigned char)s[i] == 127)
      return 1;
  return 0;
}

/* The length of the host that s begins with: a name, in any script, an address,
 * or an IPv6 address in brackets; 0: it is none. */
static size_t host_length(const char *s) {
  size_t n = 0;
  if (*s == '[') {
    n = 1 + strspn(s + 1, "0123456789abcdefABCDEF:.");
    return n > 2 && s[n] == ']' ? n + 1 : 0;
  }
  while (is_letter_or_digit((unsigned char)s[n]) || s[n] == '-' ||
         s[n] == '_' || s[n] == '.' || (unsigned char)s[n] > 127)
    n++;
  return n <= DOMAIN_MAX && labels_ok(s, n > 1 && s[n - 1] == '.' ? n - 1 : n)
             ? n
             : 0;
}

/* The length of ":port" at s, 0 when there is none, -1 when it is no port. */
static long port_length(const char *s) {
  long port = 0, n = 1;
  if (*s != ':')
    return 0;
  for (; s[n] >= '0' && s[n] <= '9' && n < 7; n++)
    port = port * 10 + (s[n] - '0');
  return port >= 1 && port <= 65535 ? n : -1;
}

/* Whether an authority, [user[:password]@]host[:port] (RFC 3986, 3.2), is all
 * there is up to the path. */
static int has_authority(const char *s) {
  const char *end = s + strcspn(s, "/?#"), *at;
  size_t n;
  long port;
  for (at = end; at > s && at[-1] != '@'; at--)
    ;
  n = host_length(at);
  port = port_length(at + n);
  return n > 0 && port >= 0 && at + n + port == end;
}

static int check_url(const struct trk_field *f, const char *s, size_t len,
                     struct trk_why *why) {
  size_t host = 0;
  if (utf8_length(s, len) < 0)
    return wrong(why, "%s is not valid UTF-8", f->name);
  if (len > 7 && trk_text_begins(s, len, "http://"))
    host = 7;
  else if (len > 8 && trk_text_begins(s, len, "https://"))
    host = 8;
  if (host > 0 && has_blank(s, len))
    return wrong(why,
                 "%s holds a space or a control character; percent-encode it",
                 f->name);
  if (host == 0 || !has_authority(s + host))
    return wrong(why, "%s must be a URL like https://example.com/path",
                 f->name);
  return 1;
}

static int is_beyond_ascii(const char *s, size_t len) {
  size_t i;
  for (i = 0; i < len; i++)
    if ((unsigned char)s[i] > 127)
      return 1;
  return 0;
}

/* sip:[user[:password]@]host[:port][;parameters][?headers] (RFC 3261, 19.1),
 * of ASCII: what else there is has to be percent-encoded. Twilio's own
 * examples have sip://host. */
static int check_sip_url(const struct trk_field *f, const char *s, size_t len,
                         struct trk_why *why) {
  const char *at = strchr(s, '@');
  const char *host = at != NULL ? at + 1 : s + 4;
  size_t i, n;
  long port;
  if (!trk_text_begins(s, len, "sip:"))
    return wrong(why, "%s must begin with sip:", f->name);
  if (at == NULL && host[0] == '/' && host[1] == '/')
    host += 2;
  if (is_beyond_ascii(host, strcspn(host, ":;?/")))
    return wrong(why,
                 "%s has a domain beyond ASCII; write it in its ASCII form "
                 "(punycode): m\303\274nchen.de is xn--mnchen-3ya.de",
                 f->name);
  for (i = 0; i < len; i++)
    if (s[i] <= ' ' || s[i] > '~')
      return wrong(why,
                   "%s holds a space, a control character or one "
                   "beyond ASCII; percent-encode it",
                   f->name);
  n = host_length(host);
  port = port_length(host + n);
  if (n == 0 || port < 0)
    return wrong(why, "%s has no valid %s", f->name, n == 0 ? "host" : "port");
  host += n + (size_t)port;
  if (*host != '\0' && *host != ';' && *host != '?')
    return wrong(why, "%s must be like sip:pbx.example.com:5060;transport=tcp",
                 f->name);
  if (at == s + 4 || strchr(host, '@') != NULL)
    return wrong(why,
                 "%s may have one '@', behind a user; percent-encode any other",
                 f->name);
  return 1;
}

int trk_check_sid(const char *name, const char *prefix, const char *s,
                  size_t len, struct trk_why *why) {
  char other[3] = "";
  if (trk_text_is_sid(s, len, prefix))
    return 1;
  if (len == 0)
    return wrong(why, "%s is empty; it must be %s and 32 hexadecimal digits",
                 name, prefix);
  memcpy(other, s, len < 2 ? len : 2);
  if (len == TRK_SID_LENGTH && other[0] >= 'A' && other[0] <= 'Z' &&
      trk_text_is_sid(s, len, other))
    return wrong(why, "%s must begin with %s; this one begins with %s", name,
                 prefix, other);
  if (len > SHOWN_MAX || utf8_length(s, len) < 0)
    return wrong(why, "%s must be %s and 32 hexadecimal digits", name, prefix);
  return wrong(why, "%s must be %s and 32 hexadecimal digits; got '%s'", name,
               prefix, s);
}

static int check_sid(const struct trk_field *f, const char *s, size_t len,
                     struct trk_why *why) {
  return trk_check_sid(f->name, f->prefix, s, len, why);
}

/* By type; those that are no texts have none. */
typedef int check(const struct trk_field *, const char *, size_t,
                  struct trk_why *);
static check *const checks[] = {
    [TRK_TEXT] = check_text, [TRK_ENUM] = check_enum,
    [TRK_SID] = check_sid,   [TRK_DOMAIN] = check_domain,
    [TRK_URL] = check_url,   [TRK_SIP_URL] = check_sip_url,
};

int trk_check_value(const struct trk_field *f, const char *s, size_t len,
                    struct trk_why *why) {
  return checks[f->type](f, s, len, why);
}
