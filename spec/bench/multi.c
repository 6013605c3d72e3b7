/* SPDX-License-Identifier: MIT
 * multi: so many creates at once in C: the floor of concurrency. One multi
 * handle, a reused easy handle for each that may be in flight, the CA store
 * cached (CAINFO set, CAPATH NULL), and no JSON. Each batch is begun at once
 * and a finished handle takes the next create. MODE: how many at once. See
 * bench.h.
 */
#include "bench.h"

#define MOST 1024

static struct bench slots[MOST];
static CURLM *multi;
static long serial, left, flying;

static int begin(struct bench *b) {
  left--;
  flying++;
  b->serial = serial++;
  bench_form(b);
  return curl_multi_add_handle(multi, b->easy) == CURLM_OK;
}

/* Whether all that ended was well, and what could be was begun after it. */
static int harvest(void) {
  CURLMsg *message;
  int rest;
  while ((message = curl_multi_info_read(multi, &rest)) != NULL) {
    CURLcode code = message->data.result;
    struct bench *b;
    if (message->msg != CURLMSG_DONE)
      continue;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&b);
    curl_multi_remove_handle(multi, b->easy);
    flying--;
    if (!bench_made(b, code) || (left > 0 && !begin(b)))
      return 0;
  }
  return 1;
}

/* The timeouts of the easy handles bound the loop. */
static int perform(long count, int width) {
  int running, i;
  left = count;
  for (i = 0; i < width && left > 0; i++)
    if (!begin(&slots[i]))
      return 0;
  while (flying > 0) {
    if (curl_multi_perform(multi, &running) != CURLM_OK || !harvest())
      return 0;
    if (flying > 0 && curl_multi_poll(multi, NULL, 0, 1000, NULL) != CURLM_OK)
      return 0;
  }
  return 1;
}

static int serve(int width) {
  char line[64];
  setvbuf(stdout, NULL, _IOLBF, 0);
  puts("ready");
  while (fgets(line, sizeof line, stdin) != NULL) {
    double started = cpu_seconds();
    if (!perform(strtol(line, NULL, 10), width))
      return 1;
    printf("%.9f\n", cpu_seconds() - started);
  }
  return 0;
}

int main(int argc, char **argv) {
  int width = argc > 4 ? atoi(argv[4]) : 0, i;
  if (width < 1 || width > MOST)
    return 2;
  for (i = 0; i < width; i++) {
    bench_open(&slots[i], argv);
    curl_easy_setopt(slots[i].easy, CURLOPT_PRIVATE, &slots[i]);
    curl_easy_setopt(slots[i].easy, CURLOPT_CAPATH, NULL);
  }
  multi = curl_multi_init();
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)width);
  return serve(width);
}
