/* SPDX-License-Identifier: MIT
 * wrap: malloc and its kin as the module sees them in the torture build
 * (ld's --wrap). Asks the program that loaded it whether a request must fail;
 * in any other program nothing fails.
 */
#include "fault.h"

#include <malloc.h>
#include <stdlib.h>

#pragma weak fault_hits
#pragma weak fault_note
#pragma weak fault_lacks
#pragma weak fault_took

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *block);

/* Whether a request must fail, of so many bytes more than the block at old has.
 */
static int refused(size_t size, void *old) {
  size_t has = old != NULL ? malloc_usable_size(old) : 0;
  return fault_hits != NULL &&
         (fault_hits(SOURCE_OWN) ||
          fault_lacks(size > has ? size - has : 0));
}

static void *noted(void *block, int blocks) {
  if (block != NULL && fault_note != NULL)
    fault_note(SOURCE_OWN, blocks);
  return block;
}

/* What a block has now, and had before, in bytes. */
static void *taken(void *block, size_t before) {
  if (block != NULL && fault_took != NULL)
    fault_took((long)malloc_usable_size(block) - (long)before);
  return block;
}

void *__wrap_malloc(size_t size) {
  return refused(size, NULL) ? NULL
                             : taken(noted(__real_malloc(size), 1), 0);
}

void *__wrap_calloc(size_t n, size_t size) {
  return refused(n * size, NULL) ? NULL
                                 : taken(noted(__real_calloc(n, size), 1), 0);
}

void *__wrap_realloc(void *old, size_t size) {
  size_t before = old != NULL ? malloc_usable_size(old) : 0;
  if (refused(size, old))
    return NULL;
  return taken(noted(__real_realloc(old, size), old == NULL), before);
}

void __wrap_free(void *block) {
  if (block != NULL && fault_took != NULL)
    fault_took(-(long)malloc_usable_size(block));
  (void)noted(block, -1);
  __real_free(block);
}
