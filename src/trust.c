/* SPDX-License-Identifier: MIT
 * trust: see trust.h.
 */
#include "trust.h"

#include "clock.h"

#include <limits.h> /* PATH_MAX */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GLANCE_MS 1000

#if defined(__APPLE__)
#define st_mtim st_mtimespec
#define st_ctim st_ctimespec
#endif

#ifndef PATH_MAX
#define PATH_MAX 4096
#endif

static char *joined(const char *folder, const char *file) {
  char *name = malloc(strlen(folder) + strlen(file) + 1);
  if (name != NULL) {
    strcpy(name, folder);
    strcat(name, file);
  }
  return name;
}

int trk_trust_init(struct trk_trust *t, const char *file) {
  char folder[PATH_MAX + 2] = "";
  memset(t, 0, sizeof *t);
  if (file == NULL)
    return 0;
  if (*file != '/' && getcwd(folder, PATH_MAX) != NULL)
    strcat(folder, "/");
  t->names[0] = joined(folder, file);
  if (t->names[0] != NULL)
    t->names[1] = joined(*t->names[0] == '/' ? "/." : "./", t->names[0]);
  if (t->names[1] == NULL) {
    trk_trust_free(t);
    return -1;
  }
  trk_trust_look(t);
  t->turn = 0;
  return 0;
}

void trk_trust_free(struct trk_trust *t) {
  free(t->names[0]);
  free(t->names[1]);
  memset(t, 0, sizeof *t);
}

static int is_same_time(struct timespec a, struct timespec b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static int is_same(const struct trk_trust_file *a,
                   const struct trk_trust_file *b) {
  return a->device == b->device && a->inode == b->inode && a->size == b->size &&
         is_same_time(a->written, b->written) &&
         is_same_time(a->changed, b->changed);
}

void trk_trust_look(struct trk_trust *t) {
  struct stat s;
  struct trk_trust_file now;
  if (t->names[0] == NULL)
    return;
  t->looked_ms = trk_clock_ms();
  if (stat(t->names[0], &s) != 0)
    return;
  now.device = (unsigned long long)s.st_dev;
  now.inode = (unsigned long long)s.st_ino;
  now.size = (unsigned long long)s.st_size;
  now.written = s.st_mtim;
  now.changed = s.st_ctim;
  if (!is_same(&now, &t->file))
    t->turn++;
  t->file = now;
}

void trk_trust_glance(struct trk_trust *t) {
  if (t->names[0] != NULL && trk_clock_ms() - t->looked_ms >= GLANCE_MS)
    trk_trust_look(t);
}

const char *trk_trust_name(const struct trk_trust *t) {
  return t->names[t->turn % 2];
}
