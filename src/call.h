/* SPDX-License-Identifier: MIT
 * call: from the arguments of a Lua function to its results, in one way for
 * all of them: the arguments are read, the client is made ready, an exchange
 * is filled, and it is carried out: here and now, or as a job (job.h). It knows
 * no libcurl, and not how an exchange is judged.
 */
#ifndef TRK_CALL_H
#define TRK_CALL_H

#include "client.h"

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

#define TRK_SLICE_MS 100 /* how late a Ctrl-C is seen at most */

/* ---- Lua functions, with the upvalues of client.h ------------------ */

/* operation(sids..., params): what the operation's row says. Returns its
 * result and what is known of the reply (status, request_id, attempts,
 * elapsed in seconds), or nil and an error. A wrong argument type raises at
 * the caller's line.
 * each(sids..., params): an iterator over the records of all pages of a list;
 * the operation is the list. */
int trk_call_operation(lua_State *L);
int trk_call_each(lua_State *L);

/* For lua/trunking alone:
 * follow(operation, trunk_sid, query, seconds): another page of a list.
 * operation is a name like "list" or "phone_numbers.list", trunk_sid nil for
 * trunks. seconds: its timeout, where that is less than the client's.
 * within(operation, seconds, ...): the operation of that name, with that
 * timeout where it is less than the client's.
 * pause(seconds): waits as a call does, and can be interrupted as one. true
 * and a table of what is known then: since, the server's time (seconds since
 * 1970; none when no Date header was ever seen), and account_sid; or nil and
 * an error.
 * asked(operation, params, was_sent): what a call would ask for, checked as it
 * would be, or, when it was sent already, by types alone: a table of fields in
 * the spelling of the replies; or nil and an error.
 * given(): the SIDs of the newest records that creates gave: an array. */
int trk_call_follow(lua_State *L);
int trk_call_within(lua_State *L);
int trk_call_pause(lua_State *L);
int trk_call_asked(lua_State *L);
int trk_call_given(lua_State *L);

/* ---- one way for all ------------------------------------------------ */

/* What is being called. */
struct trk_act {
  struct trk_client *client;
  const struct trk_operation *operation;
  int context, kit; /* stack indices */
  int params;       /* the same; 0: the operation has no fields */
};

/* What a function takes, and what it asks for. */
struct trk_kind {
  /* Checks the arguments and leaves them on the stack and no more. Raises at
   * the caller's line. Returns the index of params, or 0. */
  int (*read)(lua_State *L, const struct trk_operation *op);
  /* Fills an exchange of the operation from them. 0, or how many results say
   * what is wrong. */
  int (*fill)(lua_State *L, const struct trk_act *act, struct trk_exchange *x);
};

extern const struct trk_kind trk_kind_operation;
extern const struct trk_kind trk_kind_follow;
extern const struct trk_kind trk_kind_within;
extern const struct trk_kind trk_kind_pause;

/* How an exchange is carried out. */
struct trk_manner {
  /* NULL, or why the client cannot (static). */
  const char *(*ready)(struct trk_client *c);
  /* Takes the draft. Returns how many results there are. */
  int (*carry_out)(lua_State *L, const struct trk_act *act,
                   struct trk_exchange *x);
};

/* Does it. Returns how many results there are. */
int trk_call(lua_State *L, const struct trk_operation *op,
             const struct trk_kind *kind, const struct trk_manner *manner);

/* The operation that the first argument names. Raises if there is none. */
const struct trk_operation *trk_call_named(lua_State *L);

/* Pushes context and kit of the running function, and makes its client ready.
 * 0, or how many results say why it is not. */
int trk_call_prepare(lua_State *L, const struct trk_manner *manner,
                     struct trk_act *act);

/* Gives up a draft, where there are n results already: n. */
int trk_call_give_up(const struct trk_act *act, struct trk_exchange *x, int n);

/* nil and an error of kind "config", for what was not begun. */
int trk_call_refuse(lua_State *L, const struct trk_act *act, const char *why);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
