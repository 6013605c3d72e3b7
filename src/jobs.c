/* SPDX-License-Identifier: MIT
 * jobs: see jobs.h.
 */
#include "jobs.h"

struct trk_exchange *trk_jobs_exchange(const struct trk_job *job) {
  return job->keeper != NULL ? job->keeper->exchange : job->exchange;
}

/* ---- the list for poll --------------------------------------------- */

static void list(struct trk_job *job) {
  struct trk_jobs *jobs = job->jobs;
  job->listed = 1;
  job->next = NULL;
  job->previous = jobs->last;
  if (jobs->last != NULL)
    jobs->last->next = job;
  else
    jobs->first = job;
  jobs->last = job;
}

void trk_jobs_unlist(struct trk_job *job) {
  struct trk_jobs *jobs = job->jobs;
  job->listed = 0;
  if (job->previous != NULL)
    job->previous->next = job->next;
  else
    jobs->first = job->next;
  if (job->next != NULL)
    job->next->previous = job->previous;
  else
    jobs->last = job->previous;
}

/* One that is claimed stays in the list while it is in use. */
struct trk_job *trk_jobs_first(const struct trk_jobs *jobs) {
  struct trk_job *job = jobs->first;
  while (job != NULL && job->claimed && job->in_use > 0)
    job = job->next;
  return job;
}

/* ---- in flight ------------------------------------------------------ */

void trk_jobs_launch(struct trk_job *job) {
  job->exchange->job = job;
  job->stage = TRK_IN_FLIGHT;
  job->jobs->in_flight++;
}

void trk_jobs_land(struct trk_job *job) {
  job->stage = TRK_LANDED;
  job->jobs->in_flight--;
  list(job);
}

void trk_jobs_land_all(struct trk_exchange *first) {
  struct trk_exchange *next;
  for (; first != NULL; first = next) {
    next = first->next;
    if (first->job != NULL)
      trk_jobs_land(first->job);
    else
      trk_exchange_free(first);
  }
}

/* ---- letting go ----------------------------------------------------- */

void trk_jobs_entrust(struct trk_job *job, struct trk_keeper *k) {
  k->jobs = job->jobs;
  k->exchange = job->exchange;
  k->next = k->jobs->keepers;
  k->previous = NULL;
  if (k->next != NULL)
    k->next->previous = k;
  k->jobs->keepers = k;
  job->keeper = k;
  job->exchange = NULL;
}

struct trk_exchange *trk_jobs_take(struct trk_keeper *k) {
  struct trk_exchange *x = k->exchange;
  k->exchange = NULL;
  if (k->previous != NULL)
    k->previous->next = k->next;
  else
    k->jobs->keepers = k->next;
  if (k->next != NULL)
    k->next->previous = k->previous;
  return x;
}

void trk_jobs_lend(struct trk_job *job, int by) {
  job->in_use += by;
  if (job->keeper != NULL)
    job->keeper->lent += by;
}

void trk_jobs_forget(struct trk_jobs *jobs) {
  while (jobs->first != NULL) {
    struct trk_job *job = jobs->first;
    trk_jobs_unlist(job);
    trk_exchange_free(job->exchange);
    job->exchange = NULL;
  }
  while (jobs->keepers != NULL)
    trk_exchange_free(trk_jobs_take(jobs->keepers));
}
