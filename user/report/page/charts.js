/* Two charts of stacked columns. Parts are told apart by letter or pattern too, not by colour alone,
 * and each chart has its numbers as a table. */
const CHART_HEIGHT = 210;
const LEFT = 44;
const RIGHT = 18;
const TOP = 8;
const BOTTOM = 24;
const SERIES_MAX = 7;
const NOT_LISTED = "not in the catalogue";

/* ceiling - a round number at or above n, for the axis */
function ceiling(n) {
	const power = Math.pow(10, Math.floor(Math.log10(n)));
	const steps = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8].map((f) => f * power);
	return steps.find((v) => v >= n && v % 1 === 0) || 10 * power;
}

/* ticks - the columns that are labelled: as many as have room */
function ticks(chart) {
	const preferred = chart.ticks();
	const wanted = preferred.length ? preferred : chart.columns.map((_, i) => i);
	const step = Math.ceil(wanted.length / Math.max(1, Math.floor((chart.width - LEFT - RIGHT) / 64)));
	return wanted.filter((_, i) => i % step === 0);
}

function axis(chart, top) {
	const {width} = chart;
	const parts = [];
	for (const share of top % 2 ? [0, 1] : [0, 0.5, 1]) {
		const y = CHART_HEIGHT - BOTTOM - share * (CHART_HEIGHT - BOTTOM - TOP);
		parts.push(svg("line", {class: "grid", x1: LEFT, x2: width - RIGHT, y1: y, y2: y}));
		parts.push(svg("text", {x: LEFT - 6, y: y + 4, "text-anchor": "end"}, number(top * share)));
	}
	for (const i of ticks(chart)) {
		const x = Math.min(LEFT + chart.room * (i + 0.5), width - 20);
		parts.push(svg("text", {x, y: CHART_HEIGHT - 6, "text-anchor": "middle"},
			chart.label(chart.columns[i])));
	}
	return parts;
}

/* patterns - lines and dots, so that a part is known without its colour; ids are ours */
function patterns() {
	const pattern = (id, kind, d) => svg("pattern",
		{id, width: 6, height: 6, patternUnits: "userSpaceOnUse"},
		svg("rect", {class: "faint", width: 6, height: 6}), svg("path", {class: kind, d}));
	return svg("defs", {},
		pattern("p-slowed", "slowed", "M0 4L4 0H6L0 6ZM4 6L6 4V6Z"),
		pattern("p-noted", "noted", "M1 1h2v2h-2ZM4 4h2v2h-2Z"));
}

/* paint - of a series, in the legend and in the columns */
const paint = (s) => (s.pattern ? {fill: "url(#" + s.pattern + ")"} : {class: s.kind});

function column(chart, i, scale) {
	const width = chart.bar;
	const x = LEFT + chart.room * i + (chart.room - width) / 2;
	const parts = [svg("title", {}, chart.tell(i))];
	let y = CHART_HEIGHT - BOTTOM;
	for (const s of chart.series) {
		const height = s.values[i] * scale;
		if (!height)
			continue;
		y -= height;
		parts.push(svg("rect", {...paint(s), x, y, width, height}));
		/* the letter of the legend, beside the last column where there is room for it */
		if (i === chart.columns.length - 1 && s.mark && height >= 11)
			parts.push(svg("text", {x: x + width + 5, y: y + height / 2 + 4}, s.mark));
	}
	return svg("g", {}, parts);
}

/* draw - anew whenever the width or the choice changes */
function draw(chart) {
	const {node, columns, series} = chart;
	const sums = columns.map((_, i) => series.reduce((sum, s) => sum + s.values[i], 0));
	const top = ceiling(Math.max(1, ...sums));
	const scale = (CHART_HEIGHT - BOTTOM - TOP) / top;
	const open = node.querySelector("details[open]");

	chart.width = Math.max(240, node.clientWidth);
	chart.room = (chart.width - LEFT - RIGHT) / columns.length;
	chart.bar = Math.max(1, Math.min(48, chart.room - (chart.room > 5 ? 2 : chart.room > 2.5 ? 1 : 0)));
	const attrs = {
		viewBox: "0 0 " + chart.width + " " + CHART_HEIGHT, height: CHART_HEIGHT, role: "img",
		"aria-label": chart.words(),
	};
	node.replaceChildren(
		svg("svg", attrs, patterns(), axis(chart, top), columns.map((_, i) => column(chart, i, scale))),
		legend(chart), numbers(chart));
	node.querySelector("details").open = Boolean(open);
}

/* legend - in the order of the columns, top first */
function legend(chart) {
	const total = (s) => (chart.sum ? s.values.reduce((a, b) => a + b, 0) : s.values[s.values.length - 1]);
	const swatch = (s) => svg("svg", {viewBox: "0 0 15 15", "aria-hidden": "true"}, patterns(),
		svg("rect", {...paint(s), width: 15, height: 15, rx: 2}),
		s.mark && svg("text", {class: "mark", x: 7.5, y: 11.5, "text-anchor": "middle"}, s.mark));
	const items = chart.series.map((s) => el("li", {}, swatch(s), s.name, el("b", {}, number(total(s)))));
	return el("ul", {class: "legend"}, items.reverse());
}

/* numbers - the same as a table, made when it is opened, the newest first */
function numbers(chart) {
	const box = el("details", {}, el("summary", {}, "Numbers"));
	const row = (c, i) => el("tr", {}, el("th", {scope: "row"}, chart.full(c)),
		chart.series.map((s) => el("td", {}, number(s.values[i]))));
	box.addEventListener("toggle", () => {
		if (!box.open || box.children.length > 1)
			return;
		const heads = [chart.unit, ...chart.series.map((s) => s.name)];
		const attrs = {class: "scroll", tabindex: "0", role: "group", "aria-label": "Numbers"};
		box.append(el("div", attrs, el("table", {},
			el("thead", {}, el("tr", {}, heads.map((h) => el("th", {scope: "col"}, h)))),
			el("tbody", {}, chart.columns.map(row).reverse()))));
	});
	return box;
}

/* chartOf - what both charts have in common; columns are moments as text */
function chartOf(node, columns, series, more) {
	return {
		node, columns, series, unit: "Day",
		ticks: () => [],
		label: (c) => c.slice(5),
		full: (c) => c,
		tell(i) {
			const parts = series.map((s) => s.name + " " + number(s.values[i])).reverse();
			return this.full(columns[i]) + ": " + parts.join(", ");
		},
		words() {
			const [from, to] = [columns[0], columns[columns.length - 1]].map(this.full);
			return "Columns from " + from + " to " + to + "; the last: " + this.tell(columns.length - 1);
		},
		...more,
	};
}

function empty(node, text) {
	node.replaceChildren(el("p", {class: "hint"}, text));
}

/* sumsBy - rows of counts added up under a name, the greatest last count first, "others" last */
function sumsBy(rows, nameOf) {
	const sums = new Map();
	const end = ([, counts]) => counts[counts.length - 1];
	for (const row of rows) {
		const sum = sums.get(nameOf(row));
		sums.set(nameOf(row), sum ? sum.map((v, i) => v + row.counts[i]) : row.counts);
	}
	return [...sums].sort((a, b) => (a[0] === "others") - (b[0] === "others") || end(b) - end(a));
}

/* seriesOf - as many as can be told apart; the first is on top, so it comes last */
function seriesOf(sums) {
	const kept = sums.length > SERIES_MAX ? sums.slice(0, SERIES_MAX - 1) : sums;
	const rest = sums.slice(kept.length).map((s) => s[1]);
	if (rest.length)
		kept.push(["others", rest.reduce((a, b) => a.map((v, i) => v + b[i]))]);
	const series = kept.map(([name, values], i) => (
		{name, values, kind: name === "others" ? "s6" : "s" + (i % 6), mark: "ABCDEFG"[i]}));
	return series.reverse();
}

/* everyDay - a column for each day between the first and the last, counted or not */
function everyDay({days, rows}) {
	const at = new Map(days.map((d, i) => [d, i]));
	const end = Date.parse(days[days.length - 1]);
	const all = [];
	for (let t = Date.parse(days[0]); t <= end; t += 86400000)
		all.push(new Date(t).toISOString().slice(0, 10));
	const spread = (counts) => all.map((d) => (at.has(d) ? counts[at.get(d)] : 0));
	return [all, rows.map((row) => ({...row, counts: spread(row.counts)}))];
}

const productOf = (row) => (row.build ? row.product || NOT_LISTED : "others");
const buildOf = (row) => row.build + (row.release ? " (" + row.release + ")" : "");

function buildChart() {
	const product = $("builds-by").value;
	if (!head.history.builds.rows.length) {
		empty($("builds"), "No build has been counted yet. A count comes within a minute of the first mail.");
		return;
	}
	const [columns, rows] = everyDay(head.history.builds);
	const sums = product ? sumsBy(rows.filter((r) => productOf(r) === product), buildOf) :
		sumsBy(rows, productOf);
	draw(chartOf($("builds"), columns, seriesOf(sums)));
}

const MET = [
	{kind: "refused", name: "refused"},
	{kind: "slowed", name: "slowed", pattern: "p-slowed"},
	{kind: "noted", name: "only noted (report mode)", pattern: "p-noted"},
];

/* HOURS - of hours the midnights are labelled, if there is one */
const HOURS = (columns) => ({
	unit: "Hour",
	ticks: () => columns.flatMap((c, i) => (c.endsWith("T00") ? [i] : [])),
	label: (c) => (c.endsWith("T00") ? c.slice(5, 10) : c.slice(11) + ":00"),
	full: (c) => c.replace("T", " ") + ":00 UTC",
});

function metChart() {
	const hourly = $("met-by").value === "hours";
	const points = head.history.connections[hourly ? "hours" : "days"];
	if (!points.length) {
		empty($("met"), "None so far: no source has a verdict, or none has come back since.");
		return;
	}
	const cut = hourly ? 13 : 10;
	const at = new Map(points.map((p) => [p.at.slice(0, cut), p]));
	const columns = [];
	for (let t = Date.parse(points[0].at); t <= Date.parse(head.at); t += hourly ? 3600000 : 86400000)
		columns.push(new Date(t).toISOString().slice(0, cut));
	const series = MET.map((m) => ({...m, values: columns.map((c) => (at.get(c) || {})[m.kind] || 0)}));
	draw(chartOf($("met"), columns, series, {sum: true, ...(hourly ? HOURS(columns) : {})}));
}

/* onWidth - when the node has another width than before, and once at the start */
function onWidth(node, show) {
	let width = 0;
	new ResizeObserver(() => {
		if (node.clientWidth === width)
			return;
		width = node.clientWidth;
		show();
	}).observe(node);
}

function showCharts() {
	const rows = head.history.builds.rows.filter((r) => r.build);
	const products = [...new Set(rows.map(productOf))].sort();
	$("builds-by").append(el("option", {value: ""}, "all products"),
		...products.map((p) => el("option", {value: p}, p)));
	if (!head.history.connections.hours.length)
		$("met-by").value = "days";
	$("builds-by").addEventListener("change", buildChart);
	$("met-by").addEventListener("change", metChart);
	onWidth($("builds"), buildChart);
	onWidth($("met"), metChart);
}
