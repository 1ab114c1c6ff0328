// SPDX-License-Identifier: BSD-2-Clause
/* TLS sight, as the daemon tells of it. */
#include <stdio.h>
#include <string.h>

#include "doctor_private.h"

#define SECTION "tls"

/* or_dash - a text that may not be there */
static const char *or_dash(const json_t *object, const char *key)
{
	const char *text = doctor_text(object, key);

	return text ? text : "-";
}

/* words - an array of strings on one line */
static const char *words(const json_t *list, char *buf, size_t size)
{
	size_t used = 0, i;
	json_t *word;

	buf[0] = '\0';
	json_array_foreach (list, i, word)
		if (used < size)
			used += (size_t)snprintf(buf + used, size - used, "%s%s", i ? ", " : "",
						 json_string_value(word));
	return buf;
}

/* judge_servers - one finding per mail server */
static void judge_servers(struct doctor *d, const json_t *tls)
{
	char text[512];
	json_t *row;
	size_t i;

	json_array_foreach (json_object_get(tls, "covered"), i, row)
		doctor_say(d, SECTION, DOCTOR_OK, "covers %s of %s, %s", or_dash(row, "executable"),
			   or_dash(row, "root"), or_dash(row, "library"));
	json_array_foreach (json_object_get(tls, "not_covered"), i, row) {
		doctor_say(d, SECTION, DOCTOR_WARN, "does NOT cover %s of %s: %s",
			   or_dash(row, "executable"), or_dash(row, "root"), or_dash(row, "why"));
		doctor_next(d, "use gate-milter there (docs/recipes.md), or leave it out of "
			       "tls_executables");
	}
	if (json_array_size(json_object_get(tls, "absent")))
		doctor_say(d, SECTION, DOCTOR_NOTE, "not on this host: %s",
			   words(json_object_get(tls, "absent"), text, sizeof(text)));
}

/* doctor_tls - off, on, not working, blind in part */
void doctor_tls(struct doctor *d)
{
	const json_t *tls = json_object_get(d->status, "tls_sight");
	int64_t foreign = doctor_number(tls, "foreign");
	char text[512];

	if (!json_is_object(tls))
		return;
	if (!json_is_true(json_object_get(tls, "on"))) {
		words(json_object_get(tls, "needs"), text, sizeof(text));
		doctor_say(d, SECTION, DOCTOR_NOTE, "TLS sight is off. %s%s%s",
			   or_dash(tls, "reads"), text[0] ? " It needs " : "", text);
		doctor_next(d,
			    "most mail of newer servers is inside TLS: tls_sight: on in %s, or "
			    "gate-milter",
			    d->config_path);
		return;
	}
	if (doctor_text(tls, "why")) {
		doctor_say(d, SECTION, DOCTOR_BAD, "TLS sight does NOT work: %s",
			   or_dash(tls, "why"));
		doctor_next(d, "give buildgated %s, or use gate-milter instead",
			    words(json_object_get(tls, "needs"), text, sizeof(text)));
		return;
	}
	doctor_say(d, SECTION, DOCTOR_OK, "TLS sight is on. %s It needs %s", or_dash(tls, "reads"),
		   words(json_object_get(tls, "needs"), text, sizeof(text)));
	judge_servers(d, tls);
	if (foreign > 0)
		doctor_say(d, SECTION, DOCTOR_NOTE,
			   "not looked at: %lld process(es) of other user namespaces",
			   (long long)foreign);
	if (json_is_true(json_object_get(tls, "incomplete"))) {
		doctor_say(d, SECTION, DOCTOR_WARN,
			   "there are more mail servers than are kept account of");
		doctor_next(d, "use gate-milter for some of them");
	}
}
