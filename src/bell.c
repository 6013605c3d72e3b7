/* SPDX-License-Identifier: MIT
 * bell: see bell.h. The socket may only be connected to between its chmod
 * and accept, a moment later, by the same user.
 */
#include "bell.h"

#include "compat.h"
#include "wake.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int tame(int fd) {
#if defined(SO_NOSIGPIPE)
  int on = 1;
  (void)setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
  return trk_tame(fd);
}

static void close_fd(int *fd) {
  if (*fd >= 0)
    close(*fd);
  *fd = -1;
}

/* The listener is open for a moment only, but a fork may fall into it. */
static void close_listener(struct trk_bell *s, int inherited) {
  if (s->listener >= 0 && !inherited)
    unlink(s->path);
  close_fd(&s->listener);
}

void trk_bell_close(struct trk_bell *s) {
  close_listener(s, s->pid != getpid());
  close_fd(&s->connection);
}

/* A connection goes with the worker: where there is one, there is the other. */
static void stop(struct trk_client *c) {
  if (c->bell.connection >= 0 && !trk_client_inherited(c))
    trk_worker_signal(c->worker, -1);
  trk_bell_close(&c->bell);
}

/* Binds and listens; 0, or errno with nothing left behind. */
static int open_listener(struct trk_bell *s,
                         const struct sockaddr_un *address) {
  const struct sockaddr *any = (const struct sockaddr *)address;
  int fd = socket(AF_UNIX, SOCK_STREAM, 0), rc;
  if (fd < 0)
    return errno;
  if (!tame(fd) || bind(fd, any, sizeof *address) != 0) {
    rc = errno;
    close(fd);
    return rc;
  }
  s->listener = fd;
  s->pid = getpid();
  if (chmod(s->path, S_IRUSR | S_IWUSR) == 0 && listen(fd, 1) == 0)
    return 0;
  rc = errno;
  close_listener(s, 0);
  return rc;
}

static int failed(lua_State *L, const char *why) {
  lua_pushnil(L);
  lua_pushstring(L, why);
  return 2;
}

static int succeeded(lua_State *L) {
  lua_pushboolean(L, 1);
  return 1;
}

int trk_bell_listen(lua_State *L) {
  struct trk_client *c = lua_touserdata(L, TRK_UP_CLIENT);
  struct trk_bell *s = &c->bell;
  struct sockaddr_un address;
  size_t len;
  const char *path = luaL_checklstring(L, 1, &len);
  int rc;
  stop(c);
  if (len >= sizeof s->path || strlen(path) != len)
    return failed(L, "the path is too long");
  memset(&address, 0, sizeof address);
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, path, len + 1);
  memcpy(s->path, path, len + 1);
  rc = open_listener(s, &address);
  return rc == 0 ? succeeded(L) : failed(L, strerror(rc));
}

int trk_bell_accept(lua_State *L) {
  struct trk_client *c = lua_touserdata(L, TRK_UP_CLIENT);
  struct trk_bell *s = &c->bell;
  int fd;
  if (c->worker == NULL || trk_client_inherited(c) || s->listener < 0)
    return failed(L, "nothing to wait for");
  fd = accept(s->listener, NULL, NULL);
  close_listener(s, 0);
  if (fd >= 0 && !tame(fd))
    close_fd(&fd);
  if (fd < 0)
    return failed(L, "nobody has connected");
  s->connection = fd;
  trk_worker_signal(c->worker, fd);
  return succeeded(L);
}

int trk_bell_stop(lua_State *L) {
  stop(lua_touserdata(L, TRK_UP_CLIENT));
  return 0;
}
