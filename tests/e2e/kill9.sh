#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# kill9 - kill -9 at random moments under a load of observations: the store opens, nothing that was
# acknowledged is missing, no stage is later than it should be, and the verdict map equals what
# the store says. 20 moments; BUILDGATE_TEST=long: 200
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
e2e_start "$@"

MOMENTS=20
[ "${BUILDGATE_TEST-}" != long ] || MOMENTS=200
SOURCES=40 # of one batch, each seen twice
DB=$GATE/state/buildgate.db
ACKED=$LAB/acked

# batch - N: what it tells, two hours apart, so that each source has a clock at once
batch() {
	local now before i
	now=$(date -u +%FT%TZ)
	before=$(date -u -d '2 hours ago' +%FT%TZ)
	for ((i = 1; i <= SOURCES; i++)); do
		printf '{"at":"%s","source":"2001:db8:%x:%x::1","helo":"ex%d.k%d.example.org","build":"15.1.2507.6"}\n' \
			"$before" "$1" $i $i "$1" "$now" "$1" $i $i "$1"
	done
}

# load - batch after batch until it is ended; a batch stands in $ACKED once the daemon has said
# that it took all of it
load() {
	local n
	for ((n = $1 * 1000; ; n++)); do
		batch $n | ctl -j observe --stdin 2>/dev/null |
			jq -e --argjson all $((2 * SOURCES)) \
				'select(.type == "summary") | .taken == $all' >/dev/null &&
			echo $n >>$ACKED
	done
}

# of_store, of_map - "SOURCE SECONDS SECONDS" of whoever is slowed or refused
of_store() {
	ctl -j sources | jq -r '.[] | select(.throttle_min + .block_min > 0) |
		"\(.source) \(.throttle_min * 60) \(.block_min * 60)"' | sort
}
of_map() {
	ctl -j map dump verdicts | jq -r '.[] | "\(.source) \(.throttle_s) \(.block_s)"' | sort
}
map_is_store() { [ "$(of_store | tee $LAB/of_store)" = "$(of_map | tee $LAB/of_map)" ]; }

# in_store - how many raw observations there are of each batch, as "BATCH COUNT"; of each one the
# EHLO name stands in the file once
in_store() {
	sqlite3 "$DB" "SELECT hex(body) FROM observation" | perl -pe 's/(..)/chr hex $1/ge' |
		grep -aoE 'ex[0-9]+\.k[0-9]+\.example\.org' |
		sed 's/.*\.k\([0-9]*\)\.example\.org/\1/' | sort -n | uniq -c | awk '{print $2, $1}'
}

# missing - acknowledged batches that are not all there
missing() {
	in_store >$LAB/in_store
	awk -v all=$((2 * SOURCES)) 'NR == FNR { n[$1] = $2; next } n[$1] != all { print $1, n[$1] }' \
		$LAB/in_store $ACKED
}

# late - identities of acknowledged batches without their clock, all of which began at the start
late() {
	ctl -j sources | jq -r '.[].identities[] | select(.stage != 1) | .name' |
		sed 's/.*\.k\([0-9]*\)\.example\.org/\1/' | sort -u | grep -Fxf $ACKED
}

gate_at_once 7 3
: >$ACKED
e2e_gate "policy: $LAB/policy.yaml" "observe_rate: 6000000"
must "enforce mode is accepted" ctl mode enforce

for ((moment = 1; moment <= MOMENTS; moment++)); do
	load $moment &
	loader=$!
	sleep "$((RANDOM % 2)).$((RANDOM % 900 + 100))" # the moment is the point of the test
	gate_stop KILL
	kill $loader
	wait $loader 2>/dev/null
	gate_start || e2e_fail "moment $moment: the next daemon does not start"
	same "moment $moment: the store is whole" ok "$(sqlite3 "$DB" 'PRAGMA integrity_check')"
	same "moment $moment: nothing acknowledged is missing" "" "$(missing)"
	same "moment $moment: no clock is late" "" "$(late)"
	wait_for 20 map_is_store || diff $LAB/of_store $LAB/of_map ||
		e2e_fail "moment $moment: the verdict map is not what the store says"
done
must "there was a load" [ "$(wc -l <$ACKED)" -ge $MOMENTS ]
must "it had verdicts" [ "$(wc -l <$LAB/of_map)" -ge $((SOURCES * MOMENTS)) ]
echo "$(wc -l <$ACKED) batches of $SOURCES sources acknowledged, $(wc -l <$LAB/of_map) verdicts"
