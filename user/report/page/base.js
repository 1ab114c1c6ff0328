"use strict";
/* Data, small helpers, and what stands above the charts. Text of strangers only ever becomes text
 * nodes: nothing here parses markup. Nulls and falses of the data were left out on the way. */
const $ = (id) => document.getElementById(id);
const data = (id) => JSON.parse($(id).textContent);
const SVG = "http://www.w3.org/2000/svg";

/* fill - attributes and children onto an element; null and false children are nothing */
function fill(node, attrs, children) {
	for (const [name, value] of Object.entries(attrs || {}))
		if (value !== null && value !== undefined && value !== false)
			node.setAttribute(name, value === true ? "" : String(value));
	for (const child of children.flat(Infinity))
		if (child !== null && child !== undefined && child !== false)
			node.append(child instanceof Node ? child : document.createTextNode(String(child)));
	return node;
}
const el = (tag, attrs, ...children) => fill(document.createElement(tag), attrs, children);
const svg = (tag, attrs, ...children) => fill(document.createElementNS(SVG, tag), attrs, children);

const number = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");
const day = (at) => (at ? at.slice(0, 10) : "");
const minute = (at) => (at ? at.slice(0, 10) + " " + at.slice(11, 16) + " UTC" : "");
const plural = (n, word) => number(n) + " " + word + (n === 1 ? "" : "s");

const head = data("head-data");
const tail = data("tail-data");
const stages = head.policy.stages.map((s, i) => ({
	number: i + 1, day: s.day, throttle: s.throttle_min || 0, block: s.block_min || 0,
}));

/* rate - minutes of each hour in words */
function rate(throttle, block, refused = "refused", slowed = "slowed") {
	const part = (word, n) => (n >= 60 ? word : word + " " + n + " min/h");
	return [block && part(refused, block), throttle && part(slowed, throttle)].filter(Boolean).join(", ");
}

const MODES = {
	off: "the gate is off, everything passes",
	report: "nothing is enforced",
	enforce: "verdicts are enforced",
};

function showState() {
	const c = head.catalogue;
	document.title = "buildgate" + (head.hostname ? " · " + head.hostname : "");
	$("host").textContent = head.hostname || "";
	fill($("state"), {}, [
		el("span", {}, "Mode ", el("b", {}, head.mode), ": ", MODES[head.mode]),
		el("span", {}, "policy ", el("b", {}, head.policy.name)),
		el("span", {}, "catalogue of ", el("b", {}, day(c.as_of)), c.stale && " (older than allowed)"),
		el("span", {}, "as of ", el("b", {}, minute(head.at))),
	]);
	if (tail.error) {
		$("trouble").hidden = false;
		$("trouble").textContent = "Not all of the page could be made: " + tail.error;
	}
}

function showFigures() {
	const c = head.counts;
	const clocked = stages.reduce((sum, s) => sum + (c.by_stage[s.number] || 0), 0);
	const rows = [
		["Sources seen", c.sources], ["Spoke Exchange", c.exchange],
		["Named a build", c.identified], ["Unread inside TLS", c.tls],
		["Server names", c.identities], ["Clocks running", clocked],
	];
	for (const [name, value] of rows)
		$("figures").append(el("div", {}, el("dt", {}, name), el("dd", {}, number(value || 0))));
}

/* kindOf - what a stage does, as a class */
const kindOf = (stage) => (stage.block ? "refused" : stage.throttle ? "slowed" : "noted");

/* showStages - a button each, which filters the table */
function showStages(pick) {
	const total = Math.max(1, ...stages.map((s) => head.counts.by_stage[s.number] || 0));
	for (const s of stages) {
		const n = head.counts.by_stage[s.number] || 0;
		const kind = kindOf(s);
		const bar = svg("svg", {"aria-hidden": "true", viewBox: "0 0 100 5", preserveAspectRatio: "none"},
			svg("rect", {class: "faint", width: 100, height: 5}),
			svg("rect", {class: kind, width: (100 * n) / total, height: 5}));
		const button = el("button", {type: "button", "aria-pressed": "false", "data-stage": s.number},
			el("b", {}, number(n)), "Stage " + s.number,
			el("small", {}, "from day " + s.day + ": " + (rate(s.throttle, s.block) || "reported")), bar);
		button.addEventListener("click", () => pick(s.number));
		$("stages").append(el("li", {}, button));
	}
}
