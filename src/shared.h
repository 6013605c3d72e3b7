/* SPDX-License-Identifier: MIT
 * shared: what all wires of an engine share: the client's options, the headers
 * of every request, and the sockets that are open. It sends nothing.
 */
#ifndef TRK_SHARED_H
#define TRK_SHARED_H

#include "mask.h"
#include "options.h"
#include "proxy.h"
#include "text.h"
#include "trust.h"

#include <curl/curl.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

struct trk_wire;

/* What tells a reply that comes again: of the last one on a connection. */
struct trk_last {
  char request_id[64]; /* "" when it had none */
  char sid[TRK_SID_LENGTH + 1];
};

/* A socket that is open. */
struct trk_socket {
  curl_socket_t fd;
  int port;     /* its local one, once it has been asked for; else 0 */
  int distrust; /* a reply on it was not to be believed */
  struct trk_last last;
  struct trk_socket *next;
};

/* What all wires of an engine share; it outlives them. */
struct trk_shared {
  struct trk_options options; /* copies; no user, secret or ca_file */
  char *memory;               /* what those copies point into; wiped */
  size_t nmemory;
  struct trk_proxy proxy;
  struct trk_mask mask;
  struct trk_trust trust;     /* ca_file; once ready, else the bundle */
  int refused;                /* libcurl does not take the options */
  char *authorization;        /* the header line; wiped when freed */
  struct curl_slist *headers; /* that line, once ready */
  int loopback_only;          /* http: only ever to this machine */
  struct trk_wire *wires;     /* all of them, newest first */
  struct trk_socket *sockets; /* each until libcurl closes it */
  unsigned nsockets;
};

/* Copies the options and builds the Authorization header, without libcurl.
 * 0, or -1 when there is no memory (nothing to undo). */
int trk_shared_init(struct trk_shared *s, const struct trk_options *options);

/* What needs libcurl initialised; bundle: the file of CAs that it was built
 * with, or NULL. 0, or -1 when there is no memory. */
int trk_shared_ready(struct trk_shared *s, const char *bundle);

/* Once every wire is freed, and the multi that ran them. */
void trk_shared_free(struct trk_shared *s);

/* Notes a socket that libcurl has opened. 0: there is no memory for it. */
int trk_shared_opened(struct trk_shared *s, curl_socket_t fd);

/* Forgets one that is closed. */
void trk_shared_closed(struct trk_shared *s, curl_socket_t fd);

/* The socket with this local port, or NULL. libcurl does not say which it
 * takes for a request, but what port that has. */
struct trk_socket *trk_shared_socket(struct trk_shared *s, int port);

/* Has no request go out on a connection that is open now. */
void trk_shared_distrust(struct trk_shared *s);

/* The local port of a socket, 0 when it has none. */
int trk_local_port(curl_socket_t fd);

/* What is said where no descriptor is left. */
extern const char trk_no_descriptor[];

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
