/* SPDX-License-Identifier: MIT
 * clock: see clock.h.
 */
#include "clock.h"

int64_t trk_clock_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t trk_clock_ms(void) { return trk_clock_us() / 1000; }

struct timespec trk_clock_in_ms(int ms) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  if (ms > 0) {
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000L;
  }
  if (t.tv_nsec >= 1000000000L) {
    t.tv_sec++;
    t.tv_nsec -= 1000000000L;
  }
  return t;
}
