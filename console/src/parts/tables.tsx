/** The tables of the overview: paths, stages, gates, engines and agents. */

import { count, millis, percent } from "../format";
import { grown, labels, observed, quantile, rank, sum } from "../prometheus";
import type { Window } from "../live";
import { GATES, PATHS, type Recent } from "../wire";
import { Bar, Panel, PathMark } from "./basics";

const DECISIONS = "decisions_total";
const STAGES = "decide_stage_duration_seconds";

export function PathTable(props: { window: Window; recent: Recent[] }) {
  const all = grown(props.window.from, props.window.to, DECISIONS);
  const rows = PATHS.map((path) => {
    const decided = grown(props.window.from, props.window.to, DECISIONS, { path, outcome: "decided" });
    const other = grown(props.window.from, props.window.to, DECISIONS, { path }) - decided;
    const took = props.recent.filter((one) => one.path === path && one.outcome !== "pending").map((one) => one.total_us / 1e6);
    return { path, decided, other, took };
  });
  const decided = rows.reduce((so, row) => so + row.decided, 0);
  const took = rows.flatMap((row) => row.took);
  return (
    <div class="scroll">
      <table class="data">
        <thead>
          <tr>
            <th scope="col">Path</th>
            <th scope="col" class="num">
              Decided
            </th>
            <th scope="col" class="num" title="Abstained or pending, with this path as the last one that was tried">
              No answer
            </th>
            <th scope="col" class="num">
              Share
            </th>
            <th scope="col" class="wide">
              <span class="hidden">Share as a bar</span>
            </th>
            <th scope="col" class="num">
              p50 ms
            </th>
            <th scope="col" class="num">
              p95 ms
            </th>
            <th scope="col" class="num">
              Max ms
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ path, decided, other, took }) => (
            <tr key={path}>
              <th scope="row">
                <PathMark path={path} />
              </th>
              <td class="num">{count(decided)}</td>
              <td class="num muted">{count(other)}</td>
              <td class="num">{percent(all > 0 ? (decided + other) / all : null)}</td>
              <td class="wide">
                <Bar share={all > 0 ? (decided + other) / all : 0} tone={`tone-${path}`} />
              </td>
              <td class="num">{millis(rank(took, 0.5))}</td>
              <td class="num">{millis(rank(took, 0.95))}</td>
              <td class="num">{millis(rank(took, 1))}</td>
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">all</th>
            <td class="num">{count(decided)}</td>
            <td class="num muted">{count(all - decided)}</td>
            <td class="num">{percent(all > 0 ? 1 : null)}</td>
            <td class="wide" />
            <td class="num">{millis(rank(took, 0.5))}</td>
            <td class="num">{millis(rank(took, 0.95))}</td>
            <td class="num">{millis(rank(took, 1))}</td>
          </tr>
        </tfoot>
      </table>
    </div>
  );
}

const STAGE_NAMES = ["exact", "context", "embed", "compose", "search", "gates"];

export function StageTable(props: { window: Window }) {
  const rows = STAGE_NAMES.map((stage) => ({ stage, seen: observed(props.window.from, props.window.to, STAGES, { stage }) }));
  const all = rows.reduce((so, { seen }) => so + seen.sum, 0);
  return (
    <div class="scroll">
      <table class="data">
        <thead>
          <tr>
            <th scope="col">Stage</th>
            <th scope="col" class="num">
              Runs
            </th>
            <th scope="col" class="num">
              p50 ms
            </th>
            <th scope="col" class="num">
              p95 ms
            </th>
            <th scope="col" class="num">
              p99 ms
            </th>
            <th scope="col" class="num">
              Time
            </th>
            <th scope="col" class="wide">
              <span class="hidden">Share of the time</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ stage, seen }) => (
            <tr key={stage}>
              <th scope="row">{stage}</th>
              <td class="num">{count(seen.total)}</td>
              {[0.5, 0.95, 0.99].map((q) => (
                <td key={q} class="num">
                  {millis(quantile(seen, q))}
                </td>
              ))}
              <td class="num">{percent(all > 0 ? seen.sum / all : null)}</td>
              <td class="wide">
                <Bar share={all > 0 ? seen.sum / all : 0} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function RefusalTable(props: { window: Window }) {
  const rows = GATES.map((gate) => ({
    gate,
    refused: grown(props.window.from, props.window.to, "gate_refusals_total", { gate }),
  }));
  const most = Math.max(1, ...rows.map((row) => row.refused));
  return (
    <table class="data refusals">
      <thead>
        <tr>
          <th scope="col">Gate</th>
          <th scope="col" class="num">
            Candidates refused
          </th>
          <th scope="col" class="wide">
            <span class="hidden">As a bar</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ gate, refused }) => (
          <tr key={gate}>
            <th scope="row">{gate}</th>
            <td class="num">{count(refused)}</td>
            <td class="wide">
              <Bar share={refused / most} tone={`fate-${gate}`} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Runs that ended neither with a decision nor with the engine saying that it has none. */
function failedRuns(window: Window, engine: string): number {
  const of = (outcome?: string) => grown(window.from, window.to, "engine_runs_total", outcome ? { engine, outcome } : { engine });
  return of() - of("decided") - of("abstained");
}

const BREAKERS = ["closed", "half open", "open"];

function AgentTable(props: { window: Window }) {
  const { from, to } = props.window;
  const names = new Set(
    [...(to?.get("agent_runs_total") ?? new Map<string, number>()).keys()].map((text) => labels(text).agent ?? ""),
  );
  if (names.size === 0) return null;
  return (
    <div class="scroll spaced">
      <table class="data">
        <thead>
          <tr>
            <th scope="col">Agent</th>
            <th scope="col" class="num">
              Runs
            </th>
            <th scope="col" class="num">
              Answered
            </th>
            <th scope="col" class="num">
              By model
            </th>
            <th scope="col" class="num" title="Whether it asks its language model: closed, it does; open, it does not">
              Breaker
            </th>
          </tr>
        </thead>
        <tbody>
          {[...names].map((agent) => {
            const of = (wanted: Record<string, string>) => grown(from, to, "agent_runs_total", { agent, ...wanted });
            const breaker = sum(to, "agent_breaker_state", { agent });
            return (
              <tr key={agent}>
                <th scope="row">{agent.replaceAll("_", " ")}</th>
                <td class="num">{count(of({}))}</td>
                <td class="num">{count(of({ outcome: "ok" }))}</td>
                <td class="num">{count(of({ source: "llm" }))}</td>
                <td class={`num ${breaker === 2 ? "wrong" : ""}`}>{breaker === null ? "–" : BREAKERS[breaker]}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

export function EnginePanel(props: { window: Window }) {
  const { from, to } = props.window;
  const names = new Set(
    [...(to?.get("engine_runs_total") ?? new Map<string, number>()).keys()].map((text) => labels(text).engine ?? ""),
  );
  if (names.size === 0) return null;
  return (
    <Panel title="Engines" note="What thinks where nothing may be reused">
      <div class="scroll">
        <table class="data">
          <thead>
            <tr>
              <th scope="col">Engine</th>
              <th scope="col" class="num">
                Runs
              </th>
              <th scope="col" class="num">
                Decided
              </th>
              <th scope="col" class="num">
                Failed
              </th>
              <th scope="col" class="num">
                p50 ms
              </th>
              <th scope="col" class="num">
                p99 ms
              </th>
            </tr>
          </thead>
          <tbody>
            {[...names].map((engine) => {
              const took = observed(from, to, "engine_duration_seconds", { engine });
              return (
                <tr key={engine}>
                  <th scope="row">{engine}</th>
                  <td class="num">{count(grown(from, to, "engine_runs_total", { engine }))}</td>
                  <td class="num">{count(grown(from, to, "engine_runs_total", { engine, outcome: "decided" }))}</td>
                  <td class="num">{count(failedRuns(props.window, engine))}</td>
                  <td class="num">{millis(quantile(took, 0.5))}</td>
                  <td class="num">{millis(quantile(took, 0.99))}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      <AgentTable window={props.window} />
    </Panel>
  );
}
