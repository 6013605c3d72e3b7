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

int trk_text_begins(const char *s, size_t n, const char *prefix) {
  size_t i;
  for (i = 0; prefix[i] != '\0'; i++)
    if (i == n || folded(s[i]) != folded(prefix[i]))
      return 0;
  return 1;
}

int trk_text_is_sid(const char *s, size_t n, const char *prefix) {
  size_t i;
  if (s == NULL || n != TRK_SID_LENGTH || strncmp(s, prefix, 2) != 0)
    return 0;
  for (i = 2; i < n; i++)
    if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f') ||
          (s[i] >= 'A' && s[i] <= 'F')))
      return 0;
  return 1;
}
