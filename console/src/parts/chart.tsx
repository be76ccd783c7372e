/** Lines over time, drawn by uPlot. */

import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { clock } from "../format";
import { colour, useDark } from "../theme";

export interface Line {
  label: string;
  /** The name of its colour in the style sheet. */
  tone: string;
  values: (number | null)[];
}

interface Props {
  title: string;
  times: number[];
  lines: Line[];
  /** Laid one upon the other, the first one lowest. */
  stacked?: boolean;
  logarithmic?: boolean;
  format: (value: number | null) => string;
  unit: string;
  empty: string;
}

const HEIGHT = 190;
/** Seconds that the chart shows: few at first, and then as many as are kept. */
const SECONDS_MIN = 60;
const SECONDS_MAX = 300;
const FONT = '11px system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif';

/** Each line with those below it added, the topmost first, so that what is drawn later covers what it doesn't hold. */
function piled(lines: Line[]): (number | null)[][] {
  const below: number[] = [];
  const sums = lines.map((line) =>
    line.values.map((value, i) => {
      if (value === null) return null;
      below[i] = (below[i] ?? 0) + value;
      return below[i];
    }),
  );
  return sums.reverse();
}

function data(props: Props): uPlot.AlignedData {
  const values = props.stacked ? piled(props.lines) : props.lines.map((line) => line.values);
  return [props.times, ...values] as uPlot.AlignedData;
}

function axis(): uPlot.Axis {
  return {
    stroke: colour("muted"),
    font: FONT,
    grid: { stroke: colour("grid"), width: 1 },
    ticks: { show: false },
    gap: 6,
  };
}

/** From the first reading on, within limits, to now. */
function shown(times: number[]): [number, number] {
  const now = times.at(-1) ?? Date.now() / 1_000;
  return [Math.max(now - SECONDS_MAX, Math.min(times[0] ?? now, now - SECONDS_MIN)), now];
}

function options(props: Props, width: number, onHover: (at: number | null) => void): uPlot.Options {
  const lines = props.stacked ? [...props.lines].reverse() : props.lines;
  return {
    width,
    height: HEIGHT,
    padding: [8, 28, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: !props.stacked, size: 6 }, drag: { setScale: false } },
    scales: {
      x: { time: true, range: (plot) => shown(plot.data[0] as number[]) },
      y: props.logarithmic
        ? { distr: 3, log: 10 }
        : { range: (_, __, most) => [0, Math.max(1, (Number.isFinite(most) ? most : 0) * 1.08)] },
    },
    axes: [
      { ...axis(), size: 26, space: 90, values: (_, at) => at.map((t) => clock(t * 1_000)) },
      {
        ...axis(),
        size: 46,
        space: 28,
        values: (_, at) => at.map((value) => (value == null ? "" : props.format(value))),
      },
    ],
    series: [
      {},
      ...lines.map((line): uPlot.Series => ({
        label: line.label,
        stroke: colour(line.tone),
        fill: props.stacked ? colour(`${line.tone}-fill`) : undefined,
        width: props.stacked ? 1 : 1.5,
        points: { show: false },
        spanGaps: false,
      })),
    ],
    hooks: { setCursor: [(plot) => onHover(plot.cursor.idx ?? null)] },
  };
}

export function Chart(props: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [hovered, setHovered] = useState<number | null>(null);
  const dark = useDark();
  const nothing = props.lines.every((line) => line.values.every((value) => value === null));
  const blank = props.times.length < 2 || nothing;

  useEffect(() => {
    const at = box.current;
    if (!at || blank) return;
    const made = new uPlot(options(props, at.clientWidth, setHovered), data(props), at);
    plot.current = made;
    const sized = new ResizeObserver(() => made.setSize({ width: at.clientWidth, height: HEIGHT }));
    sized.observe(at);
    return () => {
      sized.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [dark, blank]);

  useEffect(() => plot.current?.setData(data(props)), [props.times.at(-1), props.times.length]);

  const at = hovered ?? props.times.length - 1;
  return (
    <figure class="chart">
      <figcaption class="legend">
        {props.lines.map((line) => (
          <span key={line.label} class="legend-item">
            <span class={`swatch tone-${line.tone}`} aria-hidden="true" />
            {line.label} <span class="num">{props.format(line.values[at] ?? null)}</span>
          </span>
        ))}
        <span class="legend-unit">
          {props.unit}
          {hovered !== null && props.times[hovered] !== undefined && `, ${clock(props.times[hovered] * 1_000)}`}
        </span>
      </figcaption>
      {blank ? (
        <p class="chart-blank">{props.empty || "No answers in this time."}</p>
      ) : (
        <div ref={box} class="plot" role="img" aria-label={props.title} />
      )}
    </figure>
  );
}
