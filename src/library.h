/* SPDX-License-Identifier: MIT
 * library: the libcurl that is loaded, for the rooms that use it. It knows no
 * exchange and makes no request.
 */
#ifndef TRK_LIBRARY_H
#define TRK_LIBRARY_H

#include <curl/curl.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* What it says of itself. Asked for once: libcurl writes its answer into a
 * buffer that all threads share. */
const curl_version_info_data *trk_library(void);

/* Initialises it, once in a process. 0, or -1. */
int trk_library_up(void);

/* A multi handle for so many calls at once, with bounds on its connections and
 * on the threads that look up names; NULL: there is no memory. */
CURLM *trk_library_multi(long calls);

/* Has the next call ask for a name that was not found. */
void trk_library_forget_names(CURLM *multi);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
