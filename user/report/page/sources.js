/* The table of sources: search, filters, order, pages, and the clock of each. */
const PAGE = 50;
const list = data("source-data");
const DAY = 86400;
const view = { shown: list, page: 0, key: "", down: false };

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

/* first - the identity that stands for a source: the one furthest on its clock */
const first = (s) => s.identities.reduce((a, b) => ((b.stage || 0) > (a.stage || 0) || (!a.build && b.build) ? b : a), s.identities[0] || {});

for (const s of list) {
	s.main = first(s);
	s.now = decided(s);
	s.text = [s.source, s.identities.map((i) => [i.name, i.build, i.product, i.release])].flat(3).join(" ").toLowerCase();
}

const last = stages[stages.length - 1];

/* clock - the staircase of the policy, filled as far as this source's clock has come */
function clock(s) {
	if (!s.stage && !s.elapsed_s)
		return el("span", { class: "w-soft" }, "no clock runs");
	const days = Math.floor((s.elapsed_s || 0) / DAY), end = Math.max(1, last.day) * 1.12;
	const x = (d) => Math.min(170, (170 * d) / end), here = x((s.elapsed_s || 0) / DAY);
	const picture = svg("svg", { viewBox: "0 0 170 26", preserveAspectRatio: "none", role: "img", "aria-label": "Clock: day " + days + " of " + last.day + ", stage " + (s.stage || 0) + " of " + last.number });
	stages.forEach((step, i) => {
		const from = x(step.day), to = i + 1 < stages.length ? x(stages[i + 1].day) : 170;
		const minutes = step.throttle + step.block, height = minutes ? 5 + (17 * Math.min(60, minutes)) / 60 : 3;
		const kind = step.block ? "refused" : step.throttle ? "slowed" : "noted";
		picture.append(svg("rect", { class: "to", x: from, y: 25 - height, width: to - from, height }));
		if (here > from)
			picture.append(svg("rect", { class: kind, x: from, y: 25 - height, width: Math.min(here, to) - from, height }));
		if (i)
			picture.append(svg("line", { class: "gap", x1: from, x2: from, y1: 25 - height, y2: 25 }));
	});
	picture.append(svg("line", { class: "base", x1: 0, x2: 170, y1: 25.5, y2: 25.5 }), svg("line", { class: "now", x1: here, x2: here, y1: 0, y2: 26 }));
	return [picture, el("small", {}, "day " + days + " of " + last.day)];
}

const STANDING = { emergency: "w-refused", unsupported: "w-refused", outdated: "w-slowed", current: "w-fine" };
const columns = [
	{ key: "source", head: "Source", cell: sourceCell },
	{ key: "build", head: "Build", value: (s) => (s.main.build || "").split(".").map((n) => n.padStart(5, "0")).join(), cell: (s) => s.main.build ? [el("span", {}, s.main.build), el("small", {}, [s.main.product, s.main.release].filter(Boolean).join(" ") || "not in the catalogue")] : [el("span", { class: "w-soft" }, "none shown")] },
	{ key: "standing", head: "Standing", value: (s) => s.main.standing || "", cell: (s) => [el("span", { class: STANDING[s.main.standing] || "w-soft" }, s.main.standing || "–")] },
	{ key: "stage", head: "Stage", kind: "stage", value: (s) => s.stage || 0, cell: (s) => [el("span", {}, s.stage ? s.stage + " of " + last.number : "–")] },
	{ key: "elapsed_s", head: "Clock", value: (s) => s.elapsed_s || 0, cell: clock, kind: "clock" },
	{ key: "first_detected", head: "First seen", date: true },
	{ key: "throttle_date", head: "Slowed from", date: true },
	{ key: "block_date", head: "Refused from", date: true },
	{ key: "now", head: "Now", value: (s) => s.now[1], cell: (s) => [el("span", { class: s.now[2] }, s.now[1]), datesCell(s)] },
];

function sourceCell(s) {
	const names = s.identities.map((i) => i.name).filter(Boolean), more = names.length - 1;
	const button = el("button", { type: "button", class: "open", "aria-expanded": "false" }, s.source);
	button.addEventListener("click", () => toggle(button, s));
	return [button, el("small", { class: "sub" }, names.length ? el("bdi", {}, s.main.name || names[0]) : "no name", more > 0 && " and " + number(more) + " more")];
}

/* datesCell - where the columns of dates have no room */
function datesCell(s) {
	const parts = [["first seen", s.first_detected], ["slowed from", s.throttle_date], ["refused from", s.block_date]];
	return el("small", { class: "dates" }, s.stage && el("span", { class: "only-tablet" }, "stage " + s.stage + " of " + last.number + " "), parts.filter((p) => p[1]).map((p) => [el("span", {}, p[0] + " " + day(p[1])), " "]));
}

function rowOf(s) {
	/* roles by name: a browser forgets them where a phone's layout is no table */
	return el("tr", { role: "row" }, columns.map((c, i) => {
		const kind = c.date ? "d date" : c.kind;
		const content = c.date ? day(s[c.key]) || "–" : c.cell(s);
		return i ? el("td", { role: "cell", class: kind, "data-head": c.head }, content.flat ? content : el("span", {}, content)) : el("th", { role: "rowheader", scope: "row" }, content);
	}));
}

/* span - how many columns there are: one too many would make room for itself */
const span = () => [...$("heads").children].filter((th) => getComputedStyle(th).display !== "none").length;

/* toggle - everything known of a source, in a row of its own below it */
function toggle(button, s) {
	const open = button.getAttribute("aria-expanded") === "true", row = button.closest("tr");
	button.setAttribute("aria-expanded", String(!open));
	if (open)
		row.nextElementSibling.remove();
	else
		row.after(el("tr", { role: "row", class: "more" }, el("td", { role: "cell", colspan: span() }, details(s))));
}

function details(s) {
	const facts = [
		["Verdict", s.verdict + (s.style ? " (" + s.style + ")" : "") + (s.by ? ", by " + s.by : "")],
		["In this stage since", minute(s.stage_since)], ["Next stage", minute(s.next_stage_at)],
		["First seen outdated", minute(s.first_detected)], ["Slowed from", minute(s.throttle_date)],
		["Refused from", minute(s.block_date)], ["Newest evidence", minute(s.evidence_at)],
		["Paused until", minute(s.paused_until)], ["Connections met", s.hits ? number(s.hits) : ""],
		["Recommended", (s.recommended || []).join(", ")],
	];
	return [
		s.why && el("p", {}, s.why),
		el("dl", {}, facts.filter((f) => f[1]).map((f) => [el("dt", {}, f[0]), el("dd", {}, f[1])])),
		el("h4", {}, s.identities.length === 1 ? "Server name" : plural(s.identities.length, "server name")),
		el("ul", {}, s.identities.map((i) => el("li", {}, el("bdi", {}, i.name || "no name"), ": ",
			[i.build || "no build shown", i.product, i.release, i.standing, i.stage && "stage " + i.stage, i.last_seen && "last seen " + minute(i.last_seen)].filter(Boolean).join(", ")))),
	];
}

function show() {
	const from = view.page * PAGE, rows = view.shown.slice(from, from + PAGE);
	$("rows").replaceChildren(...rows.map(rowOf));
	if (!rows.length)
		$("rows").append(el("tr", { role: "row" }, el("td", { role: "cell", colspan: span() }, list.length ? "No source matches." : "No source has been seen yet.")));
	$("count").textContent = view.shown.length === list.length ? plural(list.length, "source") : number(view.shown.length) + " of " + plural(list.length, "source");
	showPager(from, rows.length);
}

function showPager(from, n) {
	const pages = Math.ceil(view.shown.length / PAGE);
	const names = [["First", 0], ["Previous", view.page - 1], ["Next", view.page + 1], ["Last", pages - 1]];
	const focus = document.activeElement && document.activeElement.dataset.go;
	$("pager").hidden = pages < 2;
	const buttons = names.map(([name, page]) => {
		const button = el("button", { type: "button", "data-go": name, disabled: page < 0 || page >= pages || page === view.page }, name);
		button.addEventListener("click", () => goTo(page));
		return button;
	});
	buttons.splice(2, 0, el("span", {}, number(from + 1) + "–" + number(from + n) + " of " + number(view.shown.length)));
	$("pager").replaceChildren(...buttons);
	const again = buttons.find((b) => b.dataset && focus && b.dataset.go === focus && !b.disabled);
	if (again)
		again.focus();
}

function goTo(page) {
	const pages = Math.ceil(view.shown.length / PAGE);
	if (page < 0 || page >= pages)
		return;
	view.page = page;
	show();
	$("sources-title").scrollIntoView();
}

function sortBy(column) {
	view.down = view.key === column.key && !view.down;
	view.key = column.key;
	for (const th of $("heads").children)
		th.setAttribute("aria-sort", th.dataset.key === view.key ? (view.down ? "descending" : "ascending") : "none");
	apply();
}

/* apply - filters and order anew, from the first page */
function apply() {
	const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
	const stage = $("by-stage").value, standing = $("by-standing").value, product = $("by-product").value, now = $("by-now").value;
	view.shown = list.filter((s) => (!stage || String(s.stage || 0) === stage) && (!now || s.now[0] === now) &&
		(!standing || s.identities.some((i) => i.standing === standing)) &&
		(!product || s.identities.some((i) => i.product === product)) && words.every((w) => s.text.includes(w)));
	const column = columns.find((c) => c.key === view.key);
	if (column) {
		const value = column.value || ((s) => s[column.key] || "");
		const sign = view.down ? -1 : 1;
		view.shown.sort((a, b) => { const x = value(a), y = value(b); return x < y ? -sign : x > y ? sign : 0; });
	}
	view.page = 0;
	for (const button of $("stages").querySelectorAll("button"))
		button.setAttribute("aria-pressed", String(button.dataset.stage === stage));
	show();
}

function pickStage(n) {
	$("by-stage").value = $("by-stage").value === String(n) ? "" : String(n);
	apply();
}

function clearAll() {
	for (const id of ["search", "by-stage", "by-standing", "by-product", "by-now"])
		$(id).value = "";
	apply();
	$("search").focus();
}

/* options - what the list really has, and how often */
function options(id, valuesOf, name = (v) => v) {
	const counts = new Map();
	for (const s of list)
		for (const value of new Set(valuesOf(s)))
			if (value !== undefined && value !== "")
				counts.set(value, (counts.get(value) || 0) + 1);
	const sorted = [...counts].sort((a, b) => (a[0] < b[0] ? -1 : 1));
	fill($(id), {}, [el("option", { value: "" }, "all"), sorted.map(([v, n]) => el("option", { value: v }, name(v) + " (" + number(n) + ")"))]);
	$(id).addEventListener("change", apply);
}

/* move - the cursor keys go from row to row */
function move(step) {
	const buttons = [...$("rows").querySelectorAll(".open")], at = buttons.indexOf(document.activeElement);
	const next = buttons[at < 0 ? 0 : at + step];
	if (next)
		next.focus();
}

function onKey(event) {
	const typing = /^(INPUT|SELECT)$/.test(event.target.tagName), inRows = $("rows").contains(event.target);
	const act = (what) => { event.preventDefault(); what(); };
	if (event.ctrlKey || event.altKey || event.metaKey)
		return;
	if (event.key === "/" && !typing)
		act(() => $("search").focus());
	else if (event.key === "Escape")
		act(clearAll);
	else if (event.key === "ArrowDown" && (inRows || event.target === $("search")))
		act(() => move(1));
	else if (event.key === "ArrowUp" && inRows)
		act(() => move(-1));
	else if ((event.key === "PageDown" || event.key === "PageUp") && inRows)
		act(() => { goTo(view.page + (event.key === "PageDown" ? 1 : -1)); move(0); });
}

function showSources() {
	for (const c of columns) {
		const button = el("button", { type: "button" }, c.head);
		button.addEventListener("click", () => sortBy(c));
		$("heads").append(el("th", { role: "columnheader", scope: "col", class: c.date ? "d" : c.kind, "data-key": c.key, "aria-sort": "none" }, button));
	}
	options("by-stage", (s) => [s.stage || 0], (v) => (v ? "stage " + v : "no clock"));
	options("by-standing", (s) => s.identities.map((i) => i.standing));
	options("by-product", (s) => s.identities.map((i) => i.product));
	options("by-now", (s) => [s.now[0]]);
	if (!tail.complete) {
		$("cut").hidden = false;
		$("cut").textContent = "The page holds " + number(list.length) + " of " + plural(head.counts.sources, "source") + ", those furthest on their clock first; \"gatectl sources\" lists all.";
	}
	$("search").addEventListener("input", apply);
	$("clear").addEventListener("click", clearAll);
	document.addEventListener("keydown", onKey);
	matchMedia("(max-width: 1180px)").addEventListener("change", () => {
		for (const cell of $("rows").querySelectorAll("[colspan]"))
			cell.setAttribute("colspan", span());
	});
	apply();
}

showState();
showFigures();
showStages(pickStage);
showCharts();
showSources();
document.documentElement.dataset.ready = "yes";
