/** What is configured: one strategy at a time, with its calibration and its error budget. */

import { useLive } from "../live";
import { count, day, fixed, moment, percent, span } from "../format";
import { BudgetScale, BudgetMark } from "../parts/budget";
import { CalibrationView } from "../parts/calibration";
import { Bar, Empty, Failure, Id, Panel } from "../parts/basics";
import { path } from "../route";
import type { BudgetState, Strategy } from "../wire";

interface Source {
  component?: { role: string; id: string; text?: string };
  latest?: { role: string; max: number };
}

function sourced(source: unknown): { role: string; from: string; text?: string } {
  if (source === "fresh") return { role: "fresh", from: "the request's text" };
  const { component, latest } = (source ?? {}) as Source;
  if (component) return { role: component.role, from: component.id, text: component.text };
  if (latest) return { role: latest.role, from: `the latest ${latest.max} by tag` };
  return { role: "–", from: JSON.stringify(source) };
}

function Slots(props: { strategy: Strategy }) {
  return (
    <table class="data">
      <thead>
        <tr>
          <th scope="col">Slot</th>
          <th scope="col">Vector of</th>
          <th scope="col">Bind</th>
          <th scope="col" class="num">
            Weight
          </th>
          <th scope="col" class="wide">
            <span class="hidden">Weight as a bar</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {props.strategy.slots.map((slot, i) => {
          const { role, from, text } = sourced(slot.source);
          return (
            <tr key={i}>
              <th scope="row">{role}</th>
              <td title={text}>{from}</td>
              <td title={slot.bind === "hard" ? "part of the partition: a search never crosses it" : "part of the vector"}>
                {slot.bind}
              </td>
              <td class="num">{fixed(slot.weight, 2)}</td>
              <td class="wide">
                <Bar share={slot.weight} />
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

interface FactRule {
  rule: string;
  unknown: string;
}

const isRule = (value: unknown): value is FactRule => typeof value === "object" && value !== null && "rule" in value;

/** Facts that are held to the same rule, together. */
function grouped(rules: [string, FactRule][]): { rule: FactRule; names: string[] }[] {
  const groups = new Map<string, { rule: FactRule; names: string[] }>();
  for (const [name, rule] of rules) {
    const key = `${rule.rule} ${rule.unknown}`;
    const group = groups.get(key) ?? { rule, names: [] };
    group.names.push(name);
    groups.set(key, group);
  }
  return [...groups.values()];
}

function FactRules(props: { facts: Strategy["facts"] }) {
  if (!props.facts.enabled) return <p class="muted pad">This strategy doesn't hold facts against each other.</p>;
  const rules = Object.entries(props.facts).filter((entry): entry is [string, FactRule] => isRule(entry[1]));
  const limits = Object.entries(props.facts).filter(
    ([name, value]) => !isRule(value) && name !== "enabled" && typeof value === "number",
  );
  return (
    <>
      <table class="data">
        <thead>
          <tr>
            <th scope="col">Facts</th>
            <th scope="col">Rule</th>
            <th scope="col">Where one side says nothing</th>
          </tr>
        </thead>
        <tbody>
          {grouped(rules).map(({ rule, names }) => (
            <tr key={`${rule.rule} ${rule.unknown}`}>
              <th scope="row" class="text">
                <ul class="chips">
                  {names.map((name) => (
                    <li key={name}>{name}</li>
                  ))}
                </ul>
              </th>
              <td>{rule.rule.replaceAll("-", " ")}</td>
              <td>{rule.unknown}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <dl class="pairs pad">
        {limits.map(([name, value]) => (
          <div key={name}>
            <dt>{name.replaceAll("_", " ")}</dt>
            <dd class="num">{String(value)}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

function Rules(props: { strategy: Strategy }) {
  const { strategy } = props;
  const rows: [string, string][] = [
    ["Floor on the composed vector, τ", fixed(strategy.thresholds.tau, 3)],
    ["Floor on the fresh vector, τ fresh", fixed(strategy.thresholds.tau_fresh, 3)],
    ["Time to live", strategy.validity.ttl_sec === null ? "none" : span(strategy.validity.ttl_sec)],
    ["Price band", strategy.validity.price_band === null ? "none" : `± ${percent(strategy.validity.price_band, 0)}`],
    ["Provenance at least", strategy.trust.provenance],
    ["Action class", `${strategy.action.class}${strategy.action.semantic ? ", near hits allowed" : ""}`],
    ["Deadline", `${count(strategy.deadline_ms)} ms`],
    ["Engine", strategy.engine ?? "none"],
  ];
  return (
    <dl class="facts">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd class="num">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Budget(props: { state: BudgetState }) {
  const { state } = props;
  const { spent, samples } = state;
  const rows: [string, string][] = [
    ["Tolerated", percent(state.error_budget)],
    ["Proven with confidence", percent(state.confidence, 0)],
    [
      "Wrong among shadow samples",
      spent.n > 0 ? `${percent(spent.rate, 2)} (${percent(spent.low, 2)} to ${percent(spent.high, 2)})` : "nothing sampled",
    ],
    ["Right at least, of what is served", state.calibrated ? percent(state.right_at_least) : "–"],
    ["Least score served", state.calibrated ? fixed(state.score_min, 3) : "–"],
    ...(["shadow", "feedback", "engine"] as const).map((source): [string, string] => [
      `Samples from ${source === "engine" ? "engines" : source}`,
      `${count(samples[source].n)}, ${count(samples[source].wrong)} wrong`,
    ]),
    ["Since", moment(state.since)],
  ];
  return (
    <>
      <div class="pad budget-head">
        <BudgetMark state={state} /> <span>{state.why}</span>
        <BudgetScale state={state} />
      </div>
      <dl class="facts">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd class="num">{value}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

function One(props: { strategy: Strategy }) {
  const { strategy } = props;
  return (
    <div class="stack">
      <Panel
        title={strategy.name}
        note={`version ${strategy.version}${strategy.default ? ", the default" : ""}`}
        class="strategy-head"
      >
        <p class="pad">{strategy.description}</p>
        {strategy.not_ready && <div class="failure">It can't decide: {strategy.not_ready}</div>}
        <dl class="pairs pad">
          <div>
            <dt>Entries</dt>
            <dd class="num">{count(strategy.entries)}</dd>
          </div>
          <div>
            <dt>Model</dt>
            <dd>
              <code>{strategy.model}</code>
            </dd>
          </div>
          <div>
            <dt>Composition</dt>
            <dd>{strategy.composition}</dd>
          </div>
          <div>
            <dt>Partition</dt>
            <dd>{strategy.partition ? <Id id={strategy.partition} /> : "–"}</dd>
          </div>
        </dl>
      </Panel>
      <div class="columns">
        <div class="stack">
          <Panel title="Rules">
            <Rules strategy={strategy} />
          </Panel>
          <Panel title="Composition" note={strategy.composition}>
            <div class="scroll">
              <Slots strategy={strategy} />
            </div>
          </Panel>
        </div>
        <div class="stack">
          <Panel title="Error budget">
            {strategy.error_budget ? (
              <Budget state={strategy.error_budget} />
            ) : (
              <Empty title="No error budget">Floors and gates alone decide.</Empty>
            )}
          </Panel>
          <Panel title="Facts">
            <FactRules facts={strategy.facts} />
          </Panel>
        </div>
      </div>
      <Panel title="Calibration" note={strategy.calibration ? `learnt ${day(strategy.calibration.made_at)}` : undefined}>
        {strategy.calibration ? (
          <CalibrationView calibration={strategy.calibration} />
        ) : (
          <Empty title="Not calibrated">
            <code>instinct tune DATA --strategy {strategy.name} --error-budget 0.01</code> learns from labelled data what may be
            served, and proves it.
          </Empty>
        )}
      </Panel>
    </div>
  );
}

export function Strategies(props: { of: string | null }) {
  const live = useLive();
  const all = live.strategies;
  const shown =
    all?.find((one) => one.name === props.of) ?? (props.of === null ? (all?.find((one) => one.default) ?? all?.[0]) : undefined);
  return (
    <>
      <div class="view-head">
        <h1>Strategies</h1>
        <nav class="choice" aria-label="Strategies">
          {(all ?? []).map((one) => (
            <a key={one.name} href={path("strategies", one.name)} aria-current={one === shown ? "true" : undefined}>
              {one.name} <span class="num muted">{count(one.entries)}</span>
            </a>
          ))}
        </nav>
      </div>
      {live.refused.strategies && <Failure error={live.refused.strategies} />}
      {shown && <One key={shown.name} strategy={shown} />}
      {!shown && all && <Empty title={`There is no strategy “${props.of}”`} />}
      {!all && !live.refused.strategies && <p class="muted">Reading…</p>}
    </>
  );
}
