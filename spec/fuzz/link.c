/* SPDX-License-Identifier: MIT
 * link: see link.h.
 */
#include "link.h"

#include <curl/curl.h>

#include <regex.h>
#include <string.h>
#include <strings.h>

#define TWILIO "^trunking(\\.[a-z0-9-]+){0,2}\\.twilio\\.com$"

/* A part of a URL; NULL: it has none. To be freed. */
static char *part(CURLU *url, CURLUPart which) {
  char *got = NULL;
  if (curl_url_get(url, which, &got, CURLU_DEFAULT_PORT) != CURLUE_OK)
    return NULL;
  return got;
}

/* Whether a part is this text, whatever its case; NULL: absent. */
static int part_is(CURLU *url, CURLUPart which, const char *text) {
  char *got = part(url, which);
  int is = got == NULL || text == NULL ? got == text
                                       : strcasecmp(got, text) == 0;
  curl_free(got);
  return is;
}

static int same_part(CURLU *a, CURLU *b, CURLUPart which) {
  char *got = part(a, which);
  int same = part_is(b, which, got);
  curl_free(got);
  return same;
}

/* The scheme is never taken over, so either will do, with the port that is
 * either's own. */
static int is_web(CURLU *url) {
  return part_is(url, CURLUPART_SCHEME, "https") ||
         part_is(url, CURLUPART_SCHEME, "http");
}

static int has_usual_port(CURLU *url) {
  return part_is(url, CURLUPART_PORT, "443") ||
         part_is(url, CURLUPART_PORT, "80");
}

static int is_twilio(CURLU *url) {
  regex_t re;
  char *host = part(url, CURLUPART_HOST);
  int is = host != NULL && has_usual_port(url) &&
           regcomp(&re, TWILIO, REG_EXTENDED | REG_ICASE | REG_NOSUB) == 0;
  if (is) {
    is = regexec(&re, host, 0, NULL, 0) == 0;
    regfree(&re);
  }
  curl_free(host);
  return is;
}

/* The link as it stands on the page. */
static int leads_back(CURLU *page, CURLU *url, const char *link,
                      const char *path, const char *query) {
  char *got;
  int same;
  if (curl_url_set(url, CURLUPART_URL, link, CURLU_PATH_AS_IS) != CURLUE_OK)
    return 0;
  got = part(url, CURLUPART_QUERY);
  same = got != NULL && strcmp(got, query) == 0;
  curl_free(got);
  return same && part_is(url, CURLUPART_PATH, path) &&
         part_is(url, CURLUPART_USER, NULL) &&
         part_is(url, CURLUPART_PASSWORD, NULL) &&
         part_is(url, CURLUPART_FRAGMENT, NULL) && is_web(url) &&
         (is_twilio(url) || (same_part(page, url, CURLUPART_HOST) &&
                             (same_part(page, url, CURLUPART_PORT) ||
                              (has_usual_port(page) && has_usual_port(url)))));
}

int link_leads_back(const char *link, const char *origin, const char *path,
                    const char *query) {
  CURLU *page = curl_url(), *url = NULL;
  int does = 0;
  if (page != NULL &&
      curl_url_set(page, CURLUPART_URL, origin, 0) == CURLUE_OK &&
      curl_url_set(page, CURLUPART_PATH, path, 0) == CURLUE_OK)
    url = curl_url_dup(page);
  if (url != NULL)
    does = leads_back(page, url, link, path, query);
  curl_url_cleanup(url);
  curl_url_cleanup(page);
  return does;
}
