/* SPDX-License-Identifier: MIT
 * date: dates as numbers. Pure: it reads no clock and no time zone.
 */
#ifndef TRK_DATE_H
#define TRK_DATE_H

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* Whether a year from 0 to 9999 has this month (1..12) and day. */
int trk_date_exists(int year, int month, int day);

/* Days from 1970-01-01 to a date that exists (proleptic Gregorian). */
long trk_date_days(int year, int month, int day);

/* Seconds since 1970 of an HTTP date (IMF-fixdate: RFC 9110, 5.6.7); -1: it
 * is none. text may be NULL. */
long long trk_date_http(const char *text);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
