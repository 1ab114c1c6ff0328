/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl_page - "report --format html": the report page as one file, to keep or to mail
 */
#ifndef BUILDGATE_CTL_PAGE_H
#define BUILDGATE_CTL_PAGE_H

#include "ctl.h"

int ctl_page(const struct ctl *ctl, struct error *e);

#endif
