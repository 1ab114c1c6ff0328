// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/address.h"
#include "user/base/build.h"
#include "user/catalogue/catalogue.h"
#include "user/base/clock.h"
#include "ctl.h"
#include "ctl_output.h"
#include "ctl_site.h"
#include "ctl_text.h"
#include "user/replay/replay.h"
#include "user/base/times.h"

struct printing {
	const struct ctl *ctl;
	const struct catalogue *catalogue; /* NULL: nothing is judged */
	int64_t grace_days;
	int64_t at; /* judge on this date; 0: each observation on its own */
};

/* print_line - for people */
static void print_line(FILE *out, const struct observation *o, uint32_t frame)
{
	char at[TIMES_TEXT], source[ADDRESS_TEXT], build[BUILD_TEXT];
	const struct judgement *j = &o->judgement;
	const char *name = o->build ? o->server : o->helo;

	times_format(o->at, at);
	at[10] = ' ';
	fprintf(out, "%s  %s", at, address_format(&o->source, source));
	if (name[0])
		fprintf(out, " (%s)", name);
	if (!o->build) {
		fprintf(out, " showed no build: %s\n", family_name(o->family));
		return;
	}
	fprintf(out, " showed %s (%s, frame %u)", build_format(o->build, build),
		origin_name(o->origin), frame);
	if (j->product)
		fprintf(out, ", %s%s%s", j->product, j->release ? " " : "",
			j->release ? j->release : "");
	if (j->standing)
		fprintf(out, ": %s", standing_name(j->standing));
	fputc('\n', out);
}

/* print_learnt - each thing as it is learnt */
static void print_learnt(void *arg, struct observation *o, uint32_t frame)
{
	const struct printing *p = arg;
	json_t *object;

	if (o->build && p->catalogue)
		catalogue_judge(p->catalogue, o->build, p->at ? p->at : o->at, p->grace_days, NULL,
				NULL, &o->judgement);
	if (!p->ctl->json) {
		print_line(p->ctl->out, o, frame);
		return;
	}
	object = observation_json(o);
	if (o->build)
		json_object_set_new(object, "frame", json_integer(frame));
	ctl_output_json(p->ctl->out, object);
	json_decref(object);
}

/* print_summary - the sums, last */
static void print_summary(const struct ctl *ctl, const struct replay_summary *s)
{
	json_t *object;

	if (!ctl->json) {
		fprintf(ctl->out,
			"%llu frames (%llu malformed), %llu mail connections (%llu seen in one "
			"direction only): %llu observations, %llu connections without a build\n",
			(unsigned long long)s->frames, (unsigned long long)s->malformed,
			(unsigned long long)s->flows, (unsigned long long)s->one_way,
			(unsigned long long)s->observations, (unsigned long long)s->no_build);
		return;
	}
	object =
		json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "type", "summary", "frames",
			  (json_int_t)s->frames, "flows", (json_int_t)s->flows, "observations",
			  (json_int_t)s->observations, "no_build", (json_int_t)s->no_build,
			  "malformed", (json_int_t)s->malformed, "one_way", (json_int_t)s->one_way);
	ctl_output_json(ctl->out, object);
	json_decref(object);
}

/* load_catalogue - the one that is named must be there; without the installed one the builds
 * are still what they are */
static int load_catalogue(const struct ctl *ctl, struct ctl_site *site,
			  struct catalogue **ret_catalogue, struct error *e)
{
	const char *file = ctl_option(ctl, "--catalogue");
	struct error why = { "" };
	int rc;

	rc = ctl_site_load(CTL_CONFIG, site, e);
	if (rc)
		return rc;
	if (file)
		return catalogue_load(file, ret_catalogue, e);
	if (catalogue_load(site->catalogue, ret_catalogue, &why))
		fprintf(stderr,
			"gatectl: builds are not judged (--catalogue FILE names a catalogue): %s\n",
			why.text);
	return 0;
}

/* port_option - has been checked to be one */
static uint16_t port_option(const struct ctl *ctl, const char *name, uint16_t other)
{
	const char *text = ctl_option(ctl, name);

	return text ? (uint16_t)strtoul(text, NULL, 10) : other;
}

/* run - with a catalogue or without */
static int run(const struct ctl *ctl, struct printing *printing, struct error *e)
{
	struct replay_options options = {
		.mx = port_option(ctl, "--mx", REPLAY_PORT_MX),
		.submission = port_option(ctl, "--submission", REPLAY_PORT_SUBMISSION),
		.learnt = print_learnt,
		.arg = printing,
	};
	struct replay_summary summary;
	struct replay *replay;
	int rc;

	if (options.mx == options.submission)
		return error_set(e, CTL_USAGE,
				 "replay: port %u is both mx and submission; name one of them with "
				 "--mx PORT or --submission PORT",
				 options.mx);
	/* a namespace of its own: whatever the programs did, no interface of the host is there */
	if (unshare(CLONE_NEWNET))
		return error_set(e, -errno, "cannot make a network namespace: %s%s",
				 strerror(errno), errno == EPERM ? " (replay needs root)" : "");
	rc = replay_open(&options, &replay, e);
	if (rc)
		return rc;
	rc = replay_file(replay, ctl->args[0], e);
	if (!rc)
		rc = replay_finish(replay, &summary, e);
	if (!rc)
		print_summary(ctl, &summary);
	replay_close(replay);
	return rc;
}

/* ctl_replay - neither daemon nor gate is needed, and neither is touched */
int ctl_replay(const struct ctl *ctl, struct error *e)
{
	struct printing printing = { .ctl = ctl };
	const char *at = ctl_option(ctl, "--at");
	struct catalogue *catalogue = NULL;
	struct ctl_site site;
	int rc;

	rc = load_catalogue(ctl, &site, &catalogue, e);
	if (rc)
		return rc;
	clock_init(0);
	if (at)
		times_parse(at, &printing.at);
	printing.catalogue = catalogue;
	printing.grace_days = site.grace_days;
	rc = run(ctl, &printing, e);
	if (catalogue)
		catalogue_free(catalogue);
	return rc;
}
