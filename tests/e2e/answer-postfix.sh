#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# answer-postfix - a real Postfix that is answered by the gate: bounces, waits, delivers
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
# shellcheck source=tests/e2e/answer.bash
. "$(dirname "$0")/answer.bash"
e2e_start "$@"

sender_start() {
	lab_mtas old && lab_in old postconf -e smtp_tls_security_level=may &&
		lab_in old postfix reload 2>/dev/null
}

sender_queued() { lab_queued old "$1" | grep -q "450 4.7.230 mail.edge.example.org"; }

sender_flush() { lab_flush old; }

answer_walk
