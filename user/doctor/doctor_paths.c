// SPDX-License-Identifier: BSD-2-Clause
/* Paths on which mail may pass this host without passing the gate. */
#include <string.h>

#include "doctor_private.h"

#define SECTION "paths"
#define DEPTH   8 /* devices upon devices upon devices */

/* by_index - an interface, or NULL */
static const struct doctor_link *by_index(const struct doctor_links *links, int index)
{
	for (unsigned int i = 0; index && i < links->count; i++)
		if (links->list[i].index == index)
			return &links->list[i];
	return NULL;
}

/* covered - what goes through an interface passes the gate: there, below it, or at every port of
 * a bond */
static bool covered(const struct doctor_links *links, const struct doctor_link *link, int depth)
{
	const struct doctor_link *lower = by_index(links, link->lower);
	unsigned int ports = 0, seen = 0;

	if (link->outside)
		return true;
	if (!depth)
		return false;
	if (lower && lower != link && covered(links, lower, depth - 1))
		return true;
	for (unsigned int i = 0; i < links->count; i++) {
		if (links->list[i].master != link->index)
			continue;
		ports++;
		seen += covered(links, &links->list[i], depth - 1);
	}
	/* of a bridge the inner ports need not be seen */
	return ports && (!strcmp(link->kind, "bridge") ? seen > 0 : seen == ports);
}

/* above - upper is made of lower: the same packet crosses both */
static bool above(const struct doctor_links *links, const struct doctor_link *upper,
		  const struct doctor_link *lower, int depth)
{
	const struct doctor_link *next;

	if (!depth)
		return false;
	if (lower->master == upper->index)
		return true;
	next = by_index(links, upper->lower);
	if (next && next != upper && (next == lower || above(links, next, lower, depth - 1)))
		return true;
	next = by_index(links, lower->master);
	return next && above(links, upper, next, depth - 1);
}

/* judge_routes - where the Internet may be reached without us */
static bool judge_routes(struct doctor *d, const struct doctor_links *links)
{
	bool bypass = false;

	for (unsigned int i = 0; i < links->count; i++) {
		const struct doctor_link *link = &links->list[i];

		if (link->loopback || covered(links, link, DEPTH))
			continue;
		if (link->defaults) {
			doctor_say(
				d, SECTION, DOCTOR_WARN,
				"a default route leads through %s, which is not outside: mail that "
				"comes or goes there is not seen",
				link->name);
			doctor_next(d, "add %s to outside: in %s and restart buildgated",
				    link->name, d->config_path);
			bypass = true;
		} else if (link->gateways) {
			doctor_say(d, SECTION, DOCTOR_NOTE,
				   "%u routes lead over gateways behind %s, which is inside: what "
				   "comes from there is never enforced",
				   link->gateways, link->name);
			doctor_next(d, "if the Internet is behind it, add %s to outside: in %s",
				    link->name, d->config_path);
		}
	}
	return bypass;
}

/* judge_twice - a packet that is seen twice is read as a retransmission of itself */
static void judge_twice(struct doctor *d, const struct doctor_links *links)
{
	for (unsigned int i = 0; i < links->count; i++)
		for (unsigned int j = 0; j < links->count; j++) {
			const struct doctor_link *a = &links->list[i], *b = &links->list[j];

			if (i == j || !a->outside || !b->outside || !above(links, a, b, DEPTH))
				continue;
			doctor_say(d, SECTION, DOCTOR_BAD,
				   "%s and %s are both outside, but the same packets cross both",
				   a->name, b->name);
			doctor_next(d, "leave %s only in outside: in %s and restart buildgated",
				    b->name, d->config_path);
		}
}

/* count_ports - of a bridge */
static unsigned int count_ports(const struct doctor_links *links, const struct doctor_link *bridge)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < links->count; i++)
		count += links->list[i].master == bridge->index;
	return count;
}

/* judge_bridge - what a bridge forwards between its ports never crosses the bridge device */
static void judge_bridge(struct doctor *d, const struct doctor_links *links,
			 const struct doctor_link *link)
{
	const struct doctor_link *master = by_index(links, link->master);

	if (!strcmp(link->kind, "bridge") && count_ports(links, link) > 1) {
		doctor_say(d, SECTION, DOCTOR_WARN,
			   "%s is a bridge: what it forwards between its ports is not seen",
			   link->name);
		doctor_next(d, "name its outer port instead in outside: in %s, restart buildgated",
			    d->config_path);
	} else if (master && !strcmp(master->kind, "bridge")) {
		doctor_say(d, SECTION, DOCTOR_OK,
			   "%s is a port of the bridge %s: TC sees it before the bridge does",
			   link->name, master->name);
	}
}

/* judge_outside - one interface that the gate is on */
static void judge_outside(struct doctor *d, const struct doctor_links *links,
			  const struct doctor_link *link)
{
	if (!link->up) {
		doctor_say(d, SECTION, DOCTOR_WARN, "%s is down", link->name);
		doctor_next(d, "ip link set dev %s up", link->name);
	}
	judge_bridge(d, links, link);
	if (link->switched) {
		doctor_say(d, SECTION, DOCTOR_NOTE,
			   "%s is a port of a switch chip: what the chip forwards is not seen",
			   link->name);
		doctor_next(d, "see that mail is not among it: bridge link show");
	}
	if (link->offloads[0]) {
		doctor_say(d, SECTION, DOCTOR_NOTE,
			   "%s: %s is on: the card may take packets past TC", link->name,
			   link->offloads);
		doctor_next(d, "ethtool -K %s %.*s off, unless it is needed", link->name,
			    (int)strcspn(link->offloads, ","), link->offloads);
	}
}

/* doctor_paths - as the kernel has them now */
void doctor_paths(struct doctor *d)
{
	char names[DOCTOR_INTERFACES][IF_NAMESIZE];
	unsigned int count = doctor_outside(d, names);
	struct doctor_links links;
	struct error e;

	if (doctor_links_read(&links, &e)) {
		doctor_say(d, SECTION, DOCTOR_WARN, "%s", e.text);
		doctor_next(d, "run gatectl doctor as root, in the network namespace of the gate");
		return;
	}
	for (unsigned int i = 0; i < links.count; i++)
		for (unsigned int j = 0; j < count; j++)
			links.list[i].outside |= !strcmp(links.list[i].name, names[j]);
	for (unsigned int j = 0; j < count; j++) {
		if (if_nametoindex(names[j]))
			continue;
		doctor_say(d, SECTION, DOCTOR_BAD, "there is no interface %s here", names[j]);
		doctor_next(d, "name one that \"ip link\" shows in outside: in %s", d->config_path);
	}
	doctor_paths_judge(d, &links);
	doctor_links_free(&links);
}

/* doctor_paths_judge - routes, doubles, then each outside interface */
void doctor_paths_judge(struct doctor *d, const struct doctor_links *links)
{
	unsigned int outside = 0;
	bool bypass;

	for (unsigned int i = 0; i < links->count; i++)
		outside += links->list[i].outside;
	if (!outside)
		return; /* nobody says which they are: told by the configuration's finding */
	bypass = judge_routes(d, links);
	judge_twice(d, links);
	for (unsigned int i = 0; i < links->count; i++)
		if (links->list[i].outside)
			judge_outside(d, links, &links->list[i]);
	if (!bypass)
		doctor_say(d, SECTION, DOCTOR_OK,
			   "all default routes pass the gate; packets that "
			   "GRO or GSO joined are read like any other");
}
