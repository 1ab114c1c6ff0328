#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# interface - an outside interface goes and comes back: told, attached again at once, nothing stale left
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
e2e_start "$@"

log_has() { grep -qF "$1" $GATE/log; }
hooks() { ctl -j status | jq -r '.hooks[] | "\(.hook) \(.interface) \(.attached)"' | sort; }
attached_again() { [ "$(hooks)" = "$before" ]; }

must "a second interface is there" lab_net edge ip link add spare type veth peer name spare-peer
must "and up" lab_net edge ip link set spare up
e2e_gate "outside: [uplink, spare]" "mode: report"
before=$(hooks)
must "the interface goes" lab_net edge ip link del spare
must "the log says so" wait_for 10 log_has "interface spare is gone"
must "it comes back" lab_net edge ip link add spare type veth peer name spare-peer
must "and up" lab_net edge ip link set spare up
must "the hooks are as before, none that leads nowhere" wait_for 10 attached_again
must "the log says so" log_has "attached again"

# 30 s later it would be known in any case
exempt() { [ "$(ctl -j map dump ranges | jq -c '[.[] | select(.range == "203.0.113.99") | .exempt]')" = "[$1]" ]; }

must "all of IPv4 is to be refused" ctl set 0.0.0.0/0 drop
must "a new address of the host comes" lab_net edge ip addr add 203.0.113.99/32 dev spare
must "nothing is enforced on it from then on" wait_for 10 exempt true
must "it goes" lab_net edge ip addr del 203.0.113.99/32 dev spare
must "and with it the exemption" wait_for 10 exempt ""
