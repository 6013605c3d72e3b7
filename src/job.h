/* SPDX-License-Identifier: MIT
 * job: a call that its client's thread runs while Lua goes on. A job belongs
 * to Lua from birth; its call is the thread's until it comes back with its
 * result. Nothing here blocks but wait.
 */
#ifndef TRK_JOB_H
#define TRK_JOB_H

#include "client.h"

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* Lua functions with the upvalues of client.h.
 * start(sids..., params): begins an operation and returns its job, or nil and
 * an error. A wrong argument type raises at the caller's line.
 * poll(): the next job that is done and was not asked for, or nil.
 * fd(): a descriptor that is readable from when a job is done until poll has
 * given the last, or nil; or nil and an error.
 * in_flight(): how many jobs are not done. */
int trk_job_start(lua_State *L);
int trk_job_poll(lua_State *L);
int trk_job_fd(lua_State *L);
int trk_job_in_flight(lua_State *L);

/* For lua/trunking alone: pause(seconds): the job of a pause (call.h). */
int trk_job_pause(lua_State *L);

/* Takes back the calls of a worker that was stopped. */
void trk_job_land_all(struct trk_call *calls);

/* Frees the calls of jobs that nobody has read: their client goes. */
void trk_job_forget_all(struct trk_client *c);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
