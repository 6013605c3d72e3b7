/* SPDX-License-Identifier: MIT
 * worker: runs an engine on a thread of its own. The host's threads put
 * exchanges in, ask, and take them out; they never wait for libcurl. It knows
 * neither libcurl nor Lua. Outcomes and retries are the engine's.
 *
 * Any thread of the process that started the worker may call these functions;
 * trk_worker_stop must be the last. In a child of that process only
 * trk_worker_inherited and trk_worker_stop may be called. A result may be read
 * once its exchange was taken, waited for or handed back, and not before.
 */
#ifndef TRK_WORKER_H
#define TRK_WORKER_H

#include "engine.h"

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

struct trk_worker;

/* Starts the thread and gives it the engine, which may have been used before.
 * NULL: there is no memory, or no thread; the engine stays the caller's. */
struct trk_worker *trk_worker_start(struct trk_engine *engine);

/* Takes an exchange that is filled in. They begin in the order they come, as
 * many at once as the engine's max_in_flight. Cannot fail. */
void trk_worker_submit(struct trk_worker *w, struct trk_exchange *x);

/* Asks for an exchange's end and returns at once. It is finished soon after,
 * with its true outcome. Does nothing to one that is finished, taken, or was
 * never submitted. */
void trk_worker_cancel(struct trk_worker *w, struct trk_exchange *x);

/* See trk_engine_distrust. What is submitted from now on is sent accordingly.
 */
void trk_worker_distrust(struct trk_worker *w);

/* Whether it is finished and not taken yet. Takes no lock. */
int trk_worker_finished(struct trk_worker *w, const struct trk_exchange *x);

/* Takes out the one that finished first; NULL: none is finished. */
struct trk_exchange *trk_worker_take(struct trk_worker *w);

/* Waits for this one, ms milliseconds at most, and takes it out of its turn.
 * Returns whether it is the caller's now, as one that was taken before is. A
 * signal is handled, but does not end the wait. */
int trk_worker_wait_for(struct trk_worker *w, struct trk_exchange *x, int ms);

/* A descriptor for event loops. It is readable while there is something to
 * take, and stays so until take has found nothing. -1: there is none left.
 * The worker reads and closes it. */
int trk_worker_fd(struct trk_worker *w);

/* How many there are to take. */
unsigned trk_worker_count(struct trk_worker *w);

/* For a host that cannot watch that descriptor: a byte is sent to this socket
 * of the host's whenever there comes to be something to take; and at once, if
 * there is. The socket stays the host's. -1 gives it back, before it is
 * closed. */
void trk_worker_signal(struct trk_worker *w, int fd);

/* Whether exit has ended its thread. What it was given comes back by
 * trk_worker_stop alone then. */
int trk_worker_ended(struct trk_worker *w);

/* Whether it was started in a parent of this process. */
int trk_worker_inherited(const struct trk_worker *w);

/* Ends every exchange and the thread; frees the worker and the engine. Returns
 * the exchanges that nobody had taken, linked by next, for the caller to free;
 * those that were finished come first. NULL is allowed. In a child process it
 * does nothing and returns NULL. */
struct trk_exchange *trk_worker_stop(struct trk_worker *w);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
