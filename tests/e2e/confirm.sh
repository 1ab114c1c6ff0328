#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# confirm - "mode enforce --confirm" returns to report by itself, with the daemon and without it,
# and stays when it is confirmed; what counts is whether a refused source's mail comes in
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
e2e_start "$@"

mode() { [ "$(ctl -j mode | jq -r .mode)" = "$1" ]; }
flushed_in() { lab_flush old && lab_delivered edge "$1"; }

must "two mail servers start" lab_mtas old edge
e2e_gate
must "the source can be stopped" ctl set $OLD drop --style silent
must_not "only enforce can be confirmed" ctl mode report --confirm 60
must_not "there is nothing to confirm yet" ctl mode confirm

must "enforce for five minutes" ctl mode enforce --confirm 300
mail_is queued old $OLD_BUILD
id=$LAB_ID
must "five minutes pass" ctl clock advance 301s
must "the daemon says report" wait_for 20 mode report
must "the waiting mail comes in" wait_for $MAIL_LIMIT_S flushed_in "$id"
must_not "it is too late to confirm" ctl mode confirm

must "enforce for five minutes again" ctl mode enforce --confirm 300
must "and this time it is confirmed" ctl mode confirm
must "five minutes pass" ctl clock advance 301s
must "the mode stays" mode enforce
mail_is queued old $OLD_BUILD
id=$LAB_ID

must "enforce for five seconds" ctl mode enforce --confirm 5
kill -9 "$GATE_PID"
must "the daemon is gone" wait_for 10 gate_gone
must "the kernel alone returns to report" wait_for $MAIL_LIMIT_S flushed_in "$id"
must "gatectl says what the kernel does, not what stands in its map" mode report
gate_start
must "a new daemon goes on in report" wait_for 20 mode report
