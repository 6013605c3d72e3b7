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
  TRK_INTEGER, /* min..max */
  TRK_SID,     /* prefix and 32 hexadecimal digits */
  TRK_DOMAIN,  /* letters, digits and '-', ends with pstn.twilio.com */
  TRK_URL,     /* http:// or https:// */
  TRK_SIP_URL  /* sip:host, with a user, port and parameters if need be */
};

/* What a reply that means "done" must be, to be believed. */
enum trk_shape {
  TRK_RECORD,   /* an object with a SID of its own */
  TRK_SETTINGS, /* an object with a field that it always has */
  TRK_PAGE,     /* records under the key that meta names */
  TRK_NOTHING   /* no body: 204 */
};

struct trk_enum {
  const char *name;         /* as Lua sees it: trunking.<name> */
  const char *const *words; /* what goes over the wire, NULL at the end */
};

struct trk_field {
  const char *name; /* in Lua and in replies: friendly_name */
  const char *form; /* in the form or the query: FriendlyName */
  enum trk_type type;
  long min, max;                /* see enum trk_type */
  const struct trk_enum *words; /* TRK_ENUM */
  const char *prefix;           /* TRK_SID */
  int required;                 /* by a create */
  const char *preset; /* as a form has it, what the API gives to one that was
                         not sent, or is cleared; NULL: null */
  const char *help;   /* one line for the reference */
};

struct trk_operation {
  const char *resource; /* "" for trunks: functions of the client itself */
  const char *name;     /* create, ... */
  enum trk_method method;
  long status;      /* the reply that means "done" */
  const char *path; /* under the origin; {TK}: an argument, a SID with TK */
  const struct trk_field *fields; /* of the form; of a GET: of the query */
  size_t nfields;                 /* at most TRK_MAX_FIELDS */
  enum trk_shape shape;
  const char *proof; /* of records, the prefix of their SIDs: "TK"; of
                        settings, a field that they have */
};

#define TRK_MAX_FIELDS 16

extern const struct trk_enum trk_enums[];           /* ends with name NULL */
extern const struct trk_operation trk_operations[]; /* ends with name NULL */

/* "GET", "POST" or "DELETE". */
const char *trk_method_word(enum trk_method method);

/* Whether it takes nothing but a SID, which may come without a table. */
int trk_operation_takes_sid(const struct trk_operation *op);

/* Whether it makes a record that was not there. */
int trk_operation_creates(const struct trk_operation *op);

/* The operation of a name like "create" or "origination_urls.create"; NULL:
 * there is none. */
const struct trk_operation *trk_operation_named(const char *name);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
