// SPDX-License-Identifier: BSD-2-Clause
#include "build.h"

#include <stdio.h>

#define PARTS      4
#define PART_WIDTH 16
#define DIGITS_MAX 5 /* of 65535, and of what zero padding ever makes */

/* part_parse - one number of a build; moves *text behind it, -1 when there is none */
static long part_parse(const char **text)
{
	const char *p = *text;
	long value = 0;

	for (; *p >= '0' && *p <= '9'; p++) {
		if (p - *text == DIGITS_MAX)
			return -1;
		value = value * 10 + (*p - '0');
	}
	if (p == *text || value > 0xffff)
		return -1;
	*text = p;
	return value;
}

/* build_parse - all four numbers and nothing else, not even blanks */
uint64_t build_parse(const char *text)
{
	uint64_t build = 0;
	long value;

	if (!text)
		return 0;
	for (unsigned int i = 0; i < PARTS; i++) {
		if (i && *text++ != '.')
			return 0;
		value = part_parse(&text);
		if (value < 0)
			return 0;
		build = build << PART_WIDTH | (uint64_t)value;
	}
	return *text ? 0 : build;
}

/* build_format - without zero padding, whatever the wire had */
const char *build_format(uint64_t build, char *buf)
{
	snprintf(buf, BUILD_TEXT, "%u.%u.%u.%u", build_part(build, 0), build_part(build, 1),
		 build_part(build, 2), build_part(build, 3));
	return buf;
}

/* build_part - part 0 is the generation, 3 the update; beyond that 0 */
unsigned int build_part(uint64_t build, unsigned int part)
{
	if (part >= PARTS)
		return 0;
	return build >> (PARTS - 1 - part) * PART_WIDTH & 0xffff;
}
