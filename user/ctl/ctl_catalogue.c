// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <string.h>

#include "user/base/build.h"
#include "user/catalogue/catalogue.h"
#include "client.h"
#include "user/base/clock.h"
#include "ctl.h"
#include "ctl_output.h"
#include "ctl_site.h"
#include "ctl_text.h"
#include "user/base/times.h"

/* check_here - without the daemon; what only a running gate knows (builds it has confirmed
 * itself) is missing then */
static int check_here(const struct ctl *ctl, const char *file, json_t **ret_result, struct error *e)
{
	const char *at_text = ctl_option(ctl, "--at");
	struct catalogue *catalogue;
	struct ctl_site site;
	int64_t at;
	int rc;

	rc = ctl_site_load(CTL_CONFIG, &site, e);
	if (!rc)
		rc = catalogue_load(file ? file : site.catalogue, &catalogue, e);
	if (rc && !file)
		error_prefix(e, rc,
			     "the daemon does not answer, and nothing is installed here to check "
			     "with (--catalogue FILE names a catalogue)");
	if (rc)
		return rc;
	clock_init(0);
	if (!at_text || times_parse(at_text, &at))
		at = clock_wall();
	*ret_result = catalogue_check(catalogue, build_parse(ctl->args[0]), at, site.grace_days,
				      NULL, NULL);
	catalogue_free(catalogue);
	return *ret_result ? 0 : error_set(e, -ENOMEM, "out of memory");
}

/* check_there - by the daemon, with the catalogue it uses and all that it has seen */
static int check_there(const struct ctl *ctl, json_t **ret_result, struct error *e)
{
	const char *at = ctl_option(ctl, "--at");
	json_t *request;
	int rc;

	request = json_pack("{s:s,s:s}", "command", "catalogue-check", "build", ctl->args[0]);
	if (at)
		json_object_set_new(request, "at", json_string(at));
	rc = client_call(ctl->socket, request, ret_result, e);
	json_decref(request);
	return rc;
}

/* print_list - one item after the other behind a head */
static void print_list(const char *head, const json_t *list, FILE *out)
{
	char text[512];
	json_t *item;
	size_t i;

	json_array_foreach (list, i, item)
		fprintf(out, "%s%s", i ? ", " : head, ctl_text_json(item, text, sizeof(text)));
	if (json_array_size(list))
		fputc('\n', out);
}

/* print_check - what it is, what the catalogue says of it and why, and the one next step */
static void print_check(const json_t *check, FILE *out)
{
	const char *upgrade = json_string_value(json_object_get(check, "upgrade_to"));
	const char *released = json_string_value(json_object_get(check, "released"));
	const json_t *reasons = json_object_get(check, "reasons");
	char build[64], product[128], release[128], standing[32], text[512];
	json_t *item;
	size_t i;

	fprintf(out, "%s", ctl_text_json(json_object_get(check, "build"), build, sizeof(build)));
	if (json_is_string(json_object_get(check, "product")))
		fprintf(out, "  %s",
			ctl_text_json(json_object_get(check, "product"), product, sizeof(product)));
	if (json_is_string(json_object_get(check, "release")))
		fprintf(out, " %s",
			ctl_text_json(json_object_get(check, "release"), release, sizeof(release)));
	if (released)
		fprintf(out, " of %.10s", ctl_text_line(released, text, sizeof(text)));
	fprintf(out, ": %s\n",
		ctl_text_json(json_object_get(check, "standing"), standing, sizeof(standing)));
	json_array_foreach (reasons, i, item)
		fprintf(out, "  %s\n", ctl_text_json(item, text, sizeof(text)));
	print_list("  Vulnerabilities: ", json_object_get(check, "vulnerabilities"), out);
	if (upgrade)
		fprintf(out, "Next step: upgrade to %s.\n",
			ctl_text_line(upgrade, text, sizeof(text)));
}

/* ctl_catalogue_check - a given file is judged here; else the daemon's catalogue comes before
 * the installed one */
int ctl_catalogue_check(const struct ctl *ctl, struct error *e)
{
	const char *file = ctl_option(ctl, "--catalogue");
	json_t *result;
	int rc;

	rc = file ? -ENOENT : check_there(ctl, &result, e);
	if (rc && rc != -EREMOTEIO)
		rc = check_here(ctl, file, &result, e);
	if (rc)
		return rc;
	if (ctl->json)
		ctl_output_json(ctl->out, result);
	else
		print_check(result, ctl->out);
	json_decref(result);
	return 0;
}
