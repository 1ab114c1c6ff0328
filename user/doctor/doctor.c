// SPDX-License-Identifier: BSD-2-Clause
#include "doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "doctor_private.h"
#include "user/base/log.h"

#define TEXT 1024

/* doctor_level_name - see doctor.h */
const char *doctor_level_name(enum doctor_level level)
{
	static const char *const names[] = { [DOCTOR_OK] = "ok",
					     [DOCTOR_NOTE] = "note",
					     [DOCTOR_WARN] = "warn",
					     [DOCTOR_BAD] = "bad" };

	return names[level];
}

/* printable - what came from a file or a peer cannot steer a terminal */
static json_t *printable(const char *format, va_list ap)
{
	char raw[TEXT], text[TEXT];

	vsnprintf(raw, sizeof(raw), format, ap);
	return json_string(log_escape(raw, text, sizeof(text)));
}

/* doctor_say - one finding more */
void doctor_say(struct doctor *d, const char *section, enum doctor_level level, const char *format,
		...)
{
	json_t *text;
	va_list ap;

	va_start(ap, format);
	text = printable(format, ap);
	va_end(ap);
	if (!d->findings)
		d->findings = json_array();
	json_array_append_new(d->findings,
			      json_pack("{s:s,s:s,s:b,s:o,s:n}", "section", section, "level",
					doctor_level_name(level), "ok", level <= DOCTOR_NOTE,
					"finding", text, "next"));
	if (level > d->worst)
		d->worst = level;
}

/* doctor_next - of the finding that was said last */
void doctor_next(struct doctor *d, const char *format, ...)
{
	json_t *last = json_array_get(d->findings, json_array_size(d->findings) - 1);
	va_list ap;

	va_start(ap, format);
	json_object_set_new(last, "next", printable(format, ap));
	va_end(ap);
}

/* doctor_open - see doctor_private.h */
FILE *doctor_open(const struct doctor *d, const char *path)
{
	char full[512];

	snprintf(full, sizeof(full), "%s%s", d->root, path);
	return fopen(full, "re");
}

/* doctor_read - see doctor_private.h */
bool doctor_read(const struct doctor *d, const char *path, char *buf, size_t size)
{
	FILE *f = doctor_open(d, path);
	size_t n;

	if (!f)
		return false;
	n = fread(buf, 1, size - 1, f);
	fclose(f);
	buf[n] = '\0';
	if (n && buf[n - 1] == '\n')
		buf[n - 1] = '\0';
	return true;
}

/* doctor_outside - see doctor_private.h */
unsigned int doctor_outside(const struct doctor *d, char ret[DOCTOR_INTERFACES][IF_NAMESIZE])
{
	unsigned int count = 0, i;
	const json_t *hook;
	size_t row;

	for (i = 0; d->config && i < d->config->outside.count; i++)
		snprintf(ret[count++], IF_NAMESIZE, "%.15s", d->config->outside.list[i]);
	if (d->config)
		return count;
	json_array_foreach (d->hooks, row, hook) {
		const char *name = doctor_text(hook, "interface");

		for (i = 0; name && i < count && strcmp(ret[i], name); i++)
			;
		if (name && i == count && count < DOCTOR_INTERFACES)
			snprintf(ret[count++], IF_NAMESIZE, "%.15s", name);
	}
	return count;
}

/* doctor_hook - see doctor_private.h */
const json_t *doctor_hook(const struct doctor *d, const char *hook, const char *interface)
{
	const json_t *row;
	size_t i;

	json_array_foreach (d->hooks, i, row) {
		const char *name = doctor_text(row, "hook"), *on = doctor_text(row, "interface");

		if (name && !strcmp(name, hook) && (!interface || (on && !strcmp(on, interface))))
			return row;
	}
	return NULL;
}

/* doctor_text - see doctor_private.h */
const char *doctor_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* doctor_number - see doctor_private.h */
int64_t doctor_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* doctor_look - what is wrong at the root of things first */
void doctor_look(struct doctor *d)
{
	static void (*const looks[])(struct doctor * d) = {
		doctor_daemon, doctor_kernel,    doctor_mounts, doctor_limits,  doctor_clock,
		doctor_hooks,  doctor_programs,  doctor_paths,  doctor_answers, doctor_ports,
		doctor_mail,   doctor_catalogue, doctor_store,  doctor_events,  doctor_tls,
	};

	d->worst = DOCTOR_OK;
	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++)
		looks[i](d);
}

/* doctor_free - the findings are all it owns */
void doctor_free(struct doctor *d)
{
	json_decref(d->findings);
	d->findings = NULL;
}
