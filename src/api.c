/* SPDX-License-Identifier: MIT
 * api: the tables of api.h. Source: Twilio's OpenAPI description of
 * trunking v1, and the Trunk resource's page, which lists the six methods of
 * disaster_recovery_method where the description lists two.
 */
#include "api.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *const transfer_modes[] = {"disable-all", "enable-all",
                                             "sip-only", NULL};
static const char *const transfer_caller_ids[] = {"from-transferee",
                                                  "from-transferor", NULL};
static const char *const http_methods[] = {"HEAD",  "GET", "POST",
                                           "PATCH", "PUT", "DELETE",
                                           NULL};

enum { TRANSFER_MODE, TRANSFER_CALLER_ID, HTTP_METHOD };

const struct trk_enum trk_enums[] = {
    [TRANSFER_MODE] = {"transfer_mode", transfer_modes},
    [TRANSFER_CALLER_ID] = {"transfer_caller_id", transfer_caller_ids},
    [HTTP_METHOD] = {"http_method", http_methods},
    {NULL, NULL},
};

#define CHOICE(e) TRK_ENUM, 0, &trk_enums[e]

static const struct trk_field trunk_fields[] = {
    {"friendly_name", "FriendlyName", TRK_TEXT, 64, NULL,
     "what you call it"},
    {"domain_name", "DomainName", TRK_DOMAIN, 0, NULL,
     "where you send SIP traffic; unique across all of Twilio"},
    {"disaster_recovery_url", "DisasterRecoveryUrl", TRK_URL, 0, NULL,
     "asked for TwiML when no origination URL answers"},
    {"disaster_recovery_method", "DisasterRecoveryMethod",
     CHOICE(HTTP_METHOD), "how that URL is asked"},
    {"transfer_mode", "TransferMode", CHOICE(TRANSFER_MODE),
     "which call transfers are allowed"},
    {"transfer_caller_id", "TransferCallerId", CHOICE(TRANSFER_CALLER_ID),
     "whose number a transfer's target sees"},
    {"secure", "Secure", TRK_BOOLEAN, 0, NULL,
     "SRTP for media and TLS for signalling, always"},
    {"cnam_lookup_enabled", "CnamLookupEnabled", TRK_BOOLEAN, 0, NULL,
     "look up the caller's name for calls from the US and Canada"},
};

const struct trk_operation trk_operations[] = {
    {"", "create", TRK_POST, 201, "/v1/Trunks", trunk_fields,
     COUNT(trunk_fields), "TK"},
    {NULL, NULL, TRK_GET, 0, NULL, NULL, 0, NULL},
};
