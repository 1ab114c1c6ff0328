#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# log - the daemon's lines as key=value pairs: what happened, to whom, by whom; what senders can cause
# is bounded, and the audit trail has all of it
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
e2e_start "$@"

SENDERS=60

# line - some line of the log has all these pairs
line() {
	local lines pair
	lines=$(cat $GATE/log)
	for pair; do
		lines=$(grep -F -- "$pair" <<<"$lines") || return
	done
}

# seen_twice - SENDERS servers out of date, each seen twice, an hour apart: their clocks start
seen_twice() {
	local i hour
	for hour in 2 0; do
		for i in $(seq $SENDERS); do
			printf '{"source":"203.0.113.%d","build":"%s","helo":"ex%d.example.org","at":"%s"}\n' \
				"$i" $OLD_BUILD "$i" "$(date -u -d "@$(($(date +%s) - hour * 3600))" +%FT%TZ)"
		done
	done | ctl observe --stdin >/dev/null
}

staged() { [ "$(ctl audit | jq -s '[.[] | select(.what == "start")] | length')" -ge $SENDERS ]; }

gate_config "log_format: logfmt" "log_level: debug"
must "the gate starts" gate_start
must "it says so with its version" line level=info program=buildgated event=start mode=report version=
must "mode" ctl mode enforce
must "a change of mode, by whom" line event=mode mode=enforce was=report 'who="root (uid 0)"'
must "a policy" ctl policy use exchange-online
must "likewise" line event=policy policy=exchange-online was=30-10-60
must_not "a bad catalogue is refused" ctl catalogue update /etc/passwd 2>/dev/null
must "loudly" line level=error event=catalogue-refused path=/etc/passwd 'why='
must "observations of $SENDERS senders" seen_twice
must "all their clocks are in the audit trail" wait_for 20 staged
must "a change of stage is told with its source" line event=stage source=203.0.113. \
	server=ex stage=1 was=0 'why='
told=$(grep -c event=stage $GATE/log)
must "but $told of $SENDERS lines are enough for a minute" [ "$told" -le 20 ]
must "the daemon ends" gate_stop
must "which it says" line event=end signal=SIGTERM
same "every line has the form" "" \
	"$(grep -vE '^time=20[-0-9T:]*Z level=(error|warning|info|debug) program=buildgated .*msg=' $GATE/log)"
