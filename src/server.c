/* SPDX-License-Identifier: MIT
 * server: see server.h.
 */
#include "server.h"

#include "clock.h"
#include "date.h"

#include <string.h>

/* A Date is cut to its second and comes late, so what follows from it is never
 * ahead of the server's clock; least behind from where a second was seen
 * first. */
void trk_server_note(struct trk_server_clock *c, const char *date) {
  long long epoch;
  size_t len = strlen(date);
  if (len == 0 || len >= sizeof c->date || strcmp(date, c->date) == 0)
    return;
  epoch = trk_date_http(date);
  if (epoch < 0)
    return;
  memcpy(c->date, date, len + 1);
  c->epoch = epoch;
  c->us = trk_clock_us();
}

int64_t trk_server_time(const struct trk_server_clock *c, int64_t us) {
  int64_t then = c->epoch * 1000000 + (us - c->us);
  return c->date[0] == '\0' || then < 0 ? -1 : then / 1000000;
}
