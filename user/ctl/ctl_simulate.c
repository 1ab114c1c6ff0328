// SPDX-License-Identifier: BSD-2-Clause
#include <stdio.h>
#include <string.h>

#include "user/catalogue/catalogue.h"
#include "user/base/clock.h"
#include "ctl.h"
#include "ctl_site.h"
#include "user/escalation/policy.h"
#include "user/escalation/simulate.h"
#include "user/base/times.h"

/* load_next - "--then DATE=FILE": the catalogue of later; the value has been checked to have both
 */
static int load_next(const struct ctl *ctl, struct simulate_options *options,
		     struct catalogue **ret_next, struct error *e)
{
	const char *then = ctl_option(ctl, "--then"), *file = then ? strchr(then, '=') : NULL;
	char date[TIMES_TEXT + 8];
	int rc;

	if (!then)
		return 0;
	if (file)
		snprintf(date, sizeof(date), "%.*s", (int)(file - then), then);
	if (!file || times_parse(date, &options->next_at))
		return error_set(e, CTL_USAGE,
				 "simulate: --then: '%s' is not DATE=FILE, such as "
				 "2026-11-21=exchange.json",
				 then);
	rc = catalogue_load(file + 1, ret_next, e);
	options->next = *ret_next;
	return rc;
}

/* ctl_simulate - the daemon is not asked: the same input must give the same output anywhere */
int ctl_simulate(const struct ctl *ctl, struct error *e)
{
	const char *file = ctl_option(ctl, "--catalogue"),
		   *policy_name = ctl_option(ctl, "--policy");
	const char *until = ctl_option(ctl, "--until");
	struct simulate_options options = { .json = ctl->json };
	struct catalogue *catalogue = NULL, *next = NULL;
	struct policy *policy = NULL;
	struct ctl_site site;
	int rc;

	rc = ctl_site_load(CTL_CONFIG, &site, e);
	if (!rc)
		rc = policy_load(policy_name ? policy_name : site.policy, site.policy_dir, &policy,
				 e);
	if (!rc)
		rc = catalogue_load(file ? file : site.catalogue, &catalogue, e);
	if (!rc)
		rc = load_next(ctl, &options, &next, e);
	if (!rc) {
		clock_init(0);
		options.policy = policy;
		options.catalogue = catalogue;
		options.grace_days = site.grace_days;
		options.ipv6_bits = site.ipv6_bits;
		options.now = clock_wall();
		if (until)
			times_parse(until, &options.until);
		rc = simulate(stdin, ctl->out, &options, e);
	}
	if (catalogue)
		catalogue_free(catalogue);
	if (next)
		catalogue_free(next);
	if (policy)
		policy_free(policy);
	return rc;
}
