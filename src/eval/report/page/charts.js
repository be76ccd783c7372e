// The charts. Each takes its element and a part of the report; `report` is the whole.
"use strict";
const INK = "#1c2330", SOFT = "#5b6575", LINE = "#e3e7ed";
const BLUE = "#2f5fd0", GREY = "#9aa4b2", TEAL = "#12857a", RED = "#c2352b", AMBER = "#b86e00";
const POINTS = ["#7a4fb5", "#b86e00", "#12857a", "#6b7685", "#c2477e", "#3d4757"];
const SYMBOLS = ["diamond", "triangle", "rect", "roundRect", "pin", "arrow"];
const percent = (x, digits = 1) => (x === null || x === undefined ? "–" : (100 * x).toFixed(digits) + "%");
// Few digits where a share is large, more where a hundredth of a per cent matters.
const share = x => (x === null || x === undefined ? "–" : percent(x, Math.abs(x) < 0.1 ? 2 : 1));
const interval = r => (r.of ? `${share(r.low)} to ${share(r.high)}` : "nothing to count");
const whole = n => n.toLocaleString("en-GB");
const escaped = s => String(s).replace(/[&<>"]/g, c => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);

const drawn = [];
function draw(element, option) {
  const known = echarts.getInstanceByDom(element);
  const chart = known || echarts.init(element, null, { renderer: "canvas" });
  const axis = a => ({
    nameLocation: "middle", nameTextStyle: { color: SOFT, fontSize: 12.5 }, axisLabel: { color: SOFT, hideOverlap: true },
    axisLine: { lineStyle: { color: "#c6cdd7" } }, splitLine: { lineStyle: { color: LINE } }, ...a,
  });
  chart.setOption({
    animation: false,
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: INK },
    grid: { left: 64, right: 28, top: 52, bottom: 56 },
    legend: { top: 6, left: 4, itemGap: 18, itemWidth: 18, itemHeight: 10, textStyle: { color: INK, fontSize: 12.5 }, type: "scroll" },
    ...option,
    xAxis: axis(option.xAxis), yAxis: axis(option.yAxis),
  }, true);
  if (!known) drawn.push(chart);
}
addEventListener("resize", () => drawn.forEach(chart => chart.resize()));

const budgetLine = (budget, name) => ({
  silent: true, symbol: "none", data: [{ yAxis: budget }],
  lineStyle: { color: RED, type: "dashed", width: 1.3 },
  label: { formatter: `${name} ${percent(budget, 1)}`, position: "insideEndTop", color: RED, fontSize: 12 },
});

// A curve of shares with a line for the settings and thin bars for the intervals.
function band(name, points, color, text) {
  const bars = [];
  for (const p of points) bars.push([p.x, p.low], [p.x, p.high], [null, null]);
  return [
    { name: name + " interval", type: "line", data: bars, symbol: "none", silent: true, lineStyle: { color, width: 1.2, opacity: 0.35 }, z: 1 },
    {
      name, type: "line", data: points.map(p => ({ value: [p.x, p.y], text: text(p) })), symbol: "circle", symbolSize: 6,
      lineStyle: { color, width: 2.2 }, itemStyle: { color }, z: 3,
    },
  ];
}

// Draws the neighbourhood of the budget, or the whole of the curves; gives the baselines that lie above what is drawn.
function hitError(element, stream, budget, all) {
  const point = (at, tally) => ({ at, x: tally.hit_rate.rate, y: tally.error.rate, low: tally.error.low, high: tally.error.high, tally });
  const text = label => p => `<b>${escaped(label(p))}</b><br>hit rate ${percent(p.x)} (${interval(p.tally.hit_rate)})<br>error ${share(p.y)} (${interval(p.tally.error)})<br>precision per hit ${share(p.tally.precision_per_hit.rate)}<br>agreement over all requests ${share(p.tally.agreement.rate)}`;
  const own = stream.curve.map(c => point(c, c.tally));
  const plain = stream.cosine_curve.map(c => point(c, c.tally));
  const settled = point(null, stream.tally);
  const dots = stream.baselines.map((b, i) => ({
    name: b.name, type: "scatter", symbolSize: 13, symbol: SYMBOLS[i % SYMBOLS.length], itemStyle: { color: POINTS[i % POINTS.length] }, z: 4,
    data: [{ value: [b.tally.hit_rate.rate, b.tally.error.rate], text: text(() => b.name)(point(null, b.tally)) }],
  }));
  // An answer that is always given and wrong in 98 of 100 would press all that matters against the axis, so such points stay outside.
  const most = 1.08 * Math.max(0, ...[...own, ...plain, settled].map(p => p.y || 0));
  const top = Math.max(4 * budget, all ? most : Math.min(most, 5 * budget), 1.2 * (settled.y || 0));
  const reach = [...own, ...plain, settled].filter(p => p.y <= top).map(p => p.x).concat(dots.filter(d => d.data[0].value[1] <= top).map(d => d.data[0].value[0]));
  const right = all ? 1 : Math.min(1, Math.ceil(11 * Math.max(0.05, ...reach)) / 10);
  const inside = dots.filter(d => d.data[0].value[1] <= top);
  const outside = dots.filter(d => d.data[0].value[1] > top);
  const names = ["Instinct", "Instinct as configured", "plain cosine", ...inside.map(d => d.name)];
  draw(element, {
    legend: { top: 4, left: 4, data: names, itemGap: 16, itemWidth: 18, itemHeight: 10, textStyle: { color: INK, fontSize: 12.5 } },
    grid: { left: 66, right: 30, top: names.length > 7 ? 78 : 58, bottom: 56 },
    tooltip: { trigger: "item", formatter: p => p.data.text, borderColor: LINE, textStyle: { color: INK, fontSize: 12.5 } },
    xAxis: { type: "value", name: "hit rate: requests answered from memory", nameGap: 32, min: 0, max: right, axisLabel: { formatter: v => percent(v, 0), color: SOFT } },
    yAxis: { type: "value", name: "error: wrong answers of all requests", nameGap: 48, min: 0, max: top, axisLabel: { formatter: v => percent(v, top < 0.05 ? 1 : 0), color: SOFT, showMaxLabel: false } },
    series: [
      ...band("plain cosine", plain, GREY, text(p => `plain cosine ≥ ${p.at.tau.toFixed(3)}`)),
      ...band("Instinct", own, BLUE, text(p => (p.at.share_min === undefined ? `Instinct, τ ${p.at.tau.toFixed(3)}, τ_fresh ${p.at.tau_fresh.toFixed(3)}` : `Instinct, share of the winner ≥ ${p.at.share_min.toFixed(3)}`))),
      {
        name: "Instinct as configured", type: "scatter", symbolSize: 15, symbol: "circle", z: 5, clip: false,
        itemStyle: { color: "#fff", borderColor: BLUE, borderWidth: 4 },
        data: [{ value: [settled.x, settled.y], text: text(() => "Instinct as configured")(settled) }],
        markLine: budgetLine(budget, "error budget"),
      },
      ...inside,
    ],
  });
  return outside.map(d => `${d.name} (hits ${percent(d.data[0].value[0], 0)}, errs ${percent(d.data[0].value[1], 0)})`);
}

function runningError(element, stream, budget) {
  const at = stream.cumulative;
  // The interval of the first few requests spans everything; the axis is cut where the figures begin to say something.
  const told = at.filter(c => c.requests >= Math.min(at.length ? at[at.length - 1].requests / 10 : 0, 200));
  const top = Math.max(2.5 * budget, 1.25 * Math.max(0, ...told.map(c => c.error.high)));
  const clip = v => Math.min(v, top);
  draw(element, {
    legend: { top: 4, left: 4, data: ["error so far", "95% interval"], itemGap: 16, itemWidth: 18, itemHeight: 10, textStyle: { color: INK, fontSize: 12.5 } },
    tooltip: {
      trigger: "axis", borderColor: LINE, textStyle: { color: INK, fontSize: 12.5 },
      formatter: ps => { const c = at[ps[0].dataIndex]; return `<b>${whole(c.requests)} requests</b>, ${whole(c.hits)} hits<br>error ${share(c.error.rate)} (${interval(c.error)})`; },
    },
    xAxis: { type: "value", name: "requests so far", nameGap: 32, min: 0, max: at.length ? at[at.length - 1].requests : 1, axisLabel: { color: SOFT, formatter: whole } },
    yAxis: { type: "value", name: "wrong answers of all so far", nameGap: 48, min: 0, max: top, axisLabel: { formatter: v => percent(v, top < 0.05 ? 1 : 0), color: SOFT, showMaxLabel: false } },
    series: [
      { name: "low", type: "line", stack: "band", symbol: "none", silent: true, lineStyle: { opacity: 0 }, data: at.map(c => [c.requests, clip(c.error.low)]) },
      { name: "95% interval", type: "line", stack: "band", symbol: "none", silent: true, lineStyle: { opacity: 0 }, areaStyle: { color: BLUE, opacity: 0.14 }, itemStyle: { color: "#d5dff5" }, data: at.map(c => [c.requests, clip(c.error.high) - clip(c.error.low)]) },
      { name: "error so far", type: "line", symbol: "none", lineStyle: { color: BLUE, width: 2.2 }, itemStyle: { color: BLUE }, data: at.map(c => [c.requests, c.error.rate]), markLine: budgetLine(budget, "error budget") },
    ],
  });
}

// The least score that is served, as requests come in; nothing near is where there is no line.
function budgetCourse(element, budget) {
  const at = budget.course;
  const value = p => [p.requests, p.state === "open" && p.score_min !== null ? p.score_min : null];
  draw(element, {
    legend: { top: 4, left: 4, data: ["least score that is served"], itemGap: 16, itemWidth: 18, itemHeight: 10, textStyle: { color: INK, fontSize: 12.5 } },
    grid: { left: 66, right: 30, top: 44, bottom: 52 },
    tooltip: {
      trigger: "axis", borderColor: LINE, textStyle: { color: INK, fontSize: 12.5 },
      formatter: ps => { const p = at[ps[0].dataIndex]; return `<b>${whole(p.requests)} requests</b>, ${whole(p.samples)} samples<br>${p.state === "open" ? `open from a score of ${p.score_min.toFixed(3)}` : "exact hits only"}`; },
    },
    xAxis: { type: "value", name: "requests so far", nameGap: 30, min: 0, max: budget.whole.hits.of, axisLabel: { color: SOFT, formatter: whole } },
    yAxis: { type: "value", name: "P(right), as estimated", nameGap: 48, scale: true, max: 1, axisLabel: { color: SOFT, formatter: v => percent(v, 1) } },
    series: [{ name: "least score that is served", type: "line", step: "end", symbol: "none", connectNulls: false, lineStyle: { color: BLUE, width: 2.2 }, itemStyle: { color: BLUE }, data: at.map(value) }],
  });
}

function latencyBars(element, stages) {
  const shown = stages.filter(s => s.max_us > 0).reverse();
  const bar = (name, key, color) => ({ name, type: "bar", barGap: "10%", barCategoryGap: "34%", itemStyle: { color, borderRadius: [0, 3, 3, 0] }, data: shown.map(s => Math.max(s[key], 1)) });
  draw(element, {
    legend: { top: 4, left: 4, data: ["p50", "p95", "p99"], itemGap: 16, itemWidth: 18, itemHeight: 10, textStyle: { color: INK, fontSize: 12.5 } },
    grid: { left: 74, right: 34, top: 44, bottom: 52 },
    tooltip: { trigger: "axis", axisPointer: { type: "shadow" }, borderColor: LINE, textStyle: { color: INK, fontSize: 12.5 }, valueFormatter: v => `${whole(v)} µs` },
    xAxis: { type: "log", name: "microseconds, logarithmic", nameGap: 30, min: 0.5, axisLabel: { color: SOFT, formatter: v => (v < 1 ? "" : whole(v)) } },
    yAxis: { type: "category", data: shown.map(s => s.stage), axisTick: { show: false }, axisLabel: { color: INK, fontSize: 12.5 } },
    series: [bar("p99", "p99_us", "#c9d6f2"), bar("p95", "p95_us", "#8aa6e4"), bar("p50", "p50_us", BLUE)],
  });
}

function classBars(element, classes) {
  const shown = classes.slice().reverse();
  const bars = (name, key, color) => ({
    name, type: "bar", barGap: "15%", barCategoryGap: "36%", itemStyle: { color, borderRadius: [0, 3, 3, 0] },
    label: { show: true, position: "right", color: SOFT, fontSize: 12, formatter: p => (p.data.rate.of ? `${whole(p.data.rate.count)} of ${whole(p.data.rate.of)}` : "") },
    data: shown.map(c => ({ value: c[key].of ? c[key].rate : null, rate: c[key] })),
  });
  element.style.height = `${Math.max(220, 110 + 46 * shown.length)}px`;
  draw(element, {
    legend: { top: 4, left: 4, data: ["same decision, served", "different decision, served"], itemGap: 18, itemWidth: 18, itemHeight: 10, textStyle: { color: INK, fontSize: 12.5 } },
    grid: { left: 24 + Math.min(150, 8 * Math.max(...shown.map(c => c.class.length))), right: 96, top: 44, bottom: 48 },
    tooltip: { trigger: "item", borderColor: LINE, textStyle: { color: INK, fontSize: 12.5 }, formatter: p => `<b>${escaped(p.name)}</b><br>${p.seriesName}: ${share(p.data.rate.rate)} (${interval(p.data.rate)})` },
    xAxis: { type: "value", min: 0, max: 1, name: "share of the pairs of the class", nameGap: 30, axisLabel: { formatter: v => percent(v, 0), color: SOFT } },
    yAxis: { type: "category", data: shown.map(c => c.class), axisTick: { show: false }, axisLabel: { color: INK, fontSize: 12.5, width: 150, overflow: "truncate" } },
    series: [bars("different decision, served", "different_served", RED), bars("same decision, served", "same_served", TEAL)],
  });
}

function pairCurve(element, pairs) {
  const point = c => ({ at: c, x: c.tally.same_served.rate, y: c.tally.different_served.rate, low: c.tally.different_served.low, high: c.tally.different_served.high });
  const text = label => p => `<b>${escaped(label(p))}</b><br>same, served ${share(p.x)} (${interval(p.at.tally.same_served)})<br>different, served ${share(p.y)} (${interval(p.at.tally.different_served)})`;
  const own = pairs.curve.map(point).filter(p => p.x !== null && p.y !== null);
  const plain = pairs.cosine_curve.map(point).filter(p => p.x !== null && p.y !== null);
  const all = pairs.classes[pairs.classes.length - 1];
  draw(element, {
    legend: { top: 4, left: 4, data: ["Instinct", "Instinct as configured", "plain cosine"], itemGap: 16, itemWidth: 18, itemHeight: 10, textStyle: { color: INK, fontSize: 12.5 } },
    grid: { left: 66, right: 30, top: 52, bottom: 56 },
    tooltip: { trigger: "item", formatter: p => p.data.text, borderColor: LINE, textStyle: { color: INK, fontSize: 12.5 } },
    xAxis: { type: "value", name: "pairs with the same decision that are served", nameGap: 32, min: 0, max: 1, axisLabel: { formatter: v => percent(v, 0), color: SOFT } },
    yAxis: { type: "value", name: "traps served", nameGap: 48, min: 0, axisLabel: { formatter: v => percent(v, 0), color: SOFT } },
    series: [
      ...band("plain cosine", plain, GREY, text(p => `plain cosine ≥ ${p.at.tau.toFixed(3)}`)),
      ...band("Instinct", own, BLUE, text(p => `Instinct, τ ${p.at.tau.toFixed(3)}, τ_fresh ${p.at.tau_fresh.toFixed(3)}`)),
      {
        name: "Instinct as configured", type: "scatter", symbolSize: 15, z: 5, itemStyle: { color: "#fff", borderColor: BLUE, borderWidth: 4 },
        data: [{ value: [all.same_served.rate, all.different_served.rate], text: text(() => "Instinct as configured")(point({ tally: all })) }],
      },
    ],
  });
}
