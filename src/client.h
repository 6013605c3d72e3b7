/* SPDX-License-Identifier: MIT
 * client: what Lua holds: a table of functions, one for each row of the API's
 * table and one more under async, around a userdata that owns an engine, and
 * from the first async call on a thread that runs it. Laws L6 and L9 live
 * here: the userdata owns from birth, one closer is behind every way to close,
 * and no L is kept.
 */
#ifndef TRK_CLIENT_H
#define TRK_CLIENT_H

#include "worker.h"

#include <lua.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

enum trk_client_state { TRK_FRESH, TRK_OPEN, TRK_CLOSED };

struct trk_job;
struct trk_keeper;

/* A host's socket (bell.h): descriptors, or -1. */
struct trk_bell {
  int listener;
  int connection;
  pid_t pid;      /* of the listener's maker */
  char path[sizeof ((struct sockaddr_un *)0)->sun_path]; /* the listener's */
};

struct trk_client {
  enum trk_client_state state;
  int lasting;               /* closed for good, or fresh again? */
  struct trk_engine *engine; /* when open; its worker's if there is one */
  struct trk_worker *worker; /* from the first async call on, or NULL */
  struct trk_call *spares;   /* for the next calls, by next */
  int nspares;
  struct trk_call *drafts;   /* calls that are being filled, by next */
  int busy;                  /* calls of this client on the C stack */
  int validate;
  int watch;        /* on_attempt is given */
  unsigned flying;  /* jobs that have not landed */
  struct trk_bell bell;
  struct trk_job *first, *last; /* jobs that are done, for poll */
  struct trk_keeper *keepers;   /* of calls of jobs that were let go unread */
  char account[36]; /* account SID; "" when not known */
  char label[16];   /* for tostring: AC...1234 */
};

/* Upvalues of every function that calls. */
#define TRK_UP_CLIENT lua_upvalueindex(1)
#define TRK_UP_OPERATION lua_upvalueindex(2)
#define TRK_UP_KIT lua_upvalueindex(3)
#define TRK_UP_CONTEXT lua_upvalueindex(4)
#define TRK_UP_PATH lua_upvalueindex(5) /* of a function that follows */

/* A client's context: a Lua array that its userdata and functions share. */
enum {
  TRK_CONTEXT_CLIENT = 1, /* the userdata */
  TRK_CONTEXT_KIT,
  TRK_CONTEXT_RESOLVE, /* of the default client, or nil */
  TRK_CONTEXT_HOOK,    /* on_attempt, or nil */
  TRK_CONTEXT_ORIGIN,  /* "https://host[:port]" */
  TRK_CONTEXT_JOBS     /* light userdata -> job: those that must not go */
};

/* Makes a client ready for a call: opens the default one, refuses a closed
 * one and one of another process. context is an index. NULL, or what to say
 * (static); or "" with nil, err pushed. */
const char *trk_client_ready(lua_State *L, struct trk_client *c,
                             int context);

/* Whether it was used in a parent of this process; or is closed, which a child
 * may do to its copy. */
int trk_client_inherited(const struct trk_client *c);

/* Starts the thread, unless it runs. NULL, or why it can't be (static). */
const char *trk_client_need_worker(struct trk_client *c);

/* Lua functions with the kit (kit.h) as their first upvalue. What they give
 * is followed by three functions, pause, form and a pause that is a job, for
 * lua/trunking alone: see call.h and job.h.
 * new(options): a client; options as trunking.config has checked them.
 * default(resolve, index): a client that calls resolve at its first call, and
 * takes the options it returns, or passes on its nil, err; index is its
 * __index. */
int trk_client_new(lua_State *L);
int trk_client_default(lua_State *L);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
