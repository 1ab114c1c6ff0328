#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# ipsec - a peer under an IPsec policy gets no answers of the gate, which would leave in clear past
# the policy; as soon as the policy goes it is answered again
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
e2e_start "$@"

# level "use": IPsec where it is set up, and here it never is; so there is a server to reach
policy() {
	lab_net edge ip xfrm policy "$1" src 198.51.100.25/32 dst 192.0.2.0/24 dir out "${@:2}"
}
ranges() { [ "$(ctl -j status | jq .ipsec)" = "$1" ]; }
refused() {
	# shellcheck disable=SC2016 # for the inner shell
	lab_net old timeout 20 bash -c 'exec 3<>/dev/tcp/198.51.100.25/25
		answer() { while read -r line <&3 && [ "${line:3:1}" = - ]; do :; done; echo "$line"; }
		answer; echo "EHLO old.example.org" >&3; answer
		echo "MAIL FROM:<user@old.example.org>" >&3; answer' | grep -q "^550 5.7.230"
}

lab_net edge ip xfrm policy list >/dev/null 2>&1 || skip "this kernel has no IPsec"
must "two mail servers start" lab_mtas old edge
e2e_gate
must "enforce mode is accepted" ctl mode enforce
must "the source is blocked" ctl set $OLD drop --style answer
same "no peer is under a policy" 0 "$(ctl -j status | jq .ipsec)"
must "the gate refuses" refused

must "a policy comes" policy add tmpl proto esp mode transport level use
must "the daemon has seen it" wait_for 2 ranges 1
same "and its other side" 192.0.2.0/24 "$(ctl -j map dump ipsec_peers | jq -r '.[].range')"
must "doctor says it" grep -q "1 range(s) of peers" <<<"$(ctl doctor --config $GATE/buildgate.yaml)"
mail_is delivered old $OLD_BUILD
must "that is counted" [ "$(gate_counter ingress answer_ipsec)" -gt 0 ]

must "the policy goes" policy delete
must "the daemon has seen it" wait_for 2 ranges 0
must "the gate refuses again" refused
must "a policy for one socket's mark comes" policy add mark 7 tmpl proto esp mode transport level use
must "the gate still refuses" refused
same "it is no peer's" 0 "$(ctl -j status | jq .ipsec)"
