/* SPDX-License-Identifier: MIT
 * entries: how many entries a folder has: of /proc/self/fd, descriptors.
 */
#ifndef ENTRIES_H
#define ENTRIES_H

#include <dirent.h>
#include <stddef.h>

/* -1: it cannot be read. */
static long entries(const char *path) {
  DIR *d = opendir(path);
  long n = -3; /* . and .. and the descriptor that reads */
  if (d == NULL)
    return -1;
  while (readdir(d) != NULL)
    n++;
  closedir(d);
  return n;
}

#endif
