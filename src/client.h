/* SPDX-License-Identifier: MIT
 * client: owns all that a client has: an engine, a worker once there are
 * jobs, its exchanges, its jobs and its bell; opens and closes them (laws L6,
 * L9).
 * It knows no function that calls, and keeps no L.
 *
 * For Lua a client is one userdata. The userdata has one table of its own,
 * the context, and every function of a client has two upvalues: the userdata,
 * and the operation.
 */
#ifndef TRK_CLIENT_H
#define TRK_CLIENT_H

#include "bell.h"
#include "given.h"
#include "jobs.h"
#include "known.h"
#include "worker.h"

#include <lua.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

enum trk_client_state { TRK_FRESH, TRK_OPEN, TRK_CLOSED };

struct trk_client {
  enum trk_client_state state;
  int is_default;              /* after a close it is fresh again */
  struct trk_engine *engine;   /* when open; its worker's if there is one */
  struct trk_worker *worker;   /* from the first job on, or NULL */
  struct trk_exchange *spares; /* for the next calls, by next */
  int nspares;
  struct trk_exchange *drafts; /* that are being filled, by next */
  int called;                  /* once, at least */
  int busy;                    /* calls of this client on the C stack */
  int validate;
  int watch; /* on_attempt is given */
  struct trk_jobs jobs;
  struct trk_bell bell;
  struct trk_given given;
  struct trk_known known; /* while open: what its replies have named */
  char account[36];       /* account SID; "" when not known */
  char label[16];         /* for tostring: AC...1234 */
};

/* The upvalues of every function of a client. */
#define TRK_UP_CLIENT lua_upvalueindex(1)    /* the userdata */
#define TRK_UP_OPERATION lua_upvalueindex(2) /* light, or NULL */

/* The client's own table: a Lua array. */
enum {
  TRK_CONTEXT_CLIENT = 1,   /* the userdata */
  TRK_CONTEXT_KIT,          /* see kit.h */
  TRK_CONTEXT_RESOLVE,      /* of the default client: gives its options */
  TRK_CONTEXT_HOOK,         /* on_attempt, or nil */
  TRK_CONTEXT_ORIGIN,       /* "https://host[:port]" */
  TRK_CONTEXT_JOBS,         /* light userdata -> a job that must not go */
  TRK_CONTEXT_FOLLOW,       /* goes to another page of a list, */
  TRK_CONTEXT_FOLLOW_ASYNC, /* and the same as a job: see call.h, job.h */
  TRK_CONTEXT_SIZE = TRK_CONTEXT_FOLLOW_ASYNC
};

/* Why a client cannot call. */
enum trk_unready {
  TRK_READY,
  TRK_UNREADY,         /* *why says why (static) */
  TRK_UNREADY_RESOLVED /* nil and an error are on the stack */
};

/* Pushes a client's userdata and its context, whose kit is at an index. One
 * that is the default client opens at its first call. */
struct trk_client *trk_client_push(lua_State *L, int kit, int is_default);

/* Opens a client, whose context is at an index, with the options at another,
 * as trunking.config has checked them. May raise. */
void trk_client_open(lua_State *L, struct trk_client *c, int context,
                     int options);

/* Makes a client ready for a call: opens the default one, refuses a closed
 * one and one of another process. */
enum trk_unready trk_client_ready(lua_State *L, struct trk_client *c,
                                  int context, const char **why);

/* Starts the thread, unless it runs. NULL, or why it cannot be (static). */
const char *trk_client_need_worker(struct trk_client *c);

/* Whether it was used in a parent of this process; or is closed, which a child
 * may do to its copy. */
int trk_client_inherited(const struct trk_client *c);

/* An exchange to fill, a spare one or a new one. It is one of its client's
 * drafts until undraft takes it, whatever raises meanwhile: a finalizer may
 * run wherever Lua takes memory, and call or close. Raises when there is no
 * memory. */
struct trk_exchange *trk_client_draft(lua_State *L, struct trk_client *c);
void trk_client_undraft(struct trk_client *c, struct trk_exchange *x);

/* Keeps an exchange that is not needed any more for the next call, or frees
 * it. NULL is allowed. */
void trk_client_give_back(struct trk_client *c, struct trk_exchange *x);

/* A reply was not to be believed: nothing is sent on a connection that is open
 * now. A client that is closed has none. */
void trk_client_distrust(struct trk_client *c);

/* Lua functions with the upvalues above.
 * close(): ends what is in flight. Raises during the client's own call.
 * bell_listen(path): see bell.h; true, or nil and a text.
 * bell_accept(): the same; from then on the host can read a byte whenever
 * there come to be jobs for poll.
 * bell_stop(): ends both; the host then reads the end of the file. */
int trk_client_close(lua_State *L);
int trk_client_tostring(lua_State *L);
int trk_client_bell_listen(lua_State *L);
int trk_client_bell_accept(lua_State *L);
int trk_client_bell_stop(lua_State *L);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
