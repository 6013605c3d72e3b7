/* SPDX-License-Identifier: MIT
 * text: see text.h.
 */
#include "text.h"

#include <string.h>

static char folded(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

int trk_text_same(const char *a, const char *b) {
  if (strcmp(a, b) == 0)
    return 1;
  while (*a != '\0' && folded(*a) == folded(*b))
    a++, b++;
  return *a == '\0' && *b == '\0';
}

/* Most are the same to the letter: memcmp is quicker than any loop of ours. */
int trk_text_same_n(const char *a, const char *b, size_t n) {
  size_t i;
  if (memcmp(a, b, n) == 0)
    return 1;
  for (i = 0; i < n && folded(a[i]) == folded(b[i]); i++)
    ;
  return i == n;
}

int trk_text_begins(const char *s, size_t n, const char *prefix) {
  size_t len = strlen(prefix);
  return n >= len && trk_text_same_n(s, prefix, len);
}

static int is_hex(char c) {
  return (unsigned char)(c - '0') < 10 || (unsigned char)((c | 32) - 'a') < 6;
}

int trk_text_is_sid(const char *s, size_t n, const char *prefix) {
  size_t i;
  if (s == NULL || n != TRK_SID_LENGTH || s[0] != prefix[0] ||
      s[1] != prefix[1])
    return 0;
  for (i = 2; i < TRK_SID_LENGTH; i++)
    if (!is_hex(s[i]))
      return 0;
  return 1;
}

void trk_text_base64(char *out, const unsigned char *in, size_t n) {
  static const char digits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  size_t i;
  for (i = 0; i < n; i += 3) {
    unsigned long v = (unsigned long)in[i] << 16;
    v |= i + 1 < n ? (unsigned long)in[i + 1] << 8 : 0;
    v |= i + 2 < n ? (unsigned long)in[i + 2] : 0;
    *out++ = digits[v >> 18 & 63];
    *out++ = digits[v >> 12 & 63];
    *out++ = i + 1 < n ? digits[v >> 6 & 63] : '=';
    *out++ = i + 2 < n ? digits[v & 63] : '=';
  }
  *out = '\0';
}
