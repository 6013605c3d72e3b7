/* SPDX-License-Identifier: MIT
 * scarce: goes before libc by LD_PRELOAD, and plays a process whose memory is
 * nearly full: malloc refuses what is of SCARCE bytes or more. Lua's own
 * allocators and the buffers of replies take theirs by realloc or by pages, so
 * it is lua-cjson that it strikes.
 */
#include <dlfcn.h>
#include <stdlib.h>

void *malloc(size_t size) {
  static void *(*real)(size_t);
  static size_t most;
  if (real == NULL) {
    const char *said = getenv("SCARCE");
    *(void **)&real = dlsym(RTLD_NEXT, "malloc");
    most = said != NULL ? (size_t)strtoul(said, NULL, 10) : (size_t)-1;
  }
  return size < most ? real(size) : NULL;
}
