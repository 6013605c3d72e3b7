/* SPDX-License-Identifier: MIT
 * fd: see fd.h.
 */
#include "fd.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOWEST 3

#if !defined(SOCK_CLOEXEC)
#define SOCK_CLOEXEC 0 /* then it is set a moment later */
#endif

/* close() that keeps the errno of what failed before. */
static int give_up(int fd) {
  int was = errno;
  close(fd);
  errno = was;
  return -1;
}

static int close_by_exec(int fd) {
  int flags = fcntl(fd, F_GETFD);
  if (flags < 0)
    return 0;
  return (flags & FD_CLOEXEC) != 0 ||
         fcntl(fd, F_SETFD, flags | FD_CLOEXEC) == 0;
}

int trk_fd_own(int fd) {
  int moved;
  if (fd < 0)
    return -1;
  if (fd >= LOWEST)
    return close_by_exec(fd) ? fd : give_up(fd);
  moved = fcntl(fd, F_DUPFD_CLOEXEC, LOWEST);
  give_up(fd);
  return moved;
}

int trk_fd_own_nonblocking(int fd) {
  int flags;
  fd = trk_fd_own(fd);
  if (fd < 0)
    return -1;
  flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
    return give_up(fd);
  return fd;
}

int trk_fd_socket(int family, int type, int protocol) {
  return trk_fd_own(socket(family, type | SOCK_CLOEXEC, protocol));
}

int trk_fd_lack(int wanted) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), lack;
  if (fd < 0)
    return errno == EMFILE || errno == ENFILE;
  lack = wanted > 1 && trk_fd_lack(wanted - 1);
  close(fd);
  return lack;
}

/* ---- around what a library opens --------------------------------------- */

/* The lowest descriptor that is free, taken; -1: none is. */
static int take_lowest(void) {
  return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* One at a time: else what a thread of ours opens would be another's. */
static pthread_mutex_t window = PTHREAD_MUTEX_INITIALIZER;

/* Who asks is given the lowest that is free, so those come next. */
void trk_fd_begin(struct trk_fd_window *w) {
  int i;
  pthread_mutex_lock(&window);
  for (i = 0; i < LOWEST; i++)
    w->low[i] = fcntl(i, F_GETFD) < 0 ? take_lowest() : -1;
  for (i = 0; i < TRK_FD_WATCHED; i++)
    w->next[i] = take_lowest();
  for (i = 0; i < TRK_FD_WATCHED; i++)
    if (w->next[i] >= 0)
      close(w->next[i]);
}

/* Whether it is a pipe or a local socket. */
static int is_local(int fd) {
  struct sockaddr_storage at;
  socklen_t len = sizeof at;
  struct stat seen;
  if (fstat(fd, &seen) != 0)
    return 0;
  if (!S_ISSOCK(seen.st_mode))
    return S_ISFIFO(seen.st_mode);
  memset(&at, 0, sizeof at);
  return getsockname(fd, (struct sockaddr *)&at, &len) == 0 &&
         at.ss_family == AF_UNIX;
}

void trk_fd_end(struct trk_fd_window *w) {
  int i;
  for (i = 0; i < TRK_FD_WATCHED; i++)
    if (w->next[i] >= 0 && is_local(w->next[i]))
      (void)close_by_exec(w->next[i]);
  for (i = 0; i < LOWEST; i++)
    if (w->low[i] >= 0)
      close(w->low[i]);
  pthread_mutex_unlock(&window);
}
