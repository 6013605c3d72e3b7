/* SPDX-License-Identifier: MIT
 * job: see job.h. From its launch until its results are read or it is given
 * to somebody who asks, a job is held by its client's context: its memory
 * outlives what the thread may say of it, and no result is lost. A job has no
 * finalizer: the collector would keep all that it refers to, its results too,
 * for a cycle more (on Lua 5.4 a quarter of what a job cost); and another's
 * finalizer would find it dead. Its exchange is the client's or the worker's,
 * and a keeper's once the job is let go with its results unread.
 */
#include "job.h"

#include "call.h"
#include "clock.h"
#include "compat.h"
#include "held.h"
#include "kit.h"
#include "reply.h"
#include "results.h"

#include <string.h>

#define JOB_T "trunking.job"
#define KEEPER_T "trunking.job.keeper"
#define CANCEL_MS 1 /* that cancel waits for the thread */

struct job {
  struct trk_job in; /* the lists of jobs.h; first */
  struct trk_client *client;
  const struct trk_operation *operation;
  const struct trk_worker *worker; /* that it was given to */
  int nresults; /* that are kept; 0: they have not been read */
};

static struct job *job_of(struct trk_job *in) { return (struct job *)in; }

/* ---- letting go ----------------------------------------------------- */

static int keeper_gc(lua_State *L) {
  struct trk_keeper *k = luaL_checkudata(L, 1, KEEPER_T);
  if (k->exchange != NULL && k->lent == 0)
    trk_exchange_free(trk_jobs_take(k));
  return 0;
}

/* Whether a finalizer runs, as Lua tells from 5.4.4 on. (Earlier ones call the
 * finalizer of whatever they collect.) */
static int in_finalizer(lua_State *L) {
#if LUA_VERSION_NUM >= 504
  return lua_gc(L, LUA_GCCOUNT, 0) < 0;
#else
  (void)L;
  return 0;
#endif
}

/* Gives the exchange of the job at index to a keeper. One that is made while a
 * state is closed gets no finalizer, and an emergency collection may free it
 * even then: where that can be, the context holds it. */
static void entrust(lua_State *L, int context, struct job *job, int index) {
  static const luaL_Reg meta[] = {{"__gc", keeper_gc}, {NULL, NULL}};
  struct trk_keeper *k;
  int top = lua_gettop(L);
  k = lua_newuserdata(L, sizeof *k);
  memset(k, 0, sizeof *k);
  trk_kit_push_metatable(L, KEEPER_T, meta, NULL);
  lua_setmetatable(L, -2);
  k->held = in_finalizer(L);
  if (k->held)
    trk_held_hold(L, context, k, top + 1);
  if (job->in.exchange != NULL) { /* no finalizer was here before */
    trk_held_set_own(L, index, TRK_OWN_KEEPER);
    trk_jobs_entrust(&job->in, k);
  } else if (k->held) {
    trk_held_let_go(L, context, k);
  }
  lua_settop(L, top);
}

/* Takes the job from the list, and from its context. */
static void release(lua_State *L, int context, struct job *job) {
  if (!job->in.listed)
    return;
  trk_jobs_unlist(&job->in);
  trk_held_let_go(L, context, job);
}

/* Claims the job at index: poll skips it from now on. 0: it was claimed
 * before, or by a finalizer meanwhile. While it is in use it stays held. */
static int claim(lua_State *L, int context, struct job *job, int index) {
  struct trk_job *in = &job->in;
  int first;
  if (in->listed && in->in_use == 0)
    entrust(L, context, job, index);
  first = in->listed && !(in->claimed && in->in_use > 0);
  in->claimed |= in->listed;
  if (in->in_use == 0)
    release(L, context, job);
  return first;
}

static void take_back(lua_State *L, int context, struct trk_keeper *k) {
  trk_jobs_take(k);
  if (k->held)
    trk_held_let_go(L, context, k);
  k->held = 0;
}

/* Gives the exchange back, once the results are kept: where memory was short,
 * they can still be read again. */
static void spend(lua_State *L, int context, struct job *job) {
  struct trk_exchange *x = trk_jobs_exchange(&job->in);
  job->in.claimed = 1;
  if (job->in.in_use > 0)
    return;
  if (x != job->in.exchange)
    take_back(L, context, job->in.keeper);
  job->in.exchange = NULL;
  trk_client_give_back(job->client, x);
  release(L, context, job);
}

/* ---- results ------------------------------------------------------- */

/* Pushes the results of the job at index that were read before; how many. */
static int kept(lua_State *L, const struct job *job, int index) {
  int i;
  for (i = 0; i < job->nresults; i++)
    trk_held_push_own(L, index, TRK_OWN_RESULTS + i);
  return job->nresults;
}

/* Keeps the n results on top for the next who asks. */
static void keep(lua_State *L, struct job *job, int index, int n) {
  int first = lua_gettop(L) - n + 1, i;
  for (i = 0; i < n; i++) {
    lua_pushvalue(L, first + i);
    trk_held_set_own(L, index, TRK_OWN_RESULTS + i);
  }
  job->nresults = n;
}

/* Pushes the results of the job at index, which has landed, and keeps them.
 * Returns how many; 0: they are gone; -1: an error to raise is on top. Raises
 * nothing itself. A finalizer may read the same job meanwhile: then the results
 * that it was given count. */
static int read_results(lua_State *L, int context, struct job *job, int index) {
  struct trk_exchange *x = trk_jobs_exchange(&job->in);
  int n = kept(L, job, index);
  if (n > 0 || x == NULL)
    return n;
  lua_pushlightuserdata(L, x);
  trk_jobs_lend(&job->in, 1);
  n = trk_results_push(L, context);
  trk_jobs_lend(&job->in, -1);
  if (n > 0 && job->nresults > 0)
    return kept(L, job, index);
  if (n > 0)
    keep(L, job, index, n);
  return n;
}

/* ---- landing ------------------------------------------------------- */

/* Runs on_attempt for a job that has landed. The reply is read first, for it
 * decides the outcome. on_attempt may ask for this very job, drop it and
 * collect, or try to close the client: so the job stays on the stack, its
 * exchange is lent, and the client is busy. Raises what a debug hook raises. */
static void tell(lua_State *L, int context, struct job *job) {
  struct trk_client *c = job->client;
  int raised, top = lua_gettop(L);
  trk_held_push(L, context, job);
  trk_jobs_lend(&job->in, 1);
  raised = read_results(L, context, job, top + 1) < 0;
  if (!raised) {
    lua_settop(L, top + 1);
    lua_pushlightuserdata(L, trk_jobs_exchange(&job->in));
    c->busy++;
    raised = trk_results_tell(L, context, top + 2);
    c->busy--;
  }
  trk_jobs_lend(&job->in, -1);
  if (job->in.claimed && job->nresults > 0)
    spend(L, context, job);
  if (raised)
    lua_error(L);
  lua_settop(L, top);
}

/* Lands a job's exchange that the worker gave back. One of a blocking call,
 * which poll took within a debug hook, is left to that call. Raises what a
 * debug hook raises. */
static void receive(lua_State *L, int context, struct trk_exchange *x) {
  struct trk_job *in = x->job;
  if (in == NULL)
    return;
  trk_jobs_land(in);
  if (x->events != NULL)
    tell(L, context, job_of(in));
}

/* Whether the job's worker may be asked: it is the client's still, and runs in
 * this process. */
static int is_here(const struct job *job) {
  const struct trk_client *c = job->client;
  return job->worker == c->worker && !trk_client_inherited(c) &&
         !trk_worker_ended(c->worker);
}

/* Lands the job if it is done. Others that are done stay with the worker, whose
 * descriptor tells of them. */
static void look(lua_State *L, int context, struct job *job) {
  struct trk_client *c = job->client;
  if (job->in.stage != TRK_IN_FLIGHT || !is_here(job) ||
      !trk_worker_finished(c->worker, job->in.exchange))
    return;
  trk_worker_wait_for(c->worker, job->in.exchange, 0); /* takes it out */
  receive(L, context, job->in.exchange);
}

/* ---- a job's methods ----------------------------------------------- */

/* Checks that a job is at index 1, pushes its context as index 2, and lands
 * the job if it is done. */
static struct job *check_job(lua_State *L) {
  struct job *job = luaL_checkudata(L, 1, JOB_T);
  lua_settop(L, 1);
  trk_checkstack(L, 24, "job");
  trk_held_push_own(L, 1, TRK_OWN_CONTEXT);
  look(L, 2, job);
  return job;
}

static int job_done(lua_State *L) {
  struct job *job = check_job(L);
  (void)claim(L, 2, job, 1);
  lua_pushboolean(L, job->in.stage == TRK_LANDED);
  return 1;
}

/* Pushes what became of the job at index 1, which has landed; nil: its results
 * are gone. It stays poll's to give. */
static int push_outcome(lua_State *L, struct job *job) {
  int n = read_results(L, 2, job, 1), first = lua_gettop(L) - n + 1;
  if (n < 0)
    return lua_error(L);
  if (n == 0)
    lua_pushnil(L);
  else if (!lua_isnil(L, first))
    lua_pushstring(L, trk_outcome_word(TRK_DONE));
  else
    lua_getfield(L, first + 1, "outcome");
  return 1;
}

/* As a rule the thread lets a request go within microseconds. */
static int job_cancel(lua_State *L) {
  struct job *job = check_job(L);
  struct trk_client *c = job->client;
  if (job->in.stage == TRK_IN_FLIGHT && is_here(job)) {
    trk_worker_cancel(c->worker, job->in.exchange);
    if (trk_worker_wait_for(c->worker, job->in.exchange, CANCEL_MS))
      receive(L, 2, job->in.exchange);
  }
  return job->in.stage == TRK_LANDED ? push_outcome(L, job) : 0;
}

/* nil and an error: there are no results, and why. */
static int none(lua_State *L, const struct job *job) {
  const char *kind = "config", *why;
  if (job->in.stage == TRK_LANDED)
    why = "the job's results are gone: it was being collected as garbage";
  else if (is_here(job))
    kind = "timeout", why = "the job is not done yet, and goes on";
  else if (trk_worker_inherited(job->worker))
    why = "the job is of the process that this one was forked from";
  else
    why = "the process is ending";
  lua_newtable(L);
  lua_pushstring(L, kind);
  lua_setfield(L, -2, "kind");
  lua_pushstring(L, why);
  lua_setfield(L, -2, "message");
  lua_rawgeti(L, 2, TRK_CONTEXT_KIT);
  lua_insert(L, -2);
  return trk_reply_pending(L, lua_gettop(L) - 1, job->operation);
}

static int results(lua_State *L, struct job *job) {
  int n = 0;
  if (job->in.stage == TRK_LANDED) {
    job->in.claimed = 1;
    n = read_results(L, 2, job, 1);
  }
  if (n < 0)
    return lua_error(L);
  if (n == 0)
    return none(L, job);
  spend(L, 2, job);
  return n;
}

static int job_result(lua_State *L) {
  struct job *job = check_job(L);
  return results(L, job);
}

/* When a wait of the seconds at index 2 ends, in milliseconds of the clock.
 * Rounded up, so that none ends early. No seconds: never. */
static int64_t wait_end(lua_State *L) {
  lua_Number seconds = luaL_optnumber(L, 2, 1e9);
  if (!(seconds >= 0))
    luaL_argerror(L, 2, "seconds must not be negative");
  if (seconds >= 1e9)
    return INT64_MAX;
  return trk_clock_ms() + (seconds > 0 ? (int64_t)(seconds * 1000) + 2 : 0);
}

static int job_wait(lua_State *L) {
  int64_t end = wait_end(L), left;
  struct job *job = check_job(L);
  struct trk_client *c = job->client;
  while (job->in.stage == TRK_IN_FLIGHT && is_here(job)) {
    left = end - trk_clock_ms();
    if (left <= 0)
      break;
    if (trk_worker_wait_for(c->worker, job->in.exchange,
                            left < TRK_SLICE_MS ? (int)left : TRK_SLICE_MS))
      receive(L, 2, job->in.exchange);
    else if (trk_results_hook_raises(L, 2))
      return lua_error(L);
  }
  return results(L, job);
}

static int job_tostring(lua_State *L) {
  const struct job *job = luaL_checkudata(L, 1, JOB_T);
  lua_pushliteral(L, "trunking.job(");
  trk_reply_push_name(L, job->operation);
  lua_pushstring(L, job->in.stage == TRK_LANDED ? ", done)" : ", in flight)");
  lua_concat(L, 3);
  return 1;
}

/* ---- launching ------------------------------------------------------- */

static void push_metatable(lua_State *L) {
  static const luaL_Reg methods[] = {{"done", job_done},
                                     {"wait", job_wait},
                                     {"result", job_result},
                                     {"cancel", job_cancel},
                                     {NULL, NULL}};
  static const luaL_Reg meta[] = {{"__tostring", job_tostring}, {NULL, NULL}};
  trk_kit_push_metatable(L, JOB_T, meta, methods);
}

/* Pushes a job of an exchange. */
static struct job *push_job(lua_State *L, const struct trk_act *act,
                            struct trk_exchange *x) {
  struct job *job = lua_newuserdata(L, sizeof *job);
  memset(job, 0, sizeof *job);
  job->client = act->client;
  job->operation = act->operation;
  job->in.jobs = &act->client->jobs;
  push_metatable(L);
  lua_setmetatable(L, -2);
  lua_createtable(L, TRK_OWN_SIZE, 0);
  lua_pushvalue(L, act->context);
  lua_rawseti(L, -2, TRK_OWN_CONTEXT);
  trk_setuservalue(L, -2);
  job->in.exchange = x;
  return job;
}

/* Gives the exchange to the worker, as a job. A finalizer may close the client
 * within hold; nothing can fail after that. */
static int launch(lua_State *L, const struct trk_act *act,
                  struct trk_exchange *x) {
  struct trk_client *c = act->client;
  struct job *job = push_job(L, act, x);
  trk_held_hold(L, act->context, job, lua_gettop(L));
  if (c->worker == NULL) {
    trk_held_let_go(L, act->context, job);
    job->in.exchange = NULL;
    return trk_call_give_up(act, x,
                            trk_call_refuse(L, act, "the client is closed"));
  }
  trk_client_undraft(c, x);
  job->worker = c->worker;
  trk_jobs_launch(&job->in);
  trk_worker_submit(c->worker, x);
  return 1;
}

static const struct trk_manner as_job = {trk_client_need_worker, launch};

int trk_job_operation(lua_State *L) {
  return trk_call(L, lua_touserdata(L, TRK_UP_OPERATION), &trk_kind_operation,
                  &as_job);
}

int trk_job_follow(lua_State *L) {
  return trk_call(L, trk_call_named(L), &trk_kind_follow, &as_job);
}

int trk_job_within(lua_State *L) {
  return trk_call(L, trk_call_named(L), &trk_kind_within, &as_job);
}

int trk_job_pause(lua_State *L) {
  return trk_call(L, &trk_pause, &trk_kind_pause, &as_job);
}

/* ---- a client's jobs ------------------------------------------------ */

/* Whether the client's worker may be asked. */
static int at_work(const struct trk_client *c) {
  return c->worker != NULL && !trk_client_inherited(c);
}

/* The next job for poll, once what is done has landed if there was none. */
static struct trk_job *next_done(lua_State *L, struct trk_client *c,
                                 int context) {
  struct trk_job *in;
  struct trk_exchange *x;
  while ((in = trk_jobs_first(&c->jobs)) == NULL && at_work(c) &&
         (x = trk_worker_take(c->worker)) != NULL)
    receive(L, context, x);
  return in;
}

int trk_job_instead(lua_State *L) {
  luaL_checkudata(L, 1, JOB_T);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_settop(L, 2);
  trk_held_set_own(L, 1, TRK_OWN_INSTEAD);
  return 0;
}

/* Pushes what poll gives for the job on top, in its place: the job, or what
 * is asked instead gives. 0: that is nil, and nothing is pushed. */
static int give(lua_State *L) {
  trk_held_push_own(L, lua_gettop(L), TRK_OWN_INSTEAD);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    return 1;
  }
  lua_insert(L, -2);
  lua_call(L, 1, 1);
  if (!lua_isnil(L, -1))
    return 1;
  lua_pop(L, 1);
  return 0;
}

int trk_job_poll(lua_State *L) {
  struct trk_client *c = lua_touserdata(L, TRK_UP_CLIENT);
  struct trk_job *in;
  int context;
  trk_checkstack(L, 24, "poll");
  trk_getuservalue(L, TRK_UP_CLIENT);
  context = lua_gettop(L);
  while ((in = next_done(L, c, context)) != NULL) {
    trk_held_push(L, context, job_of(in));
    if (!claim(L, context, job_of(in), lua_gettop(L)))
      lua_pop(L, 1);
    else if (give(L))
      return 1;
  }
  return 0;
}

int trk_job_fd(lua_State *L) {
  static const struct trk_operation op = {"",   "fd", TRK_GET,     0, "",
                                          NULL, 0,    TRK_NOTHING, ""};
  struct trk_act act;
  int fd, n;
  act.operation = &op;
  n = trk_call_prepare(L, &as_job, &act);
  if (n > 0)
    return n;
  fd = trk_worker_fd(act.client->worker);
  if (fd < 0)
    return trk_call_refuse(L, &act, "no file descriptor is left");
  lua_pushinteger(L, fd);
  return 1;
}

int trk_job_in_flight(lua_State *L) {
  struct trk_client *c = lua_touserdata(L, TRK_UP_CLIENT);
  unsigned done = at_work(c) ? trk_worker_count(c->worker) : 0;
  unsigned all = c->jobs.in_flight;
  lua_pushinteger(L, (lua_Integer)(all > done ? all - done : 0));
  return 1;
}
