// SPDX-License-Identifier: BSD-2-Clause
/*
 * From the file to struct catalogue: everything is checked here, so that nothing needs to be
 * later. Keys that are not known are passed over: a newer catalogue must load in an older gate,
 * or the gate that most needs it would be the one without. What is there has to be right.
 */
#include "catalogue_data.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "jsonread.h"
#include "times.h"

#define SCHEMA      "buildgate-catalogue/1"
#define DAY_SECONDS 86400
#define LINE_SHIFT  32

/* A catalogue on its way in: the reader says where in the file, for errors. */
struct loading {
	struct jsonread r;
	struct catalogue *c;
};

/* find_product - index of the product that an element names */
static int find_product(struct loading *l, const json_t *o, unsigned int *ret)
{
	const char *name;
	int rc;

	rc = jsonread_text(&l->r, o, "product", &name);
	if (rc < 0)
		return rc;
	for (*ret = 0; *ret < l->c->products_count; (*ret)++)
		if (!strcmp(l->c->products[*ret].name, name))
			return 0;
	return jsonread_bad(&l->r, "product", "the name of one of the products",
			    json_object_get(o, "product"));
}

/* find_cu - index of the product's CU that an element names */
static int find_cu(struct loading *l, const json_t *o, unsigned int product, unsigned int *ret)
{
	const struct catalogue_product *p = &l->c->products[product];
	const char *name;
	int rc;

	rc = jsonread_text(&l->r, o, "cu", &name);
	if (rc < 0)
		return rc;
	for (*ret = p->first_cu; *ret <= p->last_cu; (*ret)++)
		if (!strcmp(l->c->cus[*ret].name, name))
			return 0;
	return jsonread_bad(&l->r, "cu", "the name of one of its product's cus",
			    json_object_get(o, "cu"));
}

/* load_online - the cloud: a name, and the lines that are its */
static int load_online(struct loading *l)
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

/* load_cu - the next CU of a product */
static int load_cu(struct loading *l, const json_t *o, unsigned int product)
{
	struct catalogue_cu *cu = &l->c->cus[l->c->cus_count];
	int rc;

	cu->product = product;
	cu->below = l->c->products[product].to;
	if (cu->below < UINT64_MAX)
		cu->below++;
	rc = jsonread_text(&l->r, o, "name", &cu->name);
	if (!rc)
		rc = jsonread_end(&l->r, o, "support_end", FOREVER, &cu->support_end);
	if (!rc)
		rc = jsonread_end(&l->r, o, "esu_end", 0, &cu->esu_end);
	if (!rc)
		rc = jsonread_bool(&l->r, o, "derived", &cu->derived);
	if (!rc)
		l->c->cus_count++;
	return rc;
}

/* load_cus - add the CUs of one product to the list of all */
static int load_cus(struct loading *l, const json_t *o, unsigned int product)
{
	struct catalogue_product *p = &l->c->products[product];
	const json_t *v;
	unsigned int count;
	void *room = NULL;
	size_t i;
	int rc;

	rc = jsonread_list(&l->r, o, "cus", false, 1, &room, &count);
	free(room);
	if (rc < 0)
		return rc;
	room = reallocarray(l->c->cus, l->c->cus_count + count, sizeof(*l->c->cus));
	if (!room)
		return jsonread_no_memory(&l->r);
	l->c->cus = room;
	memset(l->c->cus + l->c->cus_count, 0, count * sizeof(*l->c->cus));
	p->first_cu = l->c->cus_count;
	p->last_cu = p->first_cu + count - 1;
	json_array_foreach (json_object_get(o, "cus"), i, v) {
		jsonread_enter(&l->r, "products[%u].cus[%zu].", product, i);
		rc = load_cu(l, v, product);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* load_product - name, range and end; ranges go up and do not overlap */
static int load_product(struct loading *l, const json_t *o, unsigned int index)
{
	struct catalogue_product *p = &l->c->products[index];
	int rc;

	rc = jsonread_text(&l->r, o, "name", &p->name);
	if (!rc)
		rc = jsonread_build(&l->r, o, "from", &p->from);
	if (!rc)
		rc = jsonread_build(&l->r, o, "to", &p->to);
	if (!rc)
		rc = jsonread_end(&l->r, o, "support_end", FOREVER, &p->support_end);
	if (rc < 0)
		return rc;
	if (p->to < p->from)
		return jsonread_bad(&l->r, "to", "a build not below \"from\"",
				    json_object_get(o, "to"));
	if (index && p->from <= p[-1].to)
		return jsonread_bad(&l->r, "from", "a build above the product before",
				    json_object_get(o, "from"));
	p->first = UINT32_MAX;
	return load_cus(l, o, index);
}

/* load_products - in the order of their numbers */
static int load_products(struct loading *l)
{
	const json_t *v;
	size_t i;
	int rc;

	jsonread_top(&l->r);
	rc = jsonread_list(&l->r, l->c->document, "products", false, sizeof(*l->c->products),
			   &l->c->products, &l->c->products_count);
	json_array_foreach (json_object_get(l->c->document, "products"), i, v) {
		if (rc < 0)
			return rc;
		jsonread_enter(&l->r, "products[%zu].", i);
		rc = load_product(l, v, i);
	}
	return rc;
}

/* month_last_day - the last day of the month that a moment is in */
static int64_t month_last_day(int64_t at)
{
	char text[TIMES_TEXT];
	int64_t day = at;

	while (strcmp(times_format_date(day + DAY_SECONDS, text) + strlen("2026-11-"), "01"))
		day += DAY_SECONDS;
	return day;
}

/* read_release - day and precision: a month counts from its end */
static int read_release(struct loading *l, const json_t *o, int64_t *ret)
{
	const char *precision;
	int rc;

	rc = jsonread_date(&l->r, o, "released", ret);
	if (!rc)
		rc = jsonread_text(&l->r, o, "precision", &precision);
	if (rc < 0)
		return rc;
	if (!strcmp(precision, "month"))
		*ret = month_last_day(*ret);
	else if (strcmp(precision, "day") && strcmp(precision, "patch-tuesday"))
		return jsonread_bad(&l->r, "precision", "\"day\", \"patch-tuesday\" or \"month\"",
				    json_object_get(o, "precision"));
	return 0;
}

/* read_names - CU and update as one text */
static int read_names(struct loading *l, const json_t *o, const struct catalogue_cu *cu,
		      char **ret_release)
{
	const json_t *update = json_object_get(o, "update");
	const char *text = json_string_value(update);

	if (!json_is_null(update) && (!text || !*text))
		return jsonread_bad(&l->r, "update", "a text, or null", update);
	if (asprintf(ret_release, "%s%s%s", cu->name, text ? " " : "", text ? text : "") < 0) {
		*ret_release = NULL;
		return jsonread_no_memory(&l->r);
	}
	return 0;
}

/* read_flags - what is true or false of a build */
static int read_flags(struct loading *l, const json_t *o, struct catalogue_build *b)
{
	const struct {
		const char *key;
		bool *flag;
	} flags[] = {
		{ "seen_on_wire", &b->seen_on_wire },
		{ "esu_only", &b->esu_only },
		{ "mitigation_service", &b->mitigation_service },
		{ "mitigations_after_2025", &b->mitigations_2025 },
		{ "mitigations_after_2025_boundary", &b->mitigations_2025_unclear },
		{ "mitigations_after_2026", &b->mitigations_2026 },
	};
	int rc = 0;

	for (size_t i = 0; !rc && i < sizeof(flags) / sizeof(flags[0]); i++)
		rc = jsonread_bool(&l->r, o, flags[i].key, flags[i].flag);
	return rc;
}

/*
 * link_build - give the build to its CU and product; they must come in one order
 *
 * Builds go up, and so do the CUs they are of: then each CU and product is one range.
 */
static int link_build(struct loading *l, const json_t *o, unsigned int index, unsigned int product)
{
	struct catalogue_build *b = &l->c->builds[index];
	struct catalogue_product *p = &l->c->products[product];
	struct catalogue_cu *cu = &l->c->cus[b->cu];

	if (b->build < p->from || b->build > p->to)
		return jsonread_bad(&l->r, "build", "a build in the range of its product",
				    json_object_get(o, "build"));
	if (index && b->build <= b[-1].build)
		return jsonread_bad(&l->r, "build", "a build above the one before",
				    json_object_get(o, "build"));
	if (b->cu != (index ? b[-1].cu : 0)) {
		if (b->cu != (index ? b[-1].cu + 1 : 0))
			return jsonread_bad(&l->r, "cu",
					    "the CU of the build before, or the next one listed",
					    json_object_get(o, "cu"));
		cu->first = index;
		if (cu[-1].product == product)
			cu[-1].below = b->build;
	}
	cu->last = index;
	if (p->first == UINT32_MAX)
		p->first = index;
	p->last = index;
	l->c->numbers[index] = b->build;
	return 0;
}

/* load_build - one line of the list of builds */
static int load_build(struct loading *l, const json_t *o, unsigned int index)
{
	struct catalogue_build *b = &l->c->builds[index];
	unsigned int product;
	int rc;

	rc = jsonread_build(&l->r, o, "build", &b->build);
	if (!rc)
		rc = find_product(l, o, &product);
	if (!rc)
		rc = find_cu(l, o, product, &b->cu);
	if (!rc)
		rc = read_release(l, o, &b->released);
	if (!rc)
		rc = read_names(l, o, &l->c->cus[b->cu], &b->release);
	if (!rc)
		rc = read_flags(l, o, b);
	return rc ? rc : link_build(l, o, index, product);
}

/* note_counting - for each build the earliest release of a later update that counts */
static void note_counting(struct catalogue *c)
{
	for (unsigned int i = c->builds_count; i-- > 0;) {
		struct catalogue_build *b = &c->builds[i];

		b->counts_from = FOREVER;
		if (i == c->cus[b->cu].last)
			continue;
		b->counts_from = b[1].counts_from;
		if (b[1].seen_on_wire && b[1].released < b->counts_from)
			b->counts_from = b[1].released;
	}
}

/* load_builds - all of them, and every CU has one */
static int load_builds(struct loading *l)
{
	const json_t *v;
	size_t i;
	int rc;

	jsonread_top(&l->r);
	rc = jsonread_list(&l->r, l->c->document, "builds", false, sizeof(*l->c->builds),
			   &l->c->builds, &l->c->builds_count);
	if (rc < 0)
		return rc;
	l->c->numbers = calloc(l->c->builds_count, sizeof(*l->c->numbers));
	if (!l->c->numbers)
		return jsonread_no_memory(&l->r);
	json_array_foreach (json_object_get(l->c->document, "builds"), i, v) {
		jsonread_enter(&l->r, "builds[%zu].", i);
		rc = load_build(l, v, i);
		if (rc < 0)
			return rc;
	}
	jsonread_top(&l->r);
	if (l->c->builds[l->c->builds_count - 1].cu != l->c->cus_count - 1)
		return jsonread_bad(&l->r, "builds", "builds of every CU of every product", NULL);
	note_counting(l->c);
	return 0;
}

/* read_cves - a list of texts; or null, where that is allowed */
static int read_cves(struct loading *l, const json_t *o, bool null_ok, const json_t **ret)
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
static int load_vulnerability(struct loading *l, const json_t *o, unsigned int index)
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
		rc = find_product(l, v, &fix->product);
		if (!rc)
			rc = find_cu(l, v, fix->product, &fix->cu);
		if (!rc)
			rc = jsonread_build(&l->r, v, "build", &fix->build);
		if (!rc)
			rc = read_cves(l, v, true, &fix->cves);
	}
	return rc;
}

/* load_emergency - a definition: which builds, what to do, until when */
static int load_emergency(struct loading *l, const json_t *o, unsigned int index)
{
	struct catalogue_emergency *e = &l->c->emergencies[index];
	const json_t *v;
	size_t i;
	int rc;

	rc = jsonread_text(&l->r, o, "id", &e->id);
	if (!rc)
		rc = jsonread_text(&l->r, o, "action", &e->action);
	if (!rc && strcmp(e->action, "tarpit") && strcmp(e->action, "drop"))
		rc = jsonread_bad(&l->r, "action", "\"tarpit\" or \"drop\"",
				  json_object_get(o, "action"));
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
	}
	return rc;
}

/* load_warnings - vulnerabilities and emergencies: both name builds loaded before */
static int load_warnings(struct loading *l)
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
static int load_head(struct loading *l)
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
static int load(struct loading *l)
{
	int rc;

	rc = load_head(l);
	if (!rc)
		rc = load_online(l);
	if (!rc)
		rc = load_products(l);
	if (!rc)
		rc = load_builds(l);
	if (!rc)
		rc = load_warnings(l);
	return rc;
}

/* catalogue_load - whole or not at all */
int catalogue_load(const char *path, struct catalogue **ret_catalogue, struct error *e)
{
	struct loading l = { .r = { .file = path, .e = e } };
	int rc;

	l.c = calloc(1, sizeof(*l.c));
	if (!l.c)
		return jsonread_no_memory(&l.r);
	rc = jsonread_document(&l.r, &l.c->document);
	if (!rc)
		rc = load(&l);
	if (rc < 0) {
		catalogue_free(l.c);
		return rc;
	}
	*ret_catalogue = l.c;
	return 0;
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
	free(c->builds);
	free(c->numbers);
	free(c->cus);
	free(c->products);
	free(c->online_lines);
	json_decref(c->document);
	free(c);
}
