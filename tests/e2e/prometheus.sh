#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# prometheus - Debian's Prometheus scrapes the daemon: promtool finds no fault, every reason of
# maps/reasons.h is a metric, the alert rules load, pass their tests and are silent, and every query of
# the dashboard and every documented metric has its metric
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
[ -n "${LAB_NAME-}" ] || root_make prometheus prometheus || skip "no Prometheus to be had"
e2e_start "$@"

PROMETHEUS=$LAB/prometheus
DASHBOARD=packaging/grafana/buildgate.json

# api - PATH [curl's options]: what Prometheus answers
api() { lab_net edge curl -sSf --max-time 10 "http://127.0.0.1:9090/api/v1/$1" "${@:2}"; }

prometheus_start() {
	# it looks itself up, where nobody answers
	echo "127.0.0.1 localhost $(cat /proc/sys/kernel/hostname)" >"$PROMETHEUS/root/etc/hosts"
	cp packaging/prometheus/buildgate.rules.yaml tests/prometheus/rules.test.yaml \
		"$PROMETHEUS/root/run/" || return
	cat >"$PROMETHEUS/root/run/prometheus.yml" <<-EOF
		global: {scrape_interval: 1s, evaluation_interval: 1s}
		rule_files: [buildgate.rules.yaml]
		scrape_configs:
		  - job_name: buildgate
		    static_configs: [{targets: ["127.0.0.1:9725"]}]
	EOF
	lab_net edge chroot "$PROMETHEUS/root" prometheus --config.file=/run/prometheus.yml \
		--storage.tsdb.path=/run/data --web.listen-address=127.0.0.1:9090 \
		>"$PROMETHEUS/log" 2>&1 </dev/null &
}

# up_is - the scrape of the daemon works (1) or fails (0); an empty answer is neither
up_is() {
	[ "$(api query --data-urlencode 'query=up{job="buildgate"}' 2>/dev/null |
		jq -r '.data.result[0].value[1]')" = "$1" ]
}

# samples - how many series a query has now; nothing when it is refused
samples() {
	api query --data-urlencode "query=$1" | jq 'select(.status == "success") | .data.result | length' |
		grep .
}

# metrics_of - the metrics that a query names
metrics_of() { grep -oE 'buildgate_[a-z0-9_]+' <<<"$1" | sort -u; }

# as_sent - queries as Grafana would send them
as_sent() { sed 's/[$]__rate_interval/5m/g; s/[$]instance/.*/g'; }

# queries - all of the dashboard
queries() { jq -r '.. | objects | .expr? // empty' $DASHBOARD | as_sent; }

# reasons - names in lower case, from the list itself
reasons() {
	sed -n 's/^\tX([0-9]*, \([A-Z0-9_]*\), \(PASS\|DROP\|NOTE\), .*/\1/p' maps/reasons.h |
		tr '[:upper:]' '[:lower:]'
}

must "two mail servers start" lab_mtas old edge
must "the Prometheus root is there" root_mount prometheus $PROMETHEUS
e2e_gate "metrics_top_sources: 3"
must "enforce" ctl mode enforce
must "a source is slowed" ctl set $OLD tarpit --style slow
mail_is delivered old $OLD_BUILD
must "the build is read" wait_for 20 source_is $OLD ".identities[0].build == \"$OLD_BUILD\""
must "Prometheus starts" prometheus_start
must "and scrapes the daemon" wait_for 60 up_is 1

text=$(gate_metrics)
promtool() { chroot "$PROMETHEUS/root" sh -c 'cd /run && promtool "$@"' promtool "$@"; }
must "there are metrics" [ -n "$text" ]
complaints=$(promtool check metrics <<<"$text" 2>&1) || e2e_fail "promtool: $complaints"
same "promtool has nothing to say" "" "$complaints"
must "reasons.h can be read" [ "$(reasons | wc -l)" -ge 40 ]
for reason in $(reasons); do
	grep -qE "(reason|event)=\"$reason\"" <<<"$text" || e2e_fail "no metric has the reason '$reason'"
done
echo "ok: every reason is a metric"
same "a metric is what the kernel counted" "$(gate_counter egress flow_new)" \
	"$(sed -n 's/^buildgate_kernel_events_total{hook="egress",event="flow_new"} //p' <<<"$text")"
must "the rules are good" promtool check rules buildgate.rules.yaml
must "each alert fires when it must, and only then" promtool test rules rules.test.yaml
rules=$(grep -c 'alert: ' packaging/prometheus/buildgate.rules.yaml)
loaded() { [ "$(api rules | jq '[.data.groups[].rules[] | select(.health == "ok")] | length')" = "$rules" ]; }
must "all $rules are evaluated without an error" wait_for 30 loaded
same "a healthy gate raises no alarm" "" "$(api alerts | jq -r '.data.alerts[] |
	select(.state == "firing") | .labels.alertname')"
while read -r name; do
	grep -q "alertname: $name\|alertname=\"$name\"" tests/prometheus/rules.test.yaml ||
		e2e_fail "no test of the alert $name"
done < <(sed -n 's/.*alert: //p' packaging/prometheus/buildgate.rules.yaml)

# top sources come with a walk that begins when the clock has gone on
must "the clock goes on" ctl clock advance 2m
top_is_there() { gate_metrics | grep -q "^buildgate_top_source_hits{source=\"$OLD\"} [1-9]"; }
must "the source that is met most is named" wait_for 20 top_is_there
there=$(gate_metrics | sed -n 's/^# TYPE \([^ ]*\) .*/\1/p' | sort)
must "the dashboard has queries" [ "$(queries | wc -l)" -ge 30 ]
while read -r query; do
	samples "$query" >/dev/null || e2e_fail "Prometheus refuses the dashboard's query: $query"
	for metric in $(metrics_of "$query"); do
		grep -qx "$metric" <<<"$there" || e2e_fail "no metric $metric for the query: $query"
	done
done < <(queries | grep buildgate_)
echo "ok: every query of the dashboard has its metrics"
for metric in $(metrics_of "$(cat packaging/prometheus/buildgate.rules.yaml)"); do
	grep -qx "$metric" <<<"$there" || e2e_fail "no metric $metric for an alert"
done
echo "ok: every alert has its metrics"
for panel in 'Mode' 'Sources in sight' 'Sources met most' 'Maps' 'Packets'; do
	query=$(jq -r --arg t "$panel" '.panels[] | select(.title == $t) | .targets[0].expr' $DASHBOARD |
		as_sent)
	has_samples() { [ "$(samples "$query")" -gt 0 ]; }
	must "the panel $panel has something to show" wait_for 10 has_samples
done
same "the documentation lists what is scraped, and nothing else" "$there" \
	"$(grep '^| .buildgate_' docs/metrics.md | cut -d'`' -f2 | sort)"

# what the alerts are there for, for real
must "the daemon is killed" gate_stop KILL
must "Prometheus sees it" wait_for 20 up_is 0
pending() { api alerts | grep -q '"alertname":"BuildgateDown"'; }
must "and is about to say so" wait_for 10 pending
