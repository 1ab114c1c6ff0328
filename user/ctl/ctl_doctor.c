// SPDX-License-Identifier: BSD-2-Clause
#include "ctl_doctor.h"

#include <errno.h>

#include "client.h"
#include "ctl.h"
#include "ctl_output.h"
#include "ctl_text.h"

/* ctl_doctor_tls - see ctl_doctor.h */
const char *ctl_doctor_tls(const json_t *status, char *buf, size_t size)
{
	const json_t *tls = json_object_get(status, "tls_sight");
	size_t blind = json_array_size(json_object_get(tls, "not_covered"));

	if (!json_is_true(json_object_get(tls, "on")))
		snprintf(buf, size, "off");
	else if (json_is_string(json_object_get(tls, "why")))
		snprintf(buf, size, "on, but NOT working: see gatectl doctor");
	else if (blind)
		snprintf(buf, size, "on, %zu mail server(s) covered, %zu NOT: see gatectl doctor",
			 json_array_size(json_object_get(tls, "covered")), blind);
	else
		snprintf(buf, size, "on, %zu mail server(s) covered",
			 json_array_size(json_object_get(tls, "covered")));
	return buf;
}

/* print_rows - one line per mail server */
static void print_rows(const char *head, const json_t *rows, FILE *out)
{
	char path[256], root[128], library[64], why[256];
	json_t *row;
	size_t i;

	json_array_foreach (rows, i, row) {
		const json_t *reason = json_object_get(row, "why");

		fprintf(out, "%-13s%s of %s", head,
			ctl_text_json(json_object_get(row, "executable"), path, sizeof(path)),
			ctl_text_json(json_object_get(row, "root"), root, sizeof(root)));
		if (reason)
			fprintf(out, ": %s\n", ctl_text_json(reason, why, sizeof(why)));
		else
			fprintf(out, ", %s\n",
				ctl_text_json(json_object_get(row, "library"), library,
					      sizeof(library)));
	}
}

/* print_list - words on one line */
static void print_list(const char *head, const json_t *words, FILE *out)
{
	char text[256];
	json_t *word;
	size_t i;

	json_array_foreach (words, i, word)
		fprintf(out, "%s%s", i ? ", " : head, ctl_text_json(word, text, sizeof(text)));
	if (json_array_size(words))
		fputc('\n', out);
}

/* print_tls - what is read, of whom, and what it takes */
static void print_tls(const json_t *tls, FILE *out)
{
	const char *reads = json_string_value(json_object_get(tls, "reads"));
	long long foreign = json_integer_value(json_object_get(tls, "foreign"));
	char why[512];

	fprintf(out, "tls sight    %s\n             %s\n",
		json_is_true(json_object_get(tls, "on")) ? "on" : "off (tls_sight: on)",
		reads ? reads : "-");
	if (json_is_string(json_object_get(tls, "why")))
		fprintf(out, "NOT working  %s\n",
			ctl_text_json(json_object_get(tls, "why"), why, sizeof(why)));
	print_rows("covered", json_object_get(tls, "covered"), out);
	print_rows("NOT covered", json_object_get(tls, "not_covered"), out);
	print_list("not here     ", json_object_get(tls, "absent"), out);
	if (foreign > 0)
		fprintf(out, "not looked   at %lld process(es) of other user namespaces\n",
			foreign);
	if (json_is_true(json_object_get(tls, "incomplete")))
		fprintf(out, "incomplete   there are more mail servers than are kept account of\n");
	print_list("needs        ", json_object_get(tls, "needs"), out);
}

/* ctl_doctor - what the daemon sees of its host */
int ctl_doctor(const struct ctl *ctl, struct error *e)
{
	json_t *request = json_pack("{s:s}", "command", "status"), *answer = NULL, *object;
	const json_t *tls;
	int rc = client_call(ctl->socket, request, &answer, e);

	json_decref(request);
	if (rc)
		return rc;
	tls = json_object_get(answer, "tls_sight");
	if (!json_is_object(tls)) {
		rc = error_set(e, -EPROTO, "this buildgated says nothing of TLS sight");
	} else if (ctl->json) {
		object = json_pack("{s:O}", "tls_sight", tls);
		ctl_output_json(ctl->out, object);
		json_decref(object);
	} else {
		print_tls(tls, ctl->out);
	}
	json_decref(answer);
	return rc;
}
