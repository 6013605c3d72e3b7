/* SPDX-License-Identifier: MIT
 * decode: how lua-cjson is loaded and called. A text is decoded alike in
 * whatever locale the host is. A want of memory is told, where lua-cjson
 * would end the process. What lua-cjson refuses although JSON allows it is
 * mended and read. It knows no exchange.
 */
#ifndef TRK_DECODE_H
#define TRK_DECODE_H

#include "buf.h"

#include <lua.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* Pushes the decoder of an instance of lua-cjson that no host can reconfigure.
 * The host's own lua-cjson stays as it is. May raise. */
void trk_decode_open(lua_State *L);

/* Takes the decoder off the stack. Pushes the text as a table and returns 1,
 * or pushes nothing: 0, or -1 when there was no memory to read it. In the
 * table whole numbers are integers, where Lua has them, and JSON's null is an
 * absent key. The text may be changed. May raise: memory. */
int trk_decode(lua_State *L, struct trk_buf *text);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
