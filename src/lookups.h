/* SPDX-License-Identifier: MIT
 * lookups: how many look-ups of names were given up, but still run. The system
 * cannot stop one, and each has a thread of libcurl's. It counts them for the
 * whole process, for they outlive their client. It starts none. Plain C.
 */
#ifndef TRK_LOOKUPS_H
#define TRK_LOOKUPS_H

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* Notes a look-up of owner's that is given up now. It counts for as long as
 * the system's resolver may still run it. */
void trk_lookups_leave(const void *owner);

/* They count for the process alone from now on: owner ends. */
void trk_lookups_disown(const void *owner);

/* Whether owner may start another: not while as many as calls (at least 20, at
 * most 128) of its own still run, or 256 of the process. */
int trk_lookups_may(const void *owner, unsigned calls);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
