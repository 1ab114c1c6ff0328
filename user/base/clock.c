// SPDX-License-Identifier: BSD-2-Clause
#include "clock.h"

#include <time.h>

#define NS 1000000000LL

static struct {
	int64_t offset_ns;   /* lab: added to wall and kernel time */
	int64_t started_ns;  /* CLOCK_MONOTONIC at clock_init() */
	int64_t advanced_ns; /* by clock_advance() since then */
} now;

/* read_ns - a system clock in nanoseconds */
static int64_t read_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * NS + ts.tv_nsec;
}

/* floor_seconds - rounds down for moments before 1970 too */
static int64_t floor_seconds(int64_t ns)
{
	return ns / NS - (ns % NS < 0);
}

/* clock_init - start of this daemon's running time */
void clock_init(int64_t lab_offset_ns)
{
	now.offset_ns = lab_offset_ns;
	now.started_ns = read_ns(CLOCK_MONOTONIC);
	now.advanced_ns = 0;
}

/* clock_wall - the system's date, moved by the lab offset */
int64_t clock_wall(void)
{
	return floor_seconds(read_ns(CLOCK_REALTIME) + now.offset_ns);
}

/* clock_running - CLOCK_MONOTONIC, which no change of the date moves, plus lab advances */
int64_t clock_running(void)
{
	return floor_seconds(read_ns(CLOCK_MONOTONIC) - now.started_ns + now.advanced_ns);
}

/* clock_kernel_ns - the same sum that the programs make of their clock and the offset word */
uint64_t clock_kernel_ns(void)
{
	return (uint64_t)(read_ns(CLOCK_BOOTTIME) + now.offset_ns);
}

/* clock_offset_ns - 0 unless a lab clock moved it */
int64_t clock_offset_ns(void)
{
	return now.offset_ns;
}

/* boot_ns - the date of boot: wall minus kernel time, in which the lab offset cancels out */
static int64_t boot_ns(void)
{
	return read_ns(CLOCK_REALTIME) - read_ns(CLOCK_BOOTTIME);
}

/* clock_kernel_to_wall - right as long as the date was not stepped in between */
int64_t clock_kernel_to_wall(uint64_t kernel_ns)
{
	return floor_seconds(boot_ns() + (int64_t)kernel_ns);
}

/* clock_wall_to_kernel - moments before boot become 1: long ago, but not "never" */
uint64_t clock_wall_to_kernel(int64_t wall)
{
	int64_t kernel_ns;

	if (wall > INT64_MAX / NS)
		return INT64_MAX;
	kernel_ns = wall * NS - boot_ns();
	return kernel_ns > 0 ? (uint64_t)kernel_ns : 1;
}

/* clock_advance - all three by the same amount */
void clock_advance(int64_t seconds)
{
	now.offset_ns += seconds * NS;
	now.advanced_ns += seconds * NS;
}
