/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl_list - lists of any length, part by part: neither side ever holds all of one
 */
#ifndef BUILDGATE_CTL_LIST_H
#define BUILDGATE_CTL_LIST_H

#include "ctl.h"
#include "ctl_output.h"
#include "user/base/jsonrows.h"

/* ctl_list_fn - the rows of one part; not 0 ends the list and is returned. Rows that are left can
 * not be read */
typedef int (*ctl_list_fn)(void *arg, struct jsonrows *rows, struct error *e);

/* ctl_list - ask for all parts of a list; the request is changed on the way */
int ctl_list(const struct ctl *ctl, json_t *request, ctl_list_fn fn, void *arg, struct error *e);

/* ctl_list_json - print all of it as one array */
int ctl_list_json(const struct ctl *ctl, json_t *request, struct error *e);

/* ctl_list_rows - print all of it as a table, each part as it comes. `row` makes the flat object of
 * one row (a new reference). The first part decides how wide the columns are; what is wider later
 * shifts its line */
typedef json_t *(*ctl_list_row_fn)(const json_t *row);
int ctl_list_rows(const struct ctl *ctl, json_t *request, const struct ctl_column *columns,
		  ctl_list_row_fn row, struct error *e);

#endif
