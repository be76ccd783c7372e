/** Numbers and times for people. */

const MINUS = "−";
const DASH = "–";

/** A number with so many decimals and thin spaces between thousands; a dash where there is none. */
export function fixed(value: number | null | undefined, decimals = 0): string {
  if (value == null || !Number.isFinite(value)) return DASH;
  const [whole = "", part] = Math.abs(value).toFixed(decimals).split(".");
  const sign = value < 0 && Number(value.toFixed(decimals)) !== 0 ? MINUS : "";
  return sign + whole.replace(/\B(?=(\d{3})+$)/g, "\u202f") + (part ? `.${part}` : "");
}

/** A whole number. */
export const count = (value: number | null | undefined) => fixed(value, 0);

/** A share as a percentage. */
export function percent(value: number | null | undefined, decimals = 1): string {
  return value == null || !Number.isFinite(value) ? DASH : `${fixed(value * 100, decimals)}\u2009%`;
}

/** A rate by the second. */
export function rate(value: number | null | undefined): string {
  if (value == null || !Number.isFinite(value)) return DASH;
  return fixed(value, value >= 100 ? 0 : value >= 10 ? 1 : 2);
}

/** A time of `seconds` in milliseconds, with three digits that count. */
export function millis(seconds: number | null | undefined): string {
  if (seconds == null || !Number.isFinite(seconds)) return DASH;
  const ms = seconds * 1_000;
  return fixed(ms, ms >= 100 ? 0 : ms >= 10 ? 1 : ms >= 1 ? 2 : 3);
}

/** Bytes in the unit that fits. */
export function bytes(value: number | null | undefined): string {
  if (value == null) return DASH;
  const units = ["B", "kB", "MB", "GB", "TB"];
  let [n, unit] = [value, 0];
  while (n >= 1_000 && unit < units.length - 1) [n, unit] = [n / 1_000, unit + 1];
  return `${fixed(n, unit === 0 || n >= 100 ? 0 : 1)}\u2009${units[unit]}`;
}

/** A cosine. */
export const cosine = (value: number | null | undefined) => fixed(value, 3);

const two = (n: number) => String(n).padStart(2, "0");

/** The time of day of an instant, in this place. */
export function clock(at: string | number | Date): string {
  const date = new Date(at);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** The day of an instant, in this place. */
export function day(at: string | number | Date): string {
  const date = new Date(at);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** Day and time to the minute. */
export const moment = (at: string | number | Date) => `${day(at)} ${clock(at).slice(0, 5)}`;

/** A length of time in the unit that fits. */
export function span(seconds: number | null | undefined): string {
  if (seconds == null) return DASH;
  for (const [unit, length] of [
    ["d", 86_400],
    ["h", 3_600],
    ["min", 60],
  ] as const) {
    if (seconds >= length)
      return `${fixed(seconds / length, seconds % length === 0 || seconds >= 10 * length ? 0 : 1)}\u2009${unit}`;
  }
  return `${fixed(seconds, seconds < 10 && seconds % 1 !== 0 ? 1 : 0)}\u2009s`;
}

/** The beginning of an id, for a column. */
export function shortId(id: string): string {
  const tail = id.startsWith("sc:combo:") ? id.slice(9) : id;
  return tail.length > 12 ? `${tail.slice(0, 10)}…` : tail;
}
