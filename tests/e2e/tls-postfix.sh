#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tls-postfix - a build inside TLS is read in a real Postfix, and starts the clock
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
# shellcheck source=tests/e2e/tls.bash
. tests/e2e/tls.bash
e2e_start "$@"

tls_hides() { ctl -j status | jq -e '.sight.tls_only == 1' >/dev/null; }

# probed - a process with the page in which the kernel steps over its probes
probed() { grep -qsF '[uprobes]' "/proc/$1/maps"; }

smtpd_is_probed() {
	local pid
	for pid in $(pgrep -x smtpd); do
		! probed "$pid" || return 0
	done
	return 1
}

# openssl_holds - a client that stays in a TLS session with the edge
openssl_holds() {
	mkfifo "$LAB/hold"
	lab_net old openssl s_client -quiet -starttls smtp -connect 198.51.100.25:25 \
		<"$LAB/hold" >"$LAB/hold.out" 2>&1 &
	exec 8>"$LAB/hold"
	printf 'EHLO probe.example.org\r\n' >&8
	must "a client of its own speaks TLS" wait_for 20 grep -q 250 "$LAB/hold.out"
	HOLDER=$(pgrep -x openssl)
}

openssl_is_free() {
	local rc=0
	grep -q libssl "/proc/$HOLDER/maps" && ! probed "$HOLDER" || rc=1
	exec 8>&-
	return $rc
}

# upgrade - as dpkg does it: new files in the place of the old ones, which run on
upgrade() {
	local file dir=$LAB/edge/root/usr/lib/postfix
	for file in sbin/smtpd libpostfix-tls.so; do
		cp -p "$dir/$file" "$dir/$file.dpkg-new" &&
			mv "$dir/$file.dpkg-new" "$dir/$file" || return
	done
}

# restart - as the package's script does it
restart() (
	lab_join
	lab_in edge postfix stop && lab_in edge postfix start >/dev/null 2>&1 </dev/null
)

files_are() { [ "$(ctl -j status | jq .tls_sight.files)" = "$1" ]; }

SMTPD=/usr/lib/postfix/sbin/smtpd
must "three mail servers start" lab_mtas old good edge
must "the edge offers TLS" tls_offer edge
must "the old site insists on it" tls_insist old
must "the good site insists on it" tls_insist good

# off is the default
e2e_gate
same "sight is off" false "$(ctl -j status | jq .tls_sight.on)"
mail_is delivered old $OLD_BUILD
must "the source only shows that it hides" wait_for 20 tls_hides
must_not "no build is read" source_is $OLD ".identities[0].build == \"$OLD_BUILD\""
must "the gate stops" gate_stop
must "the gate unloads" ctl unload

e2e_gate "tls_sight: on"
must "Postfix is covered" tls_covered $SMTPD
tls_mail_is_read
must "the mail server was probed" smtpd_is_probed

# others that use the library are not
openssl_holds
must "a client with the same library is not" openssl_is_free

tls_pairs "$(tls_many 50)"

# what the edge itself sends by TLS is nobody's build. (The receiving smtpd is the lab's, and probed
# as well: of the two ends of the session it is the one that is read.)
must "the good site offers TLS" tls_offer good
must "the edge insists on it" tls_insist edge
bound=$(gate_counter tls tls_bound)
before=$(gate_counter tls token_ok)
lab_send edge $OLD_BUILD user@good.example.org
must "a mail of the edge's arrives" wait_for $MAIL_LIMIT_S lab_delivered good "$LAB_ID"
must "by TLS" grep -q 'TLS connection established from .*198.51.100.25' "$LAB/good/root/var/log/maillog"
must "its receiver was read" tls_tokens_are $((before + 1))
same "its sender was not" "$((bound + 1)) $((before + 1))" \
	"$(gate_counter tls tls_bound) $(gate_counter tls token_ok)"
must_not "nothing is said of either" tls_seen '.source == "198.51.100.25" or
	(.source == "203.0.113.20" and .build != "15.2.2562.53")'
same "all that was said is of connections from outside" '["inbound"]' \
	"$(jq -cs 'map(select(.tls) | .direction) | unique' "$LAB/events")"

# an upgrade while all of it runs
files=$(ctl -j status | jq .tls_sight.files)
must "an upgrade replaces Postfix's files" upgrade
must "the new ones are probed" wait_for 20 files_are $((files + 2))
must "Postfix takes the new ones" restart
before=$(gate_counter tls token_ok)
mail_is delivered good 15.2.2562.53
must "the new Postfix is read" wait_for 20 tls_tokens_are $((before + 1))
must "the old files are let go" wait_for 60 files_are "$files"

# the daemon's end is the end of sight, and of nothing else
must "the daemon is killed" gate_stop KILL
mail_is delivered old $OLD_BUILD
must "it starts again" gate_start
must "Postfix is covered again" tls_covered $SMTPD
must "events are followed" tls_events_start
ctl clock advance 2h
mail_is delivered old $OLD_BUILD
must "the build is read again" wait_for 20 tls_tokens_are $((before + 2))
