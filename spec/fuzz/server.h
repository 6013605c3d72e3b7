/* SPDX-License-Identifier: MIT
 * server: a thread on the loopback that reads one request of each connection
 * and answers it with the same fuzzed bytes.
 */
#ifndef SERVER_H
#define SERVER_H

#include "fuzz.h"

struct answer {
  struct bytes bytes;
  int reset;  /* the connection ends with a reset */
  int pieces; /* in how many the bytes are sent */
};

/* Starts the server, if it does not run yet; gives its port. */
int server_start(void);

/* "http://127.0.0.1:PORT" */
const char *server_origin(void);

/* What is answered from now on. Earlier requests are forgotten. The bytes stay
 * the caller's, until server_wait returns. */
void server_answer(const struct answer *a);

/* How many requests were read to their end, and the text of one, from 0 to
 * SERVER_KEPT - 1. */
#define SERVER_KEPT 8
int server_requests(void);
const char *server_request(int n);

/* Until the connection that was accepted last is closed. */
void server_wait(void);

#endif
