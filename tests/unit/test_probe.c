// SPDX-License-Identifier: BSD-2-Clause
/* A kernel without a feature: one sentence that names it. The kernel's answers are played here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "user/kernel/probe.h"

static int lacks_program, lacks_map, lacks_helper; /* -1: nothing */

/* as libbpf's: 1 there, 0 not there */
int libbpf_probe_bpf_prog_type(enum bpf_prog_type type, const void *opts)
{
	(void)opts;
	return (int)type != lacks_program;
}

int libbpf_probe_bpf_map_type(enum bpf_map_type type, const void *opts)
{
	(void)opts;
	return (int)type != lacks_map;
}

int libbpf_probe_bpf_helper(enum bpf_prog_type type, enum bpf_func_id id, const void *opts)
{
	(void)type;
	(void)opts;
	return (int)id != lacks_helper;
}

/* says - a kernel that lacks this is refused with these words, and with what it takes */
static void says(bool sockops, const char *words, const char *since)
{
	struct error e = { "" };

	assert_int_equal(probe_kernel(sockops, &e), -ENOTSUP);
	assert_non_null(strstr(e.text, "this kernel ("));
	assert_non_null(strstr(e.text, words));
	assert_non_null(strstr(e.text, since));
	assert_null(strchr(e.text, '\n'));
}

static int all_there(void **state)
{
	(void)state;
	lacks_program = lacks_map = lacks_helper = -1;
	return 0;
}

static void test_programs(void **state)
{
	(void)state;
	lacks_program = BPF_PROG_TYPE_XDP;
	says(true, "has no XDP programs", "4.8");
	lacks_program = BPF_PROG_TYPE_SCHED_CLS;
	says(true, "has no TC classifier programs", "CONFIG_NET_CLS_BPF");
	lacks_program = BPF_PROG_TYPE_SOCK_OPS;
	says(true, "has no sockops programs", "CONFIG_CGROUP_BPF");
}

static void test_maps_and_helpers(void **state)
{
	(void)state;
	lacks_map = BPF_MAP_TYPE_RINGBUF;
	says(true, "has no BPF ring buffer", "5.8");
	all_there(NULL);
	lacks_helper = BPF_FUNC_loop;
	says(true, "has no bpf_loop helper", "5.17");
}

/* in transit nothing is attached to a cgroup: what is not needed may be missing */
static void test_transit(void **state)
{
	struct error e = { "" };

	(void)state;
	lacks_program = BPF_PROG_TYPE_SOCK_OPS;
	probe_kernel(false, &e);
	assert_null(strstr(e.text, "sockops"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_programs, all_there),
		cmocka_unit_test_setup(test_maps_and_helpers, all_there),
		cmocka_unit_test_setup(test_transit, all_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
