/* SPDX-License-Identifier: MIT
 * bell: see bell.h. The socket may only be connected to between its chmod
 * and accept, a moment later, by the same user.
 */
#include "bell.h"

#include "fd.h"
#include "process.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* The descriptor as a host's may be; -1, with errno: fd is closed. */
static int tame(int fd) {
#if defined(SO_NOSIGPIPE)
  int on = 1;
  (void)setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
  return trk_fd_own_nonblocking(fd);
}

static void close_fd(int *fd) {
  if (*fd >= 0)
    close(*fd);
  *fd = -1;
}

/* The listener is open for a moment only, but a fork may fall into it. */
static void close_listener(struct trk_bell *b, int inherited) {
  if (b->listener >= 0 && !inherited)
    unlink(b->path);
  close_fd(&b->listener);
}

void trk_bell_init(struct trk_bell *b) {
  memset(b, 0, sizeof *b);
  b->listener = b->connection = -1;
}

void trk_bell_close(struct trk_bell *b) {
  close_listener(b, b->forks != trk_process_forks());
  close_fd(&b->connection);
}

/* Binds and listens; 0, or errno with nothing left behind. */
static int open_listener(struct trk_bell *b,
                         const struct sockaddr_un *address) {
  const struct sockaddr *any = (const struct sockaddr *)address;
  int fd = tame(socket(AF_UNIX, SOCK_STREAM, 0)), rc;
  if (fd < 0)
    return errno;
  if (bind(fd, any, sizeof *address) != 0) {
    rc = errno;
    close(fd);
    return rc;
  }
  b->listener = fd;
  b->forks = trk_process_forks();
  if (chmod(b->path, S_IRUSR | S_IWUSR) == 0 && listen(fd, 1) == 0)
    return 0;
  rc = errno;
  close_listener(b, 0);
  return rc;
}

int trk_bell_listen(struct trk_bell *b, const char *path, size_t len) {
  struct sockaddr_un address;
  if (len >= sizeof b->path || strlen(path) != len)
    return ENAMETOOLONG;
  memset(&address, 0, sizeof address);
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, path, len + 1);
  memcpy(b->path, path, len + 1);
  return open_listener(b, &address);
}

int trk_bell_accept(struct trk_bell *b) {
  int fd = accept(b->listener, NULL, NULL);
  close_listener(b, 0);
  b->connection = tame(fd);
  return b->connection >= 0;
}
