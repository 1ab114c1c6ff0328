/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * probe - can this process, on this kernel, run the gate?
 *
 * Asked before anything is loaded, so that what is missing is named in words instead of being
 * an errno from the middle of an attach. Changes nothing.
 */
#ifndef BUILDGATE_PROBE_H
#define BUILDGATE_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "user/base/error.h"

/* probe_missing - the capabilities that are missing in a set (bit N: capability N), as a
 * list "CAP_BPF, CAP_NET_ADMIN" in buf; false: none is */
bool probe_missing(uint64_t effective, char *buf, int size);

/* probe_privileges - -EPERM: e names what is missing */
int probe_privileges(struct error *e);

/* probe_kernel - -ENOTSUP: e names the feature, and since which kernel it is there */
int probe_kernel(bool sockops, struct error *e);

/* probe_interface - -ENODEV when there is none of this name here */
int probe_interface(const char *name, struct error *e);

#endif
