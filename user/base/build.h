/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * build - Exchange build numbers as text and as the sortable number of maps/abi.h
 *
 * Pure functions, no state. 0 is "no build".
 */
#ifndef BUILDGATE_BUILD_H
#define BUILDGATE_BUILD_H

#include <stdint.h>

#define BUILD_TEXT 24 /* longest text, NUL included */

/* build_parse - four numbers below 65536 with dots, zero-padded or not ("15.01.2507.039");
 * returns 0 for anything else */
uint64_t build_parse(const char *text);

/* build_format - "15.1.2507.39" into buf of BUILD_TEXT bytes; returns buf */
const char *build_format(uint64_t build, char *buf);

/* build_part - part 0 .. 3 of a build */
unsigned int build_part(uint64_t build, unsigned int part);

#endif
