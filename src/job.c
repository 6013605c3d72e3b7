/* SPDX-License-Identifier: MIT
 * job: see job.h. From its start until its results are read or it is given to
 * somebody who asks, a job is held by its client's context: its memory
 * outlives what the thread may say of it, and no result is lost. A job has no
 * finalizer: the collector would keep all that it refers to, its results too,
 * for a cycle more (on Lua 5.4 a quarter of what a job cost); and another's
 * finalizer would find it dead. Its call is the client's or the worker's, and
 * a keeper's once the job is let go with its results unread.
 */
#include "job.h"

#include "call.h"
#include "compat.h"
#include "kit.h"
#include "reply.h"

#include <string.h>
#include <time.h>

#define JOB_T "trunking.job"
#define KEEPER_T "trunking.job.keeper"

enum place {
  DRAFT,  /* the call is a draft of the client's */
  FLYING, /* the call is the worker's */
  LANDED  /* the call is done */
};

/* A userdata that frees a call which nobody reads. While it has one it is in
 * its client's list: one that is made when the state is closed has no
 * finalizer any more. */
struct trk_keeper {
  struct trk_client *client;
  struct trk_call *call; /* or NULL */
  int lent;              /* it is being read */
  struct trk_keeper *next, *previous;
};

struct trk_job {
  struct trk_client *client;
  struct trk_call *call;     /* NULL once it is a keeper's, or spent */
  struct trk_keeper *keeper; /* in the job's own table, or NULL */
  const struct trk_operation *operation;
  enum place place;
  const struct trk_worker *worker; /* that it was given to */
  int listed; /* in the client's list for poll, and held */
  int in_use; /* it is read, or on_attempt is told of it: it stays held */
  int asked;  /* for, meanwhile */
  int nresults; /* that are kept; 0: they have not been read */
  struct trk_job *next, *previous;
};

static struct trk_call *call_of(const struct trk_job *job) {
  return job->keeper != NULL ? job->keeper->call : job->call;
}

/* ---- the list for poll --------------------------------------------- */

/* Jobs that are done, until they are let go. */

static void list(struct trk_job *job) {
  struct trk_client *c = job->client;
  job->listed = 1;
  job->next = NULL;
  job->previous = c->last;
  if (c->last != NULL)
    c->last->next = job;
  else
    c->first = job;
  c->last = job;
}

static void unlist(struct trk_job *job) {
  struct trk_client *c = job->client;
  job->listed = 0;
  if (job->previous != NULL)
    job->previous->next = job->next;
  else
    c->first = job->next;
  if (job->next != NULL)
    job->next->previous = job->previous;
  else
    c->last = job->previous;
}

/* ---- holding ------------------------------------------------------- */

/* The context holds the job at index, or lets it go. */
static void hold(lua_State *L, int context, const struct trk_job *job,
                 int index) {
  lua_rawgeti(L, context, TRK_CONTEXT_JOBS);
  lua_pushlightuserdata(L, (void *)job);
  lua_pushvalue(L, index);
  lua_rawset(L, -3);
  lua_pop(L, 1);
}

static void let_go(lua_State *L, int context, const struct trk_job *job) {
  lua_rawgeti(L, context, TRK_CONTEXT_JOBS);
  lua_pushlightuserdata(L, (void *)job);
  lua_pushnil(L);
  lua_rawset(L, -3); /* to clear an entry takes no memory */
  lua_pop(L, 1);
}

/* ---- a job's own table ---------------------------------------------- */

/* Made with the job, so that to keep its results takes no memory. */
enum {
  OWN_CONTEXT = 1, /* its client's */
  OWN_KEEPER,
  OWN_RESULTS, /* two; before: what follows, if it is a page's */
  OWN_SIZE = OWN_RESULTS + 1
};

static void push_own(lua_State *L, int index, int entry) {
  trk_getuservalue(L, index);
  lua_rawgeti(L, -1, entry);
  lua_remove(L, -2);
}

/* Sets an entry of the job at index to the value on top. */
static void set_own(lua_State *L, int index, int entry) {
  trk_getuservalue(L, index);
  lua_insert(L, -2);
  lua_rawseti(L, -2, entry);
  lua_pop(L, 1);
}

/* ---- letting go ----------------------------------------------------- */

static void give(struct trk_keeper *k, struct trk_client *c,
                 struct trk_call *call) {
  k->client = c;
  k->call = call;
  k->next = c->keepers;
  if (k->next != NULL)
    k->next->previous = k;
  c->keepers = k;
}

/* Takes the keeper's call, which it has. */
static struct trk_call *take(struct trk_keeper *k) {
  struct trk_call *call = k->call;
  k->call = NULL;
  if (k->previous != NULL)
    k->previous->next = k->next;
  else
    k->client->keepers = k->next;
  if (k->next != NULL)
    k->next->previous = k->previous;
  return call;
}

static int keeper_gc(lua_State *L) {
  struct trk_keeper *k = luaL_checkudata(L, 1, KEEPER_T);
  if (k->call != NULL && k->lent == 0)
    trk_call_free(take(k));
  return 0;
}

/* Gives the call of the job at index to a keeper. */
static void entrust(lua_State *L, struct trk_job *job, int index) {
  static const luaL_Reg meta[] = {{"__gc", keeper_gc}, {NULL, NULL}};
  struct trk_keeper *k;
  int top = lua_gettop(L);
  k = lua_newuserdata(L, sizeof *k);
  memset(k, 0, sizeof *k);
  trk_kit_push_metatable(L, KEEPER_T, meta, NULL);
  lua_setmetatable(L, -2);
  if (job->call != NULL) { /* no finalizer was here before */
    set_own(L, index, OWN_KEEPER);
    give(k, job->client, job->call);
    job->keeper = k;
    job->call = NULL;
  }
  lua_settop(L, top);
}

/* Takes the job from the list, and from its context. */
static void release(lua_State *L, int context, struct trk_job *job) {
  if (!job->listed)
    return;
  unlist(job);
  let_go(L, context, job);
}

/* Whoever asks for the job at index need not be told of it by poll. 0: it was
 * asked for before, or by a finalizer meanwhile. */
static int seen(lua_State *L, int context, struct trk_job *job, int index) {
  int first;
  if (job->listed && job->in_use == 0)
    entrust(L, job, index);
  first = job->listed && !(job->asked && job->in_use > 0);
  job->asked |= job->listed;
  if (job->in_use == 0)
    release(L, context, job); /* else whose use it is will let it go */
  return first;
}

/* Its results are kept, and all else of it is given back, so that a want of
 * memory before has lost nothing. */
static void spend(lua_State *L, int context, struct trk_job *job) {
  struct trk_call *call = call_of(job);
  job->asked = 1;
  if (job->in_use > 0)
    return;
  if (call != job->call)
    take(job->keeper);
  job->call = NULL;
  trk_call_give_back(job->client, call);
  release(L, context, job);
}

void trk_job_forget_all(struct trk_client *c) {
  while (c->first != NULL) {
    struct trk_job *job = c->first;
    unlist(job);
    trk_call_free(job->call);
    job->call = NULL;
  }
  while (c->keepers != NULL)
    trk_call_free(take(c->keepers));
}

/* ---- results ------------------------------------------------------- */

/* The results that were read before of the job at index; how many. */
static int kept(lua_State *L, const struct trk_job *job, int index) {
  int i;
  for (i = 0; i < job->nresults; i++)
    push_own(L, index, OWN_RESULTS + i);
  return job->nresults;
}

/* Keeps the n results on top for the next who asks. */
static void keep(lua_State *L, struct trk_job *job, int index, int n) {
  int first = lua_gettop(L) - n + 1, i;
  for (i = 0; i < n; i++) {
    lua_pushvalue(L, first + i);
    set_own(L, index, OWN_RESULTS + i);
  }
  job->nresults = n;
}

static void lend(struct trk_job *job, int by) {
  job->in_use += by;
  if (job->keeper != NULL)
    job->keeper->lent += by;
}

/* Pushes the results of the job at index, which has landed, and keeps them.
 * How many; 0: they are gone; -1: an error to raise is on top. Raises nothing
 * itself. Meanwhile a finalizer may ask for the same job: then its results
 * are those that count. */
static int read_results(lua_State *L, int context, struct trk_job *job,
                        int index) {
  struct trk_call *call = call_of(job);
  int n = kept(L, job, index);
  if (n > 0 || call == NULL)
    return n;
  push_own(L, index, OWN_RESULTS);
  lua_pushlightuserdata(L, call);
  lend(job, 1);
  n = trk_call_results(L, context);
  lend(job, -1);
  if (n > 0 && job->nresults > 0)
    return kept(L, job, index);
  if (n > 0)
    keep(L, job, index, n);
  return n;
}

/* ---- landing ------------------------------------------------------- */

/* The call is done. Takes no memory and calls no Lua. */
static void land(struct trk_job *job) {
  job->place = LANDED;
  job->client->flying--;
  list(job);
}

void trk_job_land_all(struct trk_call *calls) {
  struct trk_call *next;
  for (; calls != NULL; calls = next) {
    next = calls->next;
    if (calls->host != calls)
      land(calls->host);
    else /* a blocking call's that never returns */
      trk_call_free(calls);
  }
}

/* Pushes a job that its context holds. */
static void push_held(lua_State *L, int context, const struct trk_job *job) {
  lua_rawgeti(L, context, TRK_CONTEXT_JOBS);
  lua_pushlightuserdata(L, (void *)job);
  lua_rawget(L, -2);
  lua_remove(L, -2);
}

/* What the reply says counts for the last event, so it is read before.
 * on_attempt may ask for the job it is told of, drop it and collect, or try to
 * close the client: the job stays on the stack, its call and the client stay
 * as they are. Raises what a debug hook raises. */
static void tell(lua_State *L, int context, struct trk_job *job) {
  struct trk_client *c = job->client;
  int raised, top = lua_gettop(L);
  push_held(L, context, job);
  lend(job, 1);
  raised = read_results(L, context, job, top + 1) < 0;
  if (!raised) {
    lua_settop(L, top + 1);
    lua_pushlightuserdata(L, call_of(job));
    c->busy++;
    raised = trk_call_tell(L, context, top + 2);
    c->busy--;
  }
  lend(job, -1);
  if (job->asked && job->nresults > 0)
    spend(L, context, job);
  if (raised)
    lua_error(L);
  lua_settop(L, top);
}

/* Lands a call that the worker gave back. Raises what a debug hook raises. */
static void receive(lua_State *L, int context, struct trk_call *call) {
  struct trk_job *job = call->host;
  if (call->host == call)
    return; /* a blocking call's, which a debug hook took: it sees for itself */
  land(job);
  if (call->events != NULL)
    tell(L, context, job);
}

/* Whether the job's worker may be asked: it is the client's still, and runs in
 * this process. */
static int is_here(const struct trk_job *job) {
  const struct trk_client *c = job->client;
  return job->worker == c->worker && !trk_client_inherited(c) &&
         !trk_worker_ended(c->worker);
}

/* Lands the job if it is done. The others stay with the worker until somebody
 * asks: its descriptor is to tell of them. */
static void look(lua_State *L, int context, struct trk_job *job) {
  struct trk_client *c = job->client;
  if (job->place != FLYING || !is_here(job) ||
      !trk_worker_finished(c->worker, job->call))
    return;
  trk_worker_wait_for(c->worker, job->call, 0); /* takes it out */
  receive(L, context, job->call);
}

/* ---- a job's methods ----------------------------------------------- */

/* The job at index 1, with its context pushed as index 2; landed, if it is
 * done. */
static struct trk_job *check_job(lua_State *L) {
  struct trk_job *job = luaL_checkudata(L, 1, JOB_T);
  lua_settop(L, 1);
  trk_checkstack(L, 24, "job");
  push_own(L, 1, OWN_CONTEXT);
  look(L, 2, job);
  return job;
}

static int job_done(lua_State *L) {
  struct trk_job *job = check_job(L);
  seen(L, 2, job, 1);
  lua_pushboolean(L, job->place == LANDED);
  return 1;
}

static int job_cancel(lua_State *L) {
  struct trk_job *job = check_job(L);
  struct trk_client *c = job->client;
  if (job->place == FLYING && is_here(job))
    trk_worker_cancel(c->worker, job->call);
  return 0;
}

/* nil and an error: there are no results, and why. */
static int none(lua_State *L, const struct trk_job *job) {
  const char *kind = "config", *why;
  if (job->place == LANDED)
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

static int results(lua_State *L, struct trk_job *job) {
  int n = 0;
  if (job->place == LANDED) {
    job->asked = 1;
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
  struct trk_job *job = check_job(L);
  return results(L, job);
}

static int64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* When a wait of the seconds at index 2 is over, rounded up: none but 0 ends
 * early. None given: never. */
static int64_t wait_end(lua_State *L) {
  lua_Number seconds = luaL_optnumber(L, 2, 1e9);
  if (!(seconds >= 0))
    luaL_argerror(L, 2, "seconds must not be negative");
  if (seconds >= 1e9)
    return INT64_MAX;
  return now_ms() + (seconds > 0 ? (int64_t)(seconds * 1000) + 2 : 0);
}

static int job_wait(lua_State *L) {
  int64_t end = wait_end(L), left;
  struct trk_job *job = check_job(L);
  struct trk_client *c = job->client;
  while (job->place == FLYING && is_here(job)) {
    left = end - now_ms();
    if (left <= 0)
      break;
    if (trk_worker_wait_for(c->worker, job->call,
                            left < TRK_SLICE_MS ? (int)left : TRK_SLICE_MS))
      receive(L, 2, job->call);
    else if (lua_gethook(L) != NULL && trk_call_tick(L, 2))
      return lua_error(L);
  }
  return results(L, job);
}

static int job_tostring(lua_State *L) {
  const struct trk_job *job = luaL_checkudata(L, 1, JOB_T);
  lua_pushliteral(L, "trunking.job(");
  trk_reply_push_name(L, job->operation);
  lua_pushstring(L, job->place == LANDED ? ", done)" : ", in flight)");
  lua_concat(L, 3);
  return 1;
}

/* ---- making a job --------------------------------------------------- */

static void push_metatable(lua_State *L) {
  static const luaL_Reg methods[] = {{"done", job_done},
                                     {"wait", job_wait},
                                     {"result", job_result},
                                     {"cancel", job_cancel},
                                     {NULL, NULL}};
  static const luaL_Reg meta[] = {{"__tostring", job_tostring}, {NULL, NULL}};
  trk_kit_push_metatable(L, JOB_T, meta, methods);
}

/* Pushes a job with a draft. */
static struct trk_job *push_job(lua_State *L, struct trk_client *c,
                                const struct trk_operation *op) {
  struct trk_job *job = lua_newuserdata(L, sizeof *job);
  memset(job, 0, sizeof *job);
  job->client = c;
  job->operation = op;
  push_metatable(L);
  lua_setmetatable(L, -2);
  lua_createtable(L, OWN_SIZE, 0);
  lua_pushvalue(L, TRK_UP_CONTEXT);
  lua_rawseti(L, -2, OWN_CONTEXT);
  trk_setuservalue(L, -2);
  job->call = trk_call_draft(L, c);
  return job;
}

static int follow(lua_State *L);

/* Sends the job on top off. Nothing fails past hold, in which a finalizer may
 * close the client. */
static int launch(lua_State *L, struct trk_client *c, struct trk_job *job) {
  int index = lua_gettop(L);
  trk_call_foresee(L, TRK_UP_CONTEXT, job->call, follow);
  lua_pop(L, 1); /* the address */
  set_own(L, index, OWN_RESULTS);
  hold(L, TRK_UP_CONTEXT, job, index);
  if (c->worker == NULL) {
    let_go(L, TRK_UP_CONTEXT, job);
    return trk_call_give_up(
        c, job->call, trk_call_not_begun(L, TRK_UP_KIT, job->operation,
                                         "config", "the client is closed"));
  }
  trk_call_undraft(c, job->call);
  job->call->host = job;
  job->worker = c->worker;
  job->place = FLYING;
  c->flying++;
  trk_worker_submit(c->worker, job->call);
  return 1;
}

/* Makes all ready that a job needs. 0, or how many results say why not. */
static int prepare(lua_State *L, struct trk_client *c,
                   const struct trk_operation *op) {
  const char *why;
  int n = trk_call_prepare(L, c, op);
  if (n > 0)
    return n;
  why = trk_client_need_worker(c);
  return why == NULL
             ? 0
             : trk_call_not_begun(L, TRK_UP_KIT, op, "config", why);
}

int trk_job_start(lua_State *L) {
  struct trk_client *c = lua_touserdata(L, TRK_UP_CLIENT);
  const struct trk_operation *op = lua_touserdata(L, TRK_UP_OPERATION);
  int params = trk_call_arguments(L, op);
  int n = prepare(L, c, op);
  struct trk_job *job;
  if (n > 0)
    return n;
  job = push_job(L, c, op);
  n = trk_call_fill(L, c, op, params, job->call);
  return n > 0 ? trk_call_give_up(c, job->call, n) : launch(L, c, job);
}

/* follow(query): a job for another page of a list. */
static int follow(lua_State *L) {
  struct trk_client *c = lua_touserdata(L, TRK_UP_CLIENT);
  const struct trk_operation *op = lua_touserdata(L, TRK_UP_OPERATION);
  struct trk_job *job;
  int n;
  luaL_checkstring(L, 1);
  lua_settop(L, 1);
  n = prepare(L, c, op);
  if (n > 0)
    return n;
  job = push_job(L, c, op);
  trk_call_fill_query(L, c, op, job->call);
  return launch(L, c, job);
}

int trk_job_pause(lua_State *L) {
  struct trk_client *c = lua_touserdata(L, TRK_UP_CLIENT);
  struct trk_job *job;
  int n;
  luaL_checknumber(L, 1);
  lua_settop(L, 1);
  n = prepare(L, c, &trk_pause);
  if (n > 0)
    return n;
  job = push_job(L, c, &trk_pause);
  trk_call_fill_pause(L, c, job->call);
  return launch(L, c, job);
}

/* ---- a client's jobs ------------------------------------------------ */

/* Whether the client's worker may be asked. */
static int at_work(const struct trk_client *c) {
  return c->worker != NULL && !trk_client_inherited(c);
}

/* The first job of the list that nobody has asked for: one that was may still
 * be in use. */
static struct trk_job *first_done(const struct trk_client *c) {
  struct trk_job *job = c->first;
  while (job != NULL && job->asked && job->in_use > 0)
    job = job->next;
  return job;
}

/* The same, once what is done has landed if there was none. */
static struct trk_job *next_done(lua_State *L, struct trk_client *c) {
  struct trk_job *job;
  struct trk_call *call;
  while ((job = first_done(c)) == NULL && at_work(c) &&
         (call = trk_worker_take(c->worker)) != NULL)
    receive(L, TRK_UP_CONTEXT, call);
  return job;
}

int trk_job_poll(lua_State *L) {
  struct trk_client *c = lua_touserdata(L, TRK_UP_CLIENT);
  struct trk_job *job;
  trk_checkstack(L, 24, "poll");
  while ((job = next_done(L, c)) != NULL) {
    push_held(L, TRK_UP_CONTEXT, job);
    if (seen(L, TRK_UP_CONTEXT, job, lua_gettop(L)))
      return 1;
    lua_pop(L, 1);
  }
  return 0;
}

int trk_job_fd(lua_State *L) {
  static const struct trk_operation op = {"", "fd", TRK_GET, 0, "", NULL, 0,
                                          TRK_NOTHING, ""};
  struct trk_client *c = lua_touserdata(L, TRK_UP_CLIENT);
  int fd, n = prepare(L, c, &op);
  if (n > 0)
    return n;
  fd = trk_worker_fd(c->worker);
  if (fd < 0)
    return trk_call_not_begun(L, TRK_UP_KIT, &op, "config",
                              "no file descriptor is left");
  lua_pushinteger(L, fd);
  return 1;
}

int trk_job_in_flight(lua_State *L) {
  struct trk_client *c = lua_touserdata(L, TRK_UP_CLIENT);
  unsigned done = at_work(c) ? trk_worker_count(c->worker) : 0;
  lua_pushinteger(L, (lua_Integer)(c->flying > done ? c->flying - done : 0));
  return 1;
}
