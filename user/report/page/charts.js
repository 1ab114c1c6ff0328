/* Two charts of stacked columns. Parts are told apart by letter or pattern too, not by colour alone,
 * and each chart has its numbers as a table. */
const CHART_HEIGHT = 210;
const LEFT = 44;
const RIGHT = 18;
const BOTTOM = 24;
const SERIES_MAX = 7;

/* ceiling - a round number at or above n, for the axis */
function ceiling(n) {
	const power = Math.pow(10, Math.floor(Math.log10(n)));
	return [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8].map((f) => f * power).find((v) => v >= n && v % 1 === 0) || 10 * power;
}

/* ticks - the columns that are labelled: as many as have room */
function ticks(chart, width) {
	const wanted = chart.ticks().length ? chart.ticks() : chart.columns.map((_, i) => i);
	const step = Math.ceil(wanted.length / Math.max(1, Math.floor((width - LEFT - RIGHT) / 64)));
	return wanted.filter((_, i) => i % step === 0);
}

function axis(chart, width, top) {
	const parts = [], room = (width - LEFT - RIGHT) / chart.columns.length;
	for (const share of top % 2 ? [0, 1] : [0, 0.5, 1]) {
		const y = CHART_HEIGHT - BOTTOM - share * (CHART_HEIGHT - BOTTOM - 8);
		parts.push(svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y, y2: y }));
		parts.push(svg("text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" }, number(top * share)));
	}
	for (const i of ticks(chart, width)) {
		const x = Math.min(LEFT + room * (i + 0.5), width - 20);
		parts.push(svg("text", { x, y: CHART_HEIGHT - 6, "text-anchor": "middle" }, chart.label(chart.columns[i])));
	}
	return parts;
}

/* pattern - diagonal lines over a colour; ids are ours */
function patterns() {
	const line = (id, kind, d) => svg("pattern", { id, width: 6, height: 6, patternUnits: "userSpaceOnUse" },
		svg("rect", { class: "faint", width: 6, height: 6 }), svg("path", { class: kind, d }));
	return svg("defs", {},
		line("p-slowed", "slowed", "M0 4L4 0H6L0 6ZM4 6L6 4V6Z"),
		line("p-noted", "noted", "M1 1h2v2h-2ZM4 4h2v2h-2Z"));
}

/* swatch - of a series, for the legend and the columns; fills that are patterns need no class */
const paint = (s) => (s.pattern ? { fill: "url(#" + s.pattern + ")" } : { class: s.kind });

function columnParts(chart, series, i, x, width, scale) {
	const parts = [];
	let y = CHART_HEIGHT - BOTTOM;
	for (const s of series) {
		const h = s.values[i] * scale;
		if (!h)
			continue;
		y -= h;
		parts.push(svg("rect", { ...paint(s), x, y, width, height: h }));
		/* the letter of the legend, beside the last column where there is room for it */
		if (i === chart.columns.length - 1 && s.mark && h >= 11)
			parts.push(svg("text", { x: x + width + 5, y: y + h / 2 + 4 }, s.mark));
	}
	return parts;
}

/* draw - chart: {node, columns, series, label, unit}; again whenever the width changes */
function draw(chart) {
	const { node, columns, series } = chart;
	const width = Math.max(240, node.clientWidth);
	const sums = columns.map((_, i) => series.reduce((sum, s) => sum + s.values[i], 0));
	const top = ceiling(Math.max(1, ...sums));
	const scale = (CHART_HEIGHT - BOTTOM - 8) / top;
	const room = (width - LEFT - RIGHT) / Math.max(1, columns.length);
	const bar = Math.max(1, Math.min(48, room - (room > 5 ? 2 : room > 2.5 ? 1 : 0)));

	const picture = svg("svg", { viewBox: "0 0 " + width + " " + CHART_HEIGHT, height: CHART_HEIGHT, role: "img", "aria-label": chart.words() },
		patterns(), axis(chart, width, top));
	columns.forEach((column, i) => {
		const group = svg("g", {}, svg("title", {}, chart.tell(i)),
			columnParts(chart, series, i, LEFT + room * i + (room - bar) / 2, bar, scale));
		picture.append(group);
	});
	const open = node.querySelector("details[open]");
	node.replaceChildren(picture, legend(chart), numbers(chart));
	node.querySelector("details").open = Boolean(open);
}

function legend(chart) {
	return el("ul", { class: "legend" }, [...chart.series].reverse().map((s) => {
		const total = chart.sum ? s.values.reduce((a, b) => a + b, 0) : s.values[s.values.length - 1] || 0;
		return el("li", {}, svg("svg", { viewBox: "0 0 15 15", "aria-hidden": "true" }, patterns(),
			svg("rect", { ...paint(s), width: 15, height: 15, rx: 2 }),
			s.mark && svg("text", { class: "mark", x: 7.5, y: 11.5, "text-anchor": "middle" }, s.mark)),
			s.name, el("b", {}, number(total)));
	}));
}

/* numbers - the same as a table, made when it is opened */
function numbers(chart) {
	const box = el("details", {}, el("summary", {}, "Numbers"));
	box.addEventListener("toggle", () => {
		if (!box.open || box.children.length > 1)
			return;
		const rows = chart.columns.map((c, i) => el("tr", {}, el("th", { scope: "row" }, chart.full(c)),
			chart.series.map((s) => el("td", {}, number(s.values[i]))))).reverse();
		box.append(el("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Numbers" },
			el("table", {}, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, chart.unit),
				chart.series.map((s) => el("th", { scope: "col" }, s.name)))), el("tbody", {}, rows))));
	});
	return box;
}

function empty(node, text) {
	node.replaceChildren(el("p", { class: "hint" }, text));
}

/* merge - rows of counts under a name; the smallest become one */
function merge(rows, nameOf) {
	const sums = new Map();
	for (const row of rows) {
		const name = nameOf(row), have = sums.get(name);
		sums.set(name, have ? have.map((v, i) => v + row.counts[i]) : [...row.counts]);
	}
	const last = (values) => values[values.length - 1] || 0;
	const sorted = [...sums].sort((a, b) => (a[0] === "others") - (b[0] === "others") || last(b[1]) - last(a[1]));
	const kept = sorted.length > SERIES_MAX ? sorted.slice(0, SERIES_MAX - 1) : sorted;
	const rest = sorted.slice(kept.length);
	if (rest.length)
		kept.push(["others", rest.map((r) => r[1]).reduce((a, b) => a.map((v, i) => v + b[i]))]);
	return kept.map(([name, values], i) => ({ name, values, kind: name === "others" ? "s6" : "s" + (i % 6), mark: "ABCDEFG"[i] })).reverse();
}

function chartOf(node, columns, series, more) {
	return {
		node, columns, series,
		ticks: () => [], label: (c) => c.slice(5), full: (c) => c, unit: "Day",
		tell(i) { return this.full(columns[i]) + ": " + series.map((s) => s.name + " " + number(s.values[i])).reverse().join(", "); },
		words() { return columns.length ? "Columns from " + this.full(columns[0]) + " to " + this.full(columns[columns.length - 1]) + "; the last: " + this.tell(columns.length - 1) : ""; },
		...more,
	};
}

/* everyDay - a column for each day between the first and the last, counted or not */
function everyDay(days, rows) {
	const all = [], at = new Map(days.map((d, i) => [d, i]));
	const end = Date.parse(days[days.length - 1]);
	for (let t = Date.parse(days[0]); t <= end; t += 86400000)
		all.push(new Date(t).toISOString().slice(0, 10));
	return [all, rows.map((row) => ({ ...row, counts: all.map((d) => (at.has(d) ? row.counts[at.get(d)] : 0)) }))];
}

function buildChart() {
	const { days, rows } = head.history.builds;
	const by = $("builds-by").value;
	if (!rows.length)
		return empty($("builds"), "No build has been counted yet. The first count comes within a minute of the first mail.");
	const [columns, all] = everyDay(days, rows);
	const product = (row) => (row.build ? row.product || "not in the catalogue" : "others");
	const series = by ? merge(all.filter((row) => product(row) === by), (row) => row.build + (row.release ? " (" + row.release + ")" : "")) : merge(all, product);
	return draw(chartOf($("builds"), columns, series));
}

function metChart() {
	const by = $("met-by").value, points = head.history.connections[by];
	const kinds = [["refused", "refused", null], ["slowed", "slowed", "p-slowed"], ["noted", "only noted (report mode)", "p-noted"]];
	if (!points.length)
		return empty($("met"), "None so far: no source has a verdict, or none has come back since.");
	const length = by === "hours" ? 3600000 : 86400000, cut = by === "hours" ? 13 : 10;
	const at = new Map(points.map((p) => [p.at.slice(0, cut), p])), columns = [];
	for (let t = Date.parse(points[0].at); t <= Date.parse(head.at); t += length)
		columns.push(new Date(t).toISOString().slice(0, cut));
	const series = kinds.map(([key, name, pattern]) => ({ name, kind: key, pattern, values: columns.map((c) => (at.get(c) || {})[key] || 0) }));
	return draw(chartOf($("met"), columns, series, {
		sum: true, unit: by === "hours" ? "Hour" : "Day",
		/* of hours the midnights, if there is one */
		ticks: () => columns.flatMap((c, i) => (c.endsWith("T00") ? [i] : [])),
		label: (c) => (by === "hours" && !c.endsWith("T00") ? c.slice(11) + ":00" : c.slice(5, 10)),
		full: (c) => (by === "hours" ? c.replace("T", " ") + ":00 UTC" : c),
	}));
}

function showCharts() {
	const products = [...new Set(head.history.builds.rows.filter((r) => r.build).map((r) => r.product || "not in the catalogue"))].sort();
	fill($("builds-by"), {}, [el("option", { value: "" }, "all products"), products.map((p) => el("option", { value: p }, p))]);
	if (!head.history.connections.hours.length)
		$("met-by").value = "days";
	$("builds-by").addEventListener("change", buildChart);
	$("met-by").addEventListener("change", metChart);
	for (const [node, show] of [[$("builds"), buildChart], [$("met"), metChart]]) {
		let width = 0;
		new ResizeObserver(() => {
			if (node.clientWidth === width)
				return;
			width = node.clientWidth;
			show();
		}).observe(node);
	}
}
