#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# daemon - the daemon's own work at a million sources, beside its budgets
#
#   observations   kernel events through observer and store in transactions of the daemon's own size,
#                  each on disk (fsync) before the next, and the verdicts that change into a map:
#                  100,000 sources with two names each, as strangers and again 10 hours apart
#   verdicts       all of them into an empty map, as after a reboot, and into the full one, as after
#                  a restart, with the store open
#   repair         the full map compared with the store, in turns of the loop
#   tick           of the clock: nothing due, what an hour brings (1 of 240), and all at once
#   lists          a real daemon on that store: from the question to the first rows of "sources", to
#                  its end, and /metrics
#
# Wall time is what the budgets are about; CPU time beside it says what a busy machine did to it.
#
#   SOURCES=1000000

# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
export SOURCES=${SOURCES-1000000}
if [ -z "${LAB_NAME-}" ]; then
	BENCH_DIR=$(mktemp -d "$TOP/build/bench-daemon.XXXXXX") || exit 1
	export BENCH_DIR
	exec 3>&1 1>&2 # nothing but the result on stdout
fi
e2e_start "$@"
trap 'rc=$?; rm -rf "$BENCH_DIR"; (exit $rc); e2e_end' EXIT

FIGURES=$BENCH_DIR/figures
now() { date +%s.%N; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.3f", b - a }'; }
figure() { echo "$1 $2" >>"$FIGURES"; }
memory_mb() { awk '/^VmRSS/ { printf "%.0f", $2 / 1024 }' "/proc/$GATE_PID/status"; }

build/tests/bench/bench_daemon "$BENCH_DIR" "$SOURCES" >"$FIGURES" || e2e_fail "bench_daemon"
began=$(now)
gate_config "state_dir: $BENCH_DIR/state"
gate_start || e2e_fail "the daemon does not start on $SOURCES sources"
figure start_s "$(since "$began")"
figure daemon_rss_mb "$(memory_mb)"
began=$(now)
ctl sources | head -n 100 >/dev/null
figure list_first_s "$(since "$began")"
began=$(now)
listed=$(ctl -j sources | grep -c '^{')
figure list_all_s "$(since "$began")"
[ "$listed" = "$SOURCES" ] || e2e_fail "$listed of $SOURCES sources are listed"
lab_net edge curl -sS -o /dev/null http://127.0.0.1:9725/metrics # the first one opens files
figure metrics_s "$(lab_net edge curl -sS -o /dev/null -w '%{time_total}' http://127.0.0.1:9725/metrics)"
figure daemon_rss_after_mb "$(memory_mb)"
gate_stop

if [ "${1-}" = json ]; then
	awk '{ printf "%s\"%s\":%s", NR == 1 ? "{\"bench\":\"daemon\"," : ",", $1, $2 } END { print "}" }' "$FIGURES" >&3
	exit
fi
awk -v sources="$SOURCES" '
	{ v[$1] = $2 }
	function row(what, value, unit, budget) { printf "%-52s %10s %-6s %s\n", what, value, unit, budget }
	END {
		row("what", "", "", "budget")
		row("observations, durable, all rounds", v["ingest_all"], "/s", "100,000 /s")
		row("  CPU time of each", v["ingest_cpu_us"], "us", "")
		row("  strangers", v["ingest_new"], "/s", "")
		row("  known sources, median round", v["ingest_known"], "/s", "")
		row("  longest transaction, " v["ingest_batch"] " events", v["ingest_longest_s"], "s", "")
		row("all verdicts into an empty map, " sources " sources", v["publish_s"], "s", "2 s")
		row("all verdicts into the full map", v["publish_again_s"], "s", "2 s")
		row("  memory then, and at most", v["publish_rss_mb"] " / " v["publish_peak_mb"], "MB", "")
		row("map and store compared, longest turn", v["repair_longest_s"], "s", "1 s")
		row("  all turns", v["repair_s"], "s", "")
		row("tick, nothing due", v["tick_idle_s"], "s", "1 s")
		row("tick, " v["tick_hour_sources"] " due (an hour)", v["tick_hour_s"], "s", "1 s")
		row("tick, " v["tick_all_sources"] " due at once, longest turn", v["tick_all_longest_s"], "s", "1 s")
		row("  all turns", v["tick_all_s"], "s", "")
		row("daemon: start to answering, store opened in it", v["start_s"], "s", "")
		row("daemon: memory, and after the lists", v["daemon_rss_mb"] " / " v["daemon_rss_after_mb"], "MB", "")
		row("gatectl sources: first rows", v["list_first_s"], "s", "1 s")
		row("gatectl sources -j: all of them", v["list_all_s"], "s", "")
		row("/metrics", v["metrics_s"], "s", "0.1 s")
	}' "$FIGURES" >&3
