/* SPDX-License-Identifier: MIT
 * fd: descriptors of ours: none goes to a program that the host starts, and
 * none is 0, 1 or 2, which the host takes for its own even where they were
 * closed. POSIX alone.
 */
#ifndef TRK_FD_H
#define TRK_FD_H

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* The same as a descriptor that is 3 or more and closed by exec; -1, with
 * errno: there is none, and fd is closed. */
int trk_fd_own(int fd);

/* The same, and reading and writing do not wait. */
int trk_fd_own_nonblocking(int fd);

/* socket() of our own; -1, with errno. */
int trk_fd_socket(int family, int type, int protocol);

/* Whether fewer descriptors than wanted can be opened. */
int trk_fd_lack(int wanted);

/* Around a function of a library that opens pipes or pairs of sockets, and has
 * no option for this: it gets none of 0 to 2, and what it opened is closed by
 * exec. (What another thread opens meanwhile may be taken for one of those, if
 * it is a pipe or a local socket.) */
#define TRK_FD_WATCHED 4
struct trk_fd_window {
  int low[3]; /* taken for that while; -1: not */
  int next[TRK_FD_WATCHED];
};
void trk_fd_begin(struct trk_fd_window *w);
void trk_fd_end(struct trk_fd_window *w);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
