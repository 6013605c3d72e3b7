/* SPDX-License-Identifier: MIT
 * bench: what the C programs of the bench share: the request, and the line
 * protocol. Line protocol: "ready" once; then for each N read, N creates are
 * done and the CPU seconds they took are printed; "failed ..." ends it.
 * Arguments: URL CA-FILE TAG [MODE]; "-" as CA-FILE for plain HTTP.
 */
#ifndef TRK_BENCH_H
#define TRK_BENCH_H

#define _POSIX_C_SOURCE 200809L

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct bench {
  CURL *easy;
  const char *tag;
  long serial;
  char body[2048];
  char reply[65536];
  size_t replied;
};

static int plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

/* Appends &name=value to what ends at `at`; values here are short. */
static char *put(char *at, const char *name, const char *value) {
  static const char hex[] = "0123456789ABCDEF";
  size_t n = strlen(name);
  *at++ = '&';
  memcpy(at, name, n);
  at += n;
  *at++ = '=';
  for (; *value != '\0'; value++) {
    if (plain(*value)) {
      *at++ = *value;
    } else {
      *at++ = '%';
      *at++ = hex[(unsigned char)*value >> 4];
      *at++ = hex[(unsigned char)*value & 15];
    }
  }
  return at;
}

/* The same form as clients/work.lua, fields in the same number. */
static void bench_form(struct bench *b) {
  char text[128];
  char *at = b->body;
  long n = ++b->serial;
  snprintf(text, sizeof text, "Head office, line %ld", n);
  at = put(at, "FriendlyName", text);
  snprintf(text, sizeof text, "bench-%s-%ld.pstn.twilio.com", b->tag, n);
  at = put(at, "DomainName", text);
  at = put(at, "DisasterRecoveryUrl", "https://example.com/recovery?site=1");
  at = put(at, "DisasterRecoveryMethod", "POST");
  at = put(at, "TransferMode", "sip-only");
  at = put(at, "TransferCallerId", "from-transferee");
  at = put(at, "Secure", "true");
  at = put(at, "CnamLookupEnabled", "false");
  curl_easy_setopt(b->easy, CURLOPT_POSTFIELDS, b->body + 1);
  curl_easy_setopt(b->easy, CURLOPT_POSTFIELDSIZE, (long)(at - b->body - 1));
  b->replied = 0;
}

static size_t take(char *data, size_t size, size_t count, void *to) {
  struct bench *b = to;
  size_t n = size * count;
  if (n > sizeof b->reply - b->replied)
    return 0;
  memcpy(b->reply + b->replied, data, n);
  b->replied += n;
  return n;
}

static const char *from_environment(const char *name) {
  const char *value = getenv(name);
  if (value == NULL) {
    fprintf(stderr, "bench: no %s: run spec/bench/run\n", name);
    exit(1);
  }
  return value;
}

/* The one easy handle, reused for every create. */
static void bench_open(struct bench *b, char **argv) {
  static char url[512], user[256];
  struct curl_slist *headers = NULL;
  curl_global_init(CURL_GLOBAL_ALL);
  b->easy = curl_easy_init();
  b->tag = argv[3];
  snprintf(url, sizeof url, "%s/v1/Trunks", argv[1]);
  snprintf(user, sizeof user, "%s:%s",
           from_environment("TRUNKING_SANDBOX_ACCOUNT_SID"),
           from_environment("TRUNKING_SANDBOX_AUTH_TOKEN"));
  headers = curl_slist_append(headers, "Accept: application/json");
  headers = curl_slist_append(
      headers, "Content-Type: application/x-www-form-urlencoded");
  headers = curl_slist_append(headers, "Expect:");
  curl_easy_setopt(b->easy, CURLOPT_URL, url);
  curl_easy_setopt(b->easy, CURLOPT_USERPWD, user);
  curl_easy_setopt(b->easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(b->easy, CURLOPT_USERAGENT, "trunking-bench/1.0");
  curl_easy_setopt(b->easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(b->easy, CURLOPT_TIMEOUT, 30L);
  curl_easy_setopt(b->easy, CURLOPT_WRITEFUNCTION, take);
  curl_easy_setopt(b->easy, CURLOPT_WRITEDATA, b);
  if (strcmp(argv[2], "-") != 0)
    curl_easy_setopt(b->easy, CURLOPT_CAINFO, argv[2]);
}

/* Whether the last transfer made a trunk; says why when it did not. */
static int bench_made(struct bench *b, CURLcode code) {
  long status = 0;
  curl_easy_getinfo(b->easy, CURLINFO_RESPONSE_CODE, &status);
  if (code == CURLE_OK && status == 201)
    return 1;
  printf("failed %s, status %ld\n", curl_easy_strerror(code), status);
  return 0;
}

static double cpu_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline int bench_serve(struct bench *b,
                              CURLcode (*perform)(struct bench *)) {
  char line[64];
  setvbuf(stdout, NULL, _IOLBF, 0);
  puts("ready");
  while (fgets(line, sizeof line, stdin) != NULL) {
    long n = strtol(line, NULL, 10);
    double started = cpu_seconds();
    for (; n > 0; n--) {
      bench_form(b);
      if (!bench_made(b, perform(b)))
        return 1;
    }
    printf("%.9f\n", cpu_seconds() - started);
  }
  return 0;
}

#endif
