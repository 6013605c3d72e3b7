/* SPDX-License-Identifier: MIT
 * fuzz target headers: Retry-After and Date, against an oracle that leaves
 * the calendar to the C library. Input: two lines.
 */
#include "fuzz.h"
#include "date.h"
#include "verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int month_of(const char *name) {
  static const char *const months[] = {"Jan", "Feb", "Mar", "Apr",
                                       "May", "Jun", "Jul", "Aug",
                                       "Sep", "Oct", "Nov", "Dec"};
  int i;
  for (i = 0; i < 12; i++)
    if (strcmp(months[i], name) == 0)
      return i;
  return -1;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", or -1. */
static long long expected_date(const char *text) {
  static const char shape[] = "xxx, 00 xxx 0000 00:00:00 GMT";
  char name[4] = "";
  struct tm t, day;
  time_t at;
  size_t i;
  if (strlen(text) != sizeof shape - 1)
    return -1;
  for (i = 0; shape[i] != '\0'; i++)
    if (shape[i] == '0' ? text[i] < '0' || text[i] > '9'
                        : shape[i] != 'x' && text[i] != shape[i])
      return -1;
  memset(&t, 0, sizeof t);
  memcpy(name, text + 8, 3);
  t.tm_mday = atoi(text + 5);
  t.tm_mon = month_of(name);
  t.tm_year = atoi(text + 12) - 1900;
  if (t.tm_mon < 0 || t.tm_mday < 1 || t.tm_year < 70)
    return -1;
  day = t;
  at = timegm(&day);
  if (day.tm_mday != t.tm_mday || day.tm_mon != t.tm_mon)
    return -1; /* there is no such day */
  if (atoi(text + 17) > 23 || atoi(text + 20) > 59 || atoi(text + 23) > 60)
    return -1;
  return (long long)at + atoi(text + 17) * 3600 + atoi(text + 20) * 60 +
         atoi(text + 23);
}

static long clamped(double ms) {
  return ms > 86400000.0 ? 86400000L : ms < 100.0 ? 100L : (long)ms;
}

static long expected_retry(const char *value, const char *date) {
  long long until, now;
  size_t len = strlen(value);
  if (len == 0)
    return -1;
  if (strspn(value, "0123456789") == len)
    return clamped(strtod(value, NULL) * 1000);
  until = expected_date(value);
  now = expected_date(date);
  return until < 0 || now < 0 ? -1 : clamped((double)(until - now) * 1000);
}

/* A line as a C string: up to its first NUL. */
static void line_of(struct bytes *b, char *out, size_t size) {
  size_t len;
  const char *text = fuzz_text(b, size - 1, &len);
  if (len > 0)
    memcpy(out, text, len);
  out[len] = '\0';
}

/* A date of the right shape, and mostly one that there is: what mutated text
 * seldom is. */
static void shaped_date(struct bytes *b, char *out, size_t size) {
  static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDecXyz";
  unsigned day = fuzz_byte(b) % 33, month = fuzz_byte(b) % 13;
  unsigned year = 1960 + fuzz_byte(b) * 16 + fuzz_byte(b) % 16;
  unsigned hour = fuzz_byte(b) % 25, minute = fuzz_byte(b) % 61;
  unsigned second = fuzz_byte(b) % 62;
  snprintf(out, size, "Day, %02u %.3s %04u %02u:%02u:%02u GMT", day,
           months + 3 * month, year, hour, minute, second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct bytes b = {data, size}, again = {data, size};
  char value[128], date[128], shaped[64];
  line_of(&b, value, sizeof value);
  line_of(&b, date, sizeof date);
  shaped_date(&again, shaped, sizeof shaped);
  PROMISE(trk_date_http(shaped) == expected_date(shaped));
  PROMISE(trk_retry_after(shaped, date) == expected_retry(shaped, date));
  PROMISE(trk_date_http(value) == expected_date(value));
  PROMISE(trk_date_http(date) == expected_date(date));
  PROMISE(trk_retry_after(value, date) == expected_retry(value, date));
  PROMISE(trk_retry_after(NULL, date) == -1);
  if (strspn(value, "0123456789") < strlen(value))
    PROMISE(trk_retry_after(value, NULL) == -1);
  return 0;
}
