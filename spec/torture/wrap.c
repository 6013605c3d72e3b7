/* SPDX-License-Identifier: MIT
 * wrap: malloc and its kin as the module sees them in the torture build
 * (ld's --wrap). Asks the program that loaded it whether a request must fail;
 * in any other program nothing fails.
 */
#include "fault.h"

#include <stdlib.h>

#pragma weak fault_hits
#pragma weak fault_note

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *block);

static int refused(void) {
  return fault_hits != NULL && fault_hits(SOURCE_OWN);
}

static void *noted(void *block, int blocks) {
  if (block != NULL && fault_note != NULL)
    fault_note(SOURCE_OWN, blocks);
  return block;
}

void *__wrap_malloc(size_t size) {
  return refused() ? NULL : noted(__real_malloc(size), 1);
}

void *__wrap_calloc(size_t n, size_t size) {
  return refused() ? NULL : noted(__real_calloc(n, size), 1);
}

void *__wrap_realloc(void *old, size_t size) {
  return refused() ? NULL : noted(__real_realloc(old, size), old == NULL);
}

void __wrap_free(void *block) {
  (void)noted(block, -1);
  __real_free(block);
}
