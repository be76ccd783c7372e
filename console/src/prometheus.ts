/** Prometheus' text format, and what can be told from two readings of it. */

/** One reading: for each name the value of each set of labels, written as it stands between the braces. */
export type Reading = Map<string, Map<string, number>>;

const LINE = /^([A-Za-z_:][A-Za-z0-9_:]*)(?:\{(.*)\})? ([^ ]+)(?: -?\d+)?(?: # .*)?$/;

/** Reads the exposition; a line that can't be read is passed over. */
export function read(text: string): Reading {
  const reading: Reading = new Map();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const found = LINE.exec(line);
    if (!found) continue;
    const [, name = "", labels = "", said = ""] = found;
    const value = said === "+Inf" ? Infinity : said === "-Inf" ? -Infinity : Number(said);
    let of = reading.get(name);
    if (!of) reading.set(name, (of = new Map()));
    of.set(labels, value);
  }
  return reading;
}

const PAIR = /([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)"/g;

/** The labels between the braces, by name. */
export function labels(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [, name = "", value = ""] of text.matchAll(PAIR)) {
    found[name] = value.replace(/\\(.)/g, (_, c: string) => (c === "n" ? "\n" : c));
  }
  return found;
}

function fits(text: string, wanted: Record<string, string>): boolean {
  const has = labels(text);
  return Object.entries(wanted).every(([name, value]) => has[name] === value);
}

/** The sum of all series of a name that carry these labels; `null` where there are none. */
export function sum(reading: Reading | undefined, name: string, wanted: Record<string, string> = {}): number | null {
  let total: number | null = null;
  for (const [text, value] of reading?.get(name) ?? []) {
    if (fits(text, wanted)) total = (total ?? 0) + value;
  }
  return total;
}

/**
 * By how much a counter grew from one reading to the next. It counts from nought again after a restart, and then all that it shows has
 * come since. Without an earlier reading it is the count since the start.
 */
export function grown(
  from: Reading | undefined,
  to: Reading | undefined,
  name: string,
  wanted: Record<string, string> = {},
): number {
  const now = sum(to, name, wanted) ?? 0;
  const before = sum(from, name, wanted) ?? 0;
  return now < before ? now : now - before;
}

/** A histogram: how many observations are at most `le`, for each bound, the last of which is infinite. */
export interface Histogram {
  bounds: number[];
  counts: number[];
  total: number;
  sum: number;
}

function cumulative(reading: Reading | undefined, name: string, wanted: Record<string, string>): Map<number, number> {
  const found = new Map<number, number>();
  for (const [text, value] of reading?.get(`${name}_bucket`) ?? []) {
    if (!fits(text, wanted)) continue;
    const said = labels(text).le ?? "";
    const bound = said === "+Inf" ? Infinity : Number(said);
    found.set(bound, (found.get(bound) ?? 0) + value);
  }
  return found;
}

/** What a histogram took up from one reading to the next; from the start where there is no earlier one. */
export function observed(
  from: Reading | undefined,
  to: Reading | undefined,
  name: string,
  wanted: Record<string, string> = {},
): Histogram {
  const now = cumulative(to, name, wanted);
  let before = cumulative(from, name, wanted);
  if ((before.get(Infinity) ?? 0) > (now.get(Infinity) ?? 0)) before = new Map();
  const bounds = [...now.keys()].sort((a, b) => a - b);
  const counts = bounds.map((bound) => (now.get(bound) ?? 0) - (before.get(bound) ?? 0));
  return { bounds, counts, total: counts.at(-1) ?? 0, sum: grown(from, to, `${name}_sum`, wanted) };
}

/** The q-quantile, in a straight line within its bucket as `histogram_quantile` has it; `null` where nothing was observed. */
export function quantile(histogram: Histogram, q: number): number | null {
  const { bounds, counts, total } = histogram;
  if (total <= 0) return null;
  const rank = q * total;
  const at = counts.findIndex((count) => count >= rank);
  const upper = bounds[at] ?? Infinity;
  const lower = at > 0 ? (bounds[at - 1] ?? 0) : 0;
  if (upper === Infinity) return lower;
  const below = at > 0 ? (counts[at - 1] ?? 0) : 0;
  const within = (counts[at] ?? 0) - below;
  return within > 0 ? lower + ((upper - lower) * (rank - below)) / within : upper;
}

/** The q-quantile of plain values, the nearest rank. */
export function rank(values: number[], q: number): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? null;
}
