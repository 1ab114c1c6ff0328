#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# smoke - the shortest way round the loop: a build is read, its source stopped, let in again
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
e2e_start "$@"

must "two mail servers start" lab_mtas old edge
e2e_gate

mail_is delivered old $OLD_BUILD
must "the gate read the build" wait_for 20 source_is $OLD ".identities[0].build == \"$OLD_BUILD\""
must "the source can be stopped" ctl set $OLD drop --reason "smoke test"
mail_is delivered old $OLD_BUILD # report mode
must "enforce mode is accepted" ctl mode enforce
mail_is queued old $OLD_BUILD
id=$LAB_ID
must "the refusal is counted" [ "$(gate_counter xdp silent)" -gt 0 ]
must "the source can be let in again" ctl unset $OLD
must "the queue can be flushed" lab_flush old
must "the waiting mail is delivered" wait_for $MAIL_LIMIT_S lab_delivered edge "$id"
must "the gate unloads" ctl unload
