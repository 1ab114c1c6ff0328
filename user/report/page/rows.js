/* One source: its row, its clock, and what is shown when it is opened. */
const DAY = 86400;
const CLOCK_WIDTH = 170;
const CLOCK_HEIGHT = 26;
const last = stages[stages.length - 1];

/* decided - what is done with a source now: [kind for the filter, words, class] */
function decided(s) {
	const words = rate(s.throttle_min, s.block_min);
	if (s.exempt)
		return ["exempt", "exempt", "w-soft"];
	if (s.verdict === "drop")
		return ["refused", words || "refused", "w-refused"];
	if (s.verdict === "tarpit")
		return ["slowed", words || "slowed", "w-slowed"];
	if (s.paused_until)
		return ["paused", "paused until " + day(s.paused_until), "w-soft"];
	if (s.shared)
		return ["shared", "shared: only reported", "w-soft"];
	if (words && head.mode !== "enforce")
		return ["noted", "would be " + words, "w-soft"];
	if (s.stage && Date.parse(head.at) - Date.parse(s.evidence_at) > 7 * DAY * 1000)
		return ["stale", "passes: not seen for 7 days", "w-soft"];
	return ["passes", "passes", "w-fine"];
}

/* mainOf - the identity that stands for a source: the one furthest on its clock, with a build */
function mainOf(s) {
	const rank = (i) => (i.stage || 0) + (i.build ? 0.5 : 0);
	return s.identities.reduce((a, b) => (rank(b) > rank(a) ? b : a), s.identities[0] || {});
}

/* clock - the staircase of the policy, filled as far as this source's clock has come */
function clock(s) {
	if (!s.stage && !s.elapsed_s)
		return [el("span", {class: "w-soft"}, "no clock runs")];
	const days = Math.floor((s.elapsed_s || 0) / DAY);
	const end = Math.max(1, last.day) * 1.12; /* the last stage shows its beginning only */
	const at = (d) => Math.min(CLOCK_WIDTH, (CLOCK_WIDTH * d) / end);
	const here = at((s.elapsed_s || 0) / DAY);
	const words = "day " + days + " of " + last.day;
	const picture = svg("svg", {
		viewBox: "0 0 " + CLOCK_WIDTH + " " + CLOCK_HEIGHT,
		preserveAspectRatio: "none",
		role: "img",
		"aria-label": "Clock: " + words + ", stage " + (s.stage || 0) + " of " + last.number,
	});
	stages.forEach((step, i) => {
		const from = at(step.day);
		const to = i + 1 < stages.length ? at(stages[i + 1].day) : CLOCK_WIDTH;
		picture.append(...stair(step, from, to, here));
	});
	picture.append(
		svg("line", {class: "base", x1: 0, x2: CLOCK_WIDTH, y1: 25.5, y2: 25.5}),
		svg("line", {class: "now", x1: here, x2: here, y1: 0, y2: CLOCK_HEIGHT}));
	return [picture, el("small", {}, words)];
}

/* stair - a stage, as high as it has minutes; what lies behind is filled */
function stair(step, from, to, here) {
	const minutes = Math.min(60, step.throttle + step.block);
	const height = minutes ? 5 + (17 * minutes) / 60 : 3;
	const y = CLOCK_HEIGHT - 1 - height;
	const kind = kindOf(step);
	const parts = [svg("rect", {class: "to", x: from, y, width: to - from, height})];
	if (here > from)
		parts.push(svg("rect", {class: kind, x: from, y, width: Math.min(here, to) - from, height}));
	if (from)
		parts.push(svg("line", {class: "gap", x1: from, x2: from, y1: y, y2: y + height}));
	return parts;
}

function sourceCell(s) {
	const names = s.identities.map((i) => i.name).filter(Boolean);
	const more = names.length - 1;
	const button = el("button", {type: "button", class: "open", "aria-expanded": "false"}, s.source);
	button.addEventListener("click", () => toggle(button, s));
	return [
		button,
		el("small", {class: "sub"},
			names.length ? el("bdi", {}, s.main.name || names[0]) : "no name",
			more > 0 && " and " + number(more) + " more"),
	];
}

function buildCell(s) {
	if (!s.main.build)
		return [el("span", {class: "w-soft"}, "none shown")];
	const release = [s.main.product, s.main.release].filter(Boolean).join(" ");
	return [el("span", {}, s.main.build), el("small", {}, release || "not in the catalogue")];
}

const STANDINGS = {
	emergency: "w-refused", unsupported: "w-refused", outdated: "w-slowed", current: "w-fine",
};

function standingCell(s) {
	const word = s.main.standing;
	return [el("span", {class: STANDINGS[word] || "w-soft"}, word || "–")];
}

function nowCell(s) {
	return [el("span", {class: s.now[2]}, s.now[1]), datesCell(s)];
}

/* datesCell - where the columns of dates have no room */
function datesCell(s) {
	const dates = [
		["first seen", s.first_detected],
		["slowed from", s.throttle_date],
		["refused from", s.block_date],
	];
	return el("small", {class: "dates"},
		s.stage > 0 && el("span", {class: "only-tablet"}, stageText(s) + " "),
		dates.filter((d) => d[1]).map((d) => [el("span", {}, d[0] + " " + day(d[1])), " "]));
}

const stageText = (s) => "stage " + s.stage + " of " + last.number;
const dateCell = (key) => (s) => [el("span", {}, day(s[key]) || "–")];
const numbersOf = (build) => (build || "").split(".").map((n) => n.padStart(5, "0")).join();

/* kind is the class of the cells, value what they are ordered by */
const columns = [
	{key: "source", head: "Source", cell: sourceCell, value: (s) => s.source},
	{key: "build", head: "Build", cell: buildCell, value: (s) => numbersOf(s.main.build)},
	{key: "standing", head: "Standing", cell: standingCell, value: (s) => s.main.standing || ""},
	{
		key: "stage", head: "Stage", kind: "stage", value: (s) => s.stage || 0,
		cell: (s) => [el("span", {}, s.stage ? s.stage + " of " + last.number : "–")],
	},
	{key: "clock", head: "Clock", kind: "clock", cell: clock, value: (s) => s.elapsed_s || 0},
	...[["first_detected", "First seen"], ["throttle_date", "Slowed from"],
		["block_date", "Refused from"]].map(([key, name]) => (
		{key, head: name, kind: "d date", cell: dateCell(key), value: (s) => s[key] || ""})),
	{key: "now", head: "Now", cell: nowCell, value: (s) => s.now[1]},
];

/* rowOf - roles by name: a browser forgets them where a phone's layout is no table */
function rowOf(s) {
	const [first, ...others] = columns;
	return el("tr", {role: "row"},
		el("th", {role: "rowheader", scope: "row"}, first.cell(s)),
		others.map((c) => el("td", {role: "cell", class: c.kind, "data-head": c.head}, c.cell(s))));
}

/* wide - a row that is one cell; one column too many would make room for itself */
function wide(kind, ...children) {
	return el("tr", {role: "row", class: kind}, el("td", {role: "cell", colspan: span()}, children));
}

function span() {
	const heads = [...$("heads").children];
	return heads.filter((th) => getComputedStyle(th).display !== "none").length;
}

/* toggle - everything known of a source, in a row of its own below it */
function toggle(button, s) {
	const open = button.getAttribute("aria-expanded") === "true";
	const row = button.closest("tr");
	button.setAttribute("aria-expanded", String(!open));
	if (open)
		row.nextElementSibling.remove();
	else
		row.after(wide("more", details(s)));
}

function details(s) {
	const verdict = s.verdict + (s.style ? " (" + s.style + ")" : "") + (s.by ? ", by " + s.by : "");
	const facts = [
		["Verdict", verdict],
		["In this stage since", minute(s.stage_since)],
		["Next stage", minute(s.next_stage_at)],
		["First seen outdated", minute(s.first_detected)],
		["Slowed from", minute(s.throttle_date)],
		["Refused from", minute(s.block_date)],
		["Newest evidence", minute(s.evidence_at)],
		["Paused until", minute(s.paused_until)],
		["Connections met", s.hits ? number(s.hits) : ""],
		["Recommended", (s.recommended || []).join(", ")],
	];
	const names = s.identities.length;
	return [
		s.why && el("p", {}, s.why),
		el("dl", {}, facts.filter((f) => f[1]).map((f) => [el("dt", {}, f[0]), el("dd", {}, f[1])])),
		el("h4", {}, names === 1 ? "Server name" : plural(names, "server name")),
		el("ul", {}, s.identities.map(identityItem)),
	];
}

function identityItem(i) {
	const facts = [
		i.build || "no build shown", i.product, i.release, i.standing,
		i.stage && "stage " + i.stage, i.last_seen && "last seen " + minute(i.last_seen),
	];
	return el("li", {}, el("bdi", {}, i.name || "no name"), ": ", facts.filter(Boolean).join(", "));
}
