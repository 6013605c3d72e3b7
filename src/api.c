/* SPDX-License-Identifier: MIT
 * api: the tables of api.h. Source: Twilio's OpenAPI description of
 * trunking v1, and the Trunk resource's page, which lists the six methods of
 * disaster_recovery_method where the description lists two. A field is one
 * line, and so is an operation.
 */
#include "api.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- enums -------------------------------------------------------- */

static const char *const transfer_modes[] = {"disable-all", "enable-all",
                                             "sip-only", NULL};
static const char *const transfer_caller_ids[] = {"from-transferee",
                                                  "from-transferor", NULL};
static const char *const http_methods[] = {"HEAD", "GET",    "POST", "PATCH",
                                           "PUT",  "DELETE", NULL};
static const char *const recording_modes[] = {
    "do-not-record",           "record-from-ringing",
    "record-from-answer",      "record-from-ringing-dual",
    "record-from-answer-dual", NULL};
static const char *const recording_trims[] = {"trim-silence", "do-not-trim",
                                              NULL};
static const char *const address_requirements[] = {"none", "any", "local",
                                                   "foreign", NULL};

enum {
  TRANSFER_MODE,
  TRANSFER_CALLER_ID,
  HTTP_METHOD,
  RECORDING_MODE,
  RECORDING_TRIM,
  ADDRESS_REQUIREMENT /* of a phone number: only ever read */
};

const struct trk_enum trk_enums[] = {
    [TRANSFER_MODE] = {"transfer_mode", transfer_modes},
    [TRANSFER_CALLER_ID] = {"transfer_caller_id", transfer_caller_ids},
    [HTTP_METHOD] = {"http_method", http_methods},
    [RECORDING_MODE] = {"recording_mode", recording_modes},
    [RECORDING_TRIM] = {"recording_trim", recording_trims},
    [ADDRESS_REQUIREMENT] = {"address_requirement", address_requirements},
    {NULL, NULL},
};

/* ---- fields ------------------------------------------------------- */

#define TEXT(max) TRK_TEXT, 0, max, NULL, NULL
#define BOOLEAN TRK_BOOLEAN, 0, 0, NULL, NULL
#define CHOICE(e) TRK_ENUM, 0, 0, &trk_enums[e], NULL
#define INTEGER(min, max) TRK_INTEGER, min, max, NULL, NULL
#define SID(prefix) TRK_SID, 0, 0, NULL, prefix
#define PLAIN(type) type, 0, 0, NULL, NULL
#define OPTIONAL 0, NULL
#define PRESET(word) 0, word
#define REQUIRED 1, NULL

static const struct trk_field trunk_fields[] = {
    {"friendly_name", "FriendlyName", TEXT(64), OPTIONAL, "what you call it"},
    {"domain_name", "DomainName", PLAIN(TRK_DOMAIN), OPTIONAL,
     "where you send SIP traffic; unique across all of Twilio"},
    {"disaster_recovery_url", "DisasterRecoveryUrl", PLAIN(TRK_URL), OPTIONAL,
     "asked for TwiML when no origination URL answers"},
    {"disaster_recovery_method", "DisasterRecoveryMethod", CHOICE(HTTP_METHOD),
     OPTIONAL, "how that URL is asked"},
    {"transfer_mode", "TransferMode", CHOICE(TRANSFER_MODE),
     PRESET("disable-all"), "which call transfers are allowed"},
    {"transfer_caller_id", "TransferCallerId", CHOICE(TRANSFER_CALLER_ID),
     PRESET("from-transferee"), "whose number a transfer's target sees"},
    {"secure", "Secure", BOOLEAN, PRESET("false"),
     "SRTP for media and TLS for signalling, always"},
    {"cnam_lookup_enabled", "CnamLookupEnabled", BOOLEAN, PRESET("false"),
     "look up the caller's name for calls from the US and Canada"},
};

static const struct trk_field origination_url_fields[] = {
    {"sip_url", "SipUrl", PLAIN(TRK_SIP_URL), REQUIRED,
     "where calls to your numbers go"},
    {"friendly_name", "FriendlyName", TEXT(64), REQUIRED, "what you call it"},
    {"priority", "Priority", INTEGER(0, 65535), REQUIRED,
     "the lowest is tried first"},
    {"weight", "Weight", INTEGER(0, 65535), REQUIRED,
     "its share of the calls among those of equal priority"},
    {"enabled", "Enabled", BOOLEAN, REQUIRED, "whether it takes calls"},
};

static const struct trk_field credential_list_fields[] = {
    {"credential_list_sid", "CredentialListSid", SID("CL"), REQUIRED,
     "who may send calls, by user name and password"},
};

static const struct trk_field ip_access_control_list_fields[] = {
    {"ip_access_control_list_sid", "IpAccessControlListSid", SID("AL"),
     REQUIRED, "who may send calls, by IP address"},
};

static const struct trk_field phone_number_fields[] = {
    {"phone_number_sid", "PhoneNumberSid", SID("PN"), REQUIRED,
     "a number of the account; another trunk that has it loses it"},
};

static const struct trk_field recording_fields[] = {
    {"mode", "Mode", CHOICE(RECORDING_MODE), PRESET("do-not-record"),
     "whether calls are recorded, and from when"},
    {"trim", "Trim", CHOICE(RECORDING_TRIM), PRESET("do-not-trim"),
     "whether silence is cut off the recordings"},
};

static const struct trk_field page_fields[] = {
    {"page_size", "PageSize", INTEGER(1, 1000), OPTIONAL, "records on a page"},
    {"page", "Page", INTEGER(0, 2147483647), OPTIONAL,
     "which page, with the token it came with"},
    {"page_token", "PageToken", TEXT(2000), OPTIONAL,
     "where it starts, from the link of another page"},
};

/* ---- operations --------------------------------------------------- */

#define FIELDS(a) a, COUNT(a)
#define NO_FIELDS NULL, 0

/* A row a line. */
/* clang-format off */
#define CREATE(resource, path, fields, prefix) \
  {resource, "create", TRK_POST, 201, path, FIELDS(fields), TRK_RECORD, prefix}
#define FETCH(resource, path, prefix) \
  {resource, "fetch", TRK_GET, 200, path, NO_FIELDS, TRK_RECORD, prefix}
#define UPDATE(resource, path, fields, prefix) \
  {resource, "update", TRK_POST, 200, path, FIELDS(fields), TRK_RECORD, prefix}
#define DELETE(resource, path, prefix) \
  {resource, "delete", TRK_DELETE, 204, path, NO_FIELDS, TRK_NOTHING, prefix}
#define LIST(resource, path, prefix) \
  {resource, "list", TRK_GET, 200, path, FIELDS(page_fields), TRK_PAGE, prefix}
/* clang-format on */

#define TRUNKS "/v1/Trunks"
#define TRUNK TRUNKS "/{TK}"
#define URLS TRUNK "/OriginationUrls"
#define CREDENTIALS TRUNK "/CredentialLists"
#define ADDRESSES TRUNK "/IpAccessControlLists"
#define NUMBERS TRUNK "/PhoneNumbers"
#define RECORDING TRUNK "/Recording"

const struct trk_operation trk_operations[] = {
    CREATE("", TRUNKS, trunk_fields, "TK"),
    FETCH("", TRUNK, "TK"),
    UPDATE("", TRUNK, trunk_fields, "TK"),
    DELETE("", TRUNK, "TK"),
    LIST("", TRUNKS, "TK"),

    CREATE("origination_urls", URLS, origination_url_fields, "OU"),
    FETCH("origination_urls", URLS "/{OU}", "OU"),
    UPDATE("origination_urls", URLS "/{OU}", origination_url_fields, "OU"),
    DELETE("origination_urls", URLS "/{OU}", "OU"),
    LIST("origination_urls", URLS, "OU"),

    CREATE("credential_lists", CREDENTIALS, credential_list_fields, "CL"),
    FETCH("credential_lists", CREDENTIALS "/{CL}", "CL"),
    DELETE("credential_lists", CREDENTIALS "/{CL}", "CL"),
    LIST("credential_lists", CREDENTIALS, "CL"),

    CREATE("ip_access_control_lists", ADDRESSES, ip_access_control_list_fields,
           "AL"),
    FETCH("ip_access_control_lists", ADDRESSES "/{AL}", "AL"),
    DELETE("ip_access_control_lists", ADDRESSES "/{AL}", "AL"),
    LIST("ip_access_control_lists", ADDRESSES, "AL"),

    CREATE("phone_numbers", NUMBERS, phone_number_fields, "PN"),
    FETCH("phone_numbers", NUMBERS "/{PN}", "PN"),
    DELETE("phone_numbers", NUMBERS "/{PN}", "PN"),
    LIST("phone_numbers", NUMBERS, "PN"),

    {"recording", "fetch", TRK_GET, 200, RECORDING, NO_FIELDS, TRK_SETTINGS,
     "mode"},
    {"recording", "update", TRK_POST, 200, RECORDING, FIELDS(recording_fields),
     TRK_SETTINGS, "mode"},

    {NULL, NULL, TRK_GET, 0, NULL, NO_FIELDS, TRK_NOTHING, NULL},
};

const char *trk_method_word(enum trk_method method) {
  static const char *const words[] = {
      [TRK_GET] = "GET", [TRK_POST] = "POST", [TRK_DELETE] = "DELETE"};
  return words[method];
}

int trk_operation_takes_sid(const struct trk_operation *op) {
  return op->nfields == 1 && op->fields[0].type == TRK_SID;
}

int trk_operation_creates(const struct trk_operation *op) {
  return op->status == 201;
}

const struct trk_operation *trk_operation_named(const char *name) {
  const struct trk_operation *op = trk_operations;
  for (; op->name != NULL; op++) {
    size_t len = strlen(op->resource);
    const char *rest = name;
    if (strncmp(name, op->resource, len) != 0)
      continue;
    if (len > 0 && name[len] == '.')
      rest = name + len + 1;
    if (strcmp(rest, op->name) == 0)
      return op;
  }
  return NULL;
}
