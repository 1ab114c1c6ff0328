# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# shellcheck disable=SC2154 # OLD and OLD_BUILD are e2e.sh's
# tls - what the tests of TLS sight share: a certificate, servers that offer and insist on TLS
#
#   tls_certificate SITE         a key and a self-signed certificate in the site's /etc/ssl/lab.*
#   tls_offer SITE               its Postfix offers STARTTLS
#   tls_insist SITE              its Postfix sends by TLS only
#   tls_events_start             follow events; they collect in $LAB/events
#   tls_seen FILTER              an observation that was made inside TLS fulfils jq FILTER
#   tls_covered EXECUTABLE       sight says that it covers it

tls_certificate() {
	openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=mail.$1.example.org" \
		-keyout "$LAB/$1/root/etc/ssl/lab.key" -out "$LAB/$1/root/etc/ssl/lab.pem" \
		2>"$LAB/$1/openssl.log" && chmod 644 "$LAB/$1/root/etc/ssl/lab.key"
}

tls_offer() {
	tls_certificate "$1" && lab_in "$1" postconf -e smtpd_tls_security_level=may \
		smtpd_tls_cert_file=/etc/ssl/lab.pem smtpd_tls_key_file=/etc/ssl/lab.key \
		smtpd_tls_loglevel=1 && lab_in "$1" postfix reload
}

tls_insist() {
	lab_in "$1" postconf -e smtp_tls_security_level=encrypt smtp_tls_loglevel=1 &&
		lab_in "$1" postfix reload
}

tls_events_start() {
	ctl -j events >"$LAB/events" 2>"$LAB/events.err" </dev/null &
	wait_for 10 tls_followed
}

# tls_followed - the daemon knows of its follower
tls_followed() { ctl -j status | jq -e '.daemon.followers > 0' >/dev/null; }

tls_seen() { jq -es "map(select(.type == \"observation\" and .tls)) | any(.[]; $1)" "$LAB/events" >/dev/null; }

tls_covered() {
	ctl -j status | jq -e --arg e "$1" 'any(.tls_sight.covered[]; .executable == $e)' >/dev/null
}

# tls_root NAME - the edge is a root with another mail server, which owns its own Maildir
tls_root() {
	root_mount "$1" "$LAB/edge" && mkdir -p "$LAB/edge/root/srv/mail/inbox" &&
		chown -R 65534:65534 "$LAB/edge/root/srv/mail" &&
		echo "nameserver 127.0.0.1" >"$LAB/edge/resolv.conf" &&
		cp --remove-destination "$LAB/edge/resolv.conf" "$LAB/edge/root/etc/resolv.conf" &&
		tls_certificate edge
}

# tls_run COMMAND - a daemon at the edge, in the cgroup of its mail server
tls_run() (
	lab_join
	lab_in edge "$@" >"$LAB/edge/start.log" 2>&1 </dev/null && exit
	cat "$LAB/edge/start.log"
	exit 1
)

# tls_contained COMMAND - the same in a mount namespace of its own, where the root is another
tls_contained() (
	lab_join
	# shellcheck disable=SC2016 # the words are the inner shell's
	lab_net edge unshare --mount --propagation private -- sh -c '
		cd "$1" && mkdir -p old && mount --rbind . . && cd "$1" &&
		pivot_root . old && umount -l /old && shift && exec "$@"' \
		contained "$LAB/edge/root" "$@" >"$LAB/edge/start.log" 2>&1 </dev/null && exit
	cat "$LAB/edge/start.log"
	exit 1
)

tls_listens() { lab_net edge ss -Hltn "sport = :25" | grep -q .; }

# tls_clock - two mails 90 minutes apart start the clock of an old build
tls_clock() {
	ctl clock advance 90m >"$LAB/clock" 2>&1 || cat "$LAB/clock"
	mail_is delivered old "$OLD_BUILD"
	must "the clock of the source runs" wait_for 20 source_is "$OLD" ".identities[0].stage == 1"
}

# tls_mail_is_read - the first mail of the old site through the edge's server, and what follows
tls_mail_is_read() {
	must "events are followed" tls_events_start
	mail_is delivered old "$OLD_BUILD"
	must "the build was read inside TLS" wait_for 20 tls_seen \
		".source == \"$OLD\" and .build == \"$OLD_BUILD\" and .origin == \"received\" and
		.by == \"mail.old.example.org\" and .direction == \"inbound\""
	same "no session went unbound" 0 "$(gate_counter tls tls_unbound)"
	tls_clock
}

# tls_hand_in SITE BUILD - a mail to the edge, nobody waits for it
tls_hand_in() {
	{
		lab_stamp "$1" "$2"
		printf 'From: user@%s.example.org\nSubject: one of many\n\nHello.\n' "$1"
	} | lab_in "$1" sendmail -i -f "user@$1.example.org" user@edge.example.org
}

tls_tokens_are() { [ "$(gate_counter tls token_ok)" -ge "$1" ]; }

# tls_said COUNT - so many observations; whose they are is in $LAB/said
tls_said() {
	jq -r 'select(.type == "observation" and .tls) | .source + " " + .build' \
		"$LAB/events" >"$LAB/said"
	[ "$(wc -l <"$LAB/said")" -ge "$1" ]
}

# tls_pairs COUNT - two sources at once, again and again, each with a build of its own: none is
# ever said of the other
tls_pairs() {
	local i before good=203.0.113.20 good_build=15.2.2562.53
	for ((i = 0; i < $1; i++)); do
		before=$(gate_counter tls token_ok)
		tls_hand_in old "$OLD_BUILD" &
		tls_hand_in good $good_build &
		wait %% && wait %- 2>/dev/null
		wait_for 30 tls_tokens_are $((before + 2)) || e2e_fail "pair $i is not read"
		ctl clock advance 61s >/dev/null # the observer takes one a minute
	done
	must "the pairs are on the record" wait_for 20 tls_said $((2 * $1))
	sort "$LAB/said" | uniq -c
	same "no build is said of the other source" \
		"$(printf '%s\n' "$OLD $OLD_BUILD" "$good $good_build")" "$(sort -u "$LAB/said")"
}

# tls_many - how many pairs
tls_many() { [ "${BUILDGATE_TEST-}" = long ] && echo 400 || echo "${1-100}"; }
