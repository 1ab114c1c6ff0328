/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * catalogue_data - a loaded catalogue, as the files catalogue*.c share it; nobody else includes
 * this
 *
 * Products, CUs and builds are three arrays in the order of their numbers. A product owns a
 * range of CUs and a range of builds, a CU owns a range of builds, all by index, both ends
 * included; catalogue_load() refuses a file where that does not come out. Strings that are
 * not made at load stay in the JSON document, which is kept.
 *
 * An end of support is the first moment that is not supported any more, so that the day in
 * the file is a supported one; FOREVER where there is none.
 */
#ifndef BUILDGATE_CATALOGUE_DATA_H
#define BUILDGATE_CATALOGUE_DATA_H

#include "catalogue.h"
#include "user/base/jsonread.h"

#define FOREVER INT64_MAX

struct catalogue_product {
	const char *name;
	uint64_t from, to; /* the numbers that are this product's */
	int64_t released;  /* previews came before */
	int64_t support_end;
	unsigned int first_cu, last_cu;
	unsigned int first, last; /* builds */
};

struct catalogue_cu {
	const char *name;
	unsigned int product;
	unsigned int first, last;
	uint64_t below; /* the first number that cannot be this CU's */
	int64_t support_end;
	int64_t esu_end; /* end of paid-extended support; 0: there is none */
	bool derived;    /* support_end is not listed anywhere, but follows from the next CU */
};

struct catalogue_build {
	uint64_t build;
	unsigned int cu;
	int64_t released; /* first moment of the day; of a month, of its last day */
	/* the earliest release among the updates of the CU after this one that are seen on the
	 * wire: what makes this one outdated. FOREVER: none */
	int64_t counts_from;
	char *release; /* "CU23 Apr24HU" */
	bool seen_on_wire;
	bool esu_only;
	bool mitigation_service;
	bool mitigations_2025;
	bool mitigations_2025_unclear; /* the announcement leaves this very build open */
	bool mitigations_2026;
};

/* Where a vulnerability is fixed: from this build on, in this CU. */
struct catalogue_fix {
	unsigned int product;
	unsigned int cu;
	uint64_t build;
	const json_t *cves; /* those that the product has; NULL: all of the vulnerability */
};

struct catalogue_vulnerability {
	const char *name;
	const json_t *cves;
	int64_t disclosed;
	bool decidable; /* false: depends on how the server is configured */
	struct catalogue_fix *fixes;
	unsigned int fixes_count;
};

/* What Exchange Online asks of servers that connect to it: shown, never enforced from here. */
struct catalogue_floor {
	unsigned int product, cu;
	uint64_t build;
	int64_t from;
	bool confirmed; /* by its own words, not by others' */
};

struct catalogue_range {
	uint64_t from, to;
};

struct catalogue_emergency {
	const char *id;
	const char *action;   /* "tarpit" or "drop" */
	unsigned int minutes; /* of each hour */
	int64_t until;
	bool blocked; /* by the operator: never in force */
	struct catalogue_range *ranges;
	unsigned int ranges_count;
};

struct catalogue {
	json_t *document;
	int64_t as_of;
	int64_t serial;
	const char *online; /* name of the cloud product */
	uint64_t *online_lines;
	unsigned int online_count;
	int64_t mitigations_2025, mitigations_2026; /* from when on the flags matter */
	struct catalogue_product *products;
	unsigned int products_count;
	struct catalogue_cu *cus;
	unsigned int cus_count;
	struct catalogue_build *builds;
	uint64_t *numbers; /* builds[i].build, close together for the search */
	unsigned int builds_count;
	struct catalogue_vulnerability *vulnerabilities;
	unsigned int vulnerabilities_count;
	struct catalogue_floor *floors;
	unsigned int floors_count;
	struct catalogue_emergency *emergencies;
	unsigned int emergencies_count;
};

/* Where a number stands among the known ones. */
struct catalogue_place {
	const struct catalogue_product *product;
	const struct catalogue_cu *cu;
	const struct catalogue_build *listed; /* what it counts as */
	bool ahead;                           /* above the newest known one of its CU */
};

/* catalogue_place - false when the number is of no known line */
bool catalogue_place(const struct catalogue *c, uint64_t build, struct catalogue_place *ret);

/* catalogue_is_online - the number is the cloud service's */
bool catalogue_is_online(const struct catalogue *c, uint64_t build);

/* catalogue_emergency_at - the definition in force at `at` that covers build, or NULL */
const struct catalogue_emergency *catalogue_emergency_at(const struct catalogue *c, uint64_t build,
							 int64_t at);

/* catalogue_support_end - the end that decides for a CU: paid-extended, own, or the product's */
int64_t catalogue_support_end(const struct catalogue *c, const struct catalogue_cu *cu);

/* catalogue_counts - an update makes older builds of its CU outdated at `at`: out for longer
 * than the grace, and its number is known to appear on the wire */
bool catalogue_counts(const struct catalogue *c, const struct catalogue_build *update, int64_t at,
		      int64_t grace_days, catalogue_seen_fn seen, void *seen_arg);

/* A catalogue on its way in; the reader knows where in the file, for errors. */
struct catalogue_loading {
	struct jsonread r;
	struct catalogue *c;
};

/* catalogue_load_products - with their CUs; then catalogue_load_builds */
int catalogue_load_products(struct catalogue_loading *l);
int catalogue_load_builds(struct catalogue_loading *l);

/* catalogue_find_product - index of the product that key "product" of an element names */
int catalogue_find_product(struct catalogue_loading *l, const json_t *o, unsigned int *ret);

/* catalogue_find_cu - index of the CU of that product that key "cu" names */
int catalogue_find_cu(struct catalogue_loading *l, const json_t *o, unsigned int product,
		      unsigned int *ret);

#endif
