/* What is wrong with the page as it is laid out now: a list of sentences. Nothing is outside the
 * window, wider than its box, on top of its neighbour, too faint to read, or without a name. */
(() => {
	const bad = [];
	const width = document.documentElement.clientWidth;
	const label = (e) => e.tagName.toLowerCase() + (e.id ? "#" + e.id : "") + (e.getAttribute("class") ? "." + e.getAttribute("class") : "") + " \"" + e.textContent.trim().slice(0, 30) + "\"";
	const hidden = (e) => e.closest(".quiet, .skip, noscript, option, title, pattern") || (getComputedStyle(e.closest("thead") || e).clipPath !== "none");
	const shown = (e) => { const r = e.getBoundingClientRect(); return r.width > 0 && r.height > 0 && !hidden(e); };
	const rgb = (text) => (text.match(/[\d.]+/g) || [0, 0, 0, 0]).map(Number);
	const light = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
	const behind = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
	const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort((m, n) => n - m); return (x + 0.05) / (y + 0.05); };

	for (const e of document.body.querySelectorAll("*")) {
		if (!shown(e) || e.closest(".scroll"))
			continue;
		const r = e.getBoundingClientRect(), style = getComputedStyle(e);
		if (r.left < -1 || r.right > width + 1)
			bad.push("outside the window: " + label(e));
		if (!(e instanceof SVGElement) && style.display !== "inline" && !/^(SELECT|INPUT)$/.test(e.tagName) && e.scrollWidth > e.clientWidth + 1)
			bad.push("wider than its box: " + label(e) + " " + e.scrollWidth + " in " + e.clientWidth);
		const text = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
		if (text && !e.disabled && !e.closest("svg") && contrast(rgb(style.color), behind(e)) < 4.5)
			bad.push("too faint: " + label(e) + " " + contrast(rgb(style.color), behind(e)).toFixed(2));
		if (/^(BUTTON|SELECT|INPUT)$/.test(e.tagName) && !(e.textContent.trim() && e.tagName === "BUTTON") && !(e.labels && e.labels.length) && !e.getAttribute("aria-label"))
			bad.push("without a name: " + label(e));
	}
	const groups = ["#state", "#figures", "#stages", "#filters", "#pager", ".legend", "#rows tr", ".charts", "main", ".hint", "figure > svg", ".more dl"];
	for (const group of document.querySelectorAll(groups.join())) {
		const parts = group.tagName === "svg" ? [...group.querySelectorAll(":scope > text, :scope > g > text")] : [...group.children];
		/* what is broken over lines has a box on each */
		const boxes = parts.filter(shown).flatMap((e) => [...e.getClientRects()].map((r) => [e, r]));
		boxes.forEach(([a, p], i) => boxes.slice(i + 1).forEach(([b, q]) => {
			if (a !== b && Math.min(p.right, q.right) - Math.max(p.left, q.left) > 1 && Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top) > 1)
				bad.push("on top of each other: " + label(a) + " and " + label(b));
		}));
	}
	return [...new Set(bad)].slice(0, 10);
})()
