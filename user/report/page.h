/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * page - the report page: one HTML file that needs nothing but itself
 *
 * Two halves. page_head() and page_sources() read a report and return JSON; page_begin(),
 * page_rows() and page_end() put that JSON between the parts of the page (user/report/page/), in
 * this order, so that the daemon and gatectl write the same bytes from the same values. Nothing
 * that a peer said can leave its JSON string: '<', '>' and '&' are escaped in it, the page's
 * script makes text nodes of it only, and its policy (page_security) runs no other script.
 *
 * A page holds at most PAGE_SOURCES_MAX sources, those that matter most first, and says so when
 * there are more; they are read in parts, between which the store may change.
 */
#ifndef BUILDGATE_PAGE_H
#define BUILDGATE_PAGE_H

#include <jansson.h>

#include "report.h"

#define PAGE_SOURCES_MAX 10000
#define PAGE_PART        200 /* sources in one answer of the control socket */

/* What the page says besides the report. */
struct page_about {
	const char *hostname;
	int64_t catalogue_max_age;
};

/* page_head - {"at","hostname","version","mode","policy":{},"counts":{},"catalogue":{"as_of",
 * "builds","stale"},"history":{}} */
json_t *page_head(const struct report *report, const struct page_about *about, struct error *e);

/* page_sources - the next sources, at most max, as the objects of "sources -j" without nulls and
 * falses, and with {"by","why","evidence_at","elapsed_s","first_detected","throttle_date",
 * "block_date","recommended"}; place moves on; an empty array: there are no more */
json_t *page_sources(const struct report *report, struct store_place *place, unsigned int max,
		     struct error *e);

/* page_tail - {"complete","error"}; error NULL: none */
json_t *page_tail(bool complete, const char *error);

/* page_place_text, page_place_parse - a place as text; -EINVAL */
#define PAGE_PLACE_TEXT 64
const char *page_place_text(const struct store_place *place, char buf[PAGE_PLACE_TEXT]);
int page_place_parse(const char *text, struct store_place *ret);

/* page_begin, page_rows, page_end - from malloc, NULL: out of memory. *rows counts the sources that
 * the page has so far */
char *page_begin(const json_t *head);
char *page_rows(const json_t *sources, unsigned int *rows);
char *page_end(const json_t *tail);

/* page_security - the Content-Security-Policy of the page, for a header */
const char *page_security(void);

#endif
