// SPDX-License-Identifier: BSD-2-Clause
#include "ctl_text.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "user/base/clock.h"
#include "user/base/times.h"

/* ctl_text_mode - the kernel treats 0 as off */
const char *ctl_text_mode(uint32_t mode)
{
	switch (mode) {
	case 0:
	case MODE_OFF:
		return "off";
	case MODE_REPORT:
		return "report";
	case MODE_ENFORCE:
		return "enforce";
	}
	return "?";
}

/* ctl_text_action - the word of "set" */
const char *ctl_text_action(uint32_t action)
{
	switch (action) {
	case ACTION_PASS:
		return "pass";
	case ACTION_TARPIT:
		return "tarpit";
	case ACTION_DROP:
		return "drop";
	}
	return "?";
}

/* ctl_text_style - the word of "--style" */
const char *ctl_text_style(uint32_t style)
{
	switch (style) {
	case 0:
		return NULL;
	case STYLE_SLOW:
		return "slow";
	case STYLE_DEFER:
		return "defer";
	case STYLE_ANSWER:
		return "answer";
	case STYLE_SILENT:
		return "silent";
	}
	return "?";
}

/* ctl_text_span - nobody reads seconds behind days */
const char *ctl_text_span(int64_t seconds, char *buf, size_t size)
{
	static const struct {
		int64_t seconds;
		const char *name;
	} units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };
	unsigned int i = 0;
	int64_t rest;

	if (seconds < 0)
		seconds = 0;
	while (i < 3 && seconds < units[i].seconds)
		i++;
	rest = seconds % units[i].seconds;
	if (i < 3 && rest >= units[i + 1].seconds)
		snprintf(buf, size, "%lld %s %lld %s", (long long)(seconds / units[i].seconds),
			 units[i].name, (long long)(rest / units[i + 1].seconds),
			 units[i + 1].name);
	else
		snprintf(buf, size, "%lld %s", (long long)(seconds / units[i].seconds),
			 units[i].name);
	return buf;
}

/* utf8_bytes - length of the well-formed sequence at s; 0: none, or a C1 control */
static size_t utf8_bytes(const unsigned char *s)
{
	size_t n = s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3 : 0;
	size_t i;

	if (s[0] >= 0xf0 && s[0] < 0xf5)
		n = 4;
	for (i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return s[0] == 0xc2 && s[1] < 0xa0 ? 0 : n;
}

/* ctl_text_line - an operator's reason may be in any language; a terminal's commands are none */
const char *ctl_text_line(const char *text, char *buf, size_t size)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t used = 0;

	while (*s && used + 5 < size) {
		size_t n = *s < 0x80 ? isprint(*s) != 0 : utf8_bytes(s);

		if (!n) {
			used += (size_t)snprintf(buf + used, size - used, "\\x%02x", *s++);
			continue;
		}
		memcpy(buf + used, s, n);
		used += n;
		s += n;
	}
	buf[used] = '\0';
	return buf;
}

/* is_moment - "2026-11-21T22:51:00Z" */
static bool is_moment(const char *text)
{
	static const char shape[] = "dddd-dd-ddTdd:dd:ddZ";
	size_t i;

	for (i = 0; shape[i]; i++)
		if (shape[i] == 'd' ? !isdigit((unsigned char)text[i]) : text[i] != shape[i])
			return false;
	return !text[i];
}

/* ctl_text_json - objects and arrays as compact JSON: nothing is hidden */
const char *ctl_text_json(const json_t *value, char *buf, size_t size)
{
	size_t n;

	if (json_is_string(value)) {
		ctl_text_line(json_string_value(value), buf, size);
		if (is_moment(buf))
			buf[10] = ' ';
	} else if (!value || json_is_null(value)) {
		snprintf(buf, size, "-");
	} else if (json_is_boolean(value)) {
		snprintf(buf, size, "%s", json_is_true(value) ? "yes" : "no");
	} else {
		n = json_dumpb(value, buf, size - 1, JSON_COMPACT | JSON_ENCODE_ANY);
		buf[n < size ? n : size - 1] = '\0';
	}
	return buf;
}

/* ctl_text_time - through the mapping of clock.h, lab offset included */
json_t *ctl_text_time(uint64_t kernel_ns)
{
	char text[TIMES_TEXT];

	if (!kernel_ns)
		return json_null();
	return json_string(times_format(clock_kernel_to_wall(kernel_ns), text));
}

/* minutes - whole minutes where it is so, else seconds */
static const char *minutes(unsigned int seconds, char *buf, size_t size)
{
	snprintf(buf, size, seconds % 60 ? "%u s" : "%u min",
		 seconds % 60 ? seconds : seconds / 60);
	return buf;
}

/* ctl_text_hour - block first: it comes first in the hour */
const char *ctl_text_hour(unsigned int throttle_s, unsigned int block_s, char *buf, size_t size)
{
	char slow[16], block[16];

	minutes(throttle_s, slow, sizeof(slow));
	minutes(block_s, block, sizeof(block));
	if (block_s >= 3600)
		snprintf(buf, size, "refused all the time");
	else if (throttle_s >= 3600)
		snprintf(buf, size, "slowed all the time");
	else if (block_s && throttle_s)
		snprintf(buf, size, "refused %s and slowed %s of each hour", block, slow);
	else if (block_s)
		snprintf(buf, size, "refused %s of each hour", block);
	else if (throttle_s)
		snprintf(buf, size, "slowed %s of each hour", slow);
	else
		snprintf(buf, size, "always passed");
	return buf;
}
