#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# doctor - "gatectl doctor" says that all is well when it is, and what is broken when something is,
# with the one next step; following it heals
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
e2e_start "$@"

doctor() { ctl -j doctor --config $GATE/buildgate.yaml; }

# finds - a finding of LEVEL in SECTION matches TEXT, its next step STEP
finds() {
	doctor | jq -e --arg s "$1" --arg l "$2" --arg f "$3" --arg n "$4" '.findings[] |
		select(.section == $s and .level == $l and (.finding | test($f)) and
			((.next // "") | test($n)))' >/dev/null
}

# well - nothing needs doing; what does is printed
well() { [ -z "$(doctor | jq -r '.findings[] | select(.ok | not) | .finding' | tee /dev/stderr)" ]; }

# breaks - WHAT, then a finding as for finds; the exit status is 1
breaks() {
	local what=$1
	shift
	must "$what is found" finds "$@"
	doctor >/dev/null
	same "$what is exit status 1" 1 $?
}

FOREIGN=/sys/fs/bpf/foreign

# foreign_load - programs of somebody else, pinned
foreign_load() {
	clang -target bpf -mcpu=v3 -O2 -g -I/usr/include/x86_64-linux-gnu \
		-c tests/e2e/foreign.bpf.c -o $LAB/foreign.o &&
		bpftool prog loadall $LAB/foreign.o $FOREIGN
}

must "the mail server starts" lab_mtas edge
must "programs of others are loaded" foreign_load
e2e_gate
must "a healthy host is well" well
doctor >/dev/null
same "exit status 0 says so" 0 $?
must "every finding has all keys, and a step where one is needed" jq -e '[.findings[] |
	has("section") and has("level") and has("ok") and has("finding") and has("next") and (.ok or .next != null)] |
	all' <<<"$(doctor)"
must "it reads like a sentence" grep -q '^all is well$' <<<"$(ctl doctor)"
must_not "no colour outside of a terminal" grep -q $'\033' <<<"$(ctl doctor)"
must "the daemon's own file is found" grep -q "config *ok *$GATE/buildgate.yaml is good" \
	<<<"$(ctl doctor)"
must "the mail server's limits are read" finds mail ok 'Postfix has [0-9]+ sessions' ''
must "colour on a terminal" grep -q $'\033' <<<"$(TERM=xterm script -qec \
	"nsenter --net=$(lab_ns edge) build/gatectl doctor --config /nowhere.yaml" /dev/null)"

# programs of others, and the order in which they run
lab_net edge tc qdisc add dev uplink clsact 2>/dev/null
must "a foreign TC filter" lab_net edge tc filter add dev uplink ingress prio 7 bpf da \
	object-pinned $FOREIGN/foreign_tc
# behind a TCX link, or before a filter of ours where there are only filters (before 6.6)
must "it is told, and in which order they run" finds programs note \
	'uplink ingress: (ours.* then foreign|foreign.* then ours)' ''
must "which is nothing to do" well

# a second way to the Internet
must "a second uplink" lab_net edge ip link add second type veth peer name there
lab_net edge ip link set second up
lab_net edge ip route add default dev second metric 500
breaks "a way round the gate" paths warn 'through second, which is not outside' 'add second to outside'
lab_net edge ip link del second

# a hook that is taken away by somebody else, daemon alive: it is mended at the next tick, so a
# stopped one has to do; the interface itself, too
must "the daemon ends" gate_stop
breaks "a dead daemon" daemon bad 'the daemon does not answer' 'systemctl start buildgated'
must "what the kernel does is told all the same" finds hooks ok 'uplink: TC ingress and egress' ''
must "and how full its maps are" finds limits ok 'the map ranges has [1-9][0-9]* of 4096' ''
must "the installed catalogue is judged" finds catalogue ok 'the installed catalogue' ''
must "mode off without a daemon" ctl mode off
breaks "the gate being off" mode warn 'off: nothing is seen' 'gatectl mode report'
must "the link of XDP is gone" rm /sys/fs/bpf/buildgate/link_xdp_*
must "somebody else is in its place" lab_net edge bpftool net attach xdpdrv \
	pinned $FOREIGN/foreign_xdp dev uplink
breaks "a foreign XDP program" programs warn 'uplink xdp: foreign_xdp' 'ip link set dev uplink xdp off'
must "the gate starts beside it" gate_start
must "and its own is missed" finds hooks warn 'uplink: no XDP program' 'xdp: off'
must "the next step is taken" lab_net edge ip link set dev uplink xdp off
must "mode report" ctl mode report
gate_stop && must "the gate starts again" gate_start
must "which heals" well

# a catalogue that is too old
must "the clock goes on by 400 days" ctl clock advance 400d
breaks "a stale catalogue" catalogue warn 'days old' 'catalogue update FILE'

# files that are broken or missing
echo 'mode: maybe' >>$GATE/buildgate.yaml
breaks "a broken configuration" config bad 'mode' 'buildgated --check'
gate_config "cgroup: $LAB/cgroup/nowhere"
breaks "a missing cgroup" mounts bad 'nowhere is not there' 'cgroup: auto'
gate_config
must "the mail server ends" lab_in edge postfix stop
breaks "nobody on port 25" ports warn 'listens on port 25' 'start the mail server'

must "unload" ctl unload
breaks "an unloaded gate" daemon bad 'the gate is not loaded' 'systemctl start buildgated'
while umount /sys/fs/bpf 2>/dev/null; do :; done # the host's own, too, in this namespace
breaks "a missing bpffs" mounts bad 'no bpffs' 'mount -t bpf bpf /sys/fs/bpf'
