// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the catalogue knows of one build, in words: the object of "catalogue check -j". Reasons
 * are whole sentences, the one that decides first. A text that cannot be made (out of memory)
 * is left out: the facts are in the other keys.
 */
#include "catalogue_data.h"

#include "user/base/build.h"
#include "user/base/times.h"

/* One check under way. */
struct check {
	const struct catalogue *c;
	uint64_t build;
	int64_t at, grace_days;
	catalogue_seen_fn seen;
	void *seen_arg;
	struct judgement judgement;
	struct catalogue_place place; /* listed NULL: of no known line */
	json_t *reasons;
	json_t *vulnerabilities;
};

/* say - one more sentence */
#define say(check, ...) json_array_append_new((check)->reasons, json_sprintf(__VA_ARGS__))

/* Texts by value, to be had more than once in an expression. */
struct day {
	char text[TIMES_TEXT];
};

struct number {
	char text[BUILD_TEXT];
};

/* day - the UTC day of a moment */
static struct day day(int64_t at)
{
	struct day d;

	times_format_date(at, d.text);
	return d;
}

/* last_day - of a support that ends with the moment `end` */
static struct day last_day(int64_t end)
{
	return day(end - 1);
}

/* number - the text of a build */
static struct number number(uint64_t build)
{
	struct number n;

	build_format(build, n.text);
	return n;
}

/* say_emergency - which definition covers the build */
static void say_emergency(struct check *k)
{
	const struct catalogue_emergency *e = catalogue_emergency_at(k->c, k->build, k->at);

	if (!e)
		return;
	if (e->until == FOREVER)
		say(k, "Emergency %s covers this build: %s.", e->id, e->action);
	else
		say(k, "Emergency %s covers this build until %s: %s.", e->id,
		    last_day(e->until).text, e->action);
}

/* say_place - what the number counts as, where it is not itself in the list */
static void say_place(struct check *k)
{
	const struct catalogue_build *b = k->place.listed;

	if (k->place.ahead)
		say(k, "%s is above %s (%s), the newest of its CU that the catalogue of %s knows.",
		    number(k->build).text, b->release, number(b->build).text,
		    day(k->c->as_of).text);
	else if (b->build != k->build)
		say(k, "%s is not listed itself and counts as %s (%s), the next one above.",
		    number(k->build).text, b->release, number(b->build).text);
}

/* say_support - which support has ended, the product's or only the CU's */
static void say_support(struct check *k)
{
	const struct catalogue_product *p = k->place.product;
	const struct catalogue_cu *cu = k->place.cu;

	if (k->at >= p->support_end)
		say(k, "Support of %s ended on %s.", p->name, last_day(p->support_end).text);
	else if (k->at >= cu->support_end)
		say(k, "Support of %s %s ended on %s%s.", p->name, cu->name,
		    last_day(cu->support_end).text,
		    cu->derived ? ", 90 days after the next CU (derived)" : "");
	if (cu->esu_end && k->at >= p->support_end)
		say(k, "Paid extended support of %s %s %s on %s.", p->name, cu->name,
		    k->at >= cu->esu_end ? "ended" : "ends", last_day(cu->esu_end).text);
}

/* say_updates - updates of the same CU that are out and not installed */
static void say_updates(struct check *k)
{
	const struct catalogue_build *first = NULL, *newest = NULL, *counting = NULL;
	unsigned int missing = 0;

	for (unsigned int i = k->place.listed - k->c->builds + 1; i <= k->place.cu->last; i++) {
		const struct catalogue_build *b = &k->c->builds[i];

		if (b->released > k->at)
			continue;
		missing++;
		newest = b;
		if (!first)
			first = b;
		if (!counting &&
		    catalogue_counts(k->c, b, k->at, k->grace_days, k->seen, k->seen_arg))
			counting = b;
	}
	if (!missing)
		return;
	if (counting)
		say(k, "The update %s (%s) is missing since %s.", counting->release,
		    number(counting->build).text, day(counting->released).text);
	else
		say(k,
		    "The update %s (%s) of %s is missing, but does not count yet: it is not out "
		    "for more than %lld days, or its number was not seen on the wire.",
		    first->release, number(first->build).text, day(first->released).text,
		    (long long)k->grace_days);
	if (missing > 1)
		say(k, "%u updates are missing in all, the newest is %s (%s) of %s.", missing,
		    newest->release, number(newest->build).text, day(newest->released).text);
}

/*
 * open_fix - the fix that a build misses, NULL when it misses none
 *
 * Its own CU's fix decides. A CU without one has the fix from the start when it is newer than
 * every CU that was fixed, and can never get it when it is older than one.
 */
static const struct catalogue_fix *open_fix(const struct check *k,
					    const struct catalogue_vulnerability *v)
{
	uint64_t build = k->place.ahead ? k->build : k->place.listed->build;
	const struct catalogue_fix *open = NULL;

	for (unsigned int i = 0; i < v->fixes_count; i++) {
		const struct catalogue_fix *fix = &v->fixes[i];

		if (&k->c->products[fix->product] != k->place.product)
			continue;
		if (&k->c->cus[fix->cu] == k->place.cu)
			return build < fix->build ? fix : NULL;
		if (build < fix->build && (!open || fix->build < open->build))
			open = fix;
	}
	return open;
}

/* say_vulnerability - the sentence, and the CVEs into their list */
static void say_vulnerability(struct check *k, const struct catalogue_vulnerability *v,
			      const struct catalogue_fix *fix)
{
	const json_t *cves = fix->cves ? fix->cves : v->cves;
	bool own = &k->c->cus[fix->cu] == k->place.cu;

	if (!v->decidable) {
		say(k, "Perhaps not fixed: %s, it depends on the configuration.", v->name);
		return;
	}
	json_array_extend(k->vulnerabilities, (json_t *)cves);
	say(k, "Not fixed: %s, disclosed on %s, %s %s.", v->name, day(v->disclosed).text,
	    own ? "fixed in" : "fixed only in newer CUs, first in", number(fix->build).text);
}

/* say_vulnerabilities - those that were known at the time */
static void say_vulnerabilities(struct check *k)
{
	for (unsigned int i = 0; i < k->c->vulnerabilities_count; i++) {
		const struct catalogue_vulnerability *v = &k->c->vulnerabilities[i];
		const struct catalogue_fix *fix;

		if (v->disclosed > k->at)
			continue;
		fix = open_fix(k, v);
		if (fix)
			say_vulnerability(k, v, fix);
	}
}

/* say_mitigations - whether emergency mitigations can still reach it */
static void say_mitigations(struct check *k)
{
	const struct catalogue_build *b = k->place.listed;

	if (!b->mitigation_service)
		say(k, "It has no emergency mitigation service.");
	else if (k->at >= k->c->mitigations_2025 && !b->mitigations_2025)
		say(k,
		    "It can fetch no emergency mitigations any more since the certificate "
		    "change announced on %s.",
		    day(k->c->mitigations_2025).text);
	else if (k->at >= k->c->mitigations_2026 && !b->mitigations_2026)
		say(k, "It can fetch no emergency mitigations released from %s on.",
		    day(k->c->mitigations_2026).text);
	else if (k->at >= k->c->mitigations_2025 && b->mitigations_2025_unclear)
		say(k,
		    "Whether it can still fetch emergency mitigations is not certain: the "
		    "announcement of %s leaves this very build open.",
		    day(k->c->mitigations_2025).text);
}

/* say_floor - what Exchange Online would do: the newest floor of the own CU decides, else the
 * highest of the product */
static void say_floor(struct check *k)
{
	const struct catalogue_floor *asked = NULL;

	for (unsigned int i = 0; i < k->c->floors_count; i++) {
		const struct catalogue_floor *f = &k->c->floors[i];
		bool own = &k->c->cus[f->cu] == k->place.cu;
		bool had = asked && &k->c->cus[asked->cu] == k->place.cu;

		if (&k->c->products[f->product] != k->place.product || f->from > k->at)
			continue;
		if (!asked || (own && !had) || (own == had && f->build > asked->build))
			asked = f;
	}
	if (asked && k->build < asked->build)
		say(k,
		    "%s asks for %s at least since %s%s; a server below it is slowed and refused "
		    "there.",
		    k->c->online, number(asked->build).text, day(asked->from).text,
		    asked->confirmed ? "" : " (not confirmed)");
}

/* say_all - the reasons of a build, by what is known of it */
static void say_all(struct check *k)
{
	say_emergency(k);
	if (k->judgement.standing == STANDING_ONLINE) {
		say(k, "It is %s, which is always passed.", k->c->online);
		return;
	}
	if (!k->place.listed) {
		say(k, "%s is of no line that the catalogue of %s lists.", number(k->build).text,
		    day(k->c->as_of).text);
		return;
	}
	say_support(k);
	if (!k->place.ahead)
		say_updates(k);
	say_place(k);
	say_floor(k);
	say_vulnerabilities(k);
	say_mitigations(k);
	if (!json_array_size(k->reasons))
		say(k, "It is supported, and no update of its CU is missing.");
}

/* moment_or_null - not known is null, here and below */
static json_t *moment_or_null(int64_t at)
{
	char text[TIMES_TEXT];

	return at ? json_string(times_format(at, text)) : json_null();
}

/* build_or_null - 0 is no build */
static json_t *build_or_null(uint64_t build)
{
	return build ? json_string(number(build).text) : json_null();
}

/* text_or_null - as it is */
static json_t *text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

/* flag_or_null - a fact of the listed build */
static json_t *flag_or_null(const struct check *k, bool flag)
{
	return k->place.listed ? json_boolean(flag) : json_null();
}

/* catalogue_check - judge, say why, and put it all into the fixed object */
json_t *catalogue_check(const struct catalogue *catalogue, uint64_t build, int64_t at,
			int64_t grace_days, catalogue_seen_fn seen, void *seen_arg)
{
	struct check k = {
		.c = catalogue,
		.build = build,
		.at = at,
		.grace_days = grace_days,
		.seen = seen,
		.seen_arg = seen_arg,
		.reasons = json_array(),
		.vulnerabilities = json_array(),
	};
	const struct catalogue_build *b;
	struct judgement *j = &k.judgement;

	catalogue_judge(catalogue, build, at, grace_days, seen, seen_arg, j);
	if (j->standing != STANDING_ONLINE)
		catalogue_place(catalogue, build, &k.place);
	say_all(&k);
	b = k.place.listed;
	return json_pack("{s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:b}", "build",
			 build_or_null(build), "product", text_or_null(j->product), "release",
			 text_or_null(j->release), "released", moment_or_null(j->released),
			 "standing", standing_name(j->standing), "reasons", k.reasons, "upgrade_to",
			 build_or_null(j->upgrade_to), "vulnerabilities", k.vulnerabilities,
			 "mitigations_after_2025", flag_or_null(&k, b && b->mitigations_2025),
			 "mitigations_after_2026", flag_or_null(&k, b && b->mitigations_2026),
			 "ahead_of_catalogue", j->ahead_of_catalogue);
}
