// SPDX-License-Identifier: BSD-2-Clause
/* The object of "catalogue check -j", the rules that only the small catalogue has cases for,
 * and what real wires showed, where those lists are at hand. */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "user/base/build.h"
#include "user/catalogue/catalogue.h"
#include "user/base/times.h"

#define SHIPPED "maps/catalogue/exchange.json"
#define SMALL   "tests/unit/catalogue-small.json"
#define SHARED  "../shared/data/" /* lists of real lines; not part of the project */
#define GRACE   30

static struct catalogue *shipped, *small;

/* moment - a time that is known to be right */
static int64_t moment(const char *text)
{
	int64_t at;

	assert_int_equal(times_parse(text, &at), 0);
	return at;
}

/* check - the object of a build; the caller owns it */
static json_t *check(const struct catalogue *c, const char *build, const char *at)
{
	json_t *o = catalogue_check(c, build_parse(build), moment(at), GRACE, NULL, NULL);

	assert_non_null(o);
	return o;
}

/* says - the object is exactly this JSON, written with single quotes */
static void says(json_t *object, const char *expected)
{
	char *text = strdup(expected), *got;
	json_t *parsed;

	for (char *p = text; *p; p++)
		if (*p == '\'')
			*p = '"';
	parsed = json_loads(text, 0, NULL);
	assert_non_null(parsed);
	if (!json_equal(object, parsed)) {
		got = json_dumps(object, JSON_INDENT(1));
		print_error("%s\n", got);
		free(got);
	}
	assert_true(json_equal(object, parsed));
	json_decref(parsed);
	json_decref(object);
	free(text);
}

/* whole_object - every key, for every kind of answer */
static void whole_object(void **state)
{
	(void)state;
	says(check(small, "90.1.20.0", "2020-04-15"),
	     "{'build':'90.1.20.0','product':'Mailer 1','release':'CU1',"
	     "'released':'2018-12-31T00:00:00Z','standing':'outdated','reasons':["
	     "'The update CU1 Feb20SU (90.1.20.4) is missing since 2020-02-29.',"
	     "'Not fixed: Letterbox, disclosed on 2020-01-20, fixed in 90.1.20.4.',"
	     "'It can fetch no emergency mitigations any more since the certificate change "
	     "announced on 2019-01-01.'],'upgrade_to':'90.1.20.4',"
	     "'vulnerabilities':['CVE-2020-0001'],'mitigations_after_2025':false,"
	     "'mitigations_after_2026':false,'ahead_of_catalogue':false}");
	says(check(small, "90.9.1.1", "2020-04-15"),
	     "{'build':'90.9.1.1','product':'Mailer Cloud','release':null,'released':null,"
	     "'standing':'online','reasons':['It is Mailer Cloud, which is always passed.'],"
	     "'upgrade_to':null,'vulnerabilities':[],'mitigations_after_2025':null,"
	     "'mitigations_after_2026':null,'ahead_of_catalogue':false}");
	says(check(small, "90.3.1.1", "2020-04-15"),
	     "{'build':'90.3.1.1','product':null,'release':null,'released':null,"
	     "'standing':'unknown','reasons':['90.3.1.1 is of no line that the catalogue of "
	     "2020-06-01 lists.'],'upgrade_to':null,'vulnerabilities':[],"
	     "'mitigations_after_2025':null,'mitigations_after_2026':null,"
	     "'ahead_of_catalogue':false}");
	says(check(small, "90.2.5.9", "2020-05-13"),
	     "{'build':'90.2.5.9','product':'Mailer 2','release':'RTM May20SU',"
	     "'released':'2020-05-12T00:00:00Z','standing':'current','reasons':["
	     "'It is supported, and no update of its CU is missing.'],'upgrade_to':null,"
	     "'vulnerabilities':[],'mitigations_after_2025':true,"
	     "'mitigations_after_2026':true,'ahead_of_catalogue':false}");
}

/* has_reason - one of the reasons is this sentence */
static bool has_reason(const json_t *o, const char *sentence)
{
	const json_t *v;
	size_t i;

	json_array_foreach (json_object_get(o, "reasons"), i, v)
		if (!strcmp(json_string_value(v), sentence))
			return true;
	return false;
}

/* gives_reasons - a sentence for each thing that a person should know */
static void gives_reasons(void **state)
{
	static const struct {
		const char *build, *at, *standing, *reason;
	} rows[] = {
		{ "90.1.10.0", "2019-04-01", "unsupported",
		  "Support of Mailer 1 RTM ended on 2019-03-31, 90 days after the next CU "
		  "(derived)." },
		{ "90.1.10.0", "2019-03-31", "current", "It has no emergency mitigation service." },
		{ "90.1.10.0", "2020-02-01", "unsupported",
		  "Not fixed: Letterbox, disclosed on 2020-01-20, fixed only in newer CUs, first "
		  "in 90.1.20.4." },
		{ "90.1.10.0", "2020-02-01", "unsupported",
		  "Perhaps not fixed: Doorbell, it depends on the configuration." },
		{ "90.1.20.4", "2021-01-01", "current",
		  "Support of Mailer 1 ended on 2020-12-31." },
		{ "90.1.20.4", "2021-01-01", "current",
		  "Paid extended support of Mailer 1 CU1 ends on 2021-06-30." },
		{ "90.1.20.4", "2021-07-01", "unsupported",
		  "Paid extended support of Mailer 1 CU1 ended on 2021-06-30." },
		{ "90.1.20.4", "2020-04-01", "current",
		  "Whether it can still fetch emergency mitigations is not certain: the "
		  "announcement of 2019-01-01 leaves this very build open." },
		{ "90.1.20.3", "2020-04-01", "current",
		  "90.1.20.3 is not listed itself and counts as CU1 Feb20SU (90.1.20.4), the next "
		  "one above." },
		{ "90.1.20.5", "2020-04-01", "current",
		  "90.1.20.5 is above CU1 Feb20SU (90.1.20.4), the newest of its CU that the "
		  "catalogue of 2020-06-01 knows." },
		{ "90.1.20.0", "2020-03-01", "current",
		  "The update CU1 Feb20SU (90.1.20.4) of 2020-02-29 is missing, but does not count "
		  "yet: it is not out for more than 30 days, or its number was not seen on the "
		  "wire." },
		{ "90.2.5.0", "2020-05-31", "emergency",
		  "Emergency E1 covers this build until 2020-05-31: drop." },
		{ "90.2.5.0", "2020-06-01", "current",
		  "It can fetch no emergency mitigations released from 2019-06-01 on." },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *o = check(small, rows[i].build, rows[i].at);
		const char *standing = json_string_value(json_object_get(o, "standing"));

		if (!has_reason(o, rows[i].reason))
			print_error("missing: %s\n", rows[i].reason);
		assert_true(has_reason(o, rows[i].reason));
		assert_string_equal(standing, rows[i].standing);
		json_decref(o);
	}
}

/* counts_month_from_its_end - "2020-02", so from 29 February: 30 March is the 30th day */
static void counts_month_from_its_end(void **state)
{
	uint64_t build = build_parse("90.1.20.0");
	struct judgement j;

	(void)state;
	catalogue_judge(small, build, moment("2020-03-30T23:59:59Z"), GRACE, NULL, NULL, &j);
	assert_int_equal(j.standing, STANDING_CURRENT);
	catalogue_judge(small, build, moment("2020-03-31"), GRACE, NULL, NULL, &j);
	assert_int_equal(j.standing, STANDING_OUTDATED);
	catalogue_judge(small, build_parse("90.1.20.4"), moment("2020-04-15"), GRACE, NULL, NULL,
			&j);
	assert_int_equal(j.released, moment("2020-02-29"));
}

/* applies_emergencies - within the range and until the day is over; the upgrade leads out */
static void applies_emergencies(void **state)
{
	static const struct {
		const char *build, *at;
		enum standing standing;
		const char *upgrade;
	} rows[] = {
		{ "90.2.5.0", "2020-05-31T23:59:59Z", STANDING_EMERGENCY, "90.2.5.9" },
		{ "90.2.5.0", "2020-06-01", STANDING_CURRENT, "90.2.5.9" },
		{ "90.2.0.0", "2020-05-20", STANDING_EMERGENCY, "90.2.5.9" },
		{ "90.2.5.1", "2020-05-20", STANDING_CURRENT, NULL },
		/* before the update was there, nothing helps */
		{ "90.2.5.0", "2020-02-01", STANDING_EMERGENCY, NULL },
		/* emergencies of one product are not another's */
		{ "90.1.20.4", "2020-05-20", STANDING_CURRENT, NULL },
	};
	struct judgement j;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		catalogue_judge(small, build_parse(rows[i].build), moment(rows[i].at), GRACE, NULL,
				NULL, &j);
		assert_int_equal(j.standing, rows[i].standing);
		assert_int_equal(j.upgrade_to, rows[i].upgrade ? build_parse(rows[i].upgrade) : 0);
		if (j.standing == STANDING_EMERGENCY)
			assert_string_equal(j.emergency, "E1");
		else
			assert_null(j.emergency);
	}
}

/* lists_vulnerabilities - of the shipped catalogue: by own fix, by newer CUs, by date */
static void lists_vulnerabilities(void **state)
{
	static const struct {
		const char *build, *at, *cve;
		bool has;
	} rows[] = {
		{ "15.1.2106.8", "2021-04-01", "CVE-2021-26855", true },
		{ "15.1.2106.13", "2021-04-01", "CVE-2021-26855", false },
		/* CU20 came with the fix; CU7 never got one; not before it was disclosed */
		{ "15.1.2242.4", "2021-04-01", "CVE-2021-26855", false },
		{ "15.1.1261.39", "2021-04-01", "CVE-2021-26855", true },
		{ "15.1.1261.39", "2021-03-01", "CVE-2021-26855", false },
		/* of ProxyLogon, 2010 has one part */
		{ "14.3.509.0", "2021-04-01", "CVE-2021-26857", true },
		{ "14.3.509.0", "2021-04-01", "CVE-2021-26855", false },
		{ "15.1.2507.72", "2026-10-01", "CVE-2026-69356", true },
		{ "15.1.2507.72", "2026-10-01", "CVE-2026-55007", false },
		{ "15.2.1748.49", "2026-10-01", "CVE-2026-55007", true },
		/* in the sender's favour: .32 counts as .33, and a product without a word has none
		 */
		{ "15.0.1497.43", "2022-12-01", "CVE-2022-41040", false },
		{ "15.0.1497.41", "2022-12-01", "CVE-2022-41040", true },
		{ "8.3.517.0", "2026-11-21", "CVE-2021-26855", false },
		/* depends on the configuration: never claimed */
		{ "15.1.2507.6", "2026-11-21", "CVE-2025-53786", false },
		{ "15.2.2562.60", "2026-11-21", "CVE-2026-96940", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *o = check(shipped, rows[i].build, rows[i].at);
		const json_t *v;
		bool has = false;
		size_t k;

		json_array_foreach (json_object_get(o, "vulnerabilities"), k, v)
			has |= !strcmp(json_string_value(v), rows[i].cve);
		if (has != rows[i].has)
			print_error("%s at %s: %s\n", rows[i].build, rows[i].at, rows[i].cve);
		assert_int_equal(has, rows[i].has);
		json_decref(o);
	}
}

/* tells_mitigations - the two cut-offs, at their floors */
static void tells_mitigations(void **state)
{
	static const struct {
		const char *build;
		bool after_2025, after_2026;
	} rows[] = {
		{ "15.1.2507.21", false, false }, { "15.1.2507.23", true, false },
		{ "15.1.2507.66", true, false },  { "15.1.2507.69", true, true },
		{ "15.1.2375.37", false, false }, { "15.2.1258.12", true, false },
		{ "15.2.1748.46", true, true },   { "15.2.2562.41", true, false },
		{ "15.2.2562.43", true, true },   { "15.0.1497.48", false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *o = check(shipped, rows[i].build, "2026-11-21");

		assert_int_equal(json_is_true(json_object_get(o, "mitigations_after_2025")),
				 rows[i].after_2025);
		assert_int_equal(json_is_true(json_object_get(o, "mitigations_after_2026")),
				 rows[i].after_2026);
		json_decref(o);
	}
}

/* has_product - the catalogue's product of a build is the one expected */
static bool has_product(const char *build, const char *expected)
{
	struct judgement j;

	catalogue_judge(shipped, build_parse(build), moment("2026-11-21"), GRACE, NULL, NULL, &j);
	if (j.product && !strcmp(j.product, expected))
		return true;
	print_error("%s: %s, expected %s\n", build, j.product ? j.product : "none", expected);
	return false;
}

/* knows_real_lines - every build of the corpus of real lines has its product. The cloud's
 * numbers of 2013 to 2015 cannot be told from the product's by number alone. */
static void knows_real_lines(void **state)
{
	FILE *file = fopen(SHARED "corpus.jsonl", "re");
	unsigned int checked = 0;
	json_t *o;

	(void)state;
	if (!file) {
		print_message("skipped: no " SHARED "corpus.jsonl\n");
		skip();
	}
	while ((o = json_loadf(file, JSON_DISABLE_EOF_CHECK, NULL))) {
		const json_t *expect = json_object_get(o, "expect");
		const char *build = json_string_value(json_object_get(expect, "build"));
		const char *product = json_string_value(json_object_get(expect, "product"));
		bool old_cloud = build && !strncmp(build, "15.1.225.", 9) &&
				 !strcmp(product, "Exchange Online");

		if (build && !old_cloud) {
			assert_true(has_product(build, product));
			checked++;
		}
		json_decref(o);
	}
	fclose(file);
	assert_true(checked > 200);
}

/* knows_wire_tokens - every number seen on real wires is of a known line, with a release */
static void knows_wire_tokens(void **state)
{
	json_t *facts = json_load_file(SHARED "exchange-builds.json", 0, NULL), *v;
	struct judgement j;
	size_t i;

	(void)state;
	if (!facts) {
		print_message("skipped: no " SHARED "exchange-builds.json\n");
		skip();
	}
	json_array_foreach (json_object_get(facts, "wire_observations"), i, v) {
		const char *token = json_string_value(json_object_get(v, "token"));
		bool exact = json_is_true(json_object_get(v, "in_catalogue"));

		catalogue_judge(shipped, build_parse(token), moment("2026-11-21"), GRACE, NULL,
				NULL, &j);
		assert_non_null(j.product);
		assert_int_equal(j.listed == build_parse(token), exact);
	}
	assert_true(i > 40);
	json_decref(facts);
}

/* is_generated - the shipped file is what scripts/gen-catalogue makes of the facts, unedited */
static void is_generated(void **state)
{
	char command[256];

	(void)state;
	if (access(SHARED "exchange-builds.json", R_OK) || system("command -v jq >/dev/null")) {
		print_message("skipped: no " SHARED "exchange-builds.json, or no jq\n");
		skip();
	}
	snprintf(command, sizeof(command),
		 "scripts/gen-catalogue --serial %lld " SHARED "exchange-builds.json | cmp " SHIPPED
		 " -",
		 (long long)catalogue_serial(shipped));
	assert_int_equal(system(command), 0);
}

static int setup(void **state)
{
	struct error e = {};

	(void)state;
	if (!catalogue_load(SHIPPED, &shipped, &e) && !catalogue_load(SMALL, &small, &e))
		return 0;
	print_error("%s\n", e.text);
	return -1;
}

static int teardown(void **state)
{
	(void)state;
	catalogue_free(shipped);
	catalogue_free(small);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_object),
		cmocka_unit_test(gives_reasons),
		cmocka_unit_test(counts_month_from_its_end),
		cmocka_unit_test(applies_emergencies),
		cmocka_unit_test(lists_vulnerabilities),
		cmocka_unit_test(tells_mitigations),
		cmocka_unit_test(knows_real_lines),
		cmocka_unit_test(knows_wire_tokens),
		cmocka_unit_test(is_generated),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
