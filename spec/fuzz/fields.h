/* SPDX-License-Identifier: MIT
 * fields: what a field of the API takes, said once more in other words than
 * src/check.c: by POSIX regular expressions and the C library's own reading of
 * UTF-8.
 */
#ifndef FIELDS_H
#define FIELDS_H

#include "api.h"

/* Whether the field takes this text, which holds no NUL and is not empty. */
int fields_take_text(const struct trk_field *f, const char *text);

/* Whether a text of this length is a SID. */
int fields_is_sid(const char *text, size_t len, const char *prefix);

/* The field of either spelling, from 0; -1: there is none. */
int fields_find(const struct trk_operation *op, const char *key);

/* Whether a SID is all that the operation takes. */
int fields_are_one_sid(const struct trk_operation *op);

#endif
