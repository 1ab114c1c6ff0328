#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# moments - a verdict is set, changed, lifted or runs out at a random moment of a conversation: no
# connection hangs, no mail is lost, none is both delivered and bounced; half of the connections are
# IPv6. SEED=N repeats a run.
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
e2e_start "$@"

case ${BUILDGATE_TEST-} in
quick) MOMENTS=16 POSTFIX=4 ;;
long) MOMENTS=1000 POSTFIX=100 ;;
*) MOMENTS=40 POSTFIX=8 ;;
esac
WORKERS=8
SEED=${SEED-$RANDOM}
STYLES=("drop silent" "drop answer" "tarpit defer" "tarpit slow")
SPAN_MS=500 # about as long as a conversation lasts
ATTEMPTS=6

# --- one moment -----------------------------------------------------------------------------------

# decide SOURCE VERDICT [OPTION...] - "drop silent" or "none"
decide() {
	local source=$1 action=${2% *} style=${2#* }
	shift 2
	if [ "$action" = none ]; then
		ctl unset "$source"
	else
		ctl set "$source" "$action" --style "$style" "$@"
	fi
}

# moment SOURCE ID - what happens is drawn first, so that it does not depend on what comes of it
moment() {
	local source=$1 id=$2 before=none after=none kind options=() how fate
	local hows=(plain plain pipelined bdat halves) kinds=(set set change lift expire)
	kind=${kinds[RANDOM % 5]} how=${hows[RANDOM % 5]}
	local at=$((RANDOM % SPAN_MS)) seed=$RANDOM try server=198.51.100.25
	[[ $source != *:* ]] || server=2001:db8:25::25
	[[ $kind = set ]] || before=${STYLES[RANDOM % 4]}
	[[ $kind = lift || $kind = expire ]] || after=${STYLES[RANDOM % 4]}
	[[ $kind != expire ]] || options=(--for 1s)
	[ "$before" = none ] || decide "$source" "$before" "${options[@]}" >/dev/null
	lab_net old $LAB/sender "$source" $server "$id" "$how" "$seed" >"$LAB/fates/$id" &
	local sender=$!
	sleep "0.$(printf %03d $at)"
	[ "$kind" = expire ] || decide "$source" "$after" >/dev/null
	wait $sender
	echo "$id $kind ${before// /-}>${after// /-} at=$at $how: $(cat "$LAB/fates/$id")" >>"$LAB/moments"
	# lifted in the end: what was put off is tried again, as a mail server does
	decide "$source" none >/dev/null 2>&1
	for ((try = 0; try < ATTEMPTS; try++)); do
		fate=$(tail -n 1 "$LAB/fates/$id")
		[ "${fate%% *}" = deferred ] || return 0
		lab_net old $LAB/sender "$source" $server "$id" "$how" "$seed" >>"$LAB/fates/$id"
	done
}

# address WORKER - of its own; those of IPv6 each in a network of its own, which is the source
address() {
	if (($1 % 2)); then
		echo "2001:db8:10$1::10"
	else
		echo 192.0.2.$((100 + $1))
	fi
}

# address_add WORKER - at the old host, and the way back
address_add() {
	local source
	source=$(address "$1")
	if [[ $source = *:* ]]; then
		ip -n "$LAB_NAME-old" addr add "$source/64" dev wan nodad &&
			ip -n "$LAB_NAME-router" route add "${source%10}/64" dev to-old
	else
		ip -n "$LAB_NAME-old" addr add "$source/24" dev wan
	fi
}

# worker NUMBER - its share of the moments, from its address
worker() {
	RANDOM=$((SEED + $1))
	local i
	for ((i = $1; i < MOMENTS; i += WORKERS)); do
		moment "$(address "$1")" "moment-$i"
	done
}

# --- what became of the mails -----------------------------------------------------------------------

ended() { grep -rhs "^$1 " $LAB/fates; }
# ids FATE - of the mails that the sender thinks ended so
ids() { grep -lrs "^$1 " $LAB/fates | xargs -r -n 1 basename | sort; }
arrived() {
	grep -rhos "^Message-ID: <moment-[0-9]*" $LAB/edge/root/srv/mail/inbox/new | cut -d'<' -f2 | sort -u
}
none_missing() { [ -z "$(comm -23 <(ids delivered) <(arrived))" ]; }

# --- the same with a real sender -----------------------------------------------------------------------

# postfix_moments - a queue that is worked off while its source's verdict changes
postfix_moments() {
	local i verdict
	RANDOM=$SEED
	for ((i = 0; i < POSTFIX; i++)); do
		lab_send old "" user@edge.example.org
		sleep "0.$(printf %03d $((RANDOM % 200)))"
		verdict=${STYLES[RANDOM % 4]}
		[ $((RANDOM % 3)) != 0 ] || verdict=none
		decide $OLD "$verdict" >/dev/null 2>&1
	done
	decide $OLD none >/dev/null 2>&1
}
queue_empty() {
	[ "$(lab_in old postqueue -j | wc -l)" = 0 ] && return
	[ $((SECONDS % 5)) != 0 ] || lab_flush old
	return 1
}
bounced_to() { # ids of mails whose text or head came back
	grep -rhos "^Message-ID: <[0-9]*\.old@" $LAB/old/root/srv/mail/inbox/new | sort -u
}
arrived_of_postfix() {
	grep -rhos "^Message-ID: <[0-9]*\.old@" $LAB/edge/root/srv/mail/inbox/new | sort -u
}

must "two mail servers start" lab_mtas old edge
must "the sender is built" gcc -O2 -Wall -Wextra -Werror -o $LAB/sender tests/e2e/sender.c
for ((i = 0; i < WORKERS; i++)); do
	address_add $i || e2e_fail "an address"
done
e2e_gate
must "enforce mode is accepted" ctl mode enforce
mkdir -p $LAB/fates
echo "SEED=$SEED"

workers=''
for ((i = 0; i < WORKERS; i++)); do
	worker $i &
	workers="$workers $!"
done
postfix_moments
# shellcheck disable=SC2086 # one word per process
must "all moments have passed" wait $workers
cut -d' ' -f2,3,6 $LAB/moments | sort | uniq -c
same "no connection hung" "" "$(ended hung)"
same "no mail is still put off" "" "$(tail -qn 1 "$LAB"/fates/* | grep ^deferred)"
same "every mail has ended" $MOMENTS "$(cat <(ids delivered) <(ids bounced) | wc -l)"
wait_for 20 none_missing
same "no mail is lost" "" "$(comm -23 <(ids delivered) <(arrived))"
must "some came by IPv6" grep -rqsF "[IPv6:2001:db8:10" $LAB/edge/root/srv/mail/inbox/new
same "none is both delivered and bounced" "" "$(comm -12 <(ids bounced) <(arrived))"
same "bounced are only those that a verdict refused for good" "" \
	"$(grep ": bounced" $LAB/moments | grep -v drop-answer)"
echo "$(ids delivered | wc -l) delivered, $(ids bounced | wc -l) bounced"

must "Postfix's queue comes to its end" wait_for 60 queue_empty
same "none of its mails is lost" "$POSTFIX" "$(cat <(arrived_of_postfix) <(bounced_to) | sort -u | wc -l)"
same "nor both" "" "$(comm -12 <(arrived_of_postfix) <(bounced_to))"
echo "$(arrived_of_postfix | wc -l) delivered, $(bounced_to | wc -l) bounced"
