// SPDX-License-Identifier: BSD-2-Clause
/*
 * From the file to struct catalogue: everything is checked here, so that nothing needs to be
 * later. Keys that are not known are passed over: a newer catalogue must load in an older gate,
 * or the gate that most needs it would be the one without. What is there has to be right.
 */
#include "catalogue_data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/build.h"

#define SCHEMA     "buildgate-catalogue/1"
#define LINE_SHIFT 32

/* load_online - the cloud: a name, and the lines that are its */
static int load_online(struct catalogue_loading *l)
{
	const json_t *o = json_object_get(l->c->document, "online"), *lines, *v;
	char build[BUILD_TEXT];
	size_t i;
	int rc;

	jsonread_enter(&l->r, "online.");
	rc = jsonread_text(&l->r, o, "product", &l->c->online);
	if (rc < 0)
		return rc;
	lines = json_object_get(o, "lines");
	if (!json_is_array(lines))
		return jsonread_bad(&l->r, "lines", "a list of lines like \"15.20\"", lines);
	l->c->online_lines = calloc(json_array_size(lines) + 1, sizeof(*l->c->online_lines));
	if (!l->c->online_lines)
		return jsonread_no_memory(&l->r);
	json_array_foreach (lines, i, v) {
		const char *text = json_string_value(v);

		snprintf(build, sizeof(build), "%.12s.0.0", text ? text : "");
		l->c->online_lines[i] = build_parse(build) >> LINE_SHIFT;
		if (!l->c->online_lines[i])
			return jsonread_bad(&l->r, "lines", "a list of lines like \"15.20\"", v);
		l->c->online_count++;
	}
	return 0;
}

/* read_cves - a list of texts; or null, where that is allowed */
static int read_cves(struct catalogue_loading *l, const json_t *o, bool null_ok, const json_t **ret)
{
	const json_t *cves = json_object_get(o, "cves"), *v;
	size_t i;

	if (null_ok && json_is_null(cves)) {
		*ret = NULL;
		return 0;
	}
	if (!json_is_array(cves))
		return jsonread_bad(&l->r, "cves",
				    null_ok ? "a list of texts, or null" : "a list of texts", cves);
	json_array_foreach (cves, i, v)
		if (!json_is_string(v))
			return jsonread_bad(&l->r, "cves", "a list of texts", v);
	*ret = cves;
	return 0;
}

/* load_vulnerability - with the builds that have the fix */
static int load_vulnerability(struct catalogue_loading *l, const json_t *o, unsigned int index)
{
	struct catalogue_vulnerability *vulnerability = &l->c->vulnerabilities[index];
	const json_t *v;
	size_t i;
	int rc;

	rc = jsonread_text(&l->r, o, "name", &vulnerability->name);
	if (!rc)
		rc = jsonread_date(&l->r, o, "disclosed", &vulnerability->disclosed);
	if (!rc)
		rc = jsonread_bool(&l->r, o, "decidable", &vulnerability->decidable);
	if (!rc)
		rc = read_cves(l, o, false, &vulnerability->cves);
	if (!rc)
		rc = jsonread_list(&l->r, o, "fixes", false, sizeof(*vulnerability->fixes),
				   &vulnerability->fixes, &vulnerability->fixes_count);
	json_array_foreach (json_object_get(o, "fixes"), i, v) {
		struct catalogue_fix *fix;

		if (rc < 0)
			return rc;
		fix = &vulnerability->fixes[i];
		jsonread_enter(&l->r, "vulnerabilities[%u].fixes[%zu].", index, i);
		rc = catalogue_find_product(l, v, &fix->product);
		if (!rc)
			rc = catalogue_find_cu(l, v, fix->product, &fix->cu);
		if (!rc)
			rc = jsonread_build(&l->r, v, "build", &fix->build);
		if (!rc)
			rc = read_cves(l, v, true, &fix->cves);
	}
	return rc;
}

/* load_minutes - of each hour; a definition that does not say means all of them */
static int load_minutes(struct catalogue_loading *l, const json_t *o, unsigned int *ret)
{
	const json_t *v = json_object_get(o, "minutes");
	json_int_t minutes = v ? json_integer_value(v) : 60;

	if (minutes < 1 || minutes > 60)
		return jsonread_bad(&l->r, "minutes", "a whole number from 1 to 60, or nothing", v);
	*ret = (unsigned int)minutes;
	return 0;
}

/* load_emergency - a definition: which builds, what to do, until when */
static int load_emergency(struct catalogue_loading *l, const json_t *o, unsigned int index)
{
	struct catalogue_emergency *e = &l->c->emergencies[index];
	const json_t *v;
	size_t i;
	int rc;

	rc = jsonread_text(&l->r, o, "id", &e->id);
	if (!rc && !catalogue_id_fits(e->id))
		rc = jsonread_bad(&l->r, "id", "at most 64 characters, without a space",
				  json_object_get(o, "id"));
	if (!rc)
		rc = jsonread_text(&l->r, o, "action", &e->action);
	if (!rc && strcmp(e->action, "tarpit") && strcmp(e->action, "drop"))
		rc = jsonread_bad(&l->r, "action", "\"tarpit\" or \"drop\"",
				  json_object_get(o, "action"));
	if (!rc)
		rc = load_minutes(l, o, &e->minutes);
	if (!rc)
		rc = jsonread_end(&l->r, o, "until", FOREVER, &e->until);
	if (!rc)
		rc = jsonread_list(&l->r, o, "builds", false, sizeof(*e->ranges), &e->ranges,
				   &e->ranges_count);
	json_array_foreach (json_object_get(o, "builds"), i, v) {
		if (rc < 0)
			return rc;
		jsonread_enter(&l->r, "emergencies[%u].builds[%zu].", index, i);
		rc = jsonread_build(&l->r, v, "from", &e->ranges[i].from);
		if (!rc)
			rc = jsonread_build(&l->r, v, "to", &e->ranges[i].to);
		if (!rc && e->ranges[i].to < e->ranges[i].from)
			rc = jsonread_bad(&l->r, "to", "a build not below \"from\"",
					  json_object_get(v, "to"));
	}
	return rc;
}

/* load_floors - files made before this list have none */
static int load_floors(struct catalogue_loading *l)
{
	const json_t *v;
	size_t i;
	int rc;

	jsonread_top(&l->r);
	if (!json_object_get(l->c->document, "floors"))
		return 0;
	rc = jsonread_list(&l->r, l->c->document, "floors", true, sizeof(*l->c->floors),
			   &l->c->floors, &l->c->floors_count);
	json_array_foreach (json_object_get(l->c->document, "floors"), i, v) {
		struct catalogue_floor *floor;

		if (rc)
			return rc;
		floor = &l->c->floors[i];
		jsonread_enter(&l->r, "floors[%zu].", i);
		rc = catalogue_find_product(l, v, &floor->product);
		if (!rc)
			rc = catalogue_find_cu(l, v, floor->product, &floor->cu);
		if (!rc)
			rc = jsonread_build(&l->r, v, "build", &floor->build);
		if (!rc)
			rc = jsonread_date(&l->r, v, "from", &floor->from);
		if (!rc)
			rc = jsonread_bool(&l->r, v, "confirmed", &floor->confirmed);
	}
	return rc;
}

/* load_warnings - vulnerabilities and emergencies: both name builds loaded before */
static int load_warnings(struct catalogue_loading *l)
{
	const json_t *v;
	size_t i;
	int rc;

	jsonread_top(&l->r);
	rc = jsonread_list(&l->r, l->c->document, "vulnerabilities", true,
			   sizeof(*l->c->vulnerabilities), &l->c->vulnerabilities,
			   &l->c->vulnerabilities_count);
	if (!rc)
		rc = jsonread_list(&l->r, l->c->document, "emergencies", true,
				   sizeof(*l->c->emergencies), &l->c->emergencies,
				   &l->c->emergencies_count);
	if (rc < 0)
		return rc;
	json_array_foreach (json_object_get(l->c->document, "vulnerabilities"), i, v) {
		jsonread_enter(&l->r, "vulnerabilities[%zu].", i);
		rc = load_vulnerability(l, v, i);
		if (rc < 0)
			return rc;
	}
	json_array_foreach (json_object_get(l->c->document, "emergencies"), i, v) {
		jsonread_enter(&l->r, "emergencies[%zu].", i);
		rc = load_emergency(l, v, i);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* load_head - schema, serial and dates of the whole */
static int load_head(struct catalogue_loading *l)
{
	const json_t *o = l->c->document, *v;
	const char *schema;
	int rc;

	rc = jsonread_text(&l->r, o, "schema", &schema);
	if (rc < 0)
		return rc;
	if (strcmp(schema, SCHEMA))
		return jsonread_bad(&l->r, "schema", "\"" SCHEMA "\"",
				    json_object_get(o, "schema"));
	v = json_object_get(o, "serial");
	l->c->serial = json_integer_value(v);
	if (l->c->serial < 1)
		return jsonread_bad(&l->r, "serial", "a whole number from 1", v);
	rc = jsonread_date(&l->r, o, "as_of", &l->c->as_of);
	v = json_object_get(o, "mitigations");
	jsonread_enter(&l->r, "mitigations.");
	if (!rc)
		rc = jsonread_date(&l->r, v, "after_2025", &l->c->mitigations_2025);
	if (!rc)
		rc = jsonread_date(&l->r, v, "after_2026", &l->c->mitigations_2026);
	return rc;
}

/* load - the parts in the order they lean on each other */
static int load(struct catalogue_loading *l)
{
	int rc;

	rc = load_head(l);
	if (!rc)
		rc = load_online(l);
	if (!rc)
		rc = catalogue_load_products(l);
	if (!rc)
		rc = catalogue_load_builds(l);
	if (!rc)
		rc = load_floors(l);
	if (!rc)
		rc = load_warnings(l);
	return rc;
}

/* finish - whole or not at all */
static int finish(struct catalogue_loading *l, int rc, struct catalogue **ret_catalogue)
{
	if (!rc)
		rc = load(l);
	if (rc < 0) {
		catalogue_free(l->c);
		return rc;
	}
	*ret_catalogue = l->c;
	return 0;
}

/* catalogue_load - a file that is trusted by its place */
int catalogue_load(const char *path, struct catalogue **ret_catalogue, struct error *e)
{
	struct catalogue_loading l = { .r = { .file = path, .e = e } };

	l.c = calloc(1, sizeof(*l.c));
	if (!l.c)
		return jsonread_no_memory(&l.r);
	return finish(&l, jsonread_document(&l.r, &l.c->document), ret_catalogue);
}

/* catalogue_parse - bytes that were read, and maybe verified, before */
int catalogue_parse(const char *name, const char *text, size_t bytes,
		    struct catalogue **ret_catalogue, struct error *e)
{
	struct catalogue_loading l = { .r = { .file = name, .e = e } };

	l.c = calloc(1, sizeof(*l.c));
	if (!l.c)
		return jsonread_no_memory(&l.r);
	return finish(&l, jsonread_text_document(&l.r, text, bytes, &l.c->document), ret_catalogue);
}

/* catalogue_free - also a half loaded one, and NULL */
void catalogue_free(struct catalogue *catalogue)
{
	struct catalogue *c = catalogue;

	if (!c)
		return;
	for (unsigned int i = 0; c->vulnerabilities && i < c->vulnerabilities_count; i++)
		free(c->vulnerabilities[i].fixes);
	for (unsigned int i = 0; c->emergencies && i < c->emergencies_count; i++)
		free(c->emergencies[i].ranges);
	for (unsigned int i = 0; c->builds && i < c->builds_count; i++)
		free(c->builds[i].release);
	free(c->vulnerabilities);
	free(c->emergencies);
	free(c->floors);
	free(c->builds);
	free(c->numbers);
	free(c->cus);
	free(c->products);
	free(c->online_lines);
	json_decref(c->document);
	free(c);
}
