/* SPDX-License-Identifier: MIT
 * bell: tells a host that can watch sockets of its own only (OpenResty) when
 * jobs are done: through a unix socket which the host connects to, and to
 * which the client's thread sends a byte. Nothing of it stays in the file
 * system once the host is connected. It knows neither calls nor jobs.
 */
#ifndef TRK_BELL_H
#define TRK_BELL_H

#include "client.h"

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* Lua functions with the upvalues of client.h; true, or nil and a text.
 * listen(path): makes a socket there, which the owner alone may connect to,
 * in place of the one before.
 * accept(): takes the connection that the host has just made, and removes the
 * path. From now on the host can read a byte whenever there come to be jobs
 * for poll.
 * stop(): ends both; the host then reads the end of the file. */
int trk_bell_listen(lua_State *L);
int trk_bell_accept(lua_State *L);
int trk_bell_stop(lua_State *L);

/* Closes what there is, after the worker or without one. In a child process
 * the path stays: it is the parent's. */
void trk_bell_close(struct trk_bell *s);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
