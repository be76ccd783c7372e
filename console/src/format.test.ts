import { describe, expect, it } from "vitest";
import { bytes, count, fixed, millis, percent, shortId, span } from "./format";

describe("numbers for people", () => {
  it("have thin spaces between thousands, a true minus, and a dash where there are none", () => {
    expect(count(1234567)).toBe("1\u202f234\u202f567");
    expect(fixed(-0.051, 2)).toBe("−0.05");
    expect(fixed(-0.001, 2)).toBe("0.00");
    expect(fixed(null, 2)).toBe("–");
    expect(percent(0.0134, 2)).toBe("1.34\u2009%");
  });

  it("of time show three digits that count", () => {
    expect(["0.0000412", "0.0021", "0.0132", "0.25"].map((s) => millis(Number(s)))).toEqual(["0.041", "2.10", "13.2", "250"]);
  });

  it("of bytes and spans come in the unit that fits", () => {
    expect(bytes(999)).toBe("999\u2009B");
    expect(bytes(13_040_000)).toBe("13.0\u2009MB");
    expect(span(2_592_000)).toBe("30\u2009d");
    expect(span(90)).toBe("1.5\u2009min");
    expect(span(20)).toBe("20\u2009s");
  });

  it("an id is cut only where it is long", () => {
    expect(shortId("sc:combo:d38692530846df7977")).toBe("d386925308…");
    expect(shortId("01M7")).toBe("01M7");
  });
});
