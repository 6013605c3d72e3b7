/* SPDX-License-Identifier: MIT
 * libcurl: its memory is counted and refused as fault says. It knows no Lua.
 */
#ifndef LIBCURL_H
#define LIBCURL_H

/* Brings libcurl up so; before anybody else does. 0: it is. */
int libcurl_watch(void);

#endif
