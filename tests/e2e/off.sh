#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# off - "mode off" said while no daemon runs stays off: for the next daemon, and over a reboot, which
# empties the kernel; and it can be left again
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
e2e_start "$@"

mode() { [ "$(ctl -j mode | jq -r .mode)" = "$1" ]; }
audited() { ctl -j history | jq -e '[.. | objects | select(.who? == "gatectl")] | length > 0' >/dev/null; }
# reboot - what a reboot does to us: bpffs and all that was pinned in it is gone
reboot() { umount /sys/fs/bpf && mount -t bpf bpf /sys/fs/bpf; }
says() { ctl mode off | grep -q "$1"; }

e2e_gate
must "enforce" ctl mode enforce
must "the daemon is killed" gate_stop KILL
must "the gate is switched off, and gatectl says that it stays so" says "stays off"
must "the host is started again" reboot
must "the daemon too" gate_start
must "the mode is off" mode off
must "the trail says by whom" audited

must "enforce again" ctl mode enforce
must "the daemon ends" gate_stop
must "the host is started again" reboot
must "the daemon too" gate_start
must "the mode is enforce: the mark was for one time" mode enforce

must "enforce, to be confirmed" ctl mode enforce --confirm 600
must "the daemon is killed" gate_stop KILL
must "the gate is switched off" ctl mode off
must "a daemon starts" gate_start
must "the mode is off" mode off
must_not "there is nothing left to confirm" ctl mode confirm
must "the daemon ends" gate_stop
must "the host is started again" reboot
must "the daemon too" gate_start
must "the mode is off" mode off

must "report" ctl mode report
must "the daemon is killed" gate_stop KILL
must "nothing can be kept: the link leads nowhere" ln -sfn /nowhere /sys/fs/bpf/buildgate/state
must "gatectl says that off ends with a reboot" says "until this host is started again"
must "the mode is off" mode off
