#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# demo - scripts/demo holds in every step, its JSON is what it says, and the host is as before
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
# shellcheck source=tests/e2e/host.bash
. tests/e2e/host.bash

[ -n "${BUILDGATE_READY-}" ] || lab_set_up
before=$(host_state)
rc=0
scripts/demo --json >build/log/demo.json &
demo=$!
wait $demo || rc=$?
after=$(host_state)
out=$(cat build/log/demo.json)
echo "$out"
must "no process and no cgroup is left" wait_for 10 lab_is_gone $demo
must "every line is a step" jq -es 'length > 10 and all(
	(.day | type) == "number" and (.action | type) == "string" and
	(.expected | type) == "string" and (.observed | type) == "string" and
	(.mail_ids | type) == "array" and (.held | type) == "boolean")' <<<"$out"
must "every step held" jq -es 'all(.held)' <<<"$out"
same "the exit code says so" 0 $rc
same "the host is as before" "$before" "$after"
