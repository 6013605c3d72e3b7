/* SPDX-License-Identifier: MIT
 * wire: one attempt over one reusable easy handle: how libcurl is set up
 * (laws L1, L7, L8), the callbacks, and what they saw. It schedules nothing
 * and judges nothing. For the engine alone: the only other room that may
 * include curl.h.
 */
#ifndef TRK_WIRE_H
#define TRK_WIRE_H

#include "engine.h"

#include <curl/curl.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* A socket that is open. */
struct trk_socket {
  curl_socket_t fd;
  int port; /* its local one, once it has been asked for; else 0 */
  struct trk_socket *next;
};

/* What all wires of an engine share; it outlives them. */
struct trk_shared {
  struct trk_options options; /* copies, but for user and secret */
  char *memory;               /* what those copies point into */
  char *authorization;        /* the header line; wiped when freed */
  struct curl_slist *headers; /* that line, once ready */
  int loopback_only;          /* http: only ever to this machine */
  struct trk_wire *wires;     /* all of them, by next */
  struct trk_socket *sockets; /* the same; each until libcurl closes it */
  unsigned nsockets;
};

/* How far the head of the reply has come. */
enum trk_head {
  TRK_HEAD_NONE,    /* a status line comes next */
  TRK_HEAD_INTERIM, /* among the fields of a 1xx reply */
  TRK_HEAD_FINAL,   /* among those of the reply itself */
  TRK_HEAD_OVER     /* what still comes are trailers */
};

struct trk_wire {
  CURL *easy;
  CURLU *url;
  struct trk_shared *shared;
  struct trk_wire *next; /* in shared->wires */
  struct trk_wire *idle; /* in the engine's list of idle ones */
  struct trk_exchange *x; /* NULL when idle */
  enum trk_method method; /* set up for this one, once configured */
  int configured;
  struct trk_buf path;   /* set in url */
  int begun;             /* pre-request callbacks let through */
  int stopped;           /* a second send was stopped (law L1) */
  int strayed;           /* http: to another machine was stopped */
  int lacking;           /* it could open no descriptor */
  int stale;             /* a kept connection was stopped before its use */
  int fresh;             /* set up to take no kept connection */
  int too_large;
  int port;              /* local port of the connection in use */
  size_t header_bytes;
  enum trk_head head;
  char retry_after[48];  /* headers, as they came */
  char date[48];
  char redirect[128];    /* the host that Location names */
  char text[CURL_ERROR_SIZE];
};

/* What the loaded libcurl says of itself. Asked for once: libcurl writes its
 * answer into a buffer that all threads share. */
const curl_version_info_data *trk_curl(void);

/* Whether fewer descriptors than wanted can be opened, and what is then said.
 */
int trk_descriptors_lack(int wanted);
extern const char trk_no_descriptor[];

/* Copies the options and builds the Authorization header, without libcurl.
 * 0, or -1 when there is no memory (nothing to undo). */
int trk_shared_init(struct trk_shared *s, const struct trk_options *options);

/* What needs libcurl initialised. 0, or -1 when there is no memory. */
int trk_shared_ready(struct trk_shared *s);

/* Once every wire is freed, and the multi that ran them. */
void trk_shared_free(struct trk_shared *s);

/* A new wire, linked into s, or NULL. Freed newest first. */
struct trk_wire *trk_wire_new(struct trk_shared *s);
void trk_wire_free(struct trk_wire *w);

/* Sets the call's request up on the easy handle. CURLE_OK, or why not. On a
 * wire that found its kept connection stale, for a new connection. */
CURLcode trk_wire_begin(struct trk_wire *w, struct trk_exchange *x,
                        long timeout_ms);

/* Writes what was seen into call->seen and leaves the wire idle. */
void trk_wire_end(struct trk_wire *w, CURLcode rc);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
