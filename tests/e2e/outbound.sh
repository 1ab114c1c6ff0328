#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# outbound - what is never stopped: mail in report mode, our own mail to a dropped source, and
# anything once the mode is off
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
e2e_start "$@"

must "two mail servers start" lab_mtas old edge
e2e_gate
must "the source can be stopped" ctl set $OLD drop
mail_is delivered old $OLD_BUILD
must "report mode counts what it would have done" [ "$(gate_counter xdp report_only)" -gt 0 ]
same "report mode drops nothing" 0 "$(gate_counter xdp silent)"

must "enforce mode is accepted" ctl mode enforce
mail_is queued old $OLD_BUILD
id=$LAB_ID
lab_send edge "" user@old.example.org
must "our own mail to the dropped source goes out" wait_for $MAIL_LIMIT_S lab_delivered old "$LAB_ID"
must "the dropped source's mail still waits" lab_queued old "$id"

must "the kill switch works" ctl mode off
must "the queue can be flushed" lab_flush old
must "the waiting mail is delivered" wait_for $MAIL_LIMIT_S lab_delivered edge "$id"
