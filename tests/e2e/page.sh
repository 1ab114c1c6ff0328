#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# page - the report page in a real Chromium: what it says, filters, keys, three sizes of window, light
# and dark, hostile names, 10,000 sources; its pictures are in build/log/page-*.png
# shellcheck disable=SC2016 # JavaScript and jq expand
# shellcheck source=scripts/e2e.sh
. "$(dirname "$0")/../../scripts/e2e.sh"
# shellcheck source=tests/e2e/browser.bash
. tests/e2e/browser.bash
[ -n "${LAB_NAME-}" ] || root_make chromium chromium chromium-driver fonts-dejavu-core ||
	skip "no Chromium to be had"
e2e_start "$@"

URL=http://127.0.0.1:9725/
MANY=10050

# seen - COUNT sources, each met twice, an hour apart, on each of four days; some with an old build, some
# with a fine one, some without, the first few with names that try to be more than names
seen() {
	jq -nc --argjson count "$1" --argjson days "$2" --argjson now "$(ctl -j status | jq '.at | fromdate')" '
		["</script><script>document.title=1</script>", "<img src=x onerror=document.title=1>",
		 "\"><svg/onload=document.title=1>", "&lt;b&gt;", ("a" * 126)] as $names |
		["15.1.2507.6", "15.2.1118.7", "15.0.1497.48", "14.3.513.0", "15.2.2562.53"] as $builds |
		range($days) as $day | range($count) as $i | (3, 1) as $hour |
		{source: "20.\($i / 250 | floor).\($i % 250).7", at: ($now - $day * 86400 - $hour * 3600 - $i % 60 | todate)} +
		if $i % 7 == 6 then {type: "no_build", helo: "relay\($i).example.org", family: "other"}
		else {by: ($names[$i] // "mail.site\($i).example.org"), origin: "received", build: $builds[$i % 5]} end' |
		ctl -j observe --stdin | jq -e '.type == "summary" and .refused == 0 and .lost == 0' >/dev/null
}

# is - a JavaScript expression has this value, soon
is() { [ "$(js "$1" | jq -r 'if type == "string" then . else tojson end')" = "$2" ]; }
shows() {
	wait_for 5 is "$2" "$3" || e2e_fail "$1: expected $3, got $(js "$2")"
	echo "ok: $1"
}
press() { must "a key: $1" keys "$2"; }

ROWS='document.querySelectorAll("#rows .open").length'
COUNT='document.getElementById("count").textContent'
layout() {
	local troubles
	troubles=$(js "$(sed -n '/^(() =>/,$p' tests/e2e/page_layout.js)" | jq -r '.[]')
	same "$1: nothing is cut, covered or faint" "" "$troubles"
}

e2e_gate "observe_rate: 6000000"
must "Chromium starts" browser_start
must "sources are seen" seen 70 4
for step in 31d 12d 10d; do
	must "$step later" ctl clock advance $step
	must "sources are seen again" seen $((65 - ${#step} * 5 - ${step%d})) 1
done >$GATE/steps || { cat $GATE/steps; exit 1; }
must "one is to be refused" ctl set $OLD drop --style silent
must "the gate enforces" ctl mode enforce
for _ in 1 2 3; do
	lab_net old timeout 0.3 bash -c ': </dev/tcp/198.51.100.25/25' 2>/dev/null
done
must "an hour goes by" ctl clock advance 1h

must "the page opens" browser_open $URL
shows "its title names the host" 'document.title' 'buildgate · mail.edge.example.org'
shows "mode and policy are said" 'document.getElementById("state").textContent.includes("Mode enforce: verdicts are enforced")' true
shows "every source is in it" "$COUNT" "70 sources"
shows "a page of them is shown" "$ROWS" 50
shows "a name is only text" '[...document.querySelectorAll("#rows bdi")].some((e) => e.textContent.startsWith("</script><script>"))' true
shows "and makes no element" 'document.querySelectorAll("script").length + document.images.length' 4
same "stages are as gatectl counts them" "$(ctl -j status | jq -c '[.sources.by_stage[]][1:]')" \
	"$(js '[...document.querySelectorAll("#stages b")].map((e) => Number(e.textContent))')"
clock=$(ctl -j show 20.0.0.7 | jq -r '"Clock: day \(.identities[0].elapsed_s / 86400 | floor) of 60, stage \(.stage) of 5"')
shows "the clock of a source is a picture, and in words" \
	'[...document.querySelectorAll("#rows tr")].find((r) => r.textContent.includes("20.0.0.7")).querySelector(".clock svg").getAttribute("aria-label")' "$clock"
shows "builds over time" 'document.querySelectorAll("#builds g rect").length > 3' true
shows "refused connections" '[...document.querySelectorAll("#met .legend li")].some((e) => /^refused[3-9]/.test(e.textContent))' true
js 'document.querySelector("#builds details").open = true' >/dev/null
shows "the numbers as a table" 'document.querySelectorAll("#builds details td").length > 3' true

# by keyboard alone
press "/" /
shows "/ goes to the search" 'document.activeElement.id' search
press "words" "site9 2013"
shows "words must all match" "$COUNT" "0 of 70 sources"
press "Escape" "$KEY_ESCAPE"
press "a name" "mail.site9."
shows "the search finds a name" "$COUNT" "1 of 70 sources"
press "down" "$KEY_DOWN"
press "Enter" "$KEY_ENTER"
shows "Enter opens a source" 'document.activeElement.getAttribute("aria-expanded") + document.querySelectorAll("#rows .more dd").length' "$(js '"true" + document.querySelectorAll("#rows .more dd").length' | jq -r .)"
must "with its facts" is 'document.querySelector("#rows .more").textContent.includes("mail.site9.example.org: ")' true
press "Enter" "$KEY_ENTER"
shows "and closes it" 'document.querySelectorAll("#rows .more").length' 0
press "Escape" "$KEY_ESCAPE"
shows "Escape clears" "$COUNT" "70 sources"
press "down" "$KEY_DOWN"
press "down" "$KEY_DOWN"
shows "the cursor keys go from row to row" '[...document.querySelectorAll("#rows .open")].indexOf(document.activeElement)' 1
press "page down" "$KEY_PAGE_DOWN"
shows "page down goes to the next page" "$ROWS" 20
must "the stage buttons are buttons" is 'document.querySelector("#stages button").focus() || document.activeElement.tagName' BUTTON
press "Enter" "$KEY_ENTER"
shows "a stage filters" 'document.getElementById("by-stage").value + document.querySelector("#stages button").getAttribute("aria-pressed")' 1true
press "Escape" "$KEY_ESCAPE"
js '[...document.querySelectorAll("#heads button")].find((b) => b.textContent === "Build").click()' >/dev/null
shows "a head sorts, and says so" 'document.querySelector("#heads [data-key=build]").ariaSort' ascending
same "there are no errors in the console" "" "$(browser_errors)"

# the file is the page
must "the file is written" bash -c "nsenter --net=$(lab_ns edge) build/gatectl report --format html >$LAB/chromium/root/tmp/gate.html"
plain() { sed 's/"at":"[^"]*"//; s/"elapsed_s":[0-9]*//g'; }
same "the file is the page that is served" "$(lab_net edge curl -s $URL | plain | cksum)" \
	"$(plain <$LAB/chromium/root/tmp/gate.html | cksum)"
must "it opens without a server" browser_open file:///tmp/gate.html
shows "with all that is in it" "$COUNT" "70 sources"
same "and without an error" "" "$(browser_errors)"

# looked at: every size and scheme, opened rows too
sizes() {
	local size scheme
	for size in 390x844 820x1180 1440x900; do
		for scheme in light dark; do
			must "a window of $size, $scheme" browser_size "${size%x*}" "${size#*x}" $scheme
			must "the page opens" browser_open $URL
			js 'document.querySelectorAll("#rows .open").forEach((b, i) => i < 3 && b.click())' >/dev/null
			layout "$1, $size, $scheme"
			browser_picture "build/log/page-$1-${size%x*}-$scheme.png"
		done
	done
}
sizes few

# more than it holds
must "$MANY sources are seen" seen $MANY 1
must "one more hour" ctl clock advance 1h
must "the page opens" browser_open $URL
shows "it holds 10,000" "$COUNT" "10,000 sources"
shows "and says that there are more" 'document.getElementById("cut").textContent.includes("10,000 of 10,0")' true
shows "a search takes no time" '(() => { const t = performance.now(); $("search").value = "site99"; $("search").dispatchEvent(new Event("input")); return performance.now() - t < 500 })()' true
layout "10,000 sources"
browser_picture build/log/page-many-1440-dark.png
same "no error with them either" "" "$(browser_errors)"

# readers of it hold nobody up
for _ in 1 2 3 4 5 6; do
	lab_net edge curl -s -o /dev/null $URL &
	readers="${readers-} $!"
done
slowest=$(for _ in 1 2 3 4 5 6 7 8 9; do
	lab_net edge curl -sf -o /dev/null -w '%{time_total}\n' ${URL}metrics || echo 99
done | sort -n | sed -n 5p)
must "a scrape among readers takes at most 100 ms ($slowest s)" jq -ne "$slowest <= 0.1"
# shellcheck disable=SC2086 # several
must "and all of them have their page" wait $readers
