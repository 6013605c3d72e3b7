/* SPDX-License-Identifier: MIT
 * results: what a call gives to Lua, and what of Lua runs around it: debug
 * hooks and on_attempt. Once a request is sent nothing here raises of itself:
 * where memory is short, an error made beforehand tells the truth (law L6). It
 * sends nothing.
 */
#ifndef TRK_RESULTS_H
#define TRK_RESULTS_H

#include "client.h"

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* Fills the kit at an index with all that the results of op may need. May
 * raise: it is for before the call. */
void trk_results_prepare(lua_State *L, int kit, const struct trk_operation *op);

/* nil and an error of a kind, for a call that was not begun; the kit is at an
 * index. */
int trk_results_not_begun(lua_State *L, int kit, const struct trk_operation *op,
                          const char *kind, const char *why);

/* Pushes the results of the exchange on top, a light userdata, which is done,
 * and returns how many (two at most); or -1, with an error to raise on top. */
int trk_results_push(lua_State *L, int context);

/* Lets a debug hook run, if there is one: Ctrl-C of lua is one. Whether it
 * raised, with its error on top. */
int trk_results_hook_raises(lua_State *L, int context);

/* Tells on_attempt of the attempts that are over. address: the index of the
 * exchange, a light userdata. Whether a debug hook raised meanwhile, with its
 * error on top. */
int trk_results_tell(lua_State *L, int context, int address);

/* Raises the error on top, with a word on what became of the request. */
int trk_results_raise(lua_State *L, const struct trk_operation *op,
                      enum trk_outcome outcome);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
