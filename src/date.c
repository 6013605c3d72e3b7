/* SPDX-License-Identifier: MIT
 * date: see date.h.
 */
#include "date.h"

#include <string.h>

static int is_leap(int year) {
  return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

int trk_date_exists(int year, int month, int day) {
  static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (year < 0 || year > 9999 || month < 1 || month > 12 || day < 1)
    return 0;
  return day <= lengths[month - 1] + (month == 2 && is_leap(year));
}

/* Years begin in March here, so that a leap day comes last; 400 are added, so
 * that none is negative. */
long trk_date_days(int year, int month, int day) {
  long y = 400L + year - (month <= 2);
  long from_march = month + (month <= 2 ? 9 : -3);
  return y * 365 + y / 4 - y / 100 + y / 400 + (153 * from_march + 2) / 5 +
         day - 1 - 719468 - 146097;
}

static int two_digits(const char *s) {
  if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9')
    return -1;
  return (s[0] - '0') * 10 + (s[1] - '0');
}

static int month_of(const char *s) {
  static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const char *name = names;
  int month;
  for (month = 1; month <= 12; month++, name += 3)
    if (strncmp(name, s, 3) == 0)
      return month;
  return 0;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
static int has_shape(const char *text) {
  return text != NULL && strlen(text) == 29 && strcmp(text + 25, " GMT") == 0 &&
         text[3] == ',' && text[4] == ' ' && text[7] == ' ' &&
         text[11] == ' ' && text[16] == ' ' && text[19] == ':' &&
         text[22] == ':';
}

long long trk_date_http(const char *text) {
  int day, month, century, year, hour, minute, second;
  if (!has_shape(text))
    return -1;
  day = two_digits(text + 5);
  month = month_of(text + 8);
  century = two_digits(text + 12);
  year = two_digits(text + 14);
  hour = two_digits(text + 17);
  minute = two_digits(text + 20);
  second = two_digits(text + 23);
  if (century < 0 || year < 0 || century * 100 + year < 1970 ||
      !trk_date_exists(century * 100 + year, month, day) || hour < 0 ||
      hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
    return -1;
  return trk_date_days(century * 100 + year, month, day) * 86400LL +
         hour * 3600LL + minute * 60LL + second;
}
