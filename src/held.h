/* SPDX-License-Identifier: MIT
 * held: what Lua has of a job: its client's context, which holds it for as
 * long as its memory must not go, and a table of its own.
 */
#ifndef TRK_HELD_H
#define TRK_HELD_H

#include <lua.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* A job's own table. It is made with the job, so that to keep its results takes
 * no memory. */
enum {
  TRK_OWN_CONTEXT = 1, /* its client's */
  TRK_OWN_KEEPER,
  TRK_OWN_INSTEAD, /* what poll calls, or nil: see trk_job_instead */
  TRK_OWN_RESULTS, /* two */
  TRK_OWN_SIZE = TRK_OWN_RESULTS + 1
};

/* Makes the context hold the job or keeper at index, or let it go, which takes
 * no memory. */
void trk_held_hold(lua_State *L, int context, const void *job, int index);
void trk_held_let_go(lua_State *L, int context, const void *job);

/* Pushes a job that its context holds. */
void trk_held_push(lua_State *L, int context, const void *job);

/* Pushes an entry of the job at index, or sets it to the value on top. */
void trk_held_push_own(lua_State *L, int index, int entry);
void trk_held_set_own(lua_State *L, int index, int entry);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
