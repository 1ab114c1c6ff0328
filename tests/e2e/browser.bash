# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# browser - a real Chromium without a window, asked over WebDriver (HTTP and JSON)
#
# Sourced after e2e.sh; the root "chromium" must have been made. It lives on the edge host.
#
#   browser_start                a Chromium that has nothing open
#   browser_size WIDTH HEIGHT SCHEME   the window, and what the user prefers: light or dark
#   browser_open URL             until its script has run
#   js EXPRESSION                its value as JSON
#   keys TEXT                    typed into whatever has the focus; nothing that JSON would escape
#   browser_errors               what the page wrote to the console, but for plain information
#   browser_picture FILE         all of the page as PNG

DRIVER=http://127.0.0.1:9515
SESSION=
# keys without a letter, as JSON has them
# shellcheck disable=SC2034 # for the tests
KEY_ENTER='\uE007' KEY_ESCAPE='\uE00C' KEY_DOWN='\uE015' KEY_PAGE_DOWN='\uE00F'

# driver - METHOD PATH [JSON]: the value of the answer
driver() {
	local answer
	answer=$(lab_net edge curl -sS --max-time 60 -X "$1" -H 'Content-Type: application/json' \
		${3:+-d "$3"} "$DRIVER$2") || return
	if jq -e '.value.error? // empty' <<<"$answer" >/dev/null 2>&1; then
		jq -r '.value.message' <<<"$answer" | head -n 3 >&2
		return 1
	fi
	jq -c .value <<<"$answer"
}

cdp() {
	driver POST "/session/$SESSION/goog/cdp/execute" "$(jq -nc --arg cmd "$1" --argjson params "$2" \
		'{cmd: $cmd, params: $params}')"
}

browser_ready() { driver GET /status 2>/dev/null | jq -e .ready >/dev/null; }

browser_start() {
	root_mount chromium $LAB/chromium || return
	lab_net edge chroot $LAB/chromium/root env HOME=/tmp chromedriver --port=9515 \
		>$LAB/chromedriver.log 2>&1 </dev/null &
	wait_for 30 browser_ready || return
	SESSION=$(driver POST /session '{"capabilities": {"alwaysMatch": {
		"goog:loggingPrefs": {"browser": "ALL"}, "goog:chromeOptions": {"args": ["--headless",
		"--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
		"--no-first-run", "--disable-extensions"]}}}}' | jq -r .sessionId) && [ -n "$SESSION" ]
}

browser_size() {
	cdp Emulation.setDeviceMetricsOverride "{\"width\": $1, \"height\": $2, \"deviceScaleFactor\": 1,
		\"mobile\": false}" >/dev/null &&
		cdp Emulation.setEmulatedMedia "{\"features\": [
			{\"name\": \"prefers-color-scheme\", \"value\": \"$3\"}]}" >/dev/null
}

js() {
	driver POST "/session/$SESSION/execute/sync" \
		"$(jq -nc --arg script "return ($1)" '{script: $script, args: []}')"
}

browser_open() {
	driver POST "/session/$SESSION/url" "$(jq -nc --arg url "$1" '{url: $url}')" >/dev/null &&
		[ "$(js 'document.documentElement.dataset.ready')" = '"yes"' ]
}

keys() {
	local element
	element=$(driver GET "/session/$SESSION/element/active" | jq -r '.[]') &&
		driver POST "/session/$SESSION/element/$element/value" "{\"text\": \"$1\"}" >/dev/null
}

browser_errors() {
	driver POST "/session/$SESSION/se/log" '{"type": "browser"}' |
		jq -r '.[] | select(.level != "INFO" and .level != "DEBUG") | .message'
}

browser_picture() {
	local size
	size=$(js '[document.documentElement.clientWidth, document.documentElement.scrollHeight]')
	cdp Page.captureScreenshot "$(jq -c '{format: "png", captureBeyondViewport: true,
		clip: {x: 0, y: 0, width: .[0], height: ([.[1], 6000] | min), scale: 1}}' <<<"$size")" |
		jq -r .data | base64 -d >"$1"
}
