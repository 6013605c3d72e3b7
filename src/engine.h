/* SPDX-License-Identifier: MIT
 * engine: runs exchanges over one curl multi handle until they are done:
 * attempts, retries, deadlines and bounds (laws L1 to L4, L7, L8). It knows no
 * Lua and no thread: one thread at a time may step it.
 */
#ifndef TRK_ENGINE_H
#define TRK_ENGINE_H

#include "exchange.h"
#include "options.h"

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

struct trk_engine;

/* Makes an engine; NULL: there is no memory. It does not touch libcurl before
 * the first exchange is started. */
struct trk_engine *trk_engine_open(const struct trk_options *options);

/* Ends every exchange at once, each with its true outcome, and frees the
 * engine, but not the exchanges. NULL is allowed. In a child process it does
 * nothing. */
void trk_engine_close(struct trk_engine *e);

/* Whether it was used in a parent of this process. Its connections are the
 * parent's then, and only trk_engine_close may be called. */
int trk_engine_inherited(const struct trk_engine *e);

/* Takes an exchange. Its deadline runs from the start of its first attempt, so
 * one that waits for a connection loses no time. Cannot fail: a request that
 * cannot be begun ends as TRK_NOT_SENT, at once or in a later step. */
void trk_engine_start(struct trk_engine *e, struct trk_exchange *x);

/* Moves every exchange on, without waiting. Returns whether one is done, or
 * there is room for another: then there is no reason to wait. */
int trk_engine_perform(struct trk_engine *e);

/* Waits for something to do, ms milliseconds at most. A signal ends the wait.
 * An exchange must have been started before. */
void trk_engine_await(struct trk_engine *e, int ms);

/* Performs, and then waits if there is a reason to. */
void trk_engine_step(struct trk_engine *e, int ms);

/* Ends an exchange that was started, now. Its outcome tells whether it had
 * been sent. */
void trk_engine_cancel(struct trk_engine *e, struct trk_exchange *x);

/* A reply was not to be believed: no request goes out on a connection that is
 * open now. */
void trk_engine_distrust(struct trk_engine *e);

/* For an engine with a thread of its own: each exchange that is done is
 * appended to row from now on, and waking becomes cheap. row is the caller's,
 * and must outlive the engine. NULL: no more. */
void trk_engine_collect(struct trk_engine *e, struct trk_queue *row);

/* How many more exchanges it could begin in the next step. */
unsigned trk_engine_room(const struct trk_engine *e);

/* How many connections are open and idle. */
unsigned trk_engine_kept(const struct trk_engine *e);

/* Ends the wait that is going on, or else the next one. Any thread may call
 * this, and this alone. An exchange must have been started before. */
void trk_engine_wake(struct trk_engine *e);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
