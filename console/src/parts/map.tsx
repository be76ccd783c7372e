/** The hit and refusal map: where the latest requests stood between the floors, and what became of them. */

import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { cosine } from "../format";
import { go } from "../route";
import { GATES, type Gate, type Neighbour, type Recent } from "../wire";

interface Point {
  recent: Recent;
  near: Neighbour;
  /** What became of it: it was served, or which gate turned it away. */
  fate: "served" | Gate;
  x: number;
  y: number;
}

interface Frame {
  width: number;
  from: number;
}

const HEIGHT = 300;
const LEFT = 40;
const RIGHT = 12;
const TOP = 10;
const BOTTOM = 34;

function placed(frame: Frame, value: number, axis: "x" | "y"): number {
  const share = (value - frame.from) / (1 - frame.from);
  return axis === "x" ? LEFT + share * (frame.width - LEFT - RIGHT) : HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM);
}

/** Each request by the entry that it was served, or else by the nearest one that it was refused. */
export function points(recent: Recent[]): Omit<Point, "x" | "y">[] {
  return recent.flatMap((one): Omit<Point, "x" | "y">[] => {
    if (one.match) return [{ recent: one, near: one.match, fate: "served" }];
    if (one.refused?.gate) return [{ recent: one, near: one.refused, fate: one.refused.gate }];
    return [];
  });
}

function ticks(from: number): number[] {
  const step = 1 - from > 0.55 ? 0.2 : 0.1;
  const found: number[] = [];
  for (let at = 1; at >= from - 1e-9; at -= step) found.push(Math.round(at * 100) / 100);
  return found;
}

function Axes(props: { frame: Frame }) {
  const { frame } = props;
  return (
    <g class="axes" aria-hidden="true">
      {ticks(frame.from).map((at) => (
        <g key={at}>
          <line x1={placed(frame, at, "x")} x2={placed(frame, at, "x")} y1={TOP} y2={HEIGHT - BOTTOM} />
          <line x1={LEFT} x2={frame.width - RIGHT} y1={placed(frame, at, "y")} y2={placed(frame, at, "y")} />
          <text x={placed(frame, at, "x")} y={HEIGHT - BOTTOM + 14} text-anchor="middle">
            {at.toFixed(1)}
          </text>
          <text x={LEFT - 6} y={placed(frame, at, "y") + 3.5} text-anchor="end">
            {at.toFixed(1)}
          </text>
        </g>
      ))}
      <text class="axis-name" x={(LEFT + frame.width - RIGHT) / 2} y={HEIGHT - 4} text-anchor="middle">
        similarity of the composed vectors
      </text>
      <text class="axis-name" transform={`translate(10 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)`} text-anchor="middle">
        fresh similarity
      </text>
    </g>
  );
}

function Floors(props: { frame: Frame; tau: number; tauFresh: number }) {
  const { frame } = props;
  const [x, y] = [placed(frame, props.tau, "x"), placed(frame, props.tauFresh, "y")];
  return (
    <g class="floors" aria-hidden="true">
      <rect x={x} y={TOP} width={frame.width - RIGHT - x} height={y - TOP} />
      <path d={`M${x} ${TOP}V${y}H${frame.width - RIGHT}`} />
      <text x={x + 5} y={TOP + 12}>
        τ {props.tau.toFixed(2)}
      </text>
      <text x={frame.width - RIGHT - 4} y={y + 13} text-anchor="end">
        τ fresh {props.tauFresh.toFixed(2)}
      </text>
    </g>
  );
}

/** Served ones are filled, refused ones are rings, so that the colour is not all that tells them apart. */
function Dot(props: { point: Point; chosen: boolean }) {
  const { point } = props;
  return (
    <circle class={`dot fate-${point.fate} ${props.chosen ? "chosen" : ""}`} cx={point.x} cy={point.y} r={props.chosen ? 6 : 4} />
  );
}

function Tip(props: { point: Point; frame: Frame }) {
  const { recent, near, fate } = props.point;
  const right = props.point.x > props.frame.width / 2;
  const low = props.point.y > HEIGHT / 2;
  const at = {
    left: right ? "auto" : `${props.point.x + 12}px`,
    right: right ? `${props.frame.width - props.point.x + 12}px` : "auto",
    top: low ? "auto" : `${props.point.y}px`,
    bottom: low ? `${HEIGHT - props.point.y}px` : "auto",
  };
  return (
    <div class="tip" style={at}>
      <p class="tip-text">{recent.text}</p>
      <p class="num">
        {cosine(near.similarity)} · {cosine(near.fresh_similarity)} fresh
      </p>
      <p class={`tip-fate fate-${fate}`}>
        {fate === "served" ? `served, ${recent.path} path` : `refused by ${fate}: ${near.saw ?? ""}`}
      </p>
    </div>
  );
}

function useWidth(): [RefObject<HTMLDivElement | null>, number] {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const at = box.current;
    if (!at) return;
    const sized = new ResizeObserver(() => setWidth(at.clientWidth));
    sized.observe(at);
    return () => sized.disconnect();
  }, []);
  return [box, width];
}

const NEAR_PX = 14;

export function RefusalMap(props: { recent: Recent[]; tau: number; tauFresh: number; near: boolean }) {
  const [box, width] = useWidth();
  const [chosen, setChosen] = useState<string | null>(null);
  const found = points(props.recent);
  const least = Math.min(props.tau, props.tauFresh, ...found.flatMap(({ near }) => [near.similarity, near.fresh_similarity]));
  const from = props.near ? Math.floor((Math.min(props.tau, props.tauFresh) - 0.02) * 20) / 20 : Math.floor(least * 10) / 10;
  const frame: Frame = { width, from: Math.min(0.9, Math.max(0, from)) };
  const inFrame = found.filter(({ near }) => Math.min(near.similarity, near.fresh_similarity) >= frame.from);
  const placedPoints: Point[] = inFrame.map((point) => ({
    ...point,
    x: placed(frame, Math.min(1, point.near.similarity), "x"),
    y: placed(frame, Math.min(1, point.near.fresh_similarity), "y"),
  }));
  const over = (event: MouseEvent): Point | undefined => {
    const bounds = (event.currentTarget as Element).getBoundingClientRect();
    const [x, y] = [event.clientX - bounds.left, event.clientY - bounds.top];
    const far = (point: Point) => Math.hypot(point.x - x, point.y - y);
    return placedPoints.filter((point) => far(point) < NEAR_PX).sort((a, b) => far(a) - far(b))[0];
  };
  const hovered = placedPoints.find((point) => point.recent.id === chosen);
  const fates = (["served", ...GATES] as const).filter((fate) => found.some((point) => point.fate === fate));
  return (
    <figure class="map">
      <figcaption class="legend">
        {fates.map((fate) => (
          <span key={fate} class="legend-item">
            <svg width="12" height="12" aria-hidden="true">
              <circle class={`dot fate-${fate}`} cx="6" cy="6" r="4" />
            </svg>
            {fate === "served" ? "served" : `refused by ${fate}`}{" "}
            <span class="num">{found.filter((point) => point.fate === fate).length}</span>
          </span>
        ))}
      </figcaption>
      <div
        ref={box}
        class="map-box"
        onMouseMove={(event) => setChosen(over(event)?.recent.id ?? null)}
        onMouseLeave={() => setChosen(null)}
        onClick={(event) => {
          const point = over(event);
          if (point) go("decisions", point.recent.id);
        }}
      >
        {width > 0 && (
          <svg
            width={width}
            height={HEIGHT}
            role="img"
            aria-label={`The latest ${found.length} requests by similarity; the list under Decisions says the same in words.`}
          >
            <Axes frame={frame} />
            <Floors frame={frame} tau={props.tau} tauFresh={props.tauFresh} />
            {[...placedPoints].reverse().map((point) => (
              <Dot key={point.recent.id} point={point} chosen={point.recent.id === chosen} />
            ))}
          </svg>
        )}
        {hovered && <Tip point={hovered} frame={frame} />}
      </div>
    </figure>
  );
}
