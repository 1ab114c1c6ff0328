#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# xdp - native unless generic is asked for or it is off, said for each interface; a program of
# somebody else stays where it is; and without XDP of ours TC refuses the same
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
e2e_start "$@"

FOREIGN=/sys/fs/bpf/foreign

# mode_said - of XDP on the uplink, by status and by the metrics, which must agree
mode_said() {
	local status metrics
	status=$(ctl -j status | jq -r '.hooks[] | select(.hook == "xdp" and .interface == "uplink") | .mode')
	metrics=$(gate_metrics | sed -n \
		's/^buildgate_hook_attached{.*hook="xdp",interface="uplink",mode="\([a-z]*\)".*} 1$/\1/p')
	[ "$status" = "$metrics" ] && echo "${status:-none}"
}

# mode_is - by the kernel: native, generic or none
mode_is() {
	case $(ip -n "$LAB_NAME-edge" -j link show dev uplink | jq -r '.[0].xdp.mode // 0') in
	0) echo none ;;
	1) echo native ;;
	2) echo generic ;;
	esac
}

xdp_program() { ip -n "$LAB_NAME-edge" -j link show dev uplink | jq '.[0].xdp.prog.id'; }

connects() {
	lab_net old timeout 1 bash -c 'exec 3<>/dev/tcp/198.51.100.25/25' 2>/dev/null
}

# refuses HOOK - a blocked source gets no answer, and it is this hook that drops
refuses() {
	local before
	must "enforce mode is accepted" ctl mode enforce
	must "the source is blocked" ctl set $OLD drop --style silent
	before=$(gate_counter "$1" silent)
	must_not "it gets no answer" connects
	must "dropped at $1" [ "$(gate_counter "$1" silent)" -gt "$before" ]
}

# gate XDP - a new gate with this setting
gate() {
	gate_config "xdp: $1"
	must "a gate with xdp: $1" gate_start
}

gone() {
	must "it is unloaded" ctl unload
	wait "$GATE_PID"
	rm -rf $GATE/state
}

gate_config
must "a gate that is told nothing about XDP" gate_start
same "native in the kernel" native "$(mode_is)"
same "as status and metrics say" native "$(mode_said)"
refuses xdp
gone

gate generic
same "generic in the kernel" generic "$(mode_is)"
same "as status and metrics say" generic "$(mode_said)"
refuses xdp
gone

gate "off"
same "none in the kernel" none "$(mode_is)"
same "as status and metrics say" none "$(mode_said)"
refuses ingress
gone

must "a program of others" clang -target bpf -mcpu=v3 -O2 -g \
	-I"/usr/include/$(gcc -print-multiarch)" -c tests/e2e/foreign.bpf.c -o $LAB/foreign.o
must "is loaded" bpftool prog loadall $LAB/foreign.o $FOREIGN
must "and stands on the uplink" lab_net edge bpftool net attach xdpdrv pinned $FOREIGN/foreign_xdp dev uplink
theirs=$(xdp_program)
gate native
must "the log says why there is none of ours" grep -q 'no-xdp\|XDP: ' $GATE/log
same "it is still theirs" "$theirs" "$(xdp_program)"
same "as status and metrics say" none "$(mode_said)"
refuses ingress
gone
same "and theirs when the gate is gone" "$theirs" "$(xdp_program)"
