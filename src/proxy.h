/* SPDX-License-Identifier: MIT
 * proxy: whether a connection leads to the proxy that was asked for (law L8).
 * Plain C: no libcurl, and it connects to nothing.
 */
#ifndef TRK_PROXY_H
#define TRK_PROXY_H

#include <stddef.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* Of a proxy's URL. All zero: no proxy was asked for. */
struct trk_proxy {
  int port;
  int tunnels; /* by CONNECT: http and https; socks does not */
  int over_tls;
  int family;                /* of an address; 0: the host is a name */
  unsigned char address[16]; /* as that family has it */
};

/* Reads "scheme://host:port", as trunking.proxy has checked it; "": none. */
void trk_proxy_read(struct trk_proxy *p, const char *url);

/* Whether a peer may be that proxy: the port is the same, and so is the
 * address, where the proxy's URL has one. */
int trk_proxy_is_peer(const struct trk_proxy *p, const char *ip, int port);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
