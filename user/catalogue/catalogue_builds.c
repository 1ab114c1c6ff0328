// SPDX-License-Identifier: BSD-2-Clause
/*
 * The heart of a catalogue file: products, their CUs, and the builds, tied together by index.
 */
#include "catalogue_data.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/times.h"

#define DAY_SECONDS 86400

/* catalogue_find_product - index of the product that an element names */
int catalogue_find_product(struct catalogue_loading *l, const json_t *o, unsigned int *ret)
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

/* catalogue_find_cu - index of the product's CU that an element names */
int catalogue_find_cu(struct catalogue_loading *l, const json_t *o, unsigned int product,
		      unsigned int *ret)
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

/* load_cu - the next CU of a product */
static int load_cu(struct catalogue_loading *l, const json_t *o, unsigned int product)
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
static int load_cus(struct catalogue_loading *l, const json_t *o, unsigned int product)
{
	struct catalogue_product *p = &l->c->products[product];
	const json_t *v;
	unsigned int count;
	void *room;
	size_t i;
	int rc;

	rc = jsonread_list(&l->r, o, "cus", false, 0, NULL, &count);
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
static int load_product(struct catalogue_loading *l, const json_t *o, unsigned int index)
{
	struct catalogue_product *p = &l->c->products[index];
	int rc;

	rc = jsonread_text(&l->r, o, "name", &p->name);
	if (!rc)
		rc = jsonread_build(&l->r, o, "from", &p->from);
	if (!rc)
		rc = jsonread_build(&l->r, o, "to", &p->to);
	if (!rc)
		rc = jsonread_date(&l->r, o, "released", &p->released);
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

/* catalogue_load_products - in the order of their numbers */
int catalogue_load_products(struct catalogue_loading *l)
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

	for (int days = 0; days < 31; days++, at += DAY_SECONDS)
		if (!strcmp(times_format_date(at + DAY_SECONDS, text) + strlen("2026-11-"), "01"))
			break;
	return at;
}

/* read_release - day and precision: a month counts from its end */
static int read_release(struct catalogue_loading *l, const json_t *o, int64_t *ret)
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
static int read_names(struct catalogue_loading *l, const json_t *o, const struct catalogue_cu *cu,
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
static int read_flags(struct catalogue_loading *l, const json_t *o, struct catalogue_build *b)
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
static int link_build(struct catalogue_loading *l, const json_t *o, unsigned int index,
		      unsigned int product)
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
static int load_build(struct catalogue_loading *l, const json_t *o, unsigned int index)
{
	struct catalogue_build *b = &l->c->builds[index];
	unsigned int product;
	int rc;

	rc = jsonread_build(&l->r, o, "build", &b->build);
	if (!rc)
		rc = catalogue_find_product(l, o, &product);
	if (!rc)
		rc = catalogue_find_cu(l, o, product, &b->cu);
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

/* catalogue_load_builds - all of them, and every CU has one */
int catalogue_load_builds(struct catalogue_loading *l)
{
	const json_t *v;
	unsigned int last;
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
	last = l->c->builds[l->c->builds_count - 1].cu;
	if (last != l->c->cus_count - 1) {
		const struct catalogue_cu *next = &l->c->cus[last + 1];

		return error_set(l->r.e, -EINVAL,
				 "%s: builds: expected a build of %s %s, found nothing", l->r.file,
				 l->c->products[next->product].name, next->name);
	}
	note_counting(l->c);
	return 0;
}
