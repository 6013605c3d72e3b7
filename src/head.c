/* SPDX-License-Identifier: MIT
 * head: see head.h.
 */
#include "head.h"

#include "text.h"

#include <string.h>

/* Copies the value of "Name: value\r\n" into out, unless it is too long. */
static int header_value(const char *line, size_t len, const char *name,
                        char *out, size_t size) {
  size_t skip = strlen(name), i;
  if (len <= skip || !trk_text_begins(line, len, name))
    return 0;
  while (len > skip && (unsigned char)line[len - 1] <= ' ')
    len--;
  while (skip < len && (line[skip] == ' ' || line[skip] == '\t'))
    skip++;
  if (len - skip >= size)
    return 1;
  for (i = skip; i < len; i++) /* it may end on a terminal */
    if ((unsigned char)(line[i] - ' ') > '~' - ' ')
      return 1;
  memcpy(out, line + skip, len - skip);
  out[len - skip] = '\0';
  return 1;
}

/* "HTTP/1.1 201 Created": a new reply begins; 1xx ones do not count. */
static void status_line(struct trk_head *h, const char *line, size_t len) {
  const char *p = memchr(line, ' ', len);
  long status = 0;
  if (p != NULL)
    while (++p < line + len && *p >= '0' && *p <= '9' && status < 1000)
      status = status * 10 + (*p - '0');
  h->retry_after[0] = h->date[0] = h->request_id[0] = '\0';
  h->redirect[0] = h->coding[0] = '\0';
  h->status = status >= 200 ? status : 0;
  h->part = status >= 100 && status < 200 ? TRK_HEAD_INTERIM : TRK_HEAD_FINAL;
}

/* Where "Location: https://user@host:port/path" would lead: the host alone,
 * for the rest may be a secret. None, if it is no plain host. */
static void redirect_host(struct trk_head *h, const char *line, size_t len) {
  const char *end = line + len, *at = line, *host;
  size_t n = 0;
  if (!trk_text_begins(line, len, "Location:"))
    return;
  while (at < end && *at != '/')
    at++;
  if (end - at < 2 || at[1] != '/')
    return; /* within the same host */
  for (host = at += 2; at < end && strchr("/?#\\\r\n", *at) == NULL; at++)
    if (*at == '@')
      host = at + 1;
  while (host + n < at && n < sizeof h->redirect - 1 &&
         (host[n] == '.' || host[n] == '-' ||
          (host[n] >= '0' && host[n] <= '9') ||
          ((host[n] | 32) >= 'a' && (host[n] | 32) <= 'z')))
    n++;
  if (host + n < at && host[n] != ':')
    n = 0;
  memcpy(h->redirect, host, n);
  h->redirect[n] = '\0';
}

/* What the body is encoded as, if it is. */
static void coding(struct trk_head *h, const char *line, size_t len) {
  if (header_value(line, len, "Content-Encoding:", h->coding,
                   sizeof h->coding) &&
      trk_text_same(h->coding, "identity"))
    h->coding[0] = '\0';
}

/* A field of the reply's head. */
static void field(struct trk_head *h, const char *line, size_t len) {
  if (*line == 'T' || *line == 't')
    header_value(line, len, "Twilio-Request-Id:", h->request_id,
                 sizeof h->request_id);
  else if (*line == 'R' || *line == 'r')
    header_value(line, len, "Retry-After:", h->retry_after,
                 sizeof h->retry_after);
  else if (*line == 'D' || *line == 'd')
    header_value(line, len, "Date:", h->date, sizeof h->date);
  else if (*line == 'L' || *line == 'l')
    redirect_host(h, line, len);
  else if (len > 8 && (line[8] == 'E' || line[8] == 'e'))
    coding(h, line, len);
}

void trk_head_begin(struct trk_head *h) {
  h->part = TRK_HEAD_NONE;
  h->bytes = 0;
  h->status = 0;
  h->request_id[0] = h->retry_after[0] = h->date[0] = '\0';
  h->redirect[0] = h->coding[0] = '\0';
}

int trk_head_line(struct trk_head *h, const char *line, size_t len) {
  h->bytes += len;
  if (h->bytes > TRK_HEADERS_MAX)
    return 0;
  if (h->part == TRK_HEAD_NONE) { /* a field may begin with HTTP/ too */
    if (len > 5 && memcmp(line, "HTTP/", 5) == 0)
      status_line(h, line, len);
  } else if (len > 0 && (*line == '\r' || *line == '\n')) {
    h->part = h->part == TRK_HEAD_INTERIM ? TRK_HEAD_NONE : TRK_HEAD_OVER;
  } else if (h->part != TRK_HEAD_OVER && len > 0) {
    field(h, line, len);
  }
  return 1;
}
