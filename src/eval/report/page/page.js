// The page of an evaluation: cards, charts and tables from the report.
function gatePanel(gates) {
  const does = { floors: "too far away", facts: "the texts say different things", validity: "not valid any more, or not yet" };
  const of = (part, all) => (all ? `${whole(part)} <small>${percent(part / all, 0)}</small>` : "0");
  const rows = gates.map(g => {
    const [near, all] = [g.nearest_right + g.nearest_wrong, g.all_right + g.all_wrong];
    return line([`${g.gate} <small>${does[g.gate] || ""}</small>`, of(g.nearest_wrong, near), of(g.nearest_right, near), of(g.all_wrong, all), of(g.all_right, all)]);
  });
  return panel("What each gate refused",
    "How to read this: a refusal is right where the candidate would have answered wrongly, and costs a hit where it would have been right. The first two columns count the nearest candidate of requests that got no answer; the last two every candidate that an answer names, five at most.",
    table(["gate", "nearest: rightly refused", "nearest: hits lost", "all: rightly refused", "all: would have been right"], rows));
}

const latencyPanel = stages => panel("Latency by stage",
  `How to read this: half of the requests took at most the p50, one in a hundred longer than the p99; the stages run one after the other. ${report.machine.optimised ? "" : "<b>This program was built without optimisation, so these times are far too long.</b>"}`,
  chart(e => latencyBars(e, stages), true), "half");

function examplePanel(title, how, examples) {
  if (!examples.length) return "";
  const rows = examples.map(x => `<tr><td>${escaped(x.asked)}<br><small>${escaped(x.remembered)}</small></td><td>${escaped(x.expected)}<br><small>${escaped(x.found)}</small></td><td class="number">${x.similarity.toFixed(3)}<br><small>${x.fresh_similarity.toFixed(3)}</small></td><td>${x.gate ? `${x.gate}<br><small>${escaped(x.saw || "")}</small>` : `line ${x.line}`}</td></tr>`);
  return `<section class="panel"><details><summary>${title} (${examples.length})</summary><p class="how">${how}</p><div class="scroll"><table><thead><tr><th>asked, and what was remembered</th><th>expected, and found</th><th class="number">similarity, fresh</th><th>${examples[0].gate ? "gate, and what it saw" : "where"}</th></tr></thead><tbody>${rows.join("")}</tbody></table></details></section>`;
}

const setting = c => (c.share_min === undefined ? `τ_fresh ${c.tau_fresh.toFixed(3)}` : `share ${c.share_min.toFixed(3)}`);

function budgetPanel(s) {
  const b = s.error_budget, state = b.state;
  const times = x => (x === null ? "–" : `${x.toFixed(1)} ×`);
  const rows = [line(["Instinct", cell(b.whole.hits), cell(b.whole.wrong_of_hits), cell(b.late.hits), cell(b.late.wrong_of_hits), cell(b.late.wrong_of_requests), ""], "own")];
  for (const x of b.beside) rows.push(line([escaped(x.name), cell(x.whole.hits), cell(x.whole.wrong_of_hits), cell(x.late.hits), cell(x.late.wrong_of_hits), cell(x.late.wrong_of_requests), times(x.times_late)]));
  const opened = b.course.find(p => p.state === "open");
  const began = b.rules.start === "closed" ? "Near reuse began closed" : "Near reuse began open";
  const words = opened && b.rules.start === "closed" ? `${began} and was open after at most ${whole(opened.requests)} requests.` : `${began}.`;
  return panel("Under the error budget",
    `How to read this: of what is reused at most ${percent(b.rules.error_budget)} may be wrong, with a confidence of ${percent(b.rules.confidence, 0)}. ${words} At the end it is ${escaped(state.state.replace("_", " "))}: ${escaped(state.why)}. The late part are the last ${whole(b.late.hits.of)} requests, after there was time to learn; the last column is how many times as many hits Instinct has there.`,
    `<div class="cards">${card("Late hits", b.late.hits)}${card(`Wrong of the late hits (budget ${percent(b.rules.error_budget)})`, b.late.wrong_of_hits, b.held_late ? "good" : "bad")}${card("Wrong of all hits", b.whole.wrong_of_hits, b.held_whole ? "good" : "bad")}</div>` +
    chart(e => budgetCourse(e, b), true) +
    table(["", "hits", "wrong of them", "late hits", "wrong of them", "wrong of late requests", "hits, late"], rows));
}

function streamSection(s) {
  const t = s.tally, budget = report.error_budget;
  const rows = [line(["Instinct as configured", cell(t.hit_rate), cell(t.error), cell(t.precision_per_hit), cell(t.agreement)], "own")];
  for (const b of s.baselines) rows.push(line([`${escaped(b.name)}<br><small>${escaped(b.does)}</small>`, cell(b.tally.hit_rate), cell(b.tally.error), cell(b.tally.precision_per_hit), cell(b.tally.agreement)]));
  const best = s.curve.filter(c => c.tally.error.rate <= budget).sort((a, b) => b.tally.hit_rate.count - a.tally.hit_rate.count)[0];
  if (best) rows.splice(1, 0, line([`Instinct at ${setting(best)}<br><small>the most hits of the curve within the budget, chosen on these very data</small>`, cell(best.tally.hit_rate), cell(best.tally.error), cell(best.tally.precision_per_hit), cell(best.tally.agreement)]));
  const order = { time: "in the order of its times", shuffled: `shuffled with seed ${report.seed}, since it has no times`, file: "in the order of the file" }[s.ordering];
  const outsideId = `outside${charts}`;
  return `<h2>${escaped(s.name)}</h2>
    <p class="lead">${whole(t.requests)} requests with ${whole(s.decisions)} different decisions, replayed into an empty memory ${order}. Every miss is stored with its row's decision.</p>
    <div class="cards">
      ${card("Hit rate", t.hit_rate)}
      ${card(`Error (budget ${percent(budget)})`, t.error, t.error.rate <= budget ? "good" : "bad")}
      ${card("Precision per hit", t.precision_per_hit)}
      ${card("Agreement: requests not answered wrongly", t.agreement)}
      ${card("Abstention", t.abstention)}
    </div>
    <div class="grid">
    ${s.error_budget ? budgetPanel(s) : ""}
    ${panel("Hits against errors", "How to read this: to the right is more reuse, upwards are more wrong answers; a good cache runs along the bottom. Each dot of a line is one floor τ, or one share that the winner of a vote must have, replayed as a whole without an error budget, with its 95% interval as a thin bar. The ring is the strategy as its file has it." + ` <span id="${outsideId}"></span>`,
      `<div class="switch" role="group"><button aria-pressed="true">Near the budget</button><button aria-pressed="false">The whole curve</button></div>` +
      chart(e => {
        const buttons = [...e.previousElementSibling.children];
        const show = whole => {
          const outside = hitError(e, s, budget, whole);
          document.getElementById(outsideId).textContent = outside.length ? `Above the chart: ${outside.join(", ")}.` : "";
          buttons.forEach((b, i) => b.setAttribute("aria-pressed", String(whole === (i === 1))));
        };
        buttons.forEach((b, i) => b.addEventListener("click", () => show(i === 1)));
        show(false);
      }))}
    ${panel("Error as requests are served", "How to read this: the share of wrong answers among all requests so far, as configured. It should settle below the dashed line; the shade is where the true share lies with 95%.", chart(e => runningError(e, s, budget), true), "half")}
    ${latencyPanel(s.latency)}
    ${panel("Beside what one would use instead", "How to read this: shares with their 95% intervals. Error is of all requests, precision of the hits alone. Agreement is what is left of all requests when the errors are taken away: a miss goes to an engine, which decides as the row says.", table(["", "hit rate", "error", "precision per hit", "agreement"], rows))}
    ${gatePanel(s.gates)}
    ${examplePanel("Wrong answers", "The first of them: what was asked above, what was remembered and served below it.", s.wrong)}
    ${examplePanel("Hits lost to a gate after the floors", "The first of them: near enough and right, but a gate refused.", s.refused_right)}
    </div>`;
}

function pairSection(p) {
  const all = p.classes[p.classes.length - 1];
  const rows = p.classes.concat(p.baselines.map(b => ({ ...b, baseline: true }))).map(c =>
    line([c.baseline ? `${escaped(c.class)} <small>all pairs</small>` : escaped(c.class), inLine(c.same_served), inLine(c.different_served)], c === all ? "own" : ""));
  return `<h2>Pairs</h2>
    <p class="lead">${whole(p.pairs)} pairs: the first text is remembered, the second asked, the first forgotten again. Where the two share a decision it should be served; where they don't, serving it is falling for a trap.</p>
    <div class="cards">
      ${card("Same decision, served", all.same_served, all.same_served.of ? "good" : "")}
      ${card("Different decision, served: traps", all.different_served, all.different_served.count ? "bad" : "good")}
    </div>
    <div class="grid">
    ${panel("By class", "How to read this: green should be long, red should not be there at all.", chart(e => classBars(e, p.classes)), "half")}
    ${panel("Figures", "How to read this: shares of the pairs of each class, with their 95% intervals.", table(["class", "same, served", "different, served"], rows), "half")}
    ${p.curve.some(c => c.tally.same_served.of && c.tally.different_served.of) ? panel("Traps against right hits", "How to read this: to the right are more right hits, upwards more traps served. Each dot is one floor τ over all pairs; the ring is the strategy as its file has it.", chart(e => pairCurve(e, p)), "half") : ""}
    ${latencyPanel(p.latency)}
    ${gatePanel(p.gates)}
    ${examplePanel("Traps that were served", "The first of them: what was asked above, what was remembered and served below it.", p.wrong)}
    ${examplePanel("Right hits lost to a gate after the floors", "The first of them: near enough and right, but a gate refused.", p.refused_right)}
    </div>`;
}

function settings() {
  const s = report.strategy, m = report.machine;
  const data = report.data.map(d => `<tr><td>${escaped(d.name)}<br><code>${d.blake3}</code></td><td>${d.kind}</td><td class="number">${whole(d.rows)}</td><td class="number">${whole(d.left_out)}</td><td class="number">${whole(d.bad)}</td></tr>`);
  const bad = report.data.flatMap(d => d.bad_lines.map(b => `<tr><td>${escaped(d.name)}:${b.line}</td><td>${escaped(b.detail)}</td></tr>`));
  return `<h2>How this was made</h2><div class="grid">
    ${panel("Strategy", "What was evaluated.", `<dl><dt>name</dt><dd>${escaped(s.name)}, version ${s.version}</dd><dt>what for</dt><dd>${escaped(s.description)}</dd><dt>floors</dt><dd>τ ${s.thresholds.tau.toFixed(3)}, τ_fresh ${s.thresholds.tau_fresh.toFixed(3)}</dd><dt>composition</dt><dd>${s.composition}: ${s.slots.map(([role, weight]) => `${escaped(role)} ${weight.toFixed(2)}`).join(", ")}</dd><dt>fact gate</dt><dd>${s.facts ? "on" : "off"}</dd><dt>time to live</dt><dd>${s.ttl_sec ? `${whole(Math.round(s.ttl_sec / 86400))} days` : "none"}</dd><dt>error budget</dt><dd>${percent(report.error_budget)}</dd></dl>`, "half")}
    ${panel("Circumstances", "Latencies hold for this machine alone.", `<dl><dt>made</dt><dd>${escaped(report.made_at)}</dd><dt>by</dt><dd>${escaped(report.program)}</dd><dt>model</dt><dd>${escaped(report.model)}</dd><dt>machine</dt><dd>${escaped(m.processor)}, ${m.cores} cores, ${escaped(m.system)}${m.optimised ? "" : ", a build without optimisation"}</dd><dt>seed</dt><dd>${report.seed}</dd></dl>`, "half")}
    ${panel("Data", "BLAKE3 of each file's bytes; rows that were used, that the limit left out, and lines that could not be read.", `<div class="scroll"><table><thead><tr><th>file</th><th>kind</th><th class="number">rows</th><th class="number">left out</th><th class="number">bad lines</th></tr></thead><tbody>${data.join("")}</tbody></table></div>${bad.length ? `<details><summary>Bad lines</summary><table><tbody>${bad.join("")}</tbody></table></details>` : ""}`)}
    </div>`;
}

page.innerHTML = `<h1>Evaluation of “${escaped(report.strategy.name)}”</h1>
  <p class="lead">${escaped(report.strategy.description)} Replayed through the pipeline that serves, on ${report.data.map(d => escaped(d.name)).join(", ")}, ${escaped(report.made_at.slice(0, 10))}.</p>
  ${report.streams.map(streamSection).join("")}${report.pairs ? pairSection(report.pairs) : ""}${settings()}
  <footer>Shares carry 95% Clopper–Pearson intervals, which take requests as independent; those of a stream lean on one another, so there they are a guide. The same figures are in report.json, shape version ${report.version}. Charts by Apache ECharts, in this file; nothing is fetched.</footer>`;
later.forEach(drawIt => drawIt());
