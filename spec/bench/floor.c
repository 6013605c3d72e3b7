/* SPDX-License-Identifier: MIT
 * floor: the reference of the bench: what a C programmer writes. One easy
 * handle reused, the URL as a string, USERPWD, three headers, a hand-made
 * form encoder, the reply into a buffer, and no JSON. See bench.h.
 */
#include "bench.h"

static CURLcode perform(struct bench *b) { return curl_easy_perform(b->easy); }

int main(int argc, char **argv) {
  static struct bench b;
  if (argc < 4)
    return 2;
  bench_open(&b, argv);
  return bench_serve(&b, perform);
}
