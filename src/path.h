/* SPDX-License-Identifier: MIT
 * path: turns the arguments of an operation into its path. Each must be a SID:
 * nothing that a caller passes (an empty text, dots, slashes) can make it
 * another operation's path. It knows no server.
 */
#ifndef TRK_PATH_H
#define TRK_PATH_H

#include "form.h"

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* How many arguments the path of op takes. */
int trk_path_arguments(const struct trk_operation *op);

/* Writes the path of the exchange's operation, and keeps the SIDs in it. Its
 * arguments, SIDs or tables that have one, are taken from index on. Pushes and
 * raises as trk_form_encode does. */
enum trk_form_rc trk_path_build(lua_State *L, int index,
                                struct trk_exchange *x);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
