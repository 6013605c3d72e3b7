/* SPDX-License-Identifier: MIT
 * shared: see shared.h.
 */
#include "shared.h"

#include "buf.h"
#include "lookups.h"
#include "text.h"

#include <errno.h> /* EMFILE */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

const char trk_no_descriptor[] = "no file descriptor left for a connection";

/* ---- sockets ------------------------------------------------------ */

int trk_local_port(curl_socket_t fd) {
  struct sockaddr_storage at;
  socklen_t len = sizeof at;
  memset(&at, 0, sizeof at);
  getsockname(fd, (struct sockaddr *)&at, &len);
  return ntohs(at.ss_family == AF_INET6
                   ? ((struct sockaddr_in6 *)&at)->sin6_port
                   : ((struct sockaddr_in *)&at)->sin_port);
}

/* Takes a socket off the list and returns its entry, or NULL. */
static struct trk_socket *unlist(struct trk_shared *s, curl_socket_t fd) {
  struct trk_socket **at = &s->sockets, *k;
  while (*at != NULL && (*at)->fd != fd)
    at = &(*at)->next;
  k = *at;
  if (k != NULL) {
    *at = k->next;
    s->nsockets--;
  }
  return k;
}

int trk_shared_opened(struct trk_shared *s, curl_socket_t fd) {
  struct trk_socket *k = unlist(s, fd);
  if (k == NULL)
    k = malloc(sizeof *k);
  if (k == NULL)
    return 0;
  memset(k, 0, sizeof *k);
  k->fd = fd;
  k->next = s->sockets;
  s->sockets = k;
  s->nsockets++;
  return 1;
}

void trk_shared_closed(struct trk_shared *s, curl_socket_t fd) {
  free(unlist(s, fd));
}

struct trk_socket *trk_shared_socket(struct trk_shared *s, int port) {
  struct trk_socket *k;
  for (k = s->sockets; k != NULL; k = k->next) {
    if (k->port == 0)
      k->port = trk_local_port(k->fd);
    if (k->port == port)
      return k;
  }
  return NULL;
}

void trk_shared_distrust(struct trk_shared *s) {
  struct trk_socket *k;
  for (k = s->sockets; k != NULL; k = k->next)
    k->distrust = 1;
}

/* ---- options and headers ---------------------------------------------- */

/* Builds the Authorization header once. For libcurl, which would build it for
 * each request, that is a fifth of its work. */
static char *authorization(const char *user, const char *secret) {
  static const char scheme[] = "Authorization: Basic ";
  size_t plain = strlen(user) + 1 + strlen(secret);
  char *pair = malloc(plain + 1);
  char *line = malloc(sizeof scheme + (plain + 2) / 3 * 4);
  if (pair != NULL && line != NULL) {
    strcpy(pair, user);
    strcat(pair, ":");
    strcat(pair, secret);
    strcpy(line, scheme);
    trk_text_base64(line + sizeof scheme - 1, (const unsigned char *)pair,
                    plain);
    trk_wipe(pair, plain);
  } else {
    free(line);
    line = NULL;
  }
  free(pair);
  return line;
}

#define KEPT 5 /* strings */

/* Copies the strings that are kept into one block of memory. */
static int copy_options(struct trk_shared *s, const struct trk_options *o) {
  const char **kept[KEPT];
  size_t size = 0, i;
  char *at;
  s->options = *o;
  s->options.user = s->options.secret = s->options.ca_file = NULL;
  kept[0] = &s->options.origin;
  kept[1] = &s->options.user_agent;
  kept[2] = &s->options.proxy;
  kept[3] = &s->options.proxy_auth;
  kept[4] = &s->options.ca_pem;
  for (i = 0; i < KEPT; i++)
    size += *kept[i] != NULL ? strlen(*kept[i]) + 1 : 0;
  at = s->memory = malloc(size);
  if (at == NULL)
    return -1;
  s->nmemory = size;
  for (i = 0; i < KEPT; i++) {
    if (*kept[i] == NULL)
      continue;
    size = strlen(*kept[i]) + 1;
    *kept[i] = memcpy(at, *kept[i], size);
    at += size;
  }
  return 0;
}

int trk_shared_init(struct trk_shared *s, const struct trk_options *o) {
  memset(s, 0, sizeof *s);
  s->loopback_only = strncmp(o->origin, "http:", 5) == 0;
  s->authorization = authorization(o->user, o->secret);
  trk_proxy_read(&s->proxy, o->proxy);
  if (s->authorization != NULL && copy_options(s, o) == 0 &&
      trk_mask_init(&s->mask, o->secret, o->proxy_auth) == 0 &&
      trk_trust_init(&s->trust, s->loopback_only ? NULL : o->ca_file) == 0)
    return 0;
  trk_shared_free(s);
  return -1;
}

/* User-Agent is in the list too: libcurl prints CURLOPT_USERAGENT twice for
 * each request, and an item of the list once. It sends an item as it is, and
 * looks through the list for each header of its own: so one item has two. */
static int make_headers(struct trk_shared *s) {
  static const char name[] = "User-Agent: ";
  static const char plain[] = "\r\nAccept-Encoding: identity";
  const char *agent = s->options.user_agent;
  struct curl_slist *last;
  char *line = malloc(sizeof name + strlen(agent) + sizeof plain);
  if (line == NULL)
    return -1;
  strcpy(line, name);
  strcat(line, agent);
  strcat(line, plain);
  s->headers = curl_slist_append(NULL, line);
  free(line);
  last = s->headers;
  if (last != NULL && curl_slist_append(last, s->authorization) != NULL)
    return 0;
  curl_slist_free_all(s->headers);
  s->headers = NULL;
  return -1;
}

int trk_shared_ready(struct trk_shared *s, const char *bundle) {
  if (s->headers != NULL)
    return 0;
  if (!s->loopback_only && s->options.ca_pem == NULL &&
      s->trust.names[0] == NULL && trk_trust_init(&s->trust, bundle) != 0)
    return -1;
  return make_headers(s);
}

void trk_shared_free(struct trk_shared *s) {
  struct curl_slist *h;
  trk_lookups_disown(s);
  while (s->sockets != NULL)
    free(unlist(s, s->sockets->fd));
  for (h = s->headers; h != NULL; h = h->next)
    trk_wipe(h->data, strlen(h->data));
  curl_slist_free_all(s->headers);
  s->headers = NULL;
  if (s->authorization != NULL)
    trk_wipe(s->authorization, strlen(s->authorization));
  free(s->authorization);
  trk_mask_free(&s->mask);
  trk_trust_free(&s->trust);
  if (s->memory != NULL)
    trk_wipe(s->memory, s->nmemory);
  free(s->memory);
  s->authorization = s->memory = NULL;
}
