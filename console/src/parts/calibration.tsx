/** What was learnt about reuse: how often candidates of each score were wrong, what the score looks at, and the proof. */

import { count, fixed, percent } from "../format";
import type { Calibration, PartFigures } from "../wire";
import { Id } from "./basics";

const WIDTH = 640;
const HEIGHT = 200;
const LEFT = 40;
const BOTTOM = 30;
const TOP = 8;

function Bins(props: { calibration: Calibration }) {
  const { bins, acceptance, learnt_for } = props.calibration;
  const share = (bin: { n: number; wrong: number }) => (bin.n > 0 ? bin.wrong / bin.n : 0);
  const most = Math.max(0.1, ...bins.map(share));
  const all = Math.max(
    1,
    bins.reduce((so, bin) => so + bin.n, 0),
  );
  // Candidates stand side by side in the order of their score, so that a bar is as wide as it has candidates.
  const below = bins.reduce<number[]>((so, bin) => [...so, (so.at(-1) ?? 0) + bin.n], [0]);
  const x = (candidates: number) => LEFT + (candidates / all) * (WIDTH - LEFT - 8);
  const scored = [0, 0.25, 0.5, 0.75].map((share) => bins.findIndex((_, i) => (below[i + 1] ?? all) > share * all));
  const y = (value: number) => HEIGHT - BOTTOM - (value / most) * (HEIGHT - BOTTOM - TOP);
  const least = acceptance.state === "proven" ? acceptance.score_min : null;
  const firstServed = least === null ? -1 : bins.findIndex((bin) => bin.from >= least);
  const line = firstServed < 0 ? null : x(below[firstServed] ?? 0);
  const steps = [0, most / 2, most];
  return (
    <svg class="bins" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label="Share of wrong candidates by score">
      <g class="axes">
        {steps.map((value) => (
          <g key={value}>
            <line x1={LEFT} x2={WIDTH - 8} y1={y(value)} y2={y(value)} />
            <text x={LEFT - 6} y={y(value) + 3.5} text-anchor="end">
              {fixed(value * 100, 0)} %
            </text>
          </g>
        ))}
        {scored.map((i) => (
          <text key={i} x={x(below[i] ?? 0)} y={HEIGHT - BOTTOM + 14} text-anchor="middle">
            {fixed(bins[i]?.from, 2)}
          </text>
        ))}
        <text x={WIDTH - 8} y={HEIGHT - BOTTOM + 14} text-anchor="end">
          1
        </text>
        <text class="axis-name" x={(LEFT + WIDTH) / 2} y={HEIGHT - 3} text-anchor="middle">
          score, P(right), of equal numbers of candidates
        </text>
      </g>
      {bins.map((bin, i) => {
        const [from, to] = [x(below[i] ?? 0), x(below[i + 1] ?? all)];
        const served = least !== null && bin.from >= least;
        return (
          <rect
            key={bin.from}
            class={served ? "bin served" : "bin"}
            x={from}
            width={Math.max(0.8, to - from - 0.4)}
            y={y(share(bin))}
            height={HEIGHT - BOTTOM - y(share(bin))}
          >
            <title>
              score from {fixed(bin.from, 3)}: {fixed(bin.wrong, 0)} wrong of {fixed(bin.n, 0)}
            </title>
          </rect>
        );
      })}
      <line class="tolerated-line" x1={LEFT} x2={WIDTH - 8} y1={y(learnt_for.error_budget)} y2={y(learnt_for.error_budget)} />
      {line !== null && (
        <g class="least">
          <line x1={line} x2={line} y1={TOP} y2={HEIGHT - BOTTOM} />
          <text x={line + 6} y={TOP + 10}>
            served from {fixed(least, 3)}
          </text>
        </g>
      )}
    </svg>
  );
}

function Terms(props: { terms: Calibration["model"]["terms"] }) {
  const terms = [...props.terms].sort((a, b) => Math.abs(b.coefficient) - Math.abs(a.coefficient));
  const most = Math.max(0.001, ...terms.map((term) => Math.abs(term.coefficient)));
  return (
    <table class="data">
      <thead>
        <tr>
          <th scope="col">What the score looks at</th>
          <th scope="col" class="num" title="What one standard deviation adds to the log-odds of being right">
            Log-odds
          </th>
          <th scope="col" class="wide">
            <span class="hidden">As a bar</span>
          </th>
          <th scope="col" class="num">
            Mean
          </th>
        </tr>
      </thead>
      <tbody>
        {terms.map((term) => (
          <tr key={term.feature}>
            <th scope="row">{term.feature.replaceAll("_", " ")}</th>
            <td class="num">{fixed(term.coefficient, 2)}</td>
            <td class="wide">
              <svg class="bar both" width="100%" height="6" viewBox="-100 0 200 6" preserveAspectRatio="none" aria-hidden="true">
                <rect class="track" x="-100" width="200" height="6" />
                <rect
                  class={term.coefficient < 0 ? "fill down" : "fill"}
                  x={Math.min(0, (term.coefficient / most) * 100)}
                  width={Math.abs(term.coefficient / most) * 100}
                  height="6"
                />
              </svg>
            </td>
            <td class="num muted">{fixed(term.mean, 2)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const PARTS: [keyof Calibration["figures"], string][] = [
  ["fit", "Fitted on"],
  ["calibrate", "Proven on"],
  ["test", "Nothing learnt from"],
];

function Figures(props: { figures: Record<string, PartFigures> }) {
  return (
    <table class="data">
      <thead>
        <tr>
          <th scope="col">Part of the data</th>
          <th scope="col" class="num">
            Candidates
          </th>
          <th scope="col" class="num">
            Served
          </th>
          <th scope="col" class="num">
            Hit rate
          </th>
          <th scope="col" class="num">
            Wrong
          </th>
          <th scope="col" class="num">
            Error
          </th>
          <th scope="col" class="num" title="Wilson, two-sided 95 %">
            Interval
          </th>
          <th scope="col" class="num" title="Clopper–Pearson, one-sided">
            At most
          </th>
        </tr>
      </thead>
      <tbody>
        {PARTS.map(([name, title]) => {
          const part = props.figures[name];
          return part ? (
            <tr key={name}>
              <th scope="row">{title}</th>
              <td class="num">{count(part.candidates)}</td>
              <td class="num">{count(part.served)}</td>
              <td class="num">{percent(part.hit_rate)}</td>
              <td class="num">{count(part.served_wrong)}</td>
              <td class="num">{percent(part.error, 2)}</td>
              <td class="num muted">
                {percent(part.error_low, 2)} to {percent(part.error_high, 2)}
              </td>
              <td class="num">{percent(part.error_upper, 2)}</td>
            </tr>
          ) : null;
        })}
      </tbody>
    </table>
  );
}

export function CalibrationView(props: { calibration: Calibration }) {
  const { calibration } = props;
  const { acceptance } = calibration;
  return (
    <div class="calibration">
      <p class="pad">
        {acceptance.state === "proven" ? (
          <>
            Served from a score of <b class="num">{fixed(acceptance.score_min, 3)}</b>; there the error is at most{" "}
            <b class="num">{percent(acceptance.error_upper, 2)}</b> with {percent(calibration.learnt_for.confidence, 0)}{" "}
            confidence, against <b class="num">{percent(calibration.learnt_for.error_budget)}</b> tolerated.
          </>
        ) : (
          <>No score is proven: {acceptance.reason}</>
        )}
      </p>
      <div class="columns">
        <figure>
          <figcaption class="legend">Share of wrong candidates by score; dashed, what is tolerated</figcaption>
          <Bins calibration={calibration} />
        </figure>
        <div class="scroll">
          <Terms terms={calibration.model.terms} />
        </div>
      </div>
      <div class="scroll">
        <Figures figures={calibration.figures} />
      </div>
      <p class="muted pad">
        Data <Id id={calibration.data_hash} />, model <code>{calibration.learnt_for.model}</code>, strategy version{" "}
        {calibration.learnt_for.strategy_version}.
      </p>
    </div>
  );
}
