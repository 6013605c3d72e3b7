/* SPDX-License-Identifier: MIT
 * fault: see fault.h. Atomic counters, so that a thread of the module's may
 * ask too.
 */
#include "fault.h"

static struct {
  int source; /* -1: none */
  long n;
  int on;
  long count;
  int paused;
  long live[SOURCES];
} the = {-1, 0, 0, 0, 0, {0}};

#define GET(x) __atomic_load_n(&(x), __ATOMIC_SEQ_CST)
#define SET(x, v) __atomic_store_n(&(x), v, __ATOMIC_SEQ_CST)
#define ADD(x, v) __atomic_add_fetch(&(x), v, __ATOMIC_SEQ_CST)

void fault_arm(enum source source, long n, int on) {
  SET(the.count, 0L);
  SET(the.n, n);
  SET(the.on, on);
  SET(the.paused, 0);
  SET(the.source, (int)source);
}

long fault_disarm(void) {
  SET(the.source, -1);
  return GET(the.count);
}

void fault_pause(void) { ADD(the.paused, 1); }
void fault_resume(void) { ADD(the.paused, -1); }

long fault_live(enum source source) { return GET(the.live[source]); }
void fault_note(enum source source, int blocks) {
  ADD(the.live[source], blocks);
}

int fault_hits(enum source source) {
  long count, n;
  if (GET(the.source) != (int)source || GET(the.paused) > 0)
    return 0;
  count = ADD(the.count, 1L);
  n = GET(the.n);
  return n > 0 && (count == n || (GET(the.on) && count > n));
}
