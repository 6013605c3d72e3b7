/* SPDX-License-Identifier: MIT
 * engine: calls in flight over one curl multi handle: attempts, retries,
 * deadlines and bounds (laws L1 to L4, L7, L8). A call is a request with its
 * result; the engine runs it until it is done. It knows no Lua and no thread:
 * whoever steps it owns it for that time, and no two may step it at once.
 */
#ifndef TRK_ENGINE_H
#define TRK_ENGINE_H

#include "exchange.h"
#include "options.h"

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

struct trk_engine;

/* An engine, or NULL when there is no memory. libcurl is not touched before
 * the first call. */
struct trk_engine *trk_engine_open(const struct trk_options *options);

/* Ends every call at once (their outcome says what was sent) and frees the
 * engine, but not the calls. NULL is allowed. In a child process it leaves
 * everything as it is. */
void trk_engine_close(struct trk_engine *e);

/* Whether it was used in a parent of this process: then its connections are
 * the parent's, and only trk_engine_close may be called. */
int trk_engine_inherited(const struct trk_engine *e);

/* Takes the call. Its deadline runs from the start of its first attempt: what
 * waits for others loses no time. Cannot fail; a request that can't be begun
 * ends as TRK_NOT_SENT, at once or in a later step. */
void trk_engine_start(struct trk_engine *e, struct trk_exchange *x);

/* Moves every call on. Whether a call is done, or there is room for another:
 * then there is no reason to wait. */
int trk_engine_perform(struct trk_engine *e);

/* Waits for something to do, up to ms milliseconds, or until a signal comes.
 * A call has been started before. */
void trk_engine_await(struct trk_engine *e, int ms);

/* The one, and where there is no reason not to, the other. */
void trk_engine_step(struct trk_engine *e, int ms);

/* Ends a call that was started, now. Its outcome tells whether it had been
 * sent. */
void trk_engine_cancel(struct trk_engine *e, struct trk_exchange *x);

/* From now on each call that is done is also appended to row, the caller's,
 * which must outlive the engine; and waits are made to end cheaply for those
 * who wake it. */
void trk_engine_collect(struct trk_engine *e, struct trk_row *row);

/* How many calls it would begin in the next step if they were started now:
 * more would only wait in it. */
unsigned trk_engine_room(const struct trk_engine *e);

/* How many connections stand and are not in use. */
unsigned trk_engine_kept(const struct trk_engine *e);

/* Ends the wait that is going on, or the next one at once: the one
 * function that any thread may call. Does nothing before the first call has
 * been started, when nothing waits. */
void trk_engine_wake(struct trk_engine *e);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
