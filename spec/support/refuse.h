/* SPDX-License-Identifier: MIT
 * refuse: see refuse.c.
 */
#ifndef REFUSE_H
#define REFUSE_H

/* From now on the nth call by this thread of the function of this name is
 * refused, once; of NULL: none. Whether the one before has been. */
int refuse(const char *name, int nth);

/* What to do once, before this thread takes its next lock. */
void before_lock(void (*f)(void));

#endif
