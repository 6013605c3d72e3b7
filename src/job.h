/* SPDX-License-Identifier: MIT
 * job: the call that does not block: its client's thread carries it out while
 * Lua goes on. A job belongs to Lua from birth; its exchange is the thread's
 * until it comes back with its result. Nothing here blocks but wait. It knows
 * neither libcurl nor threads.
 */
#ifndef TRK_JOB_H
#define TRK_JOB_H

#include <lua.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* Lua functions with the upvalues of client.h.
 * operation(sids..., params): begins an operation and returns its job, or nil
 * and an error. A wrong argument type raises at the caller's line.
 * poll(): the next job that is done and was not asked for, or nil.
 * fd(): a descriptor. It is readable while finished jobs wait for poll. Or nil
 * and an error.
 * in_flight(): how many jobs are not done. */
int trk_job_operation(lua_State *L);
int trk_job_poll(lua_State *L);
int trk_job_fd(lua_State *L);
int trk_job_in_flight(lua_State *L);

/* For lua/trunking alone: follow, within and pause of call.h, as jobs. */
int trk_job_follow(lua_State *L);
int trk_job_within(lua_State *L);
int trk_job_pause(lua_State *L);

/* For lua/trunking alone, too: instead(job, f): poll calls f(job) where it
 * would give the job, and gives what f returns, or goes on where that is nil:
 * the job is a part of another. */
int trk_job_instead(lua_State *L);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
