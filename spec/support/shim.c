/* SPDX-License-Identifier: MIT
 * shim: goes before libcurl and libc by LD_PRELOAD, and plays what this
 * machine is not, as the environment says: an older libcurl (SHIM_VERSION, in
 * hexadecimal), one without TLS (SHIM_NO_TLS) or without a CA bundle
 * (SHIM_NO_BUNDLE), one that raises SIGPIPE (SHIM_SIGPIPE), a host that has
 * one pending (SHIM_PENDING), a peer elsewhere (SHIM_PEER, its address, and
 * SHIM_PEER_PORT: by the callback that hears of it), a libcurl that goes
 * around its proxy (SHIM_NO_PROXY), one that is refused an allocation in each
 * attempt, the n-th in the n-th (SHIM_STARVE), and one whose TLS library takes
 * no certificates from memory (SHIM_NO_BLOB).
 */
#include <curl/curl.h>

#include <dlfcn.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *next(const char *name) { return dlsym(RTLD_NEXT, name); }

__attribute__((constructor)) static void begin(void) {
  sigset_t set;
  signal(SIGPIPE, SIG_DFL); /* whoever started us may ignore it */
  if (getenv("SHIM_PENDING") == NULL)
    return;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  sigprocmask(SIG_BLOCK, &set, NULL);
  raise(SIGPIPE);
}

curl_version_info_data *curl_version_info(CURLversion age) {
  static curl_version_info_data said;
  curl_version_info_data *(*real)(CURLversion);
  *(void **)&real = next("curl_version_info");
  said = *real(age);
  if (getenv("SHIM_VERSION") != NULL)
    said.version_num = (unsigned)strtoul(getenv("SHIM_VERSION"), NULL, 16);
  if (getenv("SHIM_NO_TLS") != NULL)
    said.features &= ~CURL_VERSION_SSL;
  if (getenv("SHIM_NO_BUNDLE") != NULL)
    said.cainfo = NULL;
  return &said;
}

static long asked, refused; /* of this attempt */

static int starves(void) { return ++asked == refused; }
static void *fresh(size_t n) { return starves() ? NULL : malloc(n); }
static void *zeroed(size_t n, size_t size) {
  return starves() ? NULL : calloc(n, size);
}
static void *resized(void *old, size_t n) {
  return starves() ? NULL : realloc(old, n);
}
static char *copied(const char *s) { return starves() ? NULL : strdup(s); }

CURLcode curl_global_init(long flags) {
  CURLcode (*real)(long);
  *(void **)&real = next("curl_global_init");
  if (getenv("SHIM_STARVE") != NULL)
    return curl_global_init_mem(flags, fresh, free, resized, copied, zeroed);
  return real(flags);
}

CURLMcode curl_multi_add_handle(CURLM *multi, CURL *easy) {
  static long attempts;
  CURLMcode (*real)(CURLM *, CURL *);
  *(void **)&real = next("curl_multi_add_handle");
  refused = ++attempts;
  asked = 0;
  return real(multi, easy);
}

CURLMcode curl_multi_perform(CURLM *multi, int *running) {
  CURLMcode (*real)(CURLM *, int *);
  *(void **)&real = next("curl_multi_perform");
  if (getenv("SHIM_SIGPIPE") != NULL) {
    signal(SIGPIPE, SIG_DFL); /* a script's own modules may ignore it */
    raise(SIGPIPE);
  }
  return real(multi, running);
}

/* The peer's address is told to the callback that lets a request out: what
 * makes it there differs from one libcurl to the next. */
static curl_prereq_callback theirs;

static int elsewhere(void *data, char *peer, char *own, int peer_port,
                     int own_port) {
  char address[64];
  const char *host = getenv("SHIM_PEER"), *port = getenv("SHIM_PEER_PORT");
  (void)snprintf(address, sizeof address, "%s", host != NULL ? host : peer);
  return theirs(data, address, own, port != NULL ? atoi(port) : peer_port,
                own_port);
}

#undef curl_easy_setopt
CURLcode curl_easy_setopt(CURL *easy, CURLoption option, ...) {
  CURLcode (*real)(CURL *, CURLoption, ...);
  CURLcode rc;
  va_list args;
  *(void **)&real = next("curl_easy_setopt");
  va_start(args, option);
  if (option == CURLOPT_CAINFO_BLOB && getenv("SHIM_NO_BLOB") != NULL) {
    rc = CURLE_NOT_BUILT_IN;
  } else if (option == CURLOPT_PREREQFUNCTION &&
      (getenv("SHIM_PEER") != NULL || getenv("SHIM_PEER_PORT") != NULL)) {
    theirs = va_arg(args, curl_prereq_callback);
    rc = real(easy, option, elsewhere);
  } else if (option == CURLOPT_PROXY && getenv("SHIM_NO_PROXY") != NULL) {
    rc = real(easy, option, "");
  } else if (option < CURLOPTTYPE_OBJECTPOINT) {
    rc = real(easy, option, va_arg(args, long));
  } else if (option >= CURLOPTTYPE_OFF_T && option < CURLOPTTYPE_BLOB) {
    rc = real(easy, option, va_arg(args, curl_off_t));
  } else {
    rc = real(easy, option, va_arg(args, void *));
  }
  va_end(args);
  return rc;
}
