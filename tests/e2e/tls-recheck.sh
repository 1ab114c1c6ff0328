#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tls-recheck - a blocked source's recheck inside TLS: without sight it is capped in bytes, and
# counted as blind; with sight an old build shuts it, and an upgrade comes through
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
# shellcheck source=tests/e2e/tls.bash
. tests/e2e/tls.bash
e2e_start "$@"

# mail_of BUILD KB - a mail that long from the old site; its id is LAB_ID
mail_of() {
	LAB_MAILS=$((LAB_MAILS + 1))
	LAB_ID=$LAB_MAILS.old
	{
		lab_stamp old "$1"
		printf 'Message-ID: <%s@lab.example.org>\nSubject: long\n\n' "$LAB_ID"
		yes "Sixty-four bytes of text on each line, as many as it takes here." | head -c "$2k"
		echo
	} | lab_in old sendmail -i -f user@old.example.org user@edge.example.org
}

# ends_as FATE - of the mail that was sent last
ends_as() { [ "$(wait_for $MAIL_LIMIT_S lab_fate old "$LAB_ID")" = "$1" ]; }

# counted REASON - at all hooks
counted() { ctl -j map get counters "$1" | jq '[.. | numbers] | add'; }
counted_is() { [ "$(counted "$1")" = "$2" ]; }

# recheck_is_due - the next connection of the source passes; what waits of it is thrown away
recheck_is_due() {
	lab_in old postsuper -d ALL 2>/dev/null
	ctl clock advance 61m >/dev/null
}

must "two mail servers start" lab_mtas old edge
must "the edge offers TLS" tls_offer edge
must "the old site is not patient" lab_in old postconf -e smtp_data_xfer_timeout=2s \
	smtp_data_done_timeout=3s smtp_quit_timeout=2s
must "and insists on it" tls_insist old
gate_at_once 0 60
e2e_gate "policy: $LAB/policy.yaml"
must "enforce mode is accepted" ctl mode enforce
must "somebody tells of an old build" ctl observe $OLD $OLD_BUILD --helo mail.old.example.org
ctl clock advance 2h >/dev/null
must "and again" ctl observe $OLD $OLD_BUILD --helo mail.old.example.org
must "the source is blocked" wait_for 20 source_is $OLD '.block_min == 60'

# nobody looks in
recheck_is_due
mail_of $OLD_BUILD 1
must "a short mail is delivered on a recheck" ends_as delivered
must "which was blind" wait_for 10 counted_is recheck_blind 1
recheck_is_due
mail_of $OLD_BUILD 2000
must "one of 2 MB is not" ends_as queued
must "its bytes were cut" [ "$(gate_counter ingress cut)" -gt 0 ]

# sight, by a gate that knows nothing of the connection that was cut: its end would count as blind
must "the gate unloads" ctl unload
gate_config "policy: $LAB/policy.yaml" "tls_sight: on"
must "it starts with sight" gate_start
must "enforce mode is accepted" ctl mode enforce
must "Postfix is covered" tls_covered /usr/lib/postfix/sbin/smtpd
must "events are followed" tls_events_start
blind=$(counted recheck_blind)
recheck_is_due
mail_of $OLD_BUILD 500
must "an old build is seen" wait_for 20 tls_seen ".source == \"$OLD\" and .build == \"$OLD_BUILD\""
must "and its mail of 500 KB is not delivered" ends_as queued
must "the source stays blocked" source_is $OLD '.block_min == 60'
recheck_is_due
mail_of 15.2.2562.53 500
must "an upgraded one's is" ends_as delivered
must "and the block is lifted" wait_for 20 source_is $OLD '.block_min == 0'
mail_of 15.2.2562.53 2000
must "and one of 2 MB" ends_as delivered
same "none of these was blind" "$blind" "$(counted recheck_blind)"
