#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# http - the port that only shows: crowds, slow and broken clients, foreign names, and scrapes that
# come through all of it in time
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
e2e_start "$@"

CROWD=1000
URL=http://127.0.0.1:9725
SCRAPES=9   # of which the median counts: others use this machine too
LIMIT_MS=100

# code - the status of an answer, 000 for none
code() { lab_net edge curl -s -o /dev/null --max-time 10 -w '%{http_code}' "$@"; }

# median_ms - of the times of some scrapes, each on a new connection and whole
median_ms() {
	local i
	for ((i = 0; i < SCRAPES; i++)); do
		lab_net edge curl -sf --max-time 10 -o $GATE/scrape -w '%{time_total}\n' $URL/metrics || return
		grep -q '^buildgate_build_info' $GATE/scrape || return
	done | sort -n | awk '{ t[NR] = $1 } END { if (NR) printf "%d\n", t[int((NR + 1) / 2)] * 1000 }'
}

# in_time - all scrapes succeed, and half of them within the limit
in_time() {
	local ms
	ms=$(median_ms)
	echo "scrape: median of $SCRAPES ${ms:-failed} ms"
	[ -n "$ms" ] && [ "$ms" -le $LIMIT_MS ]
}

descriptors() { find "/proc/$GATE_PID/fd" -mindepth 1 | wc -l; }

# crowd - COUNT connections that say TEXT, held until crowd_leave; a slow one adds a byte each time
# a line comes
# shellcheck disable=SC2016 # the inner shell expands
crowd() {
	mkfifo $GATE/crowd
	lab_net edge bash -c 'ulimit -n 4096
		for ((i = 0; i < $1; i++)); do
			exec {fd}<>/dev/tcp/127.0.0.1/9725 || exit 1
			printf "$2" >&$fd
			fds+=($fd)
		done
		echo there >'$GATE/there'
		while read -r word; do
			for fd in "${fds[@]}"; do
				printf a >&$fd
			done
			echo again >'$GATE/there'
		done <'$GATE/crowd crowd "$@" 2>$GATE/crowd.log &
	CROWD_PID=$!
	exec 7>$GATE/crowd
	wait_for 60 test -s $GATE/there || return
	rm $GATE/there
}

# crowd_slow - each of the crowd sends one more byte, or finds that it was hung up
crowd_slow() {
	echo more >&7
	wait_for 60 test -s $GATE/there && rm $GATE/there
}

crowd_leave() {
	exec 7>&-
	wait "$CROWD_PID"
	rm -f $GATE/crowd $GATE/there
}

e2e_gate
before=$(descriptors)
must "scrapes are quick" in_time

must "$CROWD clients connect and say nothing" crowd $CROWD ''
must "scrapes are as quick among them" in_time
must "the control socket does not mind them" ctl -j status >/dev/null
crowd_leave
must "$CROWD clients begin a request and do not end it" crowd $CROWD 'GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-A: '
must "scrapes are as quick among them" in_time
must "each says a byte more" crowd_slow
must "scrapes are as quick among them" in_time
crowd_leave
must "$CROWD clients promise a body" crowd $CROWD 'GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n'
must "scrapes are as quick among them" in_time
crowd_leave
must "$CROWD clients ask and read nothing" crowd $CROWD \
	'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\nGET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n'
must "scrapes are as quick among them" in_time
crowd_leave

must "$CROWD clients ask for the report page and read nothing" crowd $CROWD \
	'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'
must "scrapes are as quick among them" in_time
crowd_leave

head -c 2000000 /dev/urandom >$GATE/noise
for _ in 1 2 3; do
	lab_net edge bash -c "cat $GATE/noise >/dev/tcp/127.0.0.1/9725" 2>/dev/null
done
same "a header of 100 KB is refused" 431 "$(code -H "X-A: $(head -c 100000 /dev/zero | tr '\0' a)" $URL/metrics)"
for host in evil.example.org 127.0.0.1.evil.example.org 192.0.2.1 "localhost@evil.example.org"; do
	same "the name $host is refused" 403 "$(code -H "Host: $host" $URL/metrics)"
done
for method in POST PUT DELETE PATCH OPTIONS; do
	same "$method is refused" 405 "$(code -X $method $URL/metrics)"
done
same "there is nothing else" 404 "$(code $URL/../../etc/passwd --path-as-is)"
must "scrapes are as quick after all of it" in_time
closed() { [ "$(descriptors)" -le $((before + 2)) ]; }
must "no descriptor is left" wait_for 15 closed
