/* SPDX-License-Identifier: MIT
 * library: see library.h.
 */
#include "library.h"

#include "fd.h"
#include "loaded.h"

#include <pthread.h>
#include <stdio.h> /* snprintf */

#define OLDEST 0x075000u       /* 7.80: the pre-request callback */
#define CLEARS_PARTS 0x081400u /* 8.20: forgets names apart from connections */

/* By number, so that a library newer than the headers is given them too. One
 * that is older refuses them, and has no need of them. */
#define OPT_NETWORK_CHANGED ((CURLMoption)(CURLOPTTYPE_LONG + 17)) /* 8.16 */
/* 8.20 */
#define OPT_RESOLVE_THREADS_MAX ((CURLMoption)(CURLOPTTYPE_LONG + 20))
#define OPT_QUICK_EXIT ((CURLMoption)(CURLOPTTYPE_LONG + 21))
#define CLEAR_ALL 1L
#define CLEAR_DNS 4L
#define RESOLVERS_LEAST 20L /* libcurl's default */
#define RESOLVERS_MOST 128L

static pthread_once_t asked = PTHREAD_ONCE_INIT;
static const curl_version_info_data *library;

static void ask(void) { library = curl_version_info(CURLVERSION_NOW); }

const curl_version_info_data *trk_library(void) {
  pthread_once(&asked, ask);
  return library;
}

static pthread_once_t up = PTHREAD_ONCE_INIT;
static CURLcode up_rc;

static void bring_up(void) { up_rc = curl_global_init(CURL_GLOBAL_ALL); }

int trk_library_up(void) {
  pthread_once(&up, bring_up);
  return up_rc == CURLE_OK ? 0 : -1;
}

/* ---- a multi handle --------------------------------------------------- */

/* From 8.20 on the multi handle owns the threads that look up names. Without
 * QUICK_EXIT closing the handle waits for them (law L4): 30 s where a name
 * server hangs. RESOLVE_THREADS_MAX is 20 by default, and each look-up takes
 * two, so that calls would wait for each other; it also bounds them (L7). */
CURLM *trk_library_multi(long calls) {
  struct trk_fd_window window;
  CURLM *multi;
  long most = 2 * calls;
  trk_fd_begin(&window);
  multi = curl_multi_init(); /* opens a pair of sockets, to be woken by */
  trk_fd_end(&window);
  if (multi == NULL)
    return NULL;
  if (most < RESOLVERS_LEAST)
    most = RESOLVERS_LEAST;
  if (most > RESOLVERS_MOST)
    most = RESOLVERS_MOST;
  (void)curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, calls);
  (void)curl_multi_setopt(multi, OPT_QUICK_EXIT, 1L);
  (void)curl_multi_setopt(multi, OPT_RESOLVE_THREADS_MAX, most);
  return multi;
}

/* From 8.16 on libcurl remembers for half a minute that a name was not found,
 * and the next attempt would not ask. Before 8.20 it forgets all or nothing. */
void trk_library_forget_names(CURLM *multi) {
  long what = trk_library()->version_num < CLEARS_PARTS ? CLEAR_ALL : CLEAR_DNS;
  (void)curl_multi_setopt(multi, OPT_NETWORK_CHANGED, what);
}

/* ---- in words ---------------------------------------------------------- */

int trk_loaded_unfit(char *why, size_t size) {
  const curl_version_info_data *v = trk_library();
  unsigned n = v->version_num;
  if (n < OLDEST) {
    snprintf(why, size,
             "trunking needs libcurl 7.80 or newer at run time; got %u.%u.%u",
             n >> 16 & 255, n >> 8 & 255, n & 255);
    return 1;
  }
  if (!(v->features & CURL_VERSION_SSL)) {
    snprintf(why, size, "trunking needs a libcurl that was built with TLS");
    return 1;
  }
  return 0;
}

const char *trk_loaded_tls(void) { return trk_library()->ssl_version; }
