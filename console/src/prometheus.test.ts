import { describe, expect, it } from "vitest";
import { grown, labels, observed, quantile, rank, read, sum } from "./prometheus";

const TEXT = `# HELP decisions_total Answers.
# TYPE decisions_total counter
decisions_total{outcome="decided",path="exact"} 27
decisions_total{outcome="abstained",path="fast"} 75
entries 457
took_bucket{stage="total",le="0.001"} 10
took_bucket{stage="total",le="0.01"} 90
took_bucket{stage="total",le="+Inf"} 100
took_sum{stage="total"} 1.5
odd{text="a \\"b\\", \\\\ and, }"} 1e-3 1700000000000
with_exemplar_total 5 # {trace_id="ab"} 1.0
not a line
`;

describe("the exposition", () => {
  it("is read with its labels, whatever stands in them", () => {
    const reading = read(TEXT);
    expect(sum(reading, "entries")).toBe(457);
    expect(sum(reading, "decisions_total")).toBe(102);
    expect(sum(reading, "decisions_total", { path: "exact" })).toBe(27);
    expect(sum(reading, "decisions_total", { path: "slow" })).toBe(null);
    expect(labels([...(reading.get("odd")?.keys() ?? [])][0] ?? "")).toEqual({ text: 'a "b", \\ and, }' });
    expect(sum(reading, "odd")).toBe(0.001);
    expect(sum(reading, "with_exemplar_total")).toBe(5);
    expect(reading.has("not")).toBe(false);
  });
});

describe("what two readings say", () => {
  it("is the growth of a counter, and all of it after a restart", () => {
    const [before, later, again] = [read("n 10"), read("n 25"), read("n 4")];
    expect(grown(before, later, "n")).toBe(15);
    expect(grown(later, again, "n")).toBe(4);
    expect(grown(undefined, later, "n")).toBe(25);
  });

  it("is what a histogram took up since, and all of it after a restart", () => {
    const before = read('t_bucket{le="1"} 5\nt_bucket{le="+Inf"} 6\nt_sum 9');
    const later = read('t_bucket{le="1"} 7\nt_bucket{le="+Inf"} 10\nt_sum 12');
    expect(observed(before, later, "t")).toEqual({ bounds: [1, Infinity], counts: [2, 4], total: 4, sum: 3 });
    expect(observed(later, before, "t").total).toBe(6);
  });
});

describe("a quantile", () => {
  const took = observed(undefined, read(TEXT), "took", { stage: "total" });

  it("lies in a straight line within its bucket", () => {
    expect(quantile(took, 0.5)).toBeCloseTo(0.001 + (0.009 * 40) / 80, 9);
    expect(quantile(took, 0.05)).toBeCloseTo(0.0005, 9);
  });

  it("is the last bound where it lies past it, and nothing where nothing was observed", () => {
    expect(quantile(took, 0.99)).toBe(0.01);
    expect(quantile(observed(undefined, read(""), "took"), 0.5)).toBe(null);
  });

  it("of plain values is the nearest rank", () => {
    expect(rank([3, 1, 2, 4], 0.5)).toBe(2);
    expect(rank([3, 1, 2, 4], 1)).toBe(4);
    expect(rank([], 0.5)).toBe(null);
  });
});
