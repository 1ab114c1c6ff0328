/* The table of sources: search, filters, order, pages, keys. Rows are made for one page at a time. */
const PAGE = 50;
const list = data("source-data");
const view = {shown: list, page: 0, key: "", down: false};

for (const s of list) {
	s.main = mainOf(s);
	s.now = decided(s);
	const words = s.identities.flatMap((i) => [i.name, i.build, i.product, i.release]);
	s.text = [s.source, ...words].join(" ").toLowerCase();
}

function show() {
	const from = view.page * PAGE;
	const rows = view.shown.slice(from, from + PAGE);
	const all = plural(list.length, "source");
	const few = view.shown.length < list.length;
	$("rows").replaceChildren(...rows.map(rowOf));
	if (!rows.length)
		$("rows").append(wide(null, few ? "No source matches." : "No source has been seen yet."));
	$("count").textContent = few ? number(view.shown.length) + " of " + all : all;
	showPager(from, rows.length);
}

function showPager(from, n) {
	const pages = Math.ceil(view.shown.length / PAGE);
	const names = [["First", 0], ["Previous", view.page - 1], ["Next", view.page + 1], ["Last", pages - 1]];
	const focus = document.activeElement.dataset.go;
	const buttons = names.map(([name, page]) => {
		const disabled = page < 0 || page >= pages || page === view.page;
		const button = el("button", {type: "button", "data-go": name, disabled}, name);
		button.addEventListener("click", () => goTo(page));
		return button;
	});
	const place = number(from + 1) + "–" + number(from + n) + " of " + number(view.shown.length);
	$("pager").hidden = pages < 2;
	$("pager").replaceChildren(...buttons.slice(0, 2), el("span", {}, place), ...buttons.slice(2));
	/* the button that was pressed is a new one now */
	const again = buttons.find((b) => focus && b.dataset.go === focus && !b.disabled);
	if (again)
		again.focus();
}

function goTo(page) {
	if (page < 0 || page >= Math.ceil(view.shown.length / PAGE))
		return;
	view.page = page;
	show();
	$("sources-title").scrollIntoView();
}

/* matching - what a source must be to be shown */
function matching() {
	const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
	const stage = $("by-stage").value;
	const standing = $("by-standing").value;
	const product = $("by-product").value;
	const now = $("by-now").value;
	return (s) => (!stage || String(s.stage || 0) === stage) && (!now || s.now[0] === now) &&
		(!standing || s.identities.some((i) => i.standing === standing)) &&
		(!product || s.identities.some((i) => i.product === product)) &&
		words.every((w) => s.text.includes(w));
}

/* apply - filters and order anew, from the first page */
function apply() {
	const column = columns.find((c) => c.key === view.key);
	view.shown = list.filter(matching());
	if (column)
		view.shown.sort((a, b) => {
			const x = column.value(a), y = column.value(b);
			return (x < y ? -1 : x > y ? 1 : 0) * (view.down ? -1 : 1);
		});
	view.page = 0;
	for (const button of $("stages").querySelectorAll("button"))
		button.setAttribute("aria-pressed", String(button.dataset.stage === $("by-stage").value));
	show();
}

function sortBy(column) {
	view.down = view.key === column.key && !view.down;
	view.key = column.key;
	for (const th of $("heads").children) {
		const order = view.down ? "descending" : "ascending";
		th.setAttribute("aria-sort", th.dataset.key === view.key ? order : "none");
	}
	apply();
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
	const text = ([value, n]) => name(value) + " (" + number(n) + ")";
	$(id).append(el("option", {value: ""}, "all"),
		...sorted.map((o) => el("option", {value: o[0]}, text(o))));
	$(id).addEventListener("change", apply);
}

/* move - the cursor keys go from row to row */
function move(step) {
	const buttons = [...$("rows").querySelectorAll(".open")];
	const at = buttons.indexOf(document.activeElement);
	const next = buttons[at < 0 ? 0 : at + step];
	if (next)
		next.focus();
}

function turn(pages) {
	goTo(view.page + pages);
	move(0);
}

function onKey(event) {
	const typing = /^(INPUT|SELECT)$/.test(event.target.tagName);
	const inRows = $("rows").contains(event.target);
	const keys = {
		"/": !typing && (() => $("search").focus()),
		Escape: clearAll,
		ArrowDown: (inRows || event.target === $("search")) && (() => move(1)),
		ArrowUp: inRows && (() => move(-1)),
		PageDown: inRows && (() => turn(1)),
		PageUp: inRows && (() => turn(-1)),
	};
	if (event.ctrlKey || event.altKey || event.metaKey || !keys[event.key])
		return;
	event.preventDefault();
	keys[event.key]();
}

function showHeads() {
	for (const c of columns) {
		const button = el("button", {type: "button"}, c.head);
		button.addEventListener("click", () => sortBy(c));
		const attrs = {role: "columnheader", scope: "col", class: c.kind};
		$("heads").append(el("th", {...attrs, "data-key": c.key, "aria-sort": "none"}, button));
	}
	/* how many there are changes with the width */
	matchMedia("(max-width: 1180px)").addEventListener("change", () => {
		for (const cell of $("rows").querySelectorAll("[colspan]"))
			cell.setAttribute("colspan", span());
	});
}

function showSources() {
	showHeads();
	options("by-stage", (s) => [s.stage || 0], (v) => (v ? "stage " + v : "no clock"));
	options("by-standing", (s) => s.identities.map((i) => i.standing));
	options("by-product", (s) => s.identities.map((i) => i.product));
	options("by-now", (s) => [s.now[0]]);
	if (!tail.complete) {
		$("cut").hidden = false;
		$("cut").textContent = "The page holds " + number(list.length) + " of " +
			plural(head.counts.sources, "source") +
			", those furthest on their clock first; \"gatectl sources\" lists all.";
	}
	$("search").addEventListener("input", apply);
	$("clear").addEventListener("click", clearAll);
	document.addEventListener("keydown", onKey);
	apply();
}

showState();
showFigures();
showStages(pickStage);
showCharts();
showSources();
document.documentElement.dataset.ready = "yes";
