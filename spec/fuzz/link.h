/* SPDX-License-Identifier: MIT
 * link: where a page's link leads, by libcurl's own parser of URLs.
 */
#ifndef LINK_H
#define LINK_H

/* Whether a link on the page at origin and path (in which nothing needs an
 * escape) leads to the same list, there or at Twilio, with this query, and
 * holds nothing else. */
int link_leads_back(const char *link, const char *origin, const char *path,
                    const char *query);

#endif
