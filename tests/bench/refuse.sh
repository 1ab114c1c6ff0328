#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# refuse - connections refused at MAIL FROM: by the answerer, and by a Postfix on the same host
#
# The same crowd of clients (bench_caller) meets first one and then the other, round after round:
# blocked, the gate answers; not blocked, Postfix refuses the sender by an access table. Beside
# connections per second stands what the protected host spends on one: the run time of the gate's
# programs, as the kernel counts it, and the CPU time of Postfix's cgroup. SHARE is that as part of
# all CPUs while the load lasted: where the gate's is small, it is not what limits the load. All
# who take part run before other processes of the machine.
#
#   ROUNDS=7 CALLS=20000 SLOW_CALLS=4000 AT_ONCE=40    of the load, both generators together

# shellcheck disable=SC2086 # $FIRST is words
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
export ROUNDS=${ROUNDS-7} CALLS=${CALLS-20000} SLOW_CALLS=${SLOW_CALLS-4000} AT_ONCE=${AT_ONCE-40}
if [ -z "${LAB_NAME-}" ]; then
	exec 3>&1 1>&2 # nothing but the result on stdout
fi
e2e_start "$@"

OUT=$LAB/bench
EDGE=198.51.100.25
FIRST="nice -n -15"

# postfix_up - it refuses one sender, and nothing but mail slows it down
postfix_up() {
	root_mount postfix $LAB/edge && lab_postfix_files edge || return
	echo "user@old.example.org REJECT your mail server is out of date" >$LAB/edge/root/etc/postfix/access
	chroot $LAB/edge/root postconf -e debug_peer_list= default_process_limit=200 \
		smtpd_client_connection_count_limit=0 smtpd_delay_reject=no \
		smtpd_sender_restrictions=check_sender_access,texthash:/etc/postfix/access \
		access_map_reject_code=550 || return
	(lab_join && lab_in edge $FIRST postfix start) >$OUT/postfix.log 2>&1 </dev/null
}

# run_time - nanoseconds that programs which count for this gate have run
run_time() {
	local counters
	counters=$(bpftool -j map show pinned /sys/fs/bpf/buildgate/counters | jq .id)
	bpftool -j prog show | jq --argjson id "$counters" \
		'[.[] | select(.map_ids // [] | index($id)) | .run_time_ns // 0] | add'
}

host_time() { sed -n 's/^usage_usec \([0-9]*\)$/\1000/p' "$LAB/cgroup/$LAB_NAME/cpu.stat"; }

# crowd CALLS - two generators at once; each leaves its rate
crowd() {
	local pid half=$(($1 / 2))
	rm -f $OUT/crowd.*
	lab_net old $FIRST build/tests/bench/bench_caller $EDGE $half $((AT_ONCE / 2)) >$OUT/crowd.1 &
	pid=$!
	lab_net old $FIRST build/tests/bench/bench_caller $EDGE $half $((AT_ONCE / 2)) >$OUT/crowd.2 &&
		wait $pid
}

# measure NAME CALLS CLOCK - a line of $OUT/rounds: name, per second, nanoseconds for each
measure() {
	local before
	before=$($3)
	crowd "$2" || return
	awk -v name="$1" -v ns="$((($($3) - before) / $2))" \
		'{ rate += $1 } END { print name, rate, ns }' $OUT/crowd.* >>$OUT/rounds
}

# result - of $OUT/rounds, as JSON
result() {
	jq -Rn --argjson cpus "$(nproc)" '
		def median: sort | .[length / 2 | floor];
		def three: . * 1000 | round / 1000;
		[inputs | split(" ") | {by: .[0], per_s: (.[1] | tonumber), ns: (.[2] | tonumber)} |
			.share = .per_s * .ns / 1e9 / $cpus] as $all |
		def of($by; $key): [$all[] | select(.by == $by) | .[$key]];
		def ratio($key; $a; $b): [of($a; $key), of($b; $key)] | transpose |
			map(.[0] / .[1]) | median;
		ratio("per_s"; "gate"; "postfix") as $faster |
		ratio("ns"; "postfix"; "gate") as $cheaper |
		(of("gate"; "share") | median < 0.1) as $limit |
		{bench: "refuse", rows: [("gate", "postfix") as $by | {by: $by,
			per_s: (of($by; "per_s") | median | round),
			cpu_us: (of($by; "ns") | median / 1000 | three),
			share: (of($by; "share") | median | three)}],
		 times_the_connections: ($faster | three), connections_budget: 5,
		 generator_is_the_limit: $limit, connections_hold: ($faster >= 5 or $limit),
		 part_of_the_cpu: (1 / $cheaper | . * 1e5 | round / 1e5), cpu_budget: 0.02,
		 cpu_holds: ($cheaper >= 50)}' <$OUT/rounds
}

table() {
	jq -r '
		def said: if . then "holds" else "EXCEEDED" end;
		(["refused by", "PER SECOND", "CPU US EACH", "SHARE"] | @tsv),
		(.rows[] | [.by, .per_s, .cpu_us, .share] | @tsv),
		"\(.times_the_connections) x the connections (budget 5, or the generator limits\(
			if .generator_is_the_limit then ", as it does" else "" end)): \(.connections_hold | said)",
		"1/\(1 / .part_of_the_cpu | round) of the CPU for each (budget 1/50): \(.cpu_holds | said)"' |
		awk -F '\t' 'NF < 4 { print; next } { printf "%-12s %12s %12s %8s\n", $1, $2, $3, $4 }'
}

# ------------------------------------------------------------------------------------------------

mkdir -p $OUT
lab_net old sh -c 'echo "1024 65535" >/proc/sys/net/ipv4/ip_local_port_range'
must "Postfix starts" postfix_up
e2e_gate "answer_rate: 0" "drop_style: answer"
must "enforce mode is accepted" ctl mode enforce
for ((ROUND = 0; ROUND < ROUNDS; ROUND++)); do
	must "the source is blocked" ctl set $OLD drop --style answer
	must "round $ROUND: the gate" measure gate "$CALLS" run_time
	must "the source is released" ctl unset $OLD
	must "round $ROUND: Postfix" measure postfix "$SLOW_CALLS" host_time
done
same "Postfix has met its own and none of the blocked" $((ROUNDS * SLOW_CALLS)) \
	"$(grep -c NOQUEUE $LAB/edge/root/var/log/maillog)"
if [ "${1-}" = json ]; then result >&3; else result | table >&3; fi
