/* SPDX-License-Identifier: MIT
 * process: what the process does to a thread that uses libcurl, one of ours or
 * the host's: it exits, or it forks; and SIGPIPE. Plain POSIX: it knows neither
 * libcurl nor what the thread does.
 *
 * exit() runs the TLS library's clean-up, and a thread that is in a handshake
 * then crashes (OpenSSL 3.0: one exit in three). So threads of ours that nobody
 * stopped are ended first, and those of the host are kept out of libcurl. A
 * child of fork() has no copy of a thread, but of every lock that the thread
 * held, those of libcurl and the TLS library too. So a fork waits until no
 * thread is in there.
 */
#ifndef TRK_PROCESS_H
#define TRK_PROCESS_H

#include <pthread.h>
#include <signal.h>
#include <sys/types.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* A thread that is guarded: the first member of its owner. */
struct trk_guard {
  /* The caller's: each is given the guard. */
  int (*start)(struct trk_guard *g);    /* 0: the thread runs */
  void (*end)(struct trk_guard *g);     /* ends it, and waits for that */
  void (*hold)(struct trk_guard *g);    /* waits until it holds still */
  void (*release)(struct trk_guard *g); /* lets it go on */
  /* This room's. */
  unsigned forks;
  int ended;
  struct trk_guard *next;
};

/* Starts the thread of a guard, so that no exit and no fork misses it. 0, or
 * what start gave. */
int trk_process_guard(struct trk_guard *g);

/* Guards it no more. Whether exit has ended its thread. */
int trk_process_unguard(struct trk_guard *g);

/* Whether exit has ended its thread. */
int trk_process_ended(struct trk_guard *g);

/* Whether it was guarded in a parent of this process. */
int trk_process_inherited(const struct trk_guard *g);

/* To be called before libcurl is used at all: the process may exit while a
 * thread brings it up. */
void trk_process_watch(void);

/* What registers last with atexit() runs first. Who brings libcurl up calls
 * this then, so that threads end before all that libcurl and the TLS library
 * have registered. */
void trk_process_libraries_up(void);

/* Whoever uses libcurl is inside from enter to leave, for as long as it
 * computes and no longer: an exit and a fork wait for that, 5 seconds at most.
 * From the exit on, enter returns to no thread but the one that exits. */
void trk_process_enter(void);
void trk_process_leave(void);

/* How many forks lie between this process and the one that first asked. A child
 * may have its parent's pid, in a PID namespace of its own. */
unsigned trk_process_forks(void);

/* Holds SIGPIPE back in this thread from begin to end. One that is pending
 * before is somebody else's, and stays so. */
struct trk_sigpipe {
  int held;
  sigset_t before;
};
void trk_sigpipe_hold(struct trk_sigpipe *s);
void trk_sigpipe_release(struct trk_sigpipe *s);

/* Starts a thread that takes no signal but those that report a fault of its
 * own: all others are the host's. 0, or an errno. */
int trk_process_thread(void *(*serve)(void *), void *arg, pthread_t *thread);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
