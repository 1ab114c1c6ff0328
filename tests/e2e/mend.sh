#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# mend - what others did to the gate's maps and hooks is found, repaired and counted: verdicts and
# ranges that are not as the store has them, and a cgroup that was made anew
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
e2e_start "$@"

PINS=/sys/fs/bpf/buildgate
CGROUP=$LAB/cgroup/$LAB_NAME
KEY="0 0 0 0 0 0 0 0 0 0 0xff 0xff 192 0 2"

drift() { ctl -j status | jq .daemon.verdict_drift; }
drift_is() { [ "$(drift)" = "$1" ]; }
log_says() { grep -qF "$1" $GATE/log; }
maps() {
	ctl -j map dump verdicts | jq -c '[.. | objects | select(.source) | {source, now, block_min}] | sort'
	ctl -j map dump ranges | jq -c '[.. | objects | select(.range) | {range, action}] | sort'
}
as_before() { [ "$(maps)" = "$before" ]; }
in_cgroup() { bpftool cgroup show "$CGROUP" | grep -q gate_sockops; }
attached() { ctl -j status | jq -e '.hooks | any(.hook == "sockops" and .attached)' >/dev/null; }

e2e_gate
must "a source is refused" ctl set $OLD drop
must "a second" ctl set 192.0.2.11 tarpit
must "a range is exempt" ctl exempt 203.0.113.0/24
must "enforce" ctl mode enforce
before=$(maps)
must "the maps have it" [ "$(wc -l <<<"$before")" = 2 ]

# shellcheck disable=SC2086 # one word per byte
must "somebody deletes a verdict" bpftool map delete pinned $PINS/verdicts key $KEY 10
# shellcheck disable=SC2046,SC2086
must "and copies another" bpftool map update pinned $PINS/verdicts key $KEY 12 \
	value $(bpftool -j map lookup pinned $PINS/verdicts key $KEY 11 | jq -r '.value | join(" ")')
must "and deletes an exemption" bpftool map delete pinned $PINS/ranges \
	key 120 0 0 0 0 0 0 0 0 0 0 0 0 0 0xff 0xff 203 0 113 0
must_not "that is not as the store has it" as_before
same "nothing else has drifted" 0 "$(drift)"
must "the sockops program is in the cgroup" in_cgroup
must "a service ends: its cgroup goes" rmdir "$CGROUP"
must "it starts again" mkdir "$CGROUP"
must_not "nobody is in the new one" in_cgroup

# the daemon looks every 30 seconds
must "all three are found" wait_for 40 drift_is 3
must "and repaired" as_before
must "the log says so" log_says "3 of the kernel's maps were not as the store has them"
must "the metric too" [ "$(gate_metrics | sed -n 's/^buildgate_verdict_drift_total //p')" = 3 ]
must "the program is" wait_for 40 in_cgroup
must "status says so" attached
must "the metric counts it" [ "$(gate_metrics | sed -n 's/^buildgate_hooks_mended_total //p')" = 1 ]
