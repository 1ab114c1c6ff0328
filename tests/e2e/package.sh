#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# package - a newcomer's walk under a real systemd: install the package, see a source appear, decide
# about it, enforce, look with the daemon gone, upgrade, add TLS sight, purge, find nothing left
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
# shellcheck source=tests/e2e/systemd.bash
. tests/e2e/systemd.bash

EXPOSURE_MAX=3.0
UNIT=/lib/systemd/system/buildgated.service

# package_end - what the units said explains a failure
package_end() {
	local rc=$?
	[ $rc = 0 ] || on_host journalctl --no-pager -u buildgated -u gate-milter | tail -n 20
	(exit $rc)
	e2e_end
}

if [ "${1-}" = --first ]; then
	systemd_first
	exit
fi
[ -x /lib/systemd/systemd ] || skip "systemd is not installed here, so its units cannot run"
if [ -z "${LAB_NAME-}" ]; then
	DEB=$(make -s deb | tail -n 1)
	[ -f "$DEB" ] || e2e_fail "make deb: $DEB"
	export DEB
fi
e2e_start "$@"
trap package_end EXIT

gate() { on_host gatectl "$@"; }
active() { [ "$(on_host systemctl is-active "$1")" = active ]; }
journal_has() { on_host journalctl -u buildgated | grep -qF "$1"; }
exposure() {
	on_host systemd-analyze security --offline=yes --no-pager "$1" |
		sed -n 's/.*exposure level for .*: \([0-9.]*\) .*/\1/p'
}
seen() {
	gate -j sources | jq -e --arg source $OLD --arg build $OLD_BUILD \
		'any(.[]; .source == $source and .identities[0].build == $build)' >/dev/null
}
links() { gate -j status | jq -c '[.hooks[] | select(.attached) | .hook] | sort'; }
config() { on_host sed -i "$1" /etc/buildgate/buildgate.yaml; }
# ours - files and accounts of the package; dpkg's own notes that it once was there do not count
ours() {
	on_host sh -c 'find /etc /lib/systemd /usr /var /run /sys/fs/bpf /tmp -xdev \
		\( -name "*buildgate*" -o -name "gate-milter*" -o -name gatectl\* \) \
		! -path "/var/log/*" ! -path "/usr/src/*"
		grep -E "^(buildgate|gate-milter)" /etc/passwd /etc/group
		bpftool net | grep gate_; bpftool cgroup tree | grep gate_'
}

must "two mail servers start" lab_mtas old edge
must "a host with systemd starts" systemd_boot
before=$(ours)
cp "$DEB" "$HOST/root/root/buildgate.deb" 2>/dev/null || on_host sh -c 'cat >/root/buildgate.deb' <"$DEB"

must "the package installs" on_host dpkg -i /root/buildgate.deb
must_not "nothing was started: an interface must be chosen first" active buildgated
level=$(exposure $UNIT)
must "its sandbox: exposure $level of at most $EXPOSURE_MAX" \
	test "$(jq -n "$level <= $EXPOSURE_MAX")" = true
must_not "the unit says what is wrong with the configuration" on_host systemctl start buildgated
must "in one sentence" wait_for 10 journal_has "eth0"
config 's/^outside:.*/outside: [uplink]/; s/^#contact:.*/contact: postmaster@edge.example.org/
	s/^#slow_delay:.*/slow_delay: 1s/; s/^#drop_style:.*/drop_style: silent/'
on_host systemctl reset-failed buildgated
must "the daemon starts by its unit" on_host systemctl start buildgated
must "ready" active buildgated
must "with a watchdog" [ "$(on_host systemctl show -P WatchdogUSec buildgated)" = 30s ]
same "all four hooks are attached" '["egress","ingress","sockops","xdp"]' "$(links)"

mail_is delivered old $OLD_BUILD
must "a source appears" wait_for 20 seen
must "it is paused" gate pause $OLD --days 3
must "a range is exempt" gate exempt 203.0.113.0/24
must "enforcement is turned on for five minutes" gate mode enforce --confirm 300
must "and confirmed" gate mode confirm
same "the journal has who changed it, in fields" "enforce report root (uid 0)" \
	"$(on_host journalctl -u buildgated BUILDGATE_EVENT=mode -o json | tail -n 1 |
		jq -r '"\(.BUILDGATE_MODE) \(.BUILDGATE_WAS) \(.BUILDGATE_WHO)"')"
must "another source is refused" gate set 192.0.2.99 drop --reason "newcomer's walk"
mail_is delivered old $OLD_BUILD # the paused one
must "reload" on_host systemctl reload buildgated

daemon=$(on_host systemctl show -P MainPID buildgated)
on_host kill -9 "$daemon"
restarted() { [ "$(on_host systemctl show -P MainPID buildgated)" != "$daemon" ] && active buildgated; }
must "a daemon that is killed is started again" wait_for 20 restarted
must "and goes on in the mode it had" [ "$(gate -j status | jq -r .mode)" = enforce ]

must "the daemon stops" on_host systemctl stop buildgated
must "the map is read without it" \
	[ "$(gate -j map get verdicts 192.0.2.99 | jq -r .verdict)" = drop ]
same "and the hooks are where they were" '["egress","ingress","sockops","xdp"]' "$(links)"
must "it starts again" on_host systemctl start buildgated

daemon=$(on_host systemctl show -P MainPID buildgated)
must "an upgrade" on_host dpkg -i /root/buildgate.deb
must "restarts it" wait_for 20 restarted
must "the gate was adopted" journal_has "gate adopted"

must "the drop-in for TLS sight goes where its first lines say" on_host sh -c '
	mkdir -p /etc/systemd/system/buildgated.service.d &&
	cp /usr/share/buildgate/systemd/tls-sight.conf /etc/systemd/system/buildgated.service.d/ &&
	echo "tls_sight: on" >>/etc/buildgate/buildgate.yaml && systemctl daemon-reload'
must "a restart" on_host systemctl restart buildgated
must "the kernel takes probes from the unit" \
	[ "$(gate -j status | jq -r '.tls_sight | .on and (.why == null)')" = true ]
must "the milter starts" on_host systemctl start gate-milter
must "and is up" active gate-milter
on_host rm -r /etc/systemd/system/buildgated.service.d

must "the package is purged" on_host dpkg --purge buildgate
must_not "no daemon" on_host pidof buildgated gate-milter
same "nothing is left" "$before" "$(ours)"
mail_is delivered old $OLD_BUILD
