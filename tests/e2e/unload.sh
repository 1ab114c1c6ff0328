#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# unload - the gate goes and leaves exactly what was there before, also beside programs of others
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
e2e_start "$@"

PINS=/sys/fs/bpf/foreign
CGROUP=$LAB/cgroup/$LAB_NAME

# foreign_attach - somebody's XDP on another interface, TC and sockops on the gate's own
foreign_attach() {
	mkdir -p build/tests
	clang -target bpf -mcpu=v3 -O2 -g -I/usr/include/x86_64-linux-gnu \
		-c tests/e2e/foreign.bpf.c -o build/tests/foreign.bpf.o &&
		bpftool prog loadall build/tests/foreign.bpf.o $PINS &&
		lab_net edge ip link add spare type veth peer name spare-peer &&
		lab_net edge bpftool net attach xdpdrv pinned $PINS/foreign_xdp dev spare &&
		lab_net edge tc qdisc add dev uplink clsact &&
		lab_net edge tc filter add dev uplink ingress prio 7 bpf da object-pinned $PINS/foreign_tc &&
		lab_net edge tc filter add dev uplink egress prio 7 bpf da object-pinned $PINS/foreign_tc &&
		bpftool cgroup attach "$CGROUP" sock_ops pinned $PINS/foreign_sockops multi
}

# objects - of one kind, by number, name and type
objects() { bpftool -j "$1" show | jq -r '.[] | "\(.id) \(.type) \(.name // "")"' | sort -n; }

state() {
	echo "--- programs" && objects prog
	echo "--- maps" && objects map
	echo "--- links" && objects link
	echo "--- net" && lab_net edge bpftool net
	echo "--- cgroup" && bpftool cgroup show "$CGROUP"
	echo "--- tc" && lab_net edge tc qdisc
	for hook in ingress egress; do
		lab_net edge tc filter show dev uplink $hook 2>&1
	done
	echo "--- links" && lab_net edge ip -d link
	echo "--- pins" && find /sys/fs/bpf | sort
}

# gone_back_to - the kernel frees programs a moment after the last reference
gone_back_to() { [ "$(state)" = "$1" ]; }

# round - load, see it, unload with the daemon alive or killed, compare
round() {
	local before
	before=$(state)
	e2e_gate
	must_not "the gate is in the kernel" gone_back_to "$before"
	[ "$2" = alive ] || must "the daemon ends" gate_stop "$2"
	must "$1: unload" ctl unload
	[ "$2" != alive ] || must "the daemon ends with it" wait_for 10 gate_gone
	wait_for 20 gone_back_to "$before"
	same "$1: all is as before" "$before" "$(state)"
}

round "alone, daemon alive" alive
round "alone, daemon stopped" TERM
must "programs of others are there" foreign_attach
round "beside others, daemon alive" alive
round "beside others, daemon killed" KILL
must_not "unload says when there is nothing to do" ctl unload
