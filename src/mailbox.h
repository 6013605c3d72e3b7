/* SPDX-License-Identifier: MIT
 * mailbox: where a host's threads and the worker's hand exchanges to each
 * other. Each stands in one of five lists, under one lock, which is held for a
 * few stores. What the host asks most (done yet? anything there?) takes no
 * lock at all. It tells the host when there is something to take, and knows
 * neither the engine nor what the thread does.
 */
#ifndef TRK_MAILBOX_H
#define TRK_MAILBOX_H

#include "exchange.h"
#include "wake.h"

#include <pthread.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* Where an exchange stands. Each place but the first is a list. */
enum trk_place {
  TRK_OUTSIDE,        /* the caller's */
  TRK_QUEUED,         /* not yet given to the engine */
  TRK_RUNNING,        /* the engine's */
  TRK_CANCEL_QUEUED,  /* queued, and to be cancelled */
  TRK_CANCEL_RUNNING, /* running, and to be cancelled */
  TRK_FINISHED,       /* not yet taken */
  TRK_PLACES
};

struct trk_mailbox {
  pthread_mutex_t lock;  /* of all below */
  pthread_cond_t news;   /* for the thread */
  pthread_cond_t change; /* for those who wait for an exchange, or fork */
  struct {
    struct trk_exchange *first, *last;
  } lists[TRK_PLACES];
  unsigned count;       /* of what is finished */
  int ready;            /* is anything finished? */
  int told;             /* was the host told since take found nothing? */
  struct trk_wake flag; /* readable when told; none: nobody asked */
  int signal;           /* a host's socket, or -1 */
};

/* 0, or -1 with nothing to undo. */
int trk_mailbox_init(struct trk_mailbox *m);
void trk_mailbox_free(struct trk_mailbox *m);

/* ---- for any thread ------------------------------------------------- */

/* Whether the exchange is finished and not taken yet. A plain read. */
int trk_mailbox_is_finished(struct trk_mailbox *m,
                            const struct trk_exchange *x);

/* The exchange that finished first of those not taken yet; NULL: none. */
struct trk_exchange *trk_mailbox_take(struct trk_mailbox *m);

/* Waits for this one, ms milliseconds at most, and takes it out of its turn.
 * Whether it is the caller's now. A signal does not end the wait. */
int trk_mailbox_wait_for(struct trk_mailbox *m, struct trk_exchange *x, int ms);

/* How many there are to take. */
unsigned trk_mailbox_count(struct trk_mailbox *m);

/* A descriptor that polls readable from when there is something to take until
 * take has found nothing, or taken the last; -1: there is none to be had. The
 * mailbox's to read and to close. */
int trk_mailbox_fd(struct trk_mailbox *m);

/* The host's own socket, to which a byte is sent whenever there comes to be
 * something to take; -1: none any more. */
void trk_mailbox_signal(struct trk_mailbox *m, int fd);

/* ---- with the lock held --------------------------------------------- */

/* Moves an exchange to the end of a list, or out of all. */
void trk_mailbox_move(struct trk_mailbox *m, struct trk_exchange *x,
                      enum trk_place place);

/* Queues an exchange. A pause takes no connection: it stands before those that
 * wait for one. */
void trk_mailbox_queue(struct trk_mailbox *m, struct trk_exchange *x);

/* The first of a list; NULL: it is empty. */
struct trk_exchange *trk_mailbox_first(const struct trk_mailbox *m,
                                       enum trk_place place);

/* The first that is queued and can begin, where there is room or none. */
struct trk_exchange *trk_mailbox_next(const struct trk_mailbox *m, int room);

/* Finishes a row of exchanges, and tells those who wait and the host. */
void trk_mailbox_finish(struct trk_mailbox *m, struct trk_queue *row);

/* Waits until a time on the clock, or for a change. 0, or ETIMEDOUT. */
int trk_mailbox_wait_change(struct trk_mailbox *m,
                            const struct timespec *until);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
