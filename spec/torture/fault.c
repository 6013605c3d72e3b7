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
  long held, wanted; /* by the room, in bytes: now, and at most */
} the = {-1, 0, 0, 0, 0, {0}, 0, 0};

#define GET(x) __atomic_load_n(&(x), __ATOMIC_SEQ_CST)
#define SET(x, v) __atomic_store_n(&(x), v, __ATOMIC_SEQ_CST)
#define ADD(x, v) __atomic_add_fetch(&(x), v, __ATOMIC_SEQ_CST)

void fault_arm(enum source source, long n, int on) {
  SET(the.count, 0L);
  SET(the.n, n);
  SET(the.on, on);
  SET(the.paused, 0);
  SET(the.held, 0L);
  SET(the.wanted, 0L);
  SET(the.source, (int)source);
}

long fault_disarm(void) {
  int room = GET(the.source) == SOURCE_ROOM;
  SET(the.source, -1);
  return room ? (GET(the.wanted) + FAULT_STEP - 1) / FAULT_STEP
              : GET(the.count);
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

int fault_is_room(void) { return GET(the.source) == SOURCE_ROOM; }

int fault_lacks(size_t size) {
  long all = GET(the.held) + (long)size;
  if (GET(the.source) != SOURCE_ROOM || GET(the.paused) > 0)
    return 0;
  if (all > GET(the.wanted))
    SET(the.wanted, all);
  return all > (GET(the.n) - 1) * FAULT_STEP;
}

void fault_took(long bytes) {
  if (GET(the.source) == SOURCE_ROOM)
    ADD(the.held, bytes);
}
