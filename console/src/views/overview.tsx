/** What goes on: answers by path, latencies, refusals, budgets, and the state of the service itself. */

import { useState } from "preact/hooks";
import { Choice, Empty, Panel } from "../parts/basics";
import { BudgetTable } from "../parts/budget";
import { Chart, type Line } from "../parts/chart";
import { RefusalMap } from "../parts/map";
import { EnginePanel, PathTable, RefusalTable, StageTable } from "../parts/tables";
import { bytes, count, fixed, millis, percent, rate } from "../format";
import { EVERY_MS, type Live, type Sample, type Stretch, stretch, useLive, type Window } from "../live";
import { grown, observed, quantile, type Reading, sum } from "../prometheus";
import { PATHS, type Ready, type Recent, type Strategy } from "../wire";

const DECISIONS = "decisions_total";
const STAGES = "decide_stage_duration_seconds";

const total = (window: Window) => grown(window.from, window.to, DECISIONS);

/** The figures at the top. */
function Tiles(props: { window: Window; samples: Sample[] }) {
  const {
    window: { from, to },
    samples,
  } = props;
  const answers = total(props.window);
  const last = samples.at(-1);
  const before = samples.at(-4) ?? samples[0];
  const seconds = last && before && last !== before ? (last.at - before.at) / 1_000 : null;
  const now = seconds ? grown(before?.reading, last?.reading, DECISIONS) / seconds : null;
  const hits = grown(from, to, "semantic_cache_hits_total");
  const abstained = grown(from, to, DECISIONS, { outcome: "abstained" });
  const took = observed(from, to, STAGES, { stage: "total" });
  const share = (part: number) => (answers > 0 ? part / answers : null);
  const tiles: [string, string, string, string][] = [
    ["Answers now", rate(now), "per second", "over the last few seconds"],
    ["Answers", count(answers), "", "requests decided, abstained from or pending"],
    ["From memory", percent(share(hits)), "", "answered by an exact or near entry, without an engine"],
    ["Abstained", percent(share(abstained)), "", "nothing could be reused and nothing else might answer"],
    ["Median", millis(quantile(took, 0.5)), "ms", "from arrival to answer, all paths"],
    ["99th percentile", millis(quantile(took, 0.99)), "ms", "from arrival to answer, all paths"],
    ["Entries", count(sum(to, "semantic_cache_entries")), "", "remembered decisions that a search can find"],
  ];
  return (
    <dl class="tiles">
      {tiles.map(([name, value, unit, meaning]) => (
        <div key={name} class="tile" title={meaning}>
          <dt>{name}</dt>
          <dd>
            <span class="tile-value">{value}</span> {unit && value !== "–" && <span class="muted">{unit}</span>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** What each pair of readings, one after the other, says. */
function between<T>(samples: Sample[], of: (from: Reading, to: Reading, seconds: number) => T): T[] {
  return samples.slice(1).map((sample, i) => {
    const before = samples[i] as Sample;
    return of(before.reading, sample.reading, (sample.at - before.at) / 1_000);
  });
}

function times(samples: Sample[]): number[] {
  return samples.slice(1).map((sample) => sample.at / 1_000);
}

function answerLines(samples: Sample[]): Line[] {
  const by = (wanted: Record<string, string>) =>
    between(samples, (from, to, seconds) => grown(from, to, DECISIONS, wanted) / seconds);
  const decided = PATHS.map((path) => ({ label: path, tone: path as string, values: by({ path, outcome: "decided" }) }));
  const [abstained, pending] = [by({ outcome: "abstained" }), by({ outcome: "pending" })];
  return [...decided, { label: "no answer", tone: "none", values: abstained.map((value, i) => value + (pending[i] ?? 0)) }];
}

function latencyLines(samples: Sample[]): Line[] {
  const window = (q: number) => between(samples, (from, to) => quantile(observed(from, to, STAGES, { stage: "total" }), q));
  return [
    { label: "p50", tone: "p50", values: window(0.5) },
    { label: "p95", tone: "p95", values: window(0.95) },
    { label: "p99", tone: "p99", values: window(0.99) },
  ];
}

type Zoom = "all" | "near";

const ZOOMS: [Zoom, string][] = [
  ["all", "All"],
  ["near", "Past the floors"],
];

function MapPanel(props: { window: Window; recent: Recent[]; strategies: Strategy[] }) {
  const known = props.strategies.filter((one) => props.recent.some((recent) => recent.strategy === one.name));
  const [wanted, setWanted] = useState<string | null>(null);
  const shown =
    props.strategies.find((one) => one.name === wanted) ?? known.find((one) => one.default) ?? known[0] ?? props.strategies[0];
  const recent = props.recent.filter((one) => one.strategy === shown?.name);
  const [zoom, setZoom] = useState<Zoom>("all");
  const choice = known.length > 1 && shown && (
    <label class="inline">
      Strategy{" "}
      <select value={shown.name} onChange={(event) => setWanted(event.currentTarget.value)}>
        {known.map((one) => (
          <option key={one.name}>{one.name}</option>
        ))}
      </select>
    </label>
  );
  return (
    <Panel
      title="Hits and refusals"
      note="The latest requests by their nearest entry"
      aside={
        <>
          {choice}
          <Choice label="Part of the map" value={zoom} options={ZOOMS} onChange={setZoom} />
        </>
      }
      class="map-panel"
    >
      <div class="map-and-table">
        {shown && recent.length > 0 ? (
          <RefusalMap recent={recent} tau={shown.thresholds.tau} tauFresh={shown.thresholds.tau_fresh} near={zoom === "near"} />
        ) : (
          <Empty title="No requests yet">
            Each request that meets an entry becomes a point here. <a href="#/try">Try a text</a> to see the first one.
          </Empty>
        )}
        <RefusalTable window={props.window} />
      </div>
    </Panel>
  );
}

function BudgetPanel(props: { strategies: Strategy[] }) {
  const rows = props.strategies.flatMap((one) => (one.error_budget ? [{ name: one.name, state: one.error_budget }] : []));
  return (
    <Panel title="Error budget" note="The share of wrong reuses that is tolerated, and what samples say of it">
      {rows.length > 0 ? (
        <BudgetTable rows={rows} />
      ) : (
        <Empty title="No strategy states an error budget">Their floors and gates alone decide.</Empty>
      )}
    </Panel>
  );
}

function ServicePanel(props: { ready: Ready | null; reading?: Reading }) {
  const { store, embedder, cache } = props.ready?.parts ?? {};
  const rows: [string, string, boolean][] = [
    ["Store", store ? (store.writable ? "writable" : (store.error ?? "not writable")) : "–", store?.writable === false],
    ["On disk", bytes(store?.disk_bytes), false],
    [
      "Waiting for the disk",
      store ? `${count(store.queued)} of ${count(store.queue_capacity)}` : "–",
      !!store && store.queued > store.queue_capacity / 2,
    ],
    ["Records lost", count(store?.lost), !!store?.lost],
    [
      "Waiting to be embedded",
      embedder ? `${count(embedder.queued)} of ${count(embedder.queue_capacity)}` : "–",
      !!embedder && embedder.queued > embedder.queue_capacity / 2,
    ],
    ["Model", embedder?.model ?? "–", false],
    ["Components", count(cache?.components), false],
    ["Partitions", count(cache?.partitions), false],
    ["Indexes in memory", bytes(sum(props.reading, "index_bytes")), false],
    ["Pending decisions", count(sum(props.reading, "decisions_pending")), false],
  ];
  return (
    <Panel title="Service">
      <dl class="facts two">
        {rows.map(([name, value, bad]) => (
          <div key={name} class={bad ? "bad" : ""}>
            <dt>{name}</dt>
            <dd class="num">{value}</dd>
          </div>
        ))}
      </dl>
    </Panel>
  );
}

const STRETCHES: [Stretch, string][] = [
  ["1m", "1 min"],
  ["5m", "5 min"],
  ["start", "Since start"],
];

export function Overview() {
  const live: Live = useLive();
  const [of, setOf] = useState<Stretch>("start");
  const window = stretch(live.samples, of);
  const recent = live.recent ?? [];
  const at = times(live.samples);
  const waiting = live.samples.length < 2 ? `The first figures come within ${fixed((2 * EVERY_MS) / 1_000)} seconds.` : "";
  return (
    <>
      <div class="view-head">
        <h1>Overview</h1>
        <Choice label="Stretch of time" value={of} options={STRETCHES} onChange={setOf} />
      </div>
      <Tiles window={window} samples={live.samples} />
      <div class="columns">
        <Panel title="Answers" note="by the path that gave them">
          <Chart
            title="Answers per second by path"
            times={at}
            lines={answerLines(live.samples)}
            stacked
            format={rate}
            unit="per second"
            empty={waiting}
          />
        </Panel>
        <Panel title="Latency" note="from arrival to answer">
          <Chart
            title="Latency"
            times={at}
            lines={latencyLines(live.samples)}
            logarithmic
            format={(v) => millis(v === null ? null : v)}
            unit="ms"
            empty={waiting}
          />
        </Panel>
      </div>
      <div class="columns">
        <Panel title="Paths" note={`Times of the latest ${count(recent.length)} answers`}>
          <PathTable window={window} recent={recent} />
        </Panel>
        <Panel title="Stages" note="of the way through memory">
          <StageTable window={window} />
        </Panel>
      </div>
      <MapPanel window={window} recent={recent} strategies={live.strategies ?? []} />
      <BudgetPanel strategies={live.strategies ?? []} />
      <div class="columns">
        <ServicePanel ready={live.ready} reading={window.to} />
        <EnginePanel window={window} />
      </div>
    </>
  );
}
