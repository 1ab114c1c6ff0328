# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# gate - buildgated on the lab's edge host
#
# Sourced after lab.sh, used inside the lab.
#
#   gate_config [LINE...]        the lab's config file; a LINE "key: value" replaces a default
#   gate_at_once MIN MIN         a policy that slows and blocks so many minutes an hour from day 0
#                                on, in $LAB/policy.yaml
#   gate_start                   start the daemon and wait until it answers
#   gate_stop [SIGNAL]           end it and wait until it is gone; the gate stays in the kernel
#   ctl ARG...                   gatectl on the edge host
#   source_is ADDR FILTER        jq FILTER holds for "gatectl show ADDR"
#   gate_counter HOOK REASON     a counter of the pinned map, all CPUs
#   gate_metrics                 what Prometheus would scrape

GATE=/run/lab/gate
GATE_PID=
GATE_SITE=edge # or router: the mail server is behind it

gate_config() {
	local line
	mkdir -p $GATE/state
	cat >$GATE/buildgate.yaml <<-EOF
		outside: [uplink]
		cgroup: $LAB/cgroup/$LAB_NAME
		contact: postmaster@edge.example.org
		hostname: mail.edge.example.org
		policy_dir: $TOP/maps/policy
		catalogue: $TOP/maps/catalogue/exchange.json
		state_dir: $GATE/state
		control_group: root
		slow_delay: 1s
		drop_style: silent
	EOF
	for line; do
		sed -i "/^${line%%:*}:/d" $GATE/buildgate.yaml
		echo "$line" >>$GATE/buildgate.yaml
	done
}

# gate_answers - ready, or 2 as soon as it has given up
gate_answers() {
	[ -d "/proc/$GATE_PID" ] || return 2
	ctl -j status 2>/dev/null | jq -e .daemon.running >/dev/null
}

gate_at_once() {
	cat >"$LAB/policy.yaml" <<-EOF
		name: at-once
		stages:
		  - {day: 0, throttle_min: $1, block_min: $2}
	EOF
}

gate_start() {
	local end=$((SECONDS + 30))
	nsenter --net="$(lab_ns "$GATE_SITE")" -- "${GATE_BUILD-build}/buildgated" --lab-clock \
		--config $GATE/buildgate.yaml >>$GATE/log 2>&1 </dev/null &
	GATE_PID=$!
	until gate_answers; do
		if [ $? = 2 ] || [ $SECONDS -gt $end ]; then
			tail -n 20 $GATE/log >&2
			return 1
		fi
		sleep 0.1
	done
}

gate_gone() { [ ! -d "/proc/$GATE_PID" ]; }

gate_stop() {
	kill "-${1-TERM}" "$GATE_PID"
	wait "$GATE_PID" 2>/dev/null
	wait_for 10 gate_gone
}

ctl() { lab_net "$GATE_SITE" "${GATE_BUILD-build}/gatectl" "$@"; }

source_is() { ctl -j show "$1" | jq -e "$2" >/dev/null; }

gate_counter() { ctl -j map get counters "$2" | jq ".$1"; }

gate_metrics() { lab_net "$GATE_SITE" curl -sS --max-time 10 http://127.0.0.1:9725/metrics; }
