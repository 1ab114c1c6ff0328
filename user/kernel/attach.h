/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attach - one program at one hook, beside whatever others put there
 *
 * Owns the links under PIN_DIR ("link_HOOK_IFINDEX") and, on kernels before 6.6, the TC
 * filters, remembered in the pinned map "filters". Used by the loader only. What is attached
 * outlives the process. Nothing of anybody else is ever replaced or removed.
 */
#ifndef BUILDGATE_ATTACH_H
#define BUILDGATE_ATTACH_H

#include <jansson.h>
#include <stdbool.h>

#include "maps/abi.h"
#include "user/base/error.h"

/* attach_xdp - 0 attached or program replaced in place; -EBUSY: somebody else's program is
 * there; -EOPNOTSUPP: the driver cannot do it natively */
int attach_xdp(int prog_fd, int ifindex, bool generic, struct error *e);

/* attach_tc - ingress or egress: TCX where the kernel has it (6.6), else a clsact filter */
int attach_tc(int prog_fd, int ifindex, enum hook hook, struct error *e);

/* attach_cgroup - sockops on a cgroup v2 directory */
int attach_cgroup(int prog_fd, const char *path, struct error *e);

/* attach_alive - our program is at that hook of that interface (0: the cgroup) now */
bool attach_alive(enum hook hook, int ifindex);

/* attach_remove - take our program off one hook; 0 also when it was not there */
int attach_remove(enum hook hook, int ifindex, struct error *e);

/* attach_remove_all - take off everything of ours, except the interfaces in keep */
int attach_remove_all(const int *keep, unsigned int keep_count, struct error *e);

/* attach_list - all hooks of ours as they are now: array of {"hook","interface","ifindex",
 * "mode","program_id","attached"}; the caller owns it */
json_t *attach_list(void);

#endif
