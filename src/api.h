/* SPDX-License-Identifier: MIT
 * api: Twilio's Trunking API as data (law L11): resources, operations, fields
 * and enums, from Twilio's own OpenAPI description (trunking v1). Everything
 * that checks, encodes, names or documents the API walks these tables, so a
 * new field is one line in api.c. It includes nothing of ours.
 */
#ifndef TRK_API_H
#define TRK_API_H

#include <stddef.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

enum trk_method { TRK_GET, TRK_POST, TRK_DELETE };

enum trk_type {
  TRK_TEXT,    /* UTF-8; max: characters */
  TRK_BOOLEAN, /* true or false */
  TRK_ENUM,    /* one of words */
  TRK_DOMAIN,  /* letters, digits and '-', ends with pstn.twilio.com */
  TRK_URL      /* http:// or https:// */
};

struct trk_enum {
  const char *name;         /* as Lua sees it: trunking.<name> */
  const char *const *words; /* what goes over the wire, NULL at the end */
};

struct trk_field {
  const char *name; /* in Lua and in replies: friendly_name */
  const char *form; /* in the form: FriendlyName */
  enum trk_type type;
  long max;                     /* TRK_TEXT: characters; 0: no limit */
  const struct trk_enum *words; /* TRK_ENUM */
  const char *help;             /* one line for the reference */
};

struct trk_operation {
  const char *resource; /* "" for trunks: functions of the client itself */
  const char *name;     /* create, ... */
  enum trk_method method;
  long status;      /* the reply that means "done" */
  const char *path; /* under the origin */
  const struct trk_field *fields;
  size_t nfields;         /* at most TRK_MAX_FIELDS */
  const char *sid_prefix; /* of the record in the reply: "TK" */
};

#define TRK_MAX_FIELDS 16

extern const struct trk_enum trk_enums[];           /* ends with name NULL */
extern const struct trk_operation trk_operations[]; /* ends with name NULL */

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
