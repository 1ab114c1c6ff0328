/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clock - the three times the daemon lives in
 *
 * wall     seconds since 1970 UTC: dates of observations, stages, the catalogue
 * running  seconds this daemon (and its predecessors on the same store) really ran: the guard
 *          against a wrong system clock; persisted by its user, clock only measures
 * kernel   nanoseconds, CLOCK_BOOTTIME + offset: what verdict and settings times are in
 *
 * Without a lab clock, wall is CLOCK_REALTIME and the offset 0. clock_advance() moves all
 * three together by the same amount. Call clock_init() once before the others.
 */
#ifndef BUILDGATE_CLOCK_H
#define BUILDGATE_CLOCK_H

#include <stdint.h>

/* clock_init - lab_offset_ns: 0, or what settings.clock_offset_ns held (lab clock adopted) */
void clock_init(int64_t lab_offset_ns);

/* clock_wall - now, seconds since 1970 UTC */
int64_t clock_wall(void);

/* clock_running - seconds since clock_init(), lab advance included; never goes back */
int64_t clock_running(void);

/* clock_kernel_ns - now in kernel time */
uint64_t clock_kernel_ns(void);

/* clock_offset_ns - what settings.clock_offset_ns must hold */
int64_t clock_offset_ns(void);

/* clock_kernel_to_wall - a kernel time as a wall moment */
int64_t clock_kernel_to_wall(uint64_t kernel_ns);

/* clock_wall_to_kernel - the kernel time of a wall moment; never 0, at least 1 */
uint64_t clock_wall_to_kernel(int64_t wall);

/* clock_advance - lab only: move all three by seconds > 0 */
void clock_advance(int64_t seconds);

#endif
