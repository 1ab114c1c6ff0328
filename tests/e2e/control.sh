#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# control - who may change the gate: root and the group, by the socket alone, and nobody can keep
# root out of it
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
e2e_start "$@"

SOCKET=/run/buildgate/control.sock
GROUP=2725 MEMBER=2726 STRANGER=2727

# the group is known in this mount namespace only
must "there is a group" bash -c "cp /etc/group $LAB/group &&
	echo 'gatekeepers:x:$GROUP:' >>$LAB/group && mount --bind $LAB/group /etc/group"
e2e_gate "control_group: gatekeepers"
must "gatectl can be run by anybody" install -D -m755 build/gatectl $LAB/bin/gatectl

# as USER GROUPS ARG... - gatectl without capabilities; GROUPS is a list, or none
as() {
	local user=$1 groups=$2
	shift 2
	set -- $LAB/bin/gatectl "$@"
	if [ "$groups" = none ]; then
		set -- --clear-groups "$@"
	else
		set -- --groups="$groups" "$@"
	fi
	lab_net edge setpriv --reuid="$user" --regid="$user" --bounding-set=-all --inh-caps=-all "$@"
}

decided() { ctl -j show 192.0.2.77 | jq -r '[.decisions[] | select(.kind == "set") | .who] | join(" ")'; }
answer() { as "$@" 2>&1 | tr '\n' ' '; }

same "the socket is root's and the group's" "660 0 $GROUP" "$(stat -c '%a %u %g' $SOCKET)"
must_not "a stranger changes nothing" as $STRANGER none set 192.0.2.77 drop
must_not "nor with other groups" as $STRANGER 1,$MEMBER set 192.0.2.77 drop
must_not "nor asks" as $STRANGER none sources
same "nothing was changed" "" "$(decided)"
must "a member changes something" as $MEMBER $GROUP set 192.0.2.77 drop
same "by its own name" "uid $MEMBER" "$(decided)"
must "a user whose first group it is, too" lab_net edge setpriv --reuid=$MEMBER --regid=$GROUP \
	--clear-groups $LAB/bin/gatectl unset 192.0.2.77

# the same rule by the kernel's word, when somebody opens the socket to all
chmod 666 $SOCKET
must_not "a stranger is refused at an open socket" as $STRANGER none set 192.0.2.77 drop
case $(answer $STRANGER none set 192.0.2.77 drop) in
*"only root and the members of control_group"*) echo "ok: and told why" ;;
*) e2e_fail "no reason: $(answer $STRANGER none set 192.0.2.77 drop)" ;;
esac
must "a member is not" as $MEMBER 1,$GROUP set 192.0.2.77 drop
must "root is not" ctl unset 192.0.2.77
chmod 660 $SOCKET

# followers_start - COUNT of a member's
followers_start() {
	local i
	for ((i = 0; i < $1; i++)); do
		as $MEMBER $GROUP events >/dev/null 2>&1 &
	done
}
followers() { [ "$(ctl -j status | jq .daemon.followers)" -ge 60 ]; }
followers_start 100
must "a member takes all places" wait_for 30 followers
for _ in 1 2 3 4 5; do
	must "root is heard" timeout 5 nsenter --net="$(lab_ns edge)" -- build/gatectl -j status >/dev/null
done
must "and changes things" timeout 5 nsenter --net="$(lab_ns edge)" -- build/gatectl mode off
must "in the kernel" [ "$(ctl -j status | jq -r .mode)" = off ]

# the port offers nothing of the kind
for request in 'POST /' 'POST /metrics' 'PUT /mode' 'POST /control' 'DELETE /sources'; do
	code=$(lab_net edge curl -s -o /dev/null -w '%{http_code}' -X "${request% *}" \
		-d '{"command":"mode","mode":"report"}' "http://127.0.0.1:9725${request#* }")
	must "$request is refused ($code)" [ "$code" -ge 400 ]
done
must "the mode is as root said" [ "$(ctl -j status | jq -r .mode)" = off ]
