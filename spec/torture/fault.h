/* SPDX-License-Identifier: MIT
 * fault: one countdown for every allocator of the torture program. Each
 * source of memory counts what it holds; the armed one fails its n-th
 * request, or all from the n-th on. It knows no Lua and no libcurl, and may
 * be asked from any thread.
 */
#ifndef FAULT_H
#define FAULT_H

#include <stddef.h>

enum source {
  SOURCE_LUA,  /* the allocator of the state under torture */
  SOURCE_CURL, /* libcurl's, by curl_global_init_mem */
  SOURCE_OWN,  /* malloc and its kin, as the module calls them */
  SOURCES
};

/* The requests of source count from now on. The n-th fails; with on, so do
 * all after it. n 0: none. */
void fault_arm(enum source source, long n, int on);

/* Ends that. How many requests were counted. */
long fault_disarm(void);

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
