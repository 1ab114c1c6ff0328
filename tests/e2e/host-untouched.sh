#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# host-untouched - an interrupted demo leaves the host as it was, and so does the whole set-up
# on a host that already runs another MTA. (That a finished demo does is in demo.sh.)
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
# shellcheck source=tests/e2e/host.bash
. tests/e2e/host.bash

HOST=/run/host

# demo_until - start the demo, wait for COMMAND (given its output file), then signal it
demo_until() {
	local signal=$1 out
	shift
	out=$(mktemp)
	scripts/demo >"$out" 2>&1 </dev/null &
	demo=$!
	wait_for 60 "$@" "$out" || e2e_fail "the demo did not get to: $* ($(tail -n 3 "$out"))"
	kill "-$signal" $demo
	wait $demo 2>/dev/null
	rm -f "$out"
}

lab_began() { ls build/lab/*.lab >/dev/null 2>&1; }
says() { grep -q "$1" "$2"; }

interrupted() {
	local before
	before=$(host_state)
	demo_until TERM lab_began
	must "no process and no cgroup is left" wait_for 10 lab_is_gone $demo
	demo_until HUP says 'two hours later'
	must "no process and no cgroup is left" wait_for 10 lab_is_gone $demo
	same "an interrupted demo leaves the host as it was" "$before" "$(host_state)"
	demo_until KILL says 'a first mail'
	scripts/demo --clean
	must "after a kill -9, --clean removes what is left" wait_for 10 lab_is_gone $demo
	same "and the host is as it was" "$before" "$(host_state)"
}

# other_mta - a root that has Exim as its own, with mail in its spool, plays the host; the lab
# must get its Postfix all the same
other_mta() {
	if ! mount -t tmpfs tmpfs /run || ! root_mount exim $HOST; then
		e2e_fail "no root with Exim"
	fi
	if [ ! -d "$HOST/root$TOP/scripts" ]; then # it is on another file system than /
		mkdir -p "$HOST/root$TOP"
		tar -C "$TOP" --exclude=./build/vm --exclude=./build/roots -c . |
			tar -C "$HOST/root$TOP" -x
	fi
	rm -f "$HOST/root$TOP/build/roots/postfix".*
	mount -t sysfs sysfs $HOST/root/sys
	echo "a mail of the user" >$HOST/root/var/spool/exim4/input/kept
	chroot $HOST/root "$TOP/tests/e2e/host-untouched.sh" as-second-host
}

# second_host - in that root; its own "service" is a process that must survive
second_host() {
	local before after exim smoke
	must "Exim is installed" test -x /usr/sbin/exim4
	exim4 -bdf -oX '[127.0.0.1]:2525' &
	exim=$!
	must "Exim runs" test -d /proc/$exim
	before=$(host_state)
	env -u BUILDGATE_READY tests/e2e/smoke.sh &
	smoke=$!
	must "a lab with Postfix works there" wait $smoke
	must "no process and no cgroup is left" wait_for 10 lab_is_gone $smoke
	after=$(host_state)
	must "Exim still runs" test -d /proc/$exim
	kill $exim
	same "the host with Exim is as before" "$before" "$after"
	same "its spool too" "a mail of the user" "$(cat /var/spool/exim4/input/kept)"
}

case ${1-} in
other-mta)
	other_mta
	exit
	;;
as-second-host)
	second_host
	exit
	;;
esac
[ -n "${BUILDGATE_READY-}" ] || lab_set_up
interrupted
root_make exim exim4-daemon-light || skip "no Exim to be had"
exec unshare --mount --pid --fork --kill-child --mount-proc --propagation private -- \
	"$0" other-mta
