#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# wrong-input - more than a hundred wrong command lines, files and requests: each gets one sentence
# that says what, which, and what to do, with the right exit code; nothing crashes or leaks. Run with
# programs that are built with AddressSanitizer and UBSan.
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"

GATE_BUILD=build/asan
SANITIZED='-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all'
export ASAN_OPTIONS=exitcode=99
if [ -z "${LAB_NAME-}" ]; then
	ensure_packages build
	CFLAGS=$SANITIZED LDFLAGS=-fsanitize=address,undefined make -s -j"$(nproc)" O=$GATE_BUILD all ||
		e2e_fail "the sanitized build"
	lab_set_up
	export BUILDGATE_READY=1
fi
e2e_start "$@"

DATA="--catalogue maps/catalogue/exchange.json"
rows=0 failed=0

bad() {
	echo "FAILED: $what: $1"
	failed=$((failed + 1))
}

# check - CODE WORDS SAID: one sentence, every one of WORDS (extended regular expressions) in it
check() {
	local code=$1 words=$2 said=$3 word first
	first=$(grep -v '^usage: ' <<<"$said" | head -n 1)
	case $said in
	*Sanitizer* | *"runtime error"* | *"(null)"*) bad "$said" ;;
	esac
	[ "$rc" = "$code" ] || bad "exit code $rc, not $code: $first"
	for word in $words; do
		grep -qE -- "$word" <<<"$first" || bad "'$first' does not say $word"
	done
	[ ${#first} -ge 20 ] || bad "'$first' is no sentence"
	rows=$((rows + 1))
}

# table - KIND: rows "EXIT | WORDS | INPUT" on standard input, a function KIND for each
table() {
	local code words what said rc before=$rows
	while IFS='|' read -r code words what; do
		code=${code// /} what=${what# }
		rc=0
		said=$("$1" "$what" 2>&1) || rc=$?
		check "$code" "$words" "$said"
	done
	echo "ok: $((rows - before)) of $1"
}

# --- what a line of a table is given to ---------------------------------------------------------

gatectl_line() {
	local args
	eval "args=($1)" # quotes of the table
	ctl "${args[@]}" </dev/null
}

config_line() { # %: a line break
	{
		case $1 in outside* | '{'* | '-'*) ;; *) echo "outside: [uplink]" ;; esac
		printf '%s\n' "${1//%/$'\n'}"
		echo "catalogue: $TOP/maps/catalogue/exchange.json"
		echo "policy_dir: $TOP/maps/policy"
	} >$GATE/wrong.yaml
	lab_net edge $GATE_BUILD/buildgated --check --config $GATE/wrong.yaml
}

policy_line() {
	printf '%s\n' "${1//%/$'\n'}" >$GATE/policy.yaml
	# shellcheck disable=SC2086 # two words
	ctl simulate --policy $GATE/policy.yaml $DATA </dev/null
}

catalogue_line() { # a jq program over the good one
	jq "$1" maps/catalogue/exchange.json >$GATE/catalogue.json 2>/dev/null ||
		printf '%s' "$1" >$GATE/catalogue.json
	ctl catalogue check 15.1.2507.39 --catalogue $GATE/catalogue.json
}

observe_line() { printf '%b\n' "$1" | ctl observe --stdin; }

simulate_line() {
	# shellcheck disable=SC2086 # two words
	printf '%b\n' "$1" | ctl simulate $DATA --policy $TOP/maps/policy/30-10-60.yaml
}

program_line() {
	local args
	eval "args=($1)"
	timeout 20 "$GATE_BUILD/${args[0]}" "${args[@]:1}" </dev/null
}

# request_line - raw bytes into the control socket; the daemon's answer
request_line() {
	printf '%b\n' "$1" | timeout 10 curl -sS --max-time 5 -T - \
		"telnet://localhost" --unix-socket /run/buildgate/control.sock 2>/dev/null | head -n 1
	true
}

# --- the tables -----------------------------------------------------------------------------------

gate_config
must "the gate starts" gate_start

table gatectl_line <<'EOF'
2 | command help              |
2 | nonsense help             | nonsense
2 | nosuch help               | --nosuch status
2 | socket value              | --socket
1 | nowhere start             | --socket /nowhere show 192.0.2.7
2 | ADDR usage                | show
2 | 1.2.3 address 192         | show 1.2.3
2 | :: address                | show 1::2::3
2 | one argument help         | show 192.0.2.7 192.0.2.8
2 | stage number 0            | sources --stage x
2 | stage number              | sources --stage -1
2 | standing outdated         | sources --standing bad
2 | pass.tarpit.drop          | set 192.0.2.7
2 | block pass.tarpit.drop    | set 192.0.2.7 block
2 | 192.0.2.0/33              | set 192.0.2.0/33 drop
2 | host.bits 192.0.2.0/24    | set 192.0.2.7/24 drop
2 | slow drop answer          | set 192.0.2.7 drop --style slow
2 | silent tarpit defer       | set 192.0.2.7 tarpit --style silent
2 | for soon 90s              | set 192.0.2.7 drop --for soon
2 | for 0 90s                 | set 192.0.2.7 drop --for 0
2 | for -5m                   | set 192.0.2.7 drop --for -5m
2 | reason value              | set 192.0.2.7 drop --reason
2 | style                     | set 192.0.2.7 drop --style silent --style answer
1 | 192.0.2.99                | unset 192.0.2.99
2 | days pause                | pause 192.0.2.7
2 | days 0 90                 | pause 192.0.2.7 --days 0
2 | days 91 90                | pause 192.0.2.7 --days 91
2 | days 1.5                  | pause 192.0.2.7 --days 1.5
1 | 192.0.2.7                 | unpause 192.0.2.7
2 | everything range          | exempt everything
1 | 192.0.2.0/24              | unexempt 192.0.2.0/24
2 | empty                     | forget ''
2 | on off.report.enforce     | mode on
2 | confirm 1                 | mode enforce --confirm 0
2 | confirm                   | mode report --confirm 60
1 | confirm                   | mode confirm
2 | NAME                      | map dump
2 | nomap settings            | map dump nomap
2 | nomap                     | map get nomap 1
2 | KEY                       | map get verdicts
2 | x address                 | map get verdicts x
2 | FILE                      | replay
1 | nowhere                   | replay /nowhere.pcap $DATA
1 | passwd pcap               | replay /etc/passwd $DATA
1 | directory                 | replay / $DATA
2 | BUILD                     | catalogue check
2 | 15.1 build                | catalogue check 15.1
2 | 15.1.2507.x build         | catalogue check 15.1.2507.x
2 | yesterday date            | catalogue check 15.1.2507.39 --at yesterday
2 | 2026-02-30 date           | catalogue check 15.1.2507.39 --at 2026-02-30
1 | nowhere                   | catalogue check 15.1.2507.39 --catalogue /nowhere.json
1 | passwd minisign           | catalogue verify /etc/passwd
1 | nowhere                   | catalogue update /nowhere.json
1 | nosuch 30-10-60           | policy preview nosuch
1 | nosuch                    | policy use nosuch
2 | P                         | policy use
2 | never date                | simulate --until never
1 | nosuch                    | simulate --policy nosuch
2 | xml table                 | report --format xml
2 | ADDR.BUILD stdin          | observe 192.0.2.7
2 | 99 build                  | observe 192.0.2.7 99 --helo a
2 | x address                 | observe x 15.1.2507.39 --helo a
1 | 127.0.0.1                 | observe 127.0.0.1 15.1.2507.39 --helo a.example.org
2 | 1x span                   | clock advance 1x
2 | fish bash                 | completion fish
2 | nonsense help             | help nonsense
EOF

table config_line <<'EOF'
1 | outside lo                | outside: [lo]
1 | outside empty             | outside: []
1 | outside list              | outside: uplink
1 | outside nowhere0          | outside: [nowhere0]
1 | outside line.1 once       | outside: [uplink]%outside: [uplink]
1 | mode on report            | mode: on
1 | mode list                 | mode: [report]
1 | hostname -x               | hostname: -x
1 | exempt 1.2.3.4/33         | exempt: [1.2.3.4/33]
1 | exempt 10.0.0.1/8         | exempt: [10.0.0.1/8]
1 | policy value              | policy: ''
1 | policy nosuch             | policy: nosuch
1 | mx 0 port                 | ports: {mx: [0]}
1 | mx 65536 port             | ports: {mx: [65536]}
1 | mx empty                  | ports: {mx: []}
1 | 25 both                   | ports: {mx: [25], submission: [25]}
1 | ports mapping             | ports: 25
1 | ports smtps               | ports: {smtps: [465]}
1 | xdp fast native           | xdp: fast
1 | tls_sight maybe on        | tls_sight: maybe
1 | tls_executables smtpd /   | tls_executables: [smtpd]
1 | catalogue_max_age 1d      | catalogue_max_age: 0
1 | catalogue_keys RWQ key    | catalogue_keys: [RWQ]
1 | catalogue_dir /           | catalogue_dir: relative
1 | grace_days -1 0.to.365    | grace_days: -1
1 | grace_days 0.to.365       | grace_days: 1e3
1 | tarpit_style slow         | tarpit_style: answer
1 | drop_style answer         | drop_style: slow
1 | answer_at mail            | answer_at: rcpt
1 | answer_rate number        | answer_rate: many
1 | slow_delay 101s 100s      | slow_delay: 101s
1 | slow_delay 1s             | slow_delay: 0s
1 | slow_max 1024             | slow_max: 0
1 | recheck_interval 1m       | recheck_interval: 1s
1 | lease 10m                 | lease: 0
1 | http 0.0.0.0 http_open    | http: 0.0.0.0:9725
1 | http 9725                 | http: 9725
1 | retention 1d 8d           | retention: 1d
1 | observe_rate -1           | observe_rate: -1
1 | on_stage_change /         | on_stage_change: relative
1 | notify from               | notify: {enabled: true}
1 | notify address            | notify: {enabled: yes, from: nobody}
1 | log_level loud debug      | log_level: loud
1 | state_dir /               | state_dir: relative
1 | ipv6_prefix 129 128       | ipv6_prefix: 129
1 | verdicts_max 1024         | verdicts_max: 1
1 | colour yaml.5             | colour: green
1 | YAML                      | - a
1 | YAML                      | exempt: [192.0.2.0/24
1 | YAML                      | {outside: [uplink]
EOF

table policy_line <<'EOF'
1 | empty stages              |
1 | stages                    | name: x
1 | stages 1                  | name: x%stages: []
1 | name                      | stages:%  - {day: 0, throttle_min: 0, block_min: 0}
1 | day.30 0                  | name: x%stages:%  - {day: 30, throttle_min: 5, block_min: 0}
1 | stage.2 more.than.0       | name: x%stages:%  - {day: 0, throttle_min: 0, block_min: 0}%  - {day: 0, throttle_min: 5, block_min: 0}
1 | 70 60                     | name: x%stages:%  - {day: 0, throttle_min: 0, block_min: 0}%  - {day: 9, throttle_min: 40, block_min: 30}
1 | zero whole                | name: x%stages:%  - {day: zero, throttle_min: 0, block_min: 0}
1 | throttle_min -1           | name: x%stages:%  - {day: 0, throttle_min: -1, block_min: 0}
1 | block_min                 | name: x%stages:%  - {day: 0, throttle_min: 0}
1 | act_on old outdated       | name: x%act_on: [old]%stages:%  - {day: 0, throttle_min: 0, block_min: 0}
1 | colour                    | name: x%colour: red%stages:%  - {day: 0, throttle_min: 0, block_min: 0}
1 | min_build                 | name: x%floors:%  - {product: Exchange Server 2016, cu: CU23}%stages:%  - {day: 0, throttle_min: 0, block_min: 0}
1 | YAML                      | stages: [
EOF

table catalogue_line <<'EOF'
1 | JSON                      | {"builds": [
1 | serial                    | del(.serial)
1 | builds                    | .builds = {}
1 | builds.0                  | .builds[0].build = "x"
1 | builds.3 date             | .builds[3].released = "soon"
1 | builds                    | .builds[5].build = .builds[4].build
EOF

table observe_line <<'EOF'
1 | 1 JSON                    | not json
1 | 1 source                  | {"build":"15.1.2507.39","helo":"a.example.org"}
1 | 1 source x                | {"source":"x","build":"15.1.2507.39","helo":"a.example.org"}
1 | 1 build                   | {"source":"192.0.2.7","helo":"a.example.org"}
1 | 1 build 15                | {"source":"192.0.2.7","build":"15","helo":"a.example.org"}
1 | 1 helo                    | {"source":"192.0.2.7","build":"15.1.2507.39"}
1 | 1 at                      | {"at":"soon","source":"192.0.2.7","build":"15.1.2507.39","helo":"a.example.org"}
1 | 1                         | [1,2]
1 | 2 JSON                    | {"source":"192.0.2.7","build":"15.1.2507.39","helo":"a.example.org"}\n{
EOF

table simulate_line <<'EOF'
1 | 1 JSON                    | not json
1 | 1 source                  | {"type":"observation","build":"15.1.2507.39","helo":"a"}
1 | 1 at                      | {"type":"observation","at":7,"source":"192.0.2.7","build":"15.1.2507.39","helo":"a"}
EOF

table program_line <<'EOF'
2 | argument extra            | buildgated extra
2 | option                    | buildgated --nosuch
1 | nowhere.yaml              | buildgated --config /nowhere.yaml
2 | -p                        | gate-milter
2 | option                    | gate-milter -p inet:0@127.0.0.1 --nosuch
2 | queue 1000000             | gate-milter -p unix:/run/m --queue 0
2 | text or logfmt            | gate-milter -p unix:/run/m --log-format json
1 | nobody-here               | gate-milter -p unix:/run/m --user nobody-here
1 | nonsense                  | gate-milter -p nonsense:1
1 | nowhere                   | gate-milter -p unix:/nowhere/m
EOF

table request_line <<'EOF'
0 | error JSON                | nonsense
0 | error command             | {}
0 | error nonsense            | {"command":"nonsense"}
0 | error command             | {"command":7}
0 | error                     | {"command":"show"}
0 | error address             | {"command":"show","address":"x"}
0 | error                     | {"command":"set","address":"192.0.2.7","action":"block"}
0 | error                     | \\xff\\xfe\\x00
0 | error                     | [[[[[[[[[[[[[[[[[[[[[[[[
EOF

must "all of them are as they should be" [ $failed = 0 ]
must "$rows rows, at least 80" [ $rows -ge 80 ]
must "the daemon has come through all of it" gate_answers
must "and says nothing of memory" [ -z "$(grep -E 'Sanitizer|runtime error' $GATE/log)" ]
must "it ends well" gate_stop
must_not "and without a leak" grep -qE 'Sanitizer|runtime error' $GATE/log
