/* SPDX-License-Identifier: MIT
 * json: makes a JSON text cheaper to decode and its table cheaper to tidy:
 * members that are null, which a reply's table is not to have, are cut out of
 * the text, and what else would need a walk over the table is counted. Pure C:
 * it decodes nothing and refuses nothing.
 */
#ifndef TRK_JSON_H
#define TRK_JSON_H

#include <stddef.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* Cuts out, in place, each member "name":null of an object that stands without
 * white space, but for one blank behind its colon and one behind a comma, and
 * returns the text's new length; a NUL follows it, as one must before. *left is
 * how often "null" is left at most, in whatever place. A text that is not valid
 * JSON stays so, unless such a member stands in an array, or begins with the
 * quote that ends a text. Where an object has a name twice, which JSON leaves
 * open, a null may give way to the other. */
size_t trk_json_trim(char *text, size_t len, size_t *left);

/* How many places of a JSON text may hold numbers: members, and arrays of
 * anything but objects and arrays. 0: there are none. A NUL follows the
 * text. */
size_t trk_json_numbers(const char *text, size_t len);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
