// The page of a tuning: what was learnt, and what came of it on the part that nothing was learnt from.
const budget = report.error_budget;
const [fitted, proven, last] = report.requests;
const named = name => report.outcomes.find(o => o.name === name);
const lineText = p => `hits ${percent(p.served.rate)} (${interval(p.served)})<br>wrong of them ${share(p.wrong.rate)} (${interval(p.wrong)})`;

// Hits against the share of wrong ones among them, as the line falls.
function lineCurve(element) {
  const points = list => list.filter(p => p.wrong.of).map(p => ({ at: p, x: p.served.rate, y: p.wrong.rate, low: p.wrong.low, high: Math.min(p.wrong.high, 1) }));
  const own = points(report.curves.by_score), plain = points(report.curves.by_cosine);
  const at = report.curves.at_line;
  const top = Math.max(5 * budget, at ? 1.5 * (at.wrong.rate || 0) : 0);
  const within = list => list.filter(p => p.y <= top).map(p => ({ ...p, high: Math.min(p.high, top) }));
  draw(element, {
    legend: { top: 4, left: 4, data: ["score", "plain cosine", ...(at ? ["the line"] : [])], itemGap: 16, itemWidth: 18, itemHeight: 10, textStyle: { color: INK, fontSize: 12.5 } },
    grid: { left: 66, right: 30, top: 52, bottom: 56 },
    tooltip: { trigger: "item", formatter: p => p.data.text, borderColor: LINE, textStyle: { color: INK, fontSize: 12.5 } },
    xAxis: { type: "value", name: "requests answered by meaning", nameGap: 32, min: 0, max: 1, axisLabel: { formatter: v => percent(v, 0), color: SOFT } },
    yAxis: { type: "value", name: "wrong ones of those answers", nameGap: 48, min: 0, max: top, axisLabel: { formatter: v => percent(v, top < 0.05 ? 1 : 0), color: SOFT, showMaxLabel: false } },
    series: [
      ...band("plain cosine", within(plain), GREY, p => `<b>cosine ≥ ${p.at.from.toFixed(3)}</b><br>${lineText(p.at)}`),
      ...band("score", within(own), BLUE, p => `<b>score ≥ ${p.at.from.toFixed(4)}</b><br>${lineText(p.at)}`),
      {
        name: "the line", type: "scatter", symbolSize: 15, z: 5, itemStyle: { color: "#fff", borderColor: BLUE, borderWidth: 4 },
        data: at ? [{ value: [at.served.rate, at.wrong.rate || 0], text: `<b>the line, score ≥ ${at.from.toFixed(4)}</b><br>${lineText(at)}` }] : [],
        markLine: budgetLine(budget, "error budget"),
      },
    ],
  });
}

// What the model says against what came true.
function reliability(element) {
  const groups = report.curves.reliability.map(g => ({ at: g, x: g.predicted, y: g.right.rate, low: g.right.low, high: g.right.high }));
  const least = Math.max(0, Math.floor(10 * Math.min(...groups.map(g => Math.min(g.x, g.low)))) / 10);
  draw(element, {
    legend: { top: 4, left: 4, data: ["groups of candidates", "as it should be"], itemGap: 16, itemWidth: 18, itemHeight: 10, textStyle: { color: INK, fontSize: 12.5 } },
    grid: { left: 66, right: 30, top: 52, bottom: 56 },
    tooltip: { trigger: "item", formatter: p => p.data.text, borderColor: LINE, textStyle: { color: INK, fontSize: 12.5 } },
    xAxis: { type: "value", name: "P(right) as the model says", nameGap: 32, min: least, max: 1, axisLabel: { formatter: v => percent(v, 0), color: SOFT } },
    yAxis: { type: "value", name: "right", nameGap: 48, min: least, max: 1, axisLabel: { formatter: v => percent(v, 0), color: SOFT } },
    series: [
      { name: "as it should be", type: "line", symbol: "none", silent: true, data: [[least, least], [1, 1]], lineStyle: { color: GREY, type: "dashed", width: 1.3 }, itemStyle: { color: GREY } },
      ...band("groups of candidates", groups, BLUE, g => `<b>scores from ${g.at.from.toFixed(4)}</b><br>predicted ${percent(g.x)}<br>right ${percent(g.y)} (${interval(g.at.right)})`),
    ],
  });
}

function outcomePanel() {
  const rows = report.outcomes.map(o =>
    line([`${escaped(o.name)}<br><small>${escaped(o.does)}</small>`, cell(o.tally.hit_rate), cell(o.wrong_of_hits), cell(o.wrong_by_meaning), cell(o.tally.error)], o.name === "tuned" ? "own" : ""));
  return panel("On the part that nothing was learnt from",
    "How to read this: each line answered the same last requests, through the pipeline that serves or in its place; shares with their 95% intervals. The error budget bounds the wrong ones among the hits by meaning.",
    table(["", "hit rate", "wrong of hits", "wrong of hits by meaning", "wrong of requests"], rows));
}

function triedPanel() {
  if (report.tried.length < 2) return "";
  const rows = report.tried.map(t => line([`${escaped(t.model)}${t.own ? " <small>as configured</small>" : ""}`, escaped(t.composition), t.weights.join(" : "), whole(t.dimensions), percent(t.hit_rate), percent(t.error), whole(t.embed_us), whole(t.search_us), whole(t.vector_bytes)], t.chosen ? "own" : ""));
  return panel("What was tried", "How to read this: the share of the fitting part that could be answered within the budget, cross-validated; the choice looked at no other part. A composition of fewer dimensions than its slots have was projected.", table(["embedder", "composition", "weights", "dimensions", "hits", "wrong of them", "µs a text", "µs a search", "bytes a vector"], rows));
}

function modelPanel() {
  const c = report.calibration;
  if (!c) return "";
  const terms = c.model.terms.slice().sort((a, b) => Math.abs(b.coefficient) - Math.abs(a.coefficient));
  const rows = terms.map(t => line([escaped(t.feature), t.coefficient.toFixed(2), t.mean.toFixed(3), t.scale.toFixed(3)]));
  return panel("What tells right from wrong", "How to read this: what one standard deviation of each feature adds to the log-odds of being right.", table(["feature", "log-odds", "mean", "deviation"], rows), "half");
}

function settingsPanels() {
  const m = report.machine, data = report.data.map(d => line([`${escaped(d.name)}<br><small><code>${d.blake3}</code></small>`, whole(d.rows), whole(d.left_out), whole(d.bad)]));
  const lines = report.lines.length ? `<pre>${report.lines.map(escaped).join("\n")}</pre>` : "<p>None.</p>";
  return panel("Lines of the strategy file", `What this changes in “${escaped(report.before.name)}”.`, lines, "half") +
    panel("Circumstances", "Latencies hold for this machine alone.", `<dl><dt>made</dt><dd>${escaped(report.made_at)}</dd><dt>by</dt><dd>${escaped(report.program)}</dd><dt>model</dt><dd>${escaped(report.model)}</dd><dt>machine</dt><dd>${escaped(m.processor)}, ${m.cores} cores, ${escaped(m.system)}${m.optimised ? "" : ", a build without optimisation"}</dd><dt>seed</dt><dd>${report.seed}</dd></dl>`, "half") +
    panel("Data", "BLAKE3 of each file's bytes; rows that were used, that the limit left out, and lines that could not be read.", table(["file", "rows", "left out", "bad lines"], data));
}

const tuned = named("tuned"), before = named("before");
document.title = "Instinct tuning";
page.innerHTML = `<h1>Tuning of “${escaped(report.before.name)}”</h1>
  <p class="lead">${whole(fitted)} requests to fit on, ${whole(proven)} to prove on, and ${whole(last)} from which nothing was learnt and which the figures below are about. ${escaped(report.why)}</p>
  <div class="cards">
    ${before ? card("Hit rate before", before.tally.hit_rate) : ""}
    ${tuned ? card("Hit rate, tuned", tuned.tally.hit_rate) : ""}
    ${before ? card("Wrong of hits before", before.wrong_of_hits, before.wrong_of_hits.rate > budget ? "bad" : "") : ""}
    ${tuned ? card(`Wrong of hits, tuned (budget ${percent(budget)})`, tuned.wrong_of_hits, tuned.wrong_of_hits.rate <= budget ? "good" : "bad") : ""}
  </div>
  <div class="grid">
  ${panel("Hits against errors", "How to read this: to the right are more answers, upwards are more wrong ones among them; each dot is one line of acceptance. The ring is the line that was proven on the part before. Every request is stored here, so a memory that stores on a miss alone serves a little less.", chart(lineCurve))}
  ${outcomePanel()}
  ${report.curves.reliability.length ? panel("Whether the score can be believed", "How to read this: candidates in groups by their score, with 95% intervals; on the dashed line what the model says comes true. The line of acceptance doesn't rest on it: it is drawn by counting.", chart(reliability), "half") : ""}
  ${modelPanel()}
  ${triedPanel()}
  ${settingsPanels()}
  </div>
  <footer>Shares carry 95% Clopper–Pearson intervals, which take requests as independent. The same figures are in tuning.json, shape version ${report.version}. Charts by Apache ECharts, in this file; nothing is fetched.</footer>`;
later.forEach(drawIt => drawIt());
