/* SPDX-License-Identifier: MIT
 * server: see server.h.
 */
#include "server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_REQUEST 16384

static struct {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  int listener, port;
  char origin[64];
  struct answer answer;
  int busy; /* with a connection */
  int requests;
  char texts[SERVER_KEPT][MAX_REQUEST];
} the = {.lock = PTHREAD_MUTEX_INITIALIZER,
         .changed = PTHREAD_COND_INITIALIZER,
         .listener = -1};

/* ---- in the thread -------------------------------------------------- */

static void set_busy(int busy) {
  pthread_mutex_lock(&the.lock);
  the.busy = busy;
  pthread_cond_signal(&the.changed);
  pthread_mutex_unlock(&the.lock);
}

/* Reads up to the end of a request; 0 when it never came. */
static int read_request(int fd, char *text) {
  size_t have = 0;
  long body = 0;
  char *end, *length;
  ssize_t n;
  while (have < MAX_REQUEST - 1) {
    n = recv(fd, text + have, MAX_REQUEST - 1 - have, 0);
    if (n <= 0)
      return 0;
    have += (size_t)n;
    text[have] = '\0';
    end = strstr(text, "\r\n\r\n");
    if (end == NULL)
      continue;
    length = strcasestr(text, "\r\nContent-Length:");
    body = length != NULL && length < end ? atol(length + 17) : 0;
    if (have >= (size_t)(end + 4 - text) + (size_t)body)
      return 1;
  }
  return 0;
}

/* Notes the request, and gives what to answer. */
static struct answer note(const char *text) {
  struct answer a;
  pthread_mutex_lock(&the.lock);
  if (the.requests < SERVER_KEPT)
    memcpy(the.texts[the.requests], text, MAX_REQUEST);
  the.requests++;
  a = the.answer;
  pthread_mutex_unlock(&the.lock);
  return a;
}

static void send_pieces(int fd, struct answer *a) {
  size_t piece = a->bytes.left / (size_t)a->pieces + 1, n;
  while (a->bytes.left > 0) {
    n = a->bytes.left < piece ? a->bytes.left : piece;
    if (send(fd, a->bytes.at, n, MSG_NOSIGNAL) < 0)
      break;
    a->bytes.at += n;
    a->bytes.left -= n;
  }
}

/* Ends a connection once all was sent. */
static void end(int fd, int reset) {
  struct linger now = {1, 0};
  char sink[512];
  if (reset) {
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    return;
  }
  shutdown(fd, SHUT_WR);
  while (recv(fd, sink, sizeof sink, 0) > 0)
    continue;
}

static void converse(int fd) {
  static char text[MAX_REQUEST];
  struct answer a;
  if (!read_request(fd, text))
    return;
  a = note(text);
  send_pieces(fd, &a);
  end(fd, a.reset);
}

static void *serve(void *unused) {
  const struct timeval patience = {20, 0};
  int one = 1, fd;
  (void)unused;
  for (;;) {
    fd = accept(the.listener, NULL, NULL);
    if (fd < 0)
      continue;
    set_busy(1);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    converse(fd);
    close(fd);
    set_busy(0);
  }
  return NULL;
}

/* ---- outside ---------------------------------------------------------- */

int server_start(void) {
  struct sockaddr_in at;
  socklen_t len = sizeof at;
  pthread_t thread;
  if (the.listener >= 0)
    return the.port;
  memset(&at, 0, sizeof at);
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  the.listener = socket(AF_INET, SOCK_STREAM, 0);
  PROMISE(bind(the.listener, (struct sockaddr *)&at, sizeof at) == 0);
  PROMISE(listen(the.listener, 16) == 0);
  PROMISE(getsockname(the.listener, (struct sockaddr *)&at, &len) == 0);
  the.port = ntohs(at.sin_port);
  snprintf(the.origin, sizeof the.origin, "http://127.0.0.1:%d", the.port);
  PROMISE(pthread_create(&thread, NULL, serve, NULL) == 0);
  return the.port;
}

const char *server_origin(void) { return the.origin; }

void server_answer(const struct answer *a) {
  pthread_mutex_lock(&the.lock);
  the.answer = *a;
  the.requests = 0;
  pthread_mutex_unlock(&the.lock);
}

int server_requests(void) {
  int n;
  pthread_mutex_lock(&the.lock);
  n = the.requests;
  pthread_mutex_unlock(&the.lock);
  return n;
}

const char *server_request(int n) {
  PROMISE(n < SERVER_KEPT && n < server_requests());
  return the.texts[n];
}

void server_wait(void) {
  pthread_mutex_lock(&the.lock);
  while (the.busy)
    pthread_cond_wait(&the.changed, &the.lock);
  pthread_mutex_unlock(&the.lock);
}
