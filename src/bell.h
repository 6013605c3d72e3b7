/* SPDX-License-Identifier: MIT
 * bell: a unix socket for a host that can watch sockets of its own only
 * (OpenResty). The host connects to it once; whoever has the other end sends
 * a byte when there is news. Nothing of it stays in the file system once the
 * host is connected. It knows neither jobs nor Lua.
 */
#ifndef TRK_BELL_H
#define TRK_BELL_H

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

struct trk_bell {
  int listener;   /* a descriptor, or -1 */
  int connection; /* the same */
  unsigned forks; /* of the listener's maker: see process.h */
  char path[sizeof((struct sockaddr_un *)0)->sun_path]; /* the listener's */
};

/* One without descriptors. */
void trk_bell_init(struct trk_bell *b);

/* Makes a socket at path, len bytes, that the owner alone may connect to. 0,
 * or an errno with nothing left behind. */
int trk_bell_listen(struct trk_bell *b, const char *path, size_t len);

/* Takes the connection that the host has just made, and removes the path.
 * Whether there was one. */
int trk_bell_accept(struct trk_bell *b);

/* Closes what there is. In a child process the path stays: it is the
 * parent's. */
void trk_bell_close(struct trk_bell *b);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
