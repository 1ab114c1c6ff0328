/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl_text - values as words, for people and for JSON
 *
 * Pure functions. Those with a buffer fill it and return it.
 */
#ifndef BUILDGATE_CTL_TEXT_H
#define BUILDGATE_CTL_TEXT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "maps/abi.h"

#define CTL_SPAN_TEXT 32

/* The words of the enums in abi.h; "?" for a number that is none of them. */
const char *ctl_text_mode(uint32_t mode); /* 0 acts as off and is called so */
const char *ctl_text_action(uint32_t action);
const char *ctl_text_style(uint32_t style); /* 0: NULL */

/* ctl_text_span - the two largest units: "3 d 4 h", "10 min", "59 s" */
const char *ctl_text_span(int64_t seconds, char *buf, size_t size);

/* ctl_text_line - text with control characters and broken UTF-8 as \xNN, on one line */
const char *ctl_text_line(const char *text, char *buf, size_t size);

/* ctl_text_json - a JSON value as a cell: null and absent "-", true "yes", RFC 3339 with a
 * blank for the T, strings through ctl_text_line() */
const char *ctl_text_json(const json_t *value, char *buf, size_t size);

/* ctl_text_time - a kernel time as a JSON string, null for 0 (clock_init() first) */
json_t *ctl_text_time(uint64_t kernel_ns);

/* ctl_text_hour - "slowed 10 min of each hour", "refused all the time", "always passed" */
const char *ctl_text_hour(unsigned int throttle_s, unsigned int block_s, char *buf, size_t size);

#endif
