/* SPDX-License-Identifier: MIT
 * libcurl: see libcurl.h.
 */
#include "libcurl.h"

#include "fault.h"

#include <curl/curl.h>

#include <stdlib.h>
#include <string.h>

static void *counted(void *block, int blocks) {
  if (block != NULL)
    fault_note(SOURCE_CURL, blocks);
  return block;
}

static void *fresh(size_t size) {
  return fault_hits(SOURCE_CURL) ? NULL : counted(malloc(size), 1);
}

static void *zeroed(size_t n, size_t size) {
  return fault_hits(SOURCE_CURL) ? NULL : counted(calloc(n, size), 1);
}

static void *resized(void *old, size_t size) {
  if (fault_hits(SOURCE_CURL))
    return NULL;
  return counted(realloc(old, size), old == NULL);
}

static char *copied(const char *text) {
  return fault_hits(SOURCE_CURL) ? NULL : counted(strdup(text), 1);
}

static void release(void *block) { free(counted(block, -1)); }

int libcurl_watch(void) {
  return curl_global_init_mem(CURL_GLOBAL_ALL, fresh, release, resized,
                              copied, zeroed) == CURLE_OK
             ? 0 : -1;
}
