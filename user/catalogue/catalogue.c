// SPDX-License-Identifier: BSD-2-Clause
#include "catalogue_data.h"

#include <string.h>

#include "user/base/build.h"
#include "user/base/times.h"

#define LINE_SHIFT 32 /* the two numbers that name a line are the upper half of a build */

static const char *const standing_names[] = {
	[STANDING_UNKNOWN] = "unknown",     [STANDING_ONLINE] = "online",
	[STANDING_EMERGENCY] = "emergency", [STANDING_UNSUPPORTED] = "unsupported",
	[STANDING_OUTDATED] = "outdated",   [STANDING_CURRENT] = "current",
};

/* standing_name - the word of JSON, policies and metrics */
const char *standing_name(enum standing standing)
{
	if (standing <= 0 || standing >= STANDING_MAX)
		return "unknown";
	return standing_names[standing];
}

/* standing_parse - exactly one of the words */
enum standing standing_parse(const char *word)
{
	for (int i = 1; i < STANDING_MAX; i++)
		if (!strcmp(word, standing_names[i]))
			return i;
	return 0;
}

/* catalogue_as_of - first moment of the day the list ends */
int64_t catalogue_as_of(const struct catalogue *catalogue)
{
	return catalogue->as_of;
}

/* catalogue_serial - higher is newer */
int64_t catalogue_serial(const struct catalogue *catalogue)
{
	return catalogue->serial;
}

/* catalogue_count - known builds */
unsigned int catalogue_count(const struct catalogue *catalogue)
{
	return catalogue->builds_count;
}

/* catalogue_emergencies - not over, not blocked */
unsigned int catalogue_emergencies(const struct catalogue *catalogue, int64_t at)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < catalogue->emergencies_count; i++)
		count += at < catalogue->emergencies[i].until && !catalogue->emergencies[i].blocked;
	return count;
}

/* catalogue_is_online - by line: the cloud's builds change every week and are not listed */
bool catalogue_is_online(const struct catalogue *c, uint64_t build)
{
	for (unsigned int i = 0; i < c->online_count; i++)
		if (build >> LINE_SHIFT == c->online_lines[i])
			return true;
	return false;
}

/* product_of - the product whose range holds build; the newest, most seen, come last */
static const struct catalogue_product *product_of(const struct catalogue *c, uint64_t build)
{
	for (unsigned int i = c->products_count; i-- > 0;)
		if (build >= c->products[i].from && build <= c->products[i].to)
			return &c->products[i];
	return NULL;
}

/* first_not_below - index of the first build of the product at or above build, else last + 1 */
static unsigned int first_not_below(const struct catalogue *c, const struct catalogue_product *p,
				    uint64_t build)
{
	unsigned int low = p->first, high = p->last + 1;

	while (low < high) {
		unsigned int middle = low + (high - low) / 2;

		if (c->numbers[middle] < build)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * catalogue_place - the bracketing of DESIGN section 7
 *
 * A number between two known ones of a CU counts as the newer. Between two CUs it is the older
 * one's, ahead of what is known. Below all that is known of a product it counts as the first.
 */
bool catalogue_place(const struct catalogue *c, uint64_t build, struct catalogue_place *ret)
{
	const struct catalogue_product *p = product_of(c, build);
	unsigned int at;

	if (!p)
		return false;
	at = first_not_below(c, p, build);
	ret->ahead = at > p->last || (c->numbers[at] != build && at > p->first &&
				      c->builds[at].cu != c->builds[at - 1].cu);
	ret->product = p;
	ret->listed = &c->builds[ret->ahead ? at - 1 : at];
	ret->cu = &c->cus[ret->listed->cu];
	return true;
}

/* catalogue_emergency_at - the first one listed wins */
const struct catalogue_emergency *catalogue_emergency_at(const struct catalogue *c, uint64_t build,
							 int64_t at)
{
	for (unsigned int i = 0; i < c->emergencies_count; i++) {
		const struct catalogue_emergency *e = &c->emergencies[i];

		if (at >= e->until || e->blocked)
			continue;
		for (unsigned int k = 0; k < e->ranges_count; k++)
			if (build >= e->ranges[k].from && build <= e->ranges[k].to)
				return e;
	}
	return NULL;
}

/* catalogue_id_fits - what can be typed, listed and logged as it is */
bool catalogue_id_fits(const char *id)
{
	size_t n = strlen(id);

	for (size_t i = 0; i < n; i++)
		if (id[i] <= ' ' || id[i] > '~' || id[i] == '"' || id[i] == '\\')
			return false;
	return n >= 1 && n <= 64;
}

/* catalogue_block - all definitions of that id, should a catalogue have several */
bool catalogue_block(struct catalogue *catalogue, const char *id, bool block)
{
	bool found = false;

	for (unsigned int i = 0; i < catalogue->emergencies_count; i++)
		if (!strcmp(catalogue->emergencies[i].id, id)) {
			catalogue->emergencies[i].blocked = block;
			found = true;
		}
	return found;
}

/* catalogue_support_end - a paid extension outlives the product itself */
int64_t catalogue_support_end(const struct catalogue *c, const struct catalogue_cu *cu)
{
	int64_t product_end = c->products[cu->product].support_end;

	if (cu->esu_end)
		return cu->esu_end;
	return cu->support_end < product_end ? cu->support_end : product_end;
}

/* out_for_longer - a release is more than grace_days old on the day of `at`; the hour at which it
 * came out is not known */
static bool out_for_longer(int64_t released, int64_t at, int64_t grace_days)
{
	return times_day(at) - times_day(released) > grace_days;
}

/* catalogue_counts - what the catalogue knows first, it costs nothing */
bool catalogue_counts(const struct catalogue *c, const struct catalogue_build *update, int64_t at,
		      int64_t grace_days, catalogue_seen_fn seen, void *seen_arg)
{
	if (!out_for_longer(update->released, at, grace_days))
		return false;
	if (update->seen_on_wire)
		return true;
	return seen && seen(seen_arg, update->build, c->cus[update->cu].below);
}

/* outdated - an update of the same CU after this build counts */
static bool outdated(const struct catalogue *c, const struct catalogue_place *place, int64_t at,
		     int64_t grace_days, catalogue_seen_fn seen, void *seen_arg)
{
	const struct catalogue_build *b = place->listed;
	const struct catalogue_build *last = &c->builds[place->cu->last];

	if (out_for_longer(b->counts_from, at, grace_days))
		return true;
	while (seen && b++ < last)
		if (catalogue_counts(c, b, at, grace_days, seen, seen_arg))
			return true;
	return false;
}

/* standing_of - DESIGN section 7, first match wins, for a number of a known line */
static enum standing standing_of(const struct catalogue *c, const struct catalogue_place *place,
				 int64_t at, int64_t grace_days, catalogue_seen_fn seen,
				 void *seen_arg)
{
	if (at >= catalogue_support_end(c, place->cu))
		return STANDING_UNSUPPORTED;
	if (!place->ahead && outdated(c, place, at, grace_days, seen, seen_arg))
		return STANDING_OUTDATED;
	return STANDING_CURRENT;
}

/* catalogue_judge - millions of times: one search, no allocation */
void catalogue_judge(const struct catalogue *catalogue, uint64_t build, int64_t at,
		     int64_t grace_days, catalogue_seen_fn seen, void *seen_arg,
		     struct judgement *ret)
{
	const struct catalogue_emergency *emergency;
	struct catalogue_place place;

	*ret = (struct judgement) { .standing = STANDING_UNKNOWN };
	if (catalogue_is_online(catalogue, build)) {
		ret->standing = STANDING_ONLINE;
		ret->apart = STANDING_ONLINE;
		ret->product = catalogue->online;
		return;
	}
	if (catalogue_place(catalogue, build, &place)) {
		ret->standing = standing_of(catalogue, &place, at, grace_days, seen, seen_arg);
		ret->product = place.product->name;
		ret->listed = place.listed->build;
		ret->ahead_of_catalogue = place.ahead;
		if (!place.ahead) {
			ret->release = place.listed->release;
			ret->released = place.listed->released;
		}
		catalogue_upgrades(catalogue, build, at, &ret->upgrade_to, 1);
	}
	ret->apart = ret->standing;
	emergency = catalogue_emergency_at(catalogue, build, at);
	if (emergency) {
		ret->standing = STANDING_EMERGENCY;
		ret->emergency = emergency->id;
		ret->tarpit = !strcmp(emergency->action, "tarpit");
		ret->minutes = emergency->minutes;
		ret->until = emergency->until;
	}
}

/* newest - the newest build of a CU to recommend at `at`: released, sold to everyone unless the
 * site has the paid extension, and not what an emergency is about */
static const struct catalogue_build *newest(const struct catalogue *c,
					    const struct catalogue_cu *cu, int64_t at, bool esu)
{
	for (unsigned int i = cu->last + 1; i-- > cu->first;) {
		const struct catalogue_build *b = &c->builds[i];

		if (b->released <= at && (esu || !b->esu_only) &&
		    !catalogue_emergency_at(c, b->build, at))
			return b;
	}
	return NULL;
}

/* What upgrades are collected into. */
struct collected {
	uint64_t *builds;
	unsigned int count, max;
};

/* collect_cus - the newest of each supported CU between two, newest CU first, until `enough` */
static void collect_cus(const struct catalogue *c, unsigned int first, unsigned int last,
			int64_t at, unsigned int enough, struct collected *list)
{
	for (unsigned int i = last + 1; i-- > first && enough && list->count < list->max;) {
		const struct catalogue_build *b;

		if (at >= catalogue_support_end(c, &c->cus[i]))
			continue;
		b = newest(c, &c->cus[i], at, false);
		if (b) {
			list->builds[list->count++] = b->build;
			enough--;
		}
	}
}

/*
 * catalogue_upgrades - the step that asks least of the site comes first
 *
 * The newest update of its own CU, the newer CUs of its product, then the newest CU of each
 * newer product, from the newest product down: each only where it is supported itself. A build
 * that is the newest of a CU in general support needs nothing.
 */
unsigned int catalogue_upgrades(const struct catalogue *catalogue, uint64_t build, int64_t at,
				uint64_t *ret_builds, unsigned int max)
{
	const struct catalogue *c = catalogue;
	struct collected list = { .builds = ret_builds, .max = max };
	const struct catalogue_build *own = NULL;
	struct catalogue_place place;
	unsigned int own_cu, own_product;
	bool general;

	if (!max || catalogue_is_online(c, build) || !catalogue_place(c, build, &place))
		return 0;
	own_cu = place.cu - c->cus;
	own_product = place.product - c->products;
	general = at < place.product->support_end;
	if (at < catalogue_support_end(c, place.cu)) {
		own = newest(c, place.cu, at, place.listed->esu_only);
		if (own && own->build > place.listed->build)
			list.builds[list.count++] = own->build;
		else if (general && !catalogue_emergency_at(c, build, at))
			return 0;
	}
	if (general && own_cu < place.product->last_cu)
		collect_cus(c, own_cu + 1, place.product->last_cu, at, max, &list);
	for (unsigned int i = c->products_count; i-- > own_product + 1;)
		if (at >= c->products[i].released && at < c->products[i].support_end)
			collect_cus(c, c->products[i].first_cu, c->products[i].last_cu, at, 1,
				    &list);
	return list.count;
}
