/* SPDX-License-Identifier: MIT
 * lookups: see lookups.h.
 */
#include "lookups.h"

#include "clock.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OWN_LEAST 20u
#define OWN_MOST 128u
#define ALL_MOST 256u

/* A look-up that was given up: whose it was, and until when it may run. */
struct left {
  const void *owner;
  int64_t until;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct left left[ALL_MOST]; /* under the lock */

/* ---- how long the system tries ----------------------------------------- */

#define LONGEST_MS 600000

/* What resolv.conf says, and its defaults. */
struct resolver {
  long servers;
  long searches; /* domains that are tried too */
  long timeout;  /* seconds, for the first round */
  long attempts; /* rounds */
};

static void read_option(struct resolver *r, const char *word) {
  if (strncmp(word, "timeout:", 8) == 0)
    r->timeout = strtol(word + 8, NULL, 10);
  else if (strncmp(word, "attempts:", 9) == 0)
    r->attempts = strtol(word + 9, NULL, 10);
}

static void read_line(struct resolver *r, char *line) {
  static const char blanks[] = " \t\r\n";
  char *rest = NULL, *word = strtok_r(line, blanks, &rest);
  int options, search;
  if (word == NULL)
    return;
  options = strcmp(word, "options") == 0;
  search = strcmp(word, "search") == 0 || strcmp(word, "domain") == 0;
  r->servers += strcmp(word, "nameserver") == 0;
  if (search)
    r->searches = 0; /* the last line of these holds */
  while ((word = strtok_r(NULL, blanks, &rest)) != NULL) {
    if (options)
      read_option(r, word);
    r->searches += search;
  }
}

static long within(long value, long least, long most) {
  return value < least ? least : value > most ? most : value;
}

/* Each round asks every server. The first gives each its timeout; each round
 * after it takes twice as long as the one before. */
static int64_t longest_ms(void) {
  struct resolver r = {0, 0, 5, 2};
  char line[512];
  FILE *file = fopen("/etc/resolv.conf", "re");
  int64_t s;
  long round;
  while (file != NULL && fgets(line, sizeof line, file) != NULL)
    read_line(&r, line);
  if (file != NULL)
    fclose(file);
  r.timeout = within(r.timeout, 1, 30);
  s = r.timeout * within(r.servers, 1, 3);
  for (round = 1; round < within(r.attempts, 1, 5); round++)
    s += r.timeout << round;
  s *= 1 + within(r.searches, 0, 6);
  return s < LONGEST_MS / 1000 ? s * 1000 : LONGEST_MS;
}

/* ---- counting ------------------------------------------------------------ */

/* Takes the place of the one that ends first, or ended already. */
void trk_lookups_leave(const void *owner) {
  int64_t until = trk_clock_ms() + longest_ms();
  struct left *place = left, *l;
  pthread_mutex_lock(&lock);
  for (l = left; l < left + ALL_MOST; l++)
    if (l->until < place->until)
      place = l;
  place->owner = owner;
  place->until = until;
  pthread_mutex_unlock(&lock);
}

void trk_lookups_disown(const void *owner) {
  struct left *l;
  pthread_mutex_lock(&lock);
  for (l = left; l < left + ALL_MOST; l++)
    if (l->owner == owner)
      l->owner = NULL;
  pthread_mutex_unlock(&lock);
}

int trk_lookups_may(const void *owner, unsigned calls) {
  unsigned own = 0, all = 0, most = calls;
  int64_t now = trk_clock_ms();
  const struct left *l;
  if (most < OWN_LEAST)
    most = OWN_LEAST;
  if (most > OWN_MOST)
    most = OWN_MOST;
  pthread_mutex_lock(&lock);
  for (l = left; l < left + ALL_MOST; l++) {
    all += l->until > now;
    own += l->until > now && l->owner == owner;
  }
  pthread_mutex_unlock(&lock);
  return own < most && all < ALL_MOST;
}
