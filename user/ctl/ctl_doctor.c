// SPDX-License-Identifier: BSD-2-Clause
#include "ctl_doctor.h"

#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "ctl_found.h"
#include "ctl_output.h"
#include "ctl_text.h"
#include "user/base/clock.h"
#include "user/config/config.h"
#include "user/doctor/doctor.h"

/* ctl_doctor_tls - see ctl_doctor.h */
const char *ctl_doctor_tls(const json_t *status, char *buf, size_t size)
{
	const json_t *tls = json_object_get(status, "tls_sight");
	size_t blind = json_array_size(json_object_get(tls, "not_covered"));

	if (!json_is_true(json_object_get(tls, "on")))
		snprintf(buf, size, "off");
	else if (json_is_string(json_object_get(tls, "why")))
		snprintf(buf, size, "on, but NOT working: see gatectl doctor");
	else if (blind)
		snprintf(buf, size, "on, %zu mail server(s) covered, %zu NOT: see gatectl doctor",
			 json_array_size(json_object_get(tls, "covered")), blind);
	else
		snprintf(buf, size, "on, %zu mail server(s) covered",
			 json_array_size(json_object_get(tls, "covered")));
	return buf;
}

/* config_path - the file named, else the daemon's own, else the usual one */
static const char *config_path(const struct ctl *ctl, const struct ctl_found *found)
{
	const char *named = ctl_option(ctl, "--config"), *used;

	used = json_string_value(
		json_object_get(json_object_get(found->answer, "daemon"), "config"));
	return named ? named : used ? used : CTL_CONFIG;
}

/* print_findings - those that need something stand out by their level and their next step */
static void print_findings(const struct ctl *ctl, const json_t *findings)
{
	static const char *const color[] = {
		[DOCTOR_NOTE] = CTL_BOLD, [DOCTOR_WARN] = CTL_YELLOW, [DOCTOR_BAD] = CTL_RED
	};
	char text[1024], section[24], level[16];
	json_t *row, *next;
	size_t i;

	json_array_foreach (findings, i, row) {
		enum doctor_level at = DOCTOR_OK;

		ctl_text_json(json_object_get(row, "section"), section, sizeof(section));
		ctl_text_json(json_object_get(row, "level"), level, sizeof(level));
		while (at < DOCTOR_BAD && strcmp(level, doctor_level_name(at)))
			at++;
		fprintf(ctl->out, "%-10s %s%-5s%s %s\n", section,
			color[at] ? ctl_output_color(ctl->out, color[at]) : "", level,
			color[at] ? ctl_output_color(ctl->out, CTL_PLAIN) : "",
			ctl_text_json(json_object_get(row, "finding"), text, sizeof(text)));
		next = json_object_get(row, "next");
		if (json_is_string(next))
			fprintf(ctl->out, "%-16s -> %s\n", "",
				ctl_text_json(next, text, sizeof(text)));
	}
}

/* print_sum - the last line is what a person in a hurry reads */
static void print_sum(const json_t *findings, FILE *out)
{
	size_t i, todo = 0;
	json_t *row;

	json_array_foreach (findings, i, row)
		todo += json_is_false(json_object_get(row, "ok"));
	if (todo)
		fprintf(out, "\n%zu thing(s) need doing; each -> is the next step\n", todo);
	else
		fprintf(out, "\nall is well\n");
}

/* print_doctor - findings, and what the daemon says of TLS sight in full */
static void print_doctor(const struct ctl *ctl, const struct ctl_found *found,
			 const struct doctor *doctor)
{
	json_t *tls = json_object_get(found->answer, "tls_sight"), *object;

	if (!ctl->json) {
		print_findings(ctl, doctor->findings);
		print_sum(doctor->findings, ctl->out);
		return;
	}
	object = json_pack("{s:b,s:s,s:O,s:O?}", "ok", doctor->worst <= DOCTOR_NOTE, "level",
			   doctor_level_name(doctor->worst), "findings", doctor->findings,
			   "tls_sight", tls);
	ctl_output_json(ctl->out, object);
	json_decref(object);
}

/* ctl_doctor - with the daemon dead too; exit status 1 when something needs doing */
int ctl_doctor(const struct ctl *ctl, struct error *e)
{
	struct ctl_found found;
	struct error broken;
	struct config *config = NULL;
	char silence[512];
	struct doctor doctor = { .root = "" };
	int rc = ctl_found_look(ctl, &found, NULL);

	(void)e;
	doctor.config_path = config_path(ctl, &found);
	if (!access(doctor.config_path, F_OK) && config_load(doctor.config_path, &config, &broken))
		doctor.config_error = broken.text;
	doctor.config = config;
	doctor.status = found.answer;
	doctor.silence = ctl_found_silence(&found, silence, sizeof(silence));
	doctor.loaded = found.loaded;
	doctor.hidden = rc || found.hidden ? found.kernel.text : NULL;
	doctor.settings = found.view.settings;
	doctor.hooks = found.hooks;
	doctor.now_ns = found.view.now_ns;
	doctor.now = clock_wall();
	doctor_look(&doctor);
	print_doctor(ctl, &found, &doctor);
	rc = doctor.worst > DOCTOR_NOTE ? CTL_UNWELL : 0;
	doctor_free(&doctor);
	config_free(config);
	ctl_found_free(&found);
	return rc;
}
