/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl_doctor - what this host can do, in words
 */
#ifndef BUILDGATE_CTL_DOCTOR_H
#define BUILDGATE_CTL_DOCTOR_H

#include <jansson.h>
#include <stddef.h>

/* ctl_doctor_tls - TLS sight in one line, from the daemon's answer to "status"; returns buf */
const char *ctl_doctor_tls(const json_t *status, char *buf, size_t size);

#endif
