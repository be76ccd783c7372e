// What every page is made of: cards, panels and tables. A page fills `page` and then draws what waits in `later`.
const report = JSON.parse(document.getElementById("report").textContent);
const page = document.getElementById("page");
const later = [];

const card = (name, rate, kind = "") =>
  `<div class="card ${kind}"><div class="name">${name}</div><div class="value">${share(rate.rate)}</div><div class="note">${whole(rate.count)} of ${whole(rate.of)} · ${interval(rate)}</div></div>`;
const panel = (title, how, inside, size = "") =>
  `<section class="panel ${size}"><h3>${title}</h3><p class="how">${how}</p>${inside}</section>`;
let charts = 0;
function chart(drawInto, low = false) {
  const id = `chart${charts++}`;
  later.push(() => drawInto(document.getElementById(id)));
  return `<div class="chart${low ? " low" : ""}" id="${id}"></div>`;
}
const cell = rate => `${share(rate.rate)}<br><small>${rate.of ? `${share(rate.low)} to ${share(rate.high)}` : "nothing to count"}</small>`;
const inLine = rate => (rate.of ? `${share(rate.rate)} <small>${share(rate.low)} to ${share(rate.high)}</small>` : "–");
const table = (heads, rows) =>
  `<div class="scroll"><table><thead><tr>${heads.map((h, i) => `<th class="${i ? "number" : ""}">${h}</th>`).join("")}</tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
const line = (cells, kind = "") => `<tr class="${kind}">${cells.map((c, i) => `<td class="${i ? "number" : ""}">${c}</td>`).join("")}</tr>`;
