/* SPDX-License-Identifier: MIT
 * wake: see wake.h.
 */
#include "wake.h"

#include "fd.h"

#include <errno.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/eventfd.h>
#endif

int trk_wake_open_pipe(struct trk_wake *w) {
  int ends[2];
  if (pipe(ends) != 0)
    return -1;
  w->out = trk_fd_own_nonblocking(ends[0]);
  w->in = trk_fd_own_nonblocking(ends[1]);
  if (w->out >= 0 && w->in >= 0)
    return 0;
  if (w->out >= 0)
    close(w->out);
  if (w->in >= 0)
    close(w->in);
  w->out = w->in = -1;
  return -1;
}

int trk_wake_open(struct trk_wake *w) {
#if defined(__linux__)
  int fd = trk_fd_own(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (fd >= 0) {
    w->out = w->in = fd;
    return 0;
  }
#endif
  return trk_wake_open_pipe(w);
}

/* An eventfd takes eight bytes, a number to add; a pipe is content with any.
 * One that is full is readable already. */
void trk_wake_ring(const struct trk_wake *w) {
  const uint64_t one = 1;
  size_t size = w->in == w->out ? sizeof one : 1;
  ssize_t n;
  if (w->in < 0)
    return;
  do
    n = write(w->in, &one, size);
  while (n < 0 && errno == EINTR);
}

/* A pipe that was rung more often than this stays readable: then its reader
 * comes once more than it need. */
void trk_wake_clear(const struct trk_wake *w) {
  char bytes[64];
  ssize_t n;
  if (w->out < 0)
    return;
  do
    n = read(w->out, bytes, sizeof bytes);
  while (n < 0 && errno == EINTR);
}

void trk_wake_close(struct trk_wake *w) {
  if (w->out < 0)
    return;
  close(w->out);
  if (w->in != w->out)
    close(w->in);
  w->out = w->in = -1;
}
