/* SPDX-License-Identifier: MIT
 * options: what a client is made with, as trunking.config has checked it.
 * It checks nothing itself.
 */
#ifndef TRK_OPTIONS_H
#define TRK_OPTIONS_H

/* Strings are copied; NULL where noted. They
 * become headers and URLs, so none may hold a control character. */
struct trk_options {
  const char *origin; /* "https://host[:port]" */
  const char *user;   /* account SID or API key */
  const char *secret; /* auth token or API secret */
  const char *user_agent;
  const char *ca_file;    /* NULL: the bundle libcurl was built with */
  const char *ca_pem;     /* instead of a file: certificates; or NULL */
  const char *proxy;      /* "scheme://host:port"; "": none */
  const char *proxy_auth; /* "user:password", percent-encoded, or NULL */
  long timeout_ms;        /* the whole call, retries included */
  long connect_timeout_ms;
  unsigned max_attempts;  /* 0: the verdict's own limits */
  unsigned max_in_flight; /* at least 1 */
};

#endif
