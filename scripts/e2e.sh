# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# e2e - head of every test in tests/e2e: sets up, isolates, and judges
#
#   e2e_start "$@"               packages, build and lab; returns inside the lab, network up
#   must WHAT COMMAND...         COMMAND succeeds, else the test ends as failed
#   must_not WHAT COMMAND...     and the other way round
#   same WHAT BEFORE AFTER       two texts are equal
#   mail_is FATE SITE BUILD      a mail from SITE to the edge ends as delivered or queued
#   clock_verdict                days go by until the clock slows what the old site runs

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/lab.sh
. scripts/lab.sh
# shellcheck source=scripts/gate.sh
. scripts/gate.sh

# shellcheck disable=SC2034 # for the tests
OLD=192.0.2.10 OLD_BUILD=15.1.2507.6
MAIL_LIMIT_S=60

e2e_start() {
	[ -n "${LAB_NAME-}${BUILDGATE_READY-}" ] || lab_set_up
	lab_isolate "$@"
	trap 'e2e_end' EXIT
	lab_up || e2e_fail "the lab does not come up"
}

# e2e_end - the lab goes with this process; what explains a failure is shown before
e2e_end() {
	local rc=$?
	if [ $rc != 0 ] && [ $rc != 77 ] && [ -f $GATE/log ]; then
		echo "--- the end of the daemon's log"
		tail -n 30 $GATE/log
		echo "--- what the gate counted"
		ctl map dump counters
	fi
	exit $rc
}

e2e_fail() {
	echo "FAILED: $*"
	exit 1
}

must() {
	local what=$1
	shift
	"$@" || e2e_fail "$what ($*)"
	echo "ok: $what"
}

must_not() {
	local what=$1
	shift
	! "$@" || e2e_fail "$what ($*)"
	echo "ok: $what"
}

same() {
	if [ "$2" != "$3" ]; then
		diff <(echo "$2") <(echo "$3")
		e2e_fail "$1"
	fi
	echo "ok: $1"
}

# e2e_gate - edge with a gate that enforces what it is told
e2e_gate() {
	gate_config "$@"
	must "the gate starts" gate_start
}

mail_is() {
	local fate
	lab_send "$2" "$3" user@edge.example.org
	fate=$(wait_for $MAIL_LIMIT_S lab_fate "$2" "$LAB_ID")
	[ "$fate" = "$1" ] || lab_log "$2" "$LAB_ID"
	same "mail $LAB_ID from $2 is $1" "$1" "$fate"
}

clock_verdict() {
	local day_0 moment day_s=86400
	day_0=$(($(date +%s) / day_s * day_s + 2 * day_s))
	for moment in 0 7200 86400 172800 $((31 * day_s)); do
		ctl clock to "$(date -u -d "@$((day_0 + moment))" +%FT%TZ)" >/dev/null || return
		mail_is delivered old $OLD_BUILD
	done
	wait_for 20 source_is $OLD '.stage == 2 and .throttle_min == 5'
}
