/* SPDX-License-Identifier: MIT
 * worker: an engine run by its own thread. The host's threads only exchange
 * calls with it: they put them in, ask, and take them out, and never wait for
 * libcurl. It knows neither libcurl nor Lua, decides no outcome and retries
 * nothing: the engine does.
 *
 * Every function may be called from any thread of the process that started
 * the worker, but for trk_worker_stop, which must be the last. In a child of
 * that process only trk_worker_inherited and trk_worker_stop may be called. A
 * fork waits until the thread is out of libcurl, for the child's own calls.
 * A call's result may be read once the call was taken, waited for or handed
 * back, and not before.
 */
#ifndef TRK_WORKER_H
#define TRK_WORKER_H

#include "engine.h"

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

struct trk_worker;

/* Starts the thread and gives it the engine, which from then on is the
 * worker's; it may have been used before. NULL when there is no memory or no
 * thread to be had: then the engine is still the caller's. */
struct trk_worker *trk_worker_start(struct trk_engine *engine);

/* Takes a call that is filled in. Calls begin in the order they come, as many
 * at once as the engine's max_in_flight; those that wait cost nothing. Cannot
 * fail. */
void trk_worker_submit(struct trk_worker *w, struct trk_exchange *x);

/* Asks for the call's end and returns at once. The call is finished soon
 * after, with its true outcome: TRK_NOT_SENT, or what had become of it. Does
 * nothing to a call that is finished, taken, or was never submitted. */
void trk_worker_cancel(struct trk_worker *w, struct trk_exchange *x);

/* Whether the call is finished and not taken yet. A plain read. */
int trk_worker_finished(struct trk_worker *w, const struct trk_exchange *x);

/* The call that finished first of those not taken yet, which is the caller's
 * again; NULL: none. */
struct trk_exchange *trk_worker_take(struct trk_worker *w);

/* Waits for this call, ms milliseconds at most, and takes it out of its turn.
 * Whether it is the caller's now; a call that was taken before is. A signal is
 * handled, but does not end the wait. */
int trk_worker_wait_for(struct trk_worker *w, struct trk_exchange *x, int ms);

/* A descriptor for event loops that polls readable from when there is
 * something to take until take has found nothing, or taken the last; -1 when
 * there is none to be had. Made at the first call, the worker's to read and to
 * close. */
int trk_worker_fd(struct trk_worker *w);

/* How many calls are there to take. */
unsigned trk_worker_count(struct trk_worker *w);

/* For a host that can't watch that descriptor: one of its own, a socket, to
 * which a byte is sent whenever there comes to be something to take, and at
 * once if there has been since take last found nothing. It stays the caller's,
 * who takes it back with -1 before closing it. */
void trk_worker_signal(struct trk_worker *w, int fd);

/* Whether its thread was ended by the exit of the process: nothing that it was
 * given comes back but by trk_worker_stop. */
int trk_worker_ended(struct trk_worker *w);

/* Whether it was started in a parent of this process. */
int trk_worker_inherited(const struct trk_worker *w);

/* Ends every call at once and the thread with it; frees the worker and the
 * engine. Returns the calls that nobody had taken, linked by next, finished
 * ones first in their order: the caller's to free. NULL is allowed. In a
 * child process it touches nothing and returns NULL. */
struct trk_exchange *trk_worker_stop(struct trk_worker *w);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
