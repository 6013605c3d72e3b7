/* SPDX-License-Identifier: MIT
 * fault: one countdown for every allocator of the torture program. Each
 * source of memory counts what it holds; the armed one fails its n-th
 * request, or all from the n-th on. A room has no more than so many bytes: what
 * does not fit is refused. It knows no Lua and no libcurl, and may be asked
 * from any thread.
 */
#ifndef FAULT_H
#define FAULT_H

#include <stddef.h>

enum source {
  SOURCE_LUA,  /* the allocator of the state under torture */
  SOURCE_CURL, /* libcurl's, by curl_global_init_mem */
  SOURCE_OWN,  /* malloc and its kin, as the module calls them */
  SOURCE_ROOM, /* the same, with lua-cjson's: by bytes, see below */
  SOURCES
};

/* The requests of source count from now on. The n-th fails; with on, so do
 * all after it. n 0: none. */
void fault_arm(enum source source, long n, int on);

/* Ends that. How many requests were counted. */
long fault_disarm(void);

/* SOURCE_ROOM is armed for n - 1 steps of bytes, and disarmed with how many
 * steps were wanted at most at once: n or more, if anything was refused. */
#define FAULT_STEP 256

int fault_is_room(void);

/* Whether the room is armed, and size bytes more do not fit. */
int fault_lacks(size_t size);

/* That the room holds so many bytes more, or less. */
void fault_took(long bytes);

/* What is asked for between the two is neither counted nor refused. Pairs
 * nest. */
void fault_pause(void);
void fault_resume(void);

/* What source holds, in blocks. */
long fault_live(enum source source);

/* One more, or one less. */
void fault_note(enum source source, int blocks);

/* Counts a request of source; 1: it must fail. */
int fault_hits(enum source source);

#endif
