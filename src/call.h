/* SPDX-License-Identifier: MIT
 * call: one call from Lua, from its arguments to its results. It joins the
 * rooms: path, form -> engine -> reply; and lets debug hooks and on_attempt
 * run in between. A blocking call runs here; a job (job.h) shares the rest.
 */
#ifndef TRK_CALL_H
#define TRK_CALL_H

#include "client.h"

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

#define TRK_SLICE_MS 100 /* how late a Ctrl-C between two looks is seen */

/* ---- Lua functions, with the upvalues of client.h ------------------ */

/* operation(sids..., params): what the operation's row says. Returns its
 * result and what is known of the reply (status, request_id, attempts,
 * elapsed in seconds), or nil and an error. A wrong argument type raises at
 * the caller's line.
 * each(sids..., params): an iterator over the records of all pages; its
 * upvalue TRK_UP_CLIENT is the operation's closure, the rest as above. */
int trk_call_operation(lua_State *L);
int trk_call_each(lua_State *L);

/* For lua/trunking alone, with the same upvalues; the operation is not used.
 * pause(seconds): waits as a call does, and can be interrupted as one. true
 * and a table of what is known then: since, the server's time (seconds since
 * 1970; none when no Date header was ever seen), and account_sid; or nil and
 * an error.
 * form(operation, params, was_sent): what a call would send, checked as it
 * would be, or, when it was sent already, by types alone: form text; or nil
 * and an error. */
int trk_call_pause(lua_State *L);
int trk_call_form(lua_State *L);

/* ---- for jobs ----------------------------------------------------- */

/* A call to fill, a spare one or a new one. It is its client's until undraft
 * takes it, whatever raises meanwhile. Raises when there is no memory. */
struct trk_call *trk_call_draft(lua_State *L, struct trk_client *c);
void trk_call_undraft(struct trk_client *c, struct trk_call *call);

/* Puts a call that is not needed any more back for the next one. NULL is
 * allowed. */
void trk_call_give_back(struct trk_client *c, struct trk_call *call);

/* The same for a draft, when there are n results already: n. */
int trk_call_give_up(struct trk_client *c, struct trk_call *call, int n);

/* Leaves the arguments of op on the stack and no more, params as a table or
 * a SID. Returns the index of params, or 0. Raises at the caller's line. */
int trk_call_arguments(lua_State *L, const struct trk_operation *op);

/* Makes all ready that a call of the running function needs. 0, or how many
 * results say why not. */
int trk_call_prepare(lua_State *L, struct trk_client *c,
                     const struct trk_operation *op);

/* nil and an error of a kind, for a call that was not begun. */
int trk_call_not_begun(lua_State *L, int kit, const struct trk_operation *op,
                       const char *kind, const char *why);

/* Empties a call and fills it from the arguments. 0, or how many results say
 * what is wrong with them. */
int trk_call_fill(lua_State *L, struct trk_client *c,
                  const struct trk_operation *op, int params,
                  struct trk_call *call);

/* Empties a call and makes it a pause of the seconds at index 1. */
void trk_call_fill_pause(lua_State *L, const struct trk_client *c,
                         struct trk_call *call);

/* The same as trk_call_fill, from the query at index 1 and the upvalue
 * TRK_UP_PATH. */
void trk_call_fill_query(lua_State *L, struct trk_client *c,
                         const struct trk_operation *op,
                         struct trk_call *call);

/* Pushes what trk_call_results will need, for to make it takes memory: what
 * follows the call, nil if it is no page's, and its address, a light userdata.
 * follow is the C function that goes to another page; context is an index. */
void trk_call_foresee(lua_State *L, int context, struct trk_call *call,
                      lua_CFunction follow);

/* With those two on top, and the call done: pushes its results and returns how
 * many (two at most); or -1, with an error to raise on top. Raises nothing
 * itself. */
int trk_call_results(lua_State *L, int context);

/* Lets a debug hook run: lua's Ctrl-C is one. Whether it raised, with its
 * error on top. */
int trk_call_tick(lua_State *L, int context);

/* Tells on_attempt of what is over. address: the index of the call's, a light
 * userdata. Whether a debug hook raised meanwhile, with its error on top. */
int trk_call_tell(lua_State *L, int context, int address);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
