#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# daemon-kill - kill -9: the kernel goes on until the lease ends and gatectl says so; the next
# daemon takes over without a gap and without losing the store
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
e2e_start "$@"

case ${BUILDGATE_TEST-} in
quick) ATTEMPTS=100 ;;
long) ATTEMPTS=3000 ;;
*) ATTEMPTS=300 ;;
esac

# knock - ATTEMPTS connections of the old site, one SYN each; says how many were answered
knock() {
	local answered=0
	for _ in $(seq $ATTEMPTS); do
		if lab_net old timeout 0.1 bash -c '</dev/tcp/198.51.100.25/25' 2>/dev/null; then
			answered=$((answered + 1))
		fi
	done
	echo $answered
}

# attempts - connections that the old site has opened (a slow shell may not get so far)
attempts() { lab_net old sed -n 's/^Tcp: [0-9]* [0-9]* [0-9]* [-0-9]* \([0-9]*\) .*/\1/p' /proc/net/snmp; }

# lease_over - what the settings look like a day after the last daemon
lease_over() {
	local pin=/sys/fs/bpf/buildgate/settings bytes
	bytes=$(bpftool -j map dump pinned $pin | jq -r '.[0].value | map(.[2:]) | .[16:24] =
		["01", "00", "00", "00", "00", "00", "00", "00"] | join(" ")')
	# shellcheck disable=SC2086 # one word per byte
	bpftool map update pinned $pin key hex 00 00 00 00 value hex $bytes
}

status_says() { ctl -j status | jq -e "$1" >/dev/null; }
verdict_says() { ctl -j map get verdicts $OLD | jq -e "$1" >/dev/null; }

must "two mail servers start" lab_mtas old edge
e2e_gate
mail_is delivered old $OLD_BUILD
must "the build is read" wait_for 20 source_is $OLD ".identities[0].build == \"$OLD_BUILD\""
must "the source is stopped" ctl set $OLD drop --reason "stays through a kill"
must "enforce mode is accepted" ctl mode enforce
mail_is queued old $OLD_BUILD
waiting=$LAB_ID

must "the daemon is killed" gate_stop KILL
must "status says that it is dead and what that means" status_says \
	'.daemon.running == false and .mode == "enforce" and (.daemon.meaning | test("goes on until"))'
must "map dump works without it" verdict_says '.now == "drop"'
mail_is queued old $OLD_BUILD

before=$(gate_counter xdp silent) opened=$(attempts)
knock >$LAB/answered &
knocker=$!
must "a new daemon takes over" gate_start
wait $knocker
same "not one connection came through meanwhile" 0 "$(cat $LAB/answered)"
opened=$(($(attempts) - opened))
same "and every one of $opened was counted: no gap" $opened $(($(gate_counter xdp silent) - before))
must "they were enough" [ $opened -ge $((ATTEMPTS / 2)) ]
must "the store kept what was seen" source_is $OLD ".identities[0].build == \"$OLD_BUILD\""
must "and what the operator decided" source_is $OLD '.verdict == "drop"'

must "the decision can be taken back" ctl unset $OLD
lab_flush old
must "the waiting mail is delivered" wait_for $MAIL_LIMIT_S lab_delivered edge "$waiting"
must "the clock comes to its second stage" clock_verdict
must "the daemon is killed" gate_stop KILL
must "the verdict of the clock holds" verdict_says '.not_enforced == null'
must "the lease ends" lease_over
must "map get says that it is over" verdict_says '.not_enforced == "the lease is over" and .now == "pass"'
must "status says so too" status_says '.daemon.meaning | test("lease is over")'
