/* SPDX-License-Identifier: MIT
 * cold: creates that each need a new TLS connection, in C. MODE "cached": one
 * multi handle, CAINFO set and CAPATH NULL, with which libcurl (7.87 or newer)
 * parses the CA bundle once. MODE "default": CAINFO set and nothing else,
 * which parses it for every connection. See bench.h.
 */
#include "bench.h"

static CURLM *multi;

static CURLcode perform_default(struct bench *b) {
  return curl_easy_perform(b->easy);
}

/* The timeout of the easy handle bounds the loop. */
static CURLcode perform_cached(struct bench *b) {
  CURLcode code = CURLE_FAILED_INIT;
  CURLMsg *message;
  int running = 1, left;
  curl_multi_add_handle(multi, b->easy);
  while (running > 0) {
    if (curl_multi_perform(multi, &running) != CURLM_OK)
      break;
    if (running > 0 &&
        curl_multi_poll(multi, NULL, 0, 1000, NULL) != CURLM_OK)
      break;
  }
  while ((message = curl_multi_info_read(multi, &left)) != NULL)
    if (message->msg == CURLMSG_DONE)
      code = message->data.result;
  curl_multi_remove_handle(multi, b->easy);
  return code;
}

int main(int argc, char **argv) {
  static struct bench b;
  if (argc < 5)
    return 2;
  bench_open(&b, argv);
  if (strcmp(argv[4], "default") == 0)
    return bench_serve(&b, perform_default);
  multi = curl_multi_init();
  curl_easy_setopt(b.easy, CURLOPT_CAPATH, NULL);
  return bench_serve(&b, perform_cached);
}
