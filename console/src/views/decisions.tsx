/** The latest decisions, each with its whole answer, and the button that says that one was wrong. */

import { useEffect, useState } from "preact/hooks";
import { clock, cosine, count, millis } from "../format";
import { refresh, useLive } from "../live";
import { Choice, ConfidenceMark, DecisionMark, Empty, Failure, Panel, PathMark } from "../parts/basics";
import { type Judging, VerdictDialog } from "../parts/verdict";
import { Whole } from "../parts/whole";
import { go, path } from "../route";
import type { Recent, Verdict } from "../wire";

type Show = "all" | "memory" | "engine" | "none" | "wrong";

const SHOWS: [Show, string][] = [
  ["all", "All"],
  ["memory", "From memory"],
  ["engine", "From engines"],
  ["none", "No answer"],
  ["wrong", "Wrong"],
];

function fits(one: Recent, show: Show): boolean {
  switch (show) {
    case "all":
      return true;
    case "memory":
      return one.outcome === "decided" && one.path !== "engine";
    case "engine":
      return one.outcome === "decided" && one.path === "engine";
    case "none":
      return one.outcome !== "decided";
    case "wrong":
      return one.right === false;
  }
}

const judging = (one: Recent, verdict: Verdict): Judging => ({
  id: one.id,
  text: one.text,
  verdict,
  trade: one.decision?.kind === "trade",
});

function VerdictCell(props: { one: Recent; onJudge: (judging: Judging) => void }) {
  const { one } = props;
  if (one.outcome !== "decided") return <td />;
  if (one.right !== null) {
    return (
      <td>
        <span class={`said said-${one.right ? "right" : "wrong"}`}>{one.right ? "right" : "wrong"}</span>
      </td>
    );
  }
  return (
    <td>
      <button
        type="button"
        class="small"
        aria-label={`Report as wrong: ${one.text}`}
        onClick={(event) => (event.stopPropagation(), props.onJudge(judging(one, "wrong")))}
      >
        Wrong
      </button>
    </td>
  );
}

function Why(props: { one: Recent }) {
  const { match, refused, outcome } = props.one;
  if (outcome === "decided" && match) return null;
  if (!refused?.gate) return outcome === "decided" ? null : <p class="saw">nothing was near</p>;
  return (
    <p class="saw">
      <b>{refused.gate}</b> {refused.saw}
    </p>
  );
}

function Row(props: { one: Recent; chosen: boolean; onJudge: (judging: Judging) => void }) {
  const { one } = props;
  const near = one.match ?? one.refused;
  return (
    <tr class={props.chosen ? "open" : ""} onClick={() => go("decisions", props.chosen ? null : one.id)}>
      <td class="num muted" title={one.at}>
        {clock(one.at)}
      </td>
      <td class="text">
        <a
          href={path("decisions", one.id)}
          data-row={one.id}
          aria-current={props.chosen ? "true" : undefined}
          onClick={(event) => event.stopPropagation()}
        >
          {one.text}
        </a>
        <Why one={one} />
      </td>
      <td>
        {one.outcome === "decided" ? (
          <PathMark path={one.path} />
        ) : (
          <span class={`outcome outcome-${one.outcome}`}>{one.outcome}</span>
        )}
      </td>
      <td>
        <DecisionMark decision={one.decision} />
      </td>
      <td>{one.outcome === "decided" ? <ConfidenceMark confidence={one.confidence} /> : <span class="muted">–</span>}</td>
      <td class={`num ${one.match ? "" : "muted"}`}>{cosine(near?.similarity)}</td>
      <td class={`num ${one.match ? "" : "muted"}`}>{cosine(near?.fresh_similarity)}</td>
      <td class="num">{millis(one.total_us / 1e6)}</td>
      <VerdictCell one={one} onJudge={props.onJudge} />
    </tr>
  );
}

/** Rows that are drawn at first, and how many more at a time. */
const ROWS = 50;

function List(props: { rows: Recent[]; chosen: string | null; onJudge: (judging: Judging) => void }) {
  const [most, setMost] = useState(ROWS);
  const more = props.rows.length - most;
  return (
    <>
      <div class="scroll">
        <table class="data decisions">
          <thead>
            <tr>
              <th scope="col" class="num">
                Time
              </th>
              <th scope="col">Text, and why nothing nearer was served</th>
              <th scope="col">Path</th>
              <th scope="col">Decision</th>
              <th scope="col">Confidence</th>
              <th scope="col" class="num">
                Similarity
              </th>
              <th scope="col" class="num">
                Fresh
              </th>
              <th scope="col" class="num">
                ms
              </th>
              <th scope="col">
                <span class="hidden">Verdict</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {props.rows.slice(0, most).map((one) => (
              <Row key={one.id} one={one} chosen={one.id === props.chosen} onJudge={props.onJudge} />
            ))}
          </tbody>
        </table>
      </div>
      {more > 0 && (
        <div class="more">
          <button type="button" class="small" onClick={() => setMost(most + ROWS)}>
            Show {count(Math.min(ROWS, more))} more
          </button>
        </div>
      )}
    </>
  );
}

/**
 * The decisions that are shown: the latest, but for as long as the reader points at the list or has chosen one of it those that were there
 * when that began, so that no row moves away under the pointer. What became of them is still told.
 */
function useHeld(latest: Recent[], hold: boolean): { shown: Recent[]; newer: number; letGo: () => void } {
  const [held, setHeld] = useState<Recent[] | null>(null);
  useEffect(() => setHeld(hold ? latest : null), [hold]);
  if (!hold || !held) return { shown: latest, newer: 0, letGo: () => {} };
  const now = new Map(latest.map((one) => [one.id, one]));
  const top = held[0]?.id ?? "";
  return {
    shown: held.map((one) => now.get(one.id) ?? one),
    newer: latest.filter((one) => one.id > top).length,
    letGo: () => setHeld(latest),
  };
}

export function Decisions(props: { of: string | null }) {
  const live = useLive();
  const [pointed, setPointed] = useState(false);
  const [focused, setFocused] = useState(false);
  const [show, setShow] = useState<Show>("all");
  const [words, setWords] = useState("");
  const [judged, setJudged] = useState<Judging | null>(null);
  const { shown: recent, newer, letGo } = useHeld(live.recent ?? [], pointed || focused || judged !== null || props.of !== null);
  const wanted = words.trim().toLowerCase();
  const rows = recent.filter(
    (one) => fits(one, show) && (wanted === "" || `${one.text} ${one.strategy} ${one.id}`.toLowerCase().includes(wanted)),
  );
  const chosen = recent.find((one) => one.id === props.of);
  return (
    <>
      <div class="view-head">
        <h1>Decisions</h1>
        <Choice label="Which decisions" value={show} options={SHOWS} onChange={setShow} />
        <label class="inline">
          <span class="hidden">Filter by words</span>
          <input
            type="search"
            placeholder="Filter by words, strategy or id"
            value={words}
            onInput={(event) => setWords(event.currentTarget.value)}
          />
        </label>
        <span class="muted">
          {count(rows.length)} of the latest {count(recent.length)}
        </span>
      </div>
      {live.refused.decisions && <Failure error={live.refused.decisions} />}
      <div class={`list-and-whole ${props.of ? "with-whole" : ""}`}>
        <Panel
          title="Latest"
          class="list"
          aside={
            newer > 0 && (
              <button type="button" class="small" onClick={letGo}>
                Show {count(newer)} newer
              </button>
            )
          }
        >
          <div
            onPointerEnter={() => setPointed(true)}
            onPointerLeave={() => setPointed(false)}
            onFocusIn={() => setFocused(true)}
            onFocusOut={(event) => !event.currentTarget.contains(event.relatedTarget as Node | null) && setFocused(false)}
          >
            {rows.length > 0 ? (
              <List rows={rows} chosen={props.of} onJudge={setJudged} />
            ) : recent.length > 0 ? (
              <Empty title="None of the latest decisions fit">Choose “All” or clear the words.</Empty>
            ) : live.recent ? (
              <Empty title="No decisions since the service started">
                They appear here as callers ask. <a href={path("try")}>Try a text</a> and press Decide to make one.
              </Empty>
            ) : (
              <p class="muted pad">Reading…</p>
            )}
          </div>
        </Panel>
        {props.of && <Whole key={props.of} id={props.of} recent={chosen} onJudge={setJudged} />}
      </div>
      {judged && <VerdictDialog judging={judged} onClose={() => (setJudged(null), refresh())} />}
    </>
  );
}
