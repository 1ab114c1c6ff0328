#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# man - every manual page is there, well formed, and says what is true: the options of the programs,
# the keys of configuration, policy and catalogue. (gatectl's commands: tests/unit/test_ctl_help.)
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
command -v mandoc >/dev/null || skip "mandoc is not installed"

# plain - a page as a reader sees it, on lines without end
plain() { mandoc -Tascii -O width=500 "$1" | sed 's/.\x08//g'; }

# options_in - the long options in a text
options_in() { grep -oE -- '--[a-z][a-z-]+' | sort -u; }

# speaks_of - PAGE names every word on stdin
speaks_of() {
	local page word missing=
	page=$(plain "$1")
	while read -r word; do
		grep -qF -- "$word" <<<"$page" || missing="$missing $word"
	done
	[ -z "$missing" ] || e2e_fail "$1 does not speak of:$missing"
}

for page in gatectl.8 buildgated.8 gate-milter.8 buildgate.yaml.5 buildgate-policy.5 \
	buildgate-catalogue.5; do
	must "$page is there" [ -s docs/man/$page ]
	same "$page is well formed" "" "$(mandoc -Tlint -Wwarning docs/man/$page 2>&1)"
	for other in $(plain docs/man/$page | grep -oE '\b(gatectl|buildgated|gate-milter|buildgate[a-z.-]*)\([58]\)' | tr -d ')' | tr '(' . | sort -u); do
		[ -s "docs/man/$other" ] || e2e_fail "$page refers to $other, which is not there"
	done
done
for program in buildgated gate-milter; do
	same "$program.8 has the options of the program" \
		"$(build/$program --help | options_in)" "$(plain docs/man/$program.8 |
			sed -n '/^SYNOPSIS/,/^DESCRIPTION/p; /^OPTIONS/,/^[A-Z]/p' | options_in)"
done
sed -n 's/^#\{0,1\}\([a-z_0-9]*\):.*/\1/p' packaging/buildgate.yaml | speaks_of docs/man/buildgate.yaml.5
echo "ok: buildgate.yaml.5 has the keys of the shipped file"
sed -n 's/^[ -]*\([a-z_]*\):.*/\1/p; s/.*{ *\([a-z_]*\): .*/\1/p' maps/policy/*.yaml | sort -u |
	speaks_of docs/man/buildgate-policy.5
echo "ok: buildgate-policy.5 has the keys of the shipped policies"
jq -r '[.. | objects | keys[]] | unique[]' maps/catalogue/exchange.json |
	speaks_of docs/man/buildgate-catalogue.5
echo "ok: buildgate-catalogue.5 has the keys of the shipped catalogue"
