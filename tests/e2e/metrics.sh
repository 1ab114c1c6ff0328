#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# metrics - promtool accepts /metrics, and every reason of maps/reasons.h is a metric
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
[ -n "${LAB_NAME-}" ] || root_make prometheus prometheus || skip "no Prometheus to be had"
e2e_start "$@"

# reasons - names in lower case, from the list itself
reasons() {
	sed -n 's/^\tX([0-9]*, \([A-Z0-9_]*\), \(PASS\|DROP\|NOTE\), .*/\1/p' maps/reasons.h |
		tr '[:upper:]' '[:lower:]'
}

promtool() { chroot $LAB/prometheus/root promtool check metrics; }

must "two mail servers start" lab_mtas old edge
must "the Prometheus root is there" root_mount prometheus $LAB/prometheus
e2e_gate
mail_is delivered old $OLD_BUILD
must "the build is read" wait_for 20 source_is $OLD ".identities[0].build == \"$OLD_BUILD\""

text=$(gate_metrics)
must "there are metrics" [ -n "$text" ]
complaints=$(promtool <<<"$text" 2>&1) || e2e_fail "promtool: $complaints"
same "promtool has nothing to say" "" "$complaints"
must "reasons.h can be read" [ "$(reasons | wc -l)" -ge 40 ]
for reason in $(reasons); do
	grep -qE "(reason|event)=\"$reason\"" <<<"$text" || e2e_fail "no metric has the reason '$reason'"
done
echo "ok: every reason is a metric"
same "a metric is what the kernel counted" "$(gate_counter egress flow_new)" \
	"$(sed -n 's/^buildgate_kernel_events_total{hook="egress",event="flow_new"} //p' <<<"$text")"
