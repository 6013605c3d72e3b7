/* SPDX-License-Identifier: MIT
 * loaded: what Lua is told of the libcurl that is loaded, in words and without
 * its header. library.c answers.
 */
#ifndef TRK_LOADED_H
#define TRK_LOADED_H

#include <stddef.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* 0 when it will do, else 1 and one line saying why it will not. */
int trk_loaded_unfit(char *why, size_t size);

/* Its TLS library, with the version. */
const char *trk_loaded_tls(void);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
