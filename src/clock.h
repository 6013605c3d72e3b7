/* SPDX-License-Identifier: MIT
 * clock: the one clock of the module. It is monotonic: it counts from any
 * start, and no change of the wall clock moves it (law L4). It knows no date.
 */
#ifndef TRK_CLOCK_H
#define TRK_CLOCK_H

#include <stdint.h>
#include <time.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

int64_t trk_clock_us(void); /* microseconds */
int64_t trk_clock_ms(void); /* milliseconds */

/* The time ms milliseconds from now, for pthread's timed waits. */
struct timespec trk_clock_in_ms(int ms);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
