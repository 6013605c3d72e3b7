/* SPDX-License-Identifier: MIT
 * cjson: malloc and its kin as lua-cjson sees them: those of the torture
 * program come before libc's. Where the room is armed (fault.h), what lua-cjson
 * asks for is counted, and refused where it does not fit. lua-cjson then ends
 * the process: a point at which it does is wrong. Under a sanitizer, whose
 * malloc it must be, lua-cjson gets all that it asks for.
 */
#include "fault.h"

#include <dlfcn.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#if !defined(__SANITIZE_ADDRESS__)

void *__libc_malloc(size_t size);
void *__libc_realloc(void *old, size_t size);
void __libc_free(void *block);

static int is_cjson(const void *caller) {
  Dl_info info;
  return dladdr(caller, &info) != 0 && info.dli_fname != NULL &&
         strstr(info.dli_fname, "cjson") != NULL;
}

/* Whether what this caller does is counted. */
#define COUNTS() (fault_is_room() && is_cjson(__builtin_return_address(0)))

void *malloc(size_t size) {
  int counts = COUNTS();
  void *block;
  if (counts && fault_lacks(size))
    return NULL;
  block = __libc_malloc(size);
  if (counts && block != NULL)
    fault_took((long)malloc_usable_size(block));
  return block;
}

void *realloc(void *old, size_t size) {
  int counts = COUNTS();
  size_t had = counts && old != NULL ? malloc_usable_size(old) : 0;
  void *block;
  if (counts && fault_lacks(size > had ? size - had : 0))
    return NULL;
  block = __libc_realloc(old, size);
  if (counts && block != NULL)
    fault_took((long)malloc_usable_size(block) - (long)had);
  return block;
}

void free(void *block) {
  if (block != NULL && COUNTS())
    fault_took(-(long)malloc_usable_size(block));
  __libc_free(block);
}

#endif
