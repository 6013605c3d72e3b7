/* SPDX-License-Identifier: MIT
 * jobs: which jobs of a client are in flight, which are done and wait for
 * poll, and who frees the exchange of one that was let go. Plain C: nothing
 * here takes memory, calls Lua or waits.
 */
#ifndef TRK_JOBS_H
#define TRK_JOBS_H

#include "exchange.h"

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

enum trk_stage {
  TRK_DRAFT,     /* it is filled; its exchange is a draft of the client's */
  TRK_IN_FLIGHT, /* its exchange is the worker's */
  TRK_LANDED     /* its exchange is done */
};

/* Frees the exchange of a job that Lua has let go with its results unread. It
 * is in its client's list while it has one: when a Lua state is closed, the
 * finalizer of what is made then does not run any more. */
struct trk_keeper {
  struct trk_jobs *jobs;
  struct trk_exchange *exchange; /* or NULL */
  int lent;                      /* it is being read: it stays */
  int held;                      /* by the context */
  struct trk_keeper *next, *previous;
};

struct trk_job {
  struct trk_jobs *jobs;         /* its client's */
  struct trk_exchange *exchange; /* NULL once it is a keeper's, or freed */
  struct trk_keeper *keeper;     /* or NULL */
  enum trk_stage stage;
  int listed;  /* it is done, and poll has it still to give */
  int in_use;  /* its results are read, or on_attempt hears of it */
  int claimed; /* somebody has asked for it meanwhile */
  struct trk_job *next, *previous;
};

/* All zero at first. */
struct trk_jobs {
  unsigned in_flight;
  struct trk_job *first, *last; /* those that are listed, oldest first */
  struct trk_keeper *keepers;
};

/* The exchange of a job, whoever has it; NULL: it is freed. */
struct trk_exchange *trk_jobs_exchange(const struct trk_job *job);

/* The job's exchange is the worker's from now on. */
void trk_jobs_launch(struct trk_job *job);

/* The job's exchange is done: lists it for poll. */
void trk_jobs_land(struct trk_job *job);

/* The same for all that a worker gave back as it was stopped. A blocking
 * call's, which never returns, is freed. */
void trk_jobs_land_all(struct trk_exchange *first);

/* Takes a job that is listed out of the list. */
void trk_jobs_unlist(struct trk_job *job);

/* The oldest job for poll: one that nobody has claimed. NULL: none. */
struct trk_job *trk_jobs_first(const struct trk_jobs *jobs);

/* Gives the job's exchange to a keeper, and takes it from one. */
void trk_jobs_entrust(struct trk_job *job, struct trk_keeper *k);
struct trk_exchange *trk_jobs_take(struct trk_keeper *k);

/* The exchange of this job may not be freed while it is lent: by is 1, then
 * -1. */
void trk_jobs_lend(struct trk_job *job, int by);

/* Frees the exchanges of all jobs that nobody has read: their client goes. */
void trk_jobs_forget(struct trk_jobs *jobs);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
