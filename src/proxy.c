/* SPDX-License-Identifier: MIT
 * proxy: see proxy.h.
 */
#include "proxy.h"

#include <arpa/inet.h>
#include <stdlib.h> /* atoi */
#include <string.h>

/* An address as its family has it; 0: it is none. An IPv4 one that comes in
 * IPv6's form is one of IPv4. */
static int address_of(const char *text, unsigned char *address) {
  static const unsigned char mapped[12] = {[10] = 0xFF, [11] = 0xFF};
  if (inet_pton(AF_INET, text, address) == 1)
    return AF_INET;
  if (inet_pton(AF_INET6, text, address) != 1)
    return 0;
  if (memcmp(address, mapped, sizeof mapped) != 0)
    return AF_INET6;
  memmove(address, address + sizeof mapped, 4);
  return AF_INET;
}

void trk_proxy_read(struct trk_proxy *p, const char *url) {
  char host[64];
  const char *from = strstr(url, "://"), *to = strrchr(url, ':');
  size_t n;
  memset(p, 0, sizeof *p);
  if (from == NULL || to <= from)
    return;
  p->port = atoi(to + 1);
  p->tunnels = strncmp(url, "http", 4) == 0;
  p->over_tls = strncmp(url, "https:", 6) == 0;
  from += 3;
  if (*from == '[')
    from++, to--;
  n = (size_t)(to - from);
  if (n >= sizeof host)
    return; /* longer than an address may be */
  memcpy(host, from, n);
  host[n] = '\0';
  p->family = address_of(host, p->address);
}

int trk_proxy_is_peer(const struct trk_proxy *p, const char *ip, int port) {
  unsigned char address[16];
  size_t size = p->family == AF_INET ? 4 : 16;
  if (port != p->port)
    return 0;
  if (p->family == 0)
    return 1;
  return address_of(ip, address) == p->family &&
         memcmp(address, p->address, size) == 0;
}
