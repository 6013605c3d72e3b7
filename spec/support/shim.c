/* SPDX-License-Identifier: MIT
 * shim: goes before libcurl and libc by LD_PRELOAD, and plays what this
 * machine is not, as the environment says: an older libcurl (SHIM_VERSION, in
 * hexadecimal), one without TLS (SHIM_NO_TLS) or without a CA bundle
 * (SHIM_NO_BUNDLE), one that raises SIGPIPE (SHIM_SIGPIPE), a host that has
 * one pending (SHIM_PENDING), and a peer elsewhere (SHIM_PEER, its address).
 */
#include <curl/curl.h>

#include <arpa/inet.h>
#include <dlfcn.h>
#include <signal.h>
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

CURLMcode curl_multi_perform(CURLM *multi, int *running) {
  CURLMcode (*real)(CURLM *, int *);
  *(void **)&real = next("curl_multi_perform");
  if (getenv("SHIM_SIGPIPE") != NULL) {
    signal(SIGPIPE, SIG_DFL); /* a script's own modules may ignore it */
    raise(SIGPIPE);
  }
  return real(multi, running);
}

const char *inet_ntop(int family, const void *from, char *to, socklen_t n) {
  const char *(*real)(int, const void *, char *, socklen_t);
  const char *peer = getenv("SHIM_PEER");
  *(void **)&real = next("inet_ntop");
  return peer != NULL ? strcpy(to, peer) : real(family, from, to, n);
}
