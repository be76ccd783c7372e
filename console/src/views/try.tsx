/** A text, and every candidate for it with its scores and gates. */

import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, service } from "../api";
import { count, day, fixed } from "../format";
import { refresh, useLive } from "../live";
import { AnswerView, DecisionBody } from "../parts/answer";
import { DecisionMark, Empty, Failure, GateCell, Id, Panel, Score } from "../parts/basics";
import { FactList, FactPairs } from "../parts/facts";
import { path } from "../route";
import { type Answer, type Candidate, GATES, type SearchAnswer } from "../wire";

interface Form {
  text: string;
  strategy: string;
  tags: string;
  limit: number;
}

interface Result {
  search?: SearchAnswer;
  answer?: Answer;
  error?: ApiError;
}

// They stay while the reader looks at another view.
const kept: { form: Form; result: Result } = { form: { text: "", strategy: "", tags: "", limit: 10 }, result: {} };

const TEXT_BYTES_MAX = 8_192;
const bytesOf = (text: string) => new TextEncoder().encode(text).length;

function tagsOf(text: string): string[] {
  return text.split(/[,\s]+/).filter(Boolean);
}

async function asked(form: Form, how: "explain" | "decide"): Promise<Result> {
  const body = { text: form.text, strategy: form.strategy || undefined, tags: tagsOf(form.tags) };
  try {
    if (how === "explain") return { search: await service.search({ ...body, limit: form.limit }) };
    const answer = await service.decide(body);
    refresh();
    return { answer };
  } catch (error) {
    return { error: error instanceof ApiError ? error : new ApiError(0, "The answer can't be read", String(error)) };
  }
}

function Verdict(props: { found: SearchAnswer }) {
  const { candidates } = props.found;
  const served = candidates.findIndex((candidate) => candidate.servable);
  const first = candidates[0];
  if (!first) return <Empty title="Nothing is remembered there">The partition of this strategy holds no entries yet.</Empty>;
  const refusedBy = first.gates.find((verdict) => !verdict.passed)?.gate;
  return served >= 0 ? (
    <p class="verdict verdict-served">
      <strong>Candidate {served + 1} may be reused:</strong> <DecisionMark decision={candidates[served]!.decision} />
    </p>
  ) : (
    <p class="verdict verdict-refused">
      <strong>Nothing may be reused.</strong> The nearest of {count(candidates.length)} candidates was refused by {refusedBy}
      {first.saw && <>: {first.saw}</>}
    </p>
  );
}

function Details(props: { candidate: Candidate; found: SearchAnswer; columns: number }) {
  const { candidate, found } = props;
  return (
    <tr class="details">
      <td colSpan={props.columns}>
        <dl class="pairs">
          <div>
            <dt>Entry</dt>
            <dd>
              <Id id={candidate.entry} whole />
            </dd>
          </div>
          <div>
            <dt>Provenance</dt>
            <dd>{candidate.provenance}</dd>
          </div>
          {candidate.tags.length > 0 && (
            <div>
              <dt>Tags</dt>
              <dd>{candidate.tags.join(", ")}</dd>
            </div>
          )}
        </dl>
        <DecisionBody decision={candidate.decision} />
        {found.facts && candidate.facts && <FactPairs asked={found.facts} remembered={candidate.facts} />}
      </td>
    </tr>
  );
}

function Row(props: { candidate: Candidate; n: number; found: SearchAnswer; open: boolean; onToggle: () => void }) {
  const { candidate, found } = props;
  const id = `candidate-${props.n}`;
  return (
    <>
      <tr class={`${candidate.servable ? "servable" : ""} ${props.open ? "open" : ""}`} onClick={props.onToggle}>
        <td class="num muted">{props.n}</td>
        <td class="text">
          <button
            type="button"
            class="plain"
            aria-expanded={props.open}
            id={id}
            onClick={(event) => (event.stopPropagation(), props.onToggle())}
          >
            {candidate.text}
          </button>
          {candidate.saw && <p class="saw">{candidate.saw}</p>}
        </td>
        <td class="num">
          <Score value={candidate.similarity} floor={found.tau} />
        </td>
        <td class="num">
          <Score value={candidate.fresh_similarity} floor={found.tau_fresh} />
        </td>
        {GATES.map((gate) => (
          <GateCell key={gate} gate={gate} verdicts={candidate.gates} />
        ))}
        <td>
          <DecisionMark decision={candidate.decision} />
        </td>
        <td class="num muted">{day(candidate.as_of)}</td>
      </tr>
      {props.open && <Details candidate={candidate} found={found} columns={12} />}
    </>
  );
}

function Candidates(props: { found: SearchAnswer }) {
  const { found } = props;
  const [open, setOpen] = useState<string | null>(null);
  useEffect(() => setOpen(null), [found]);
  return (
    <div class="scroll">
      <table class="data candidates">
        <thead>
          <tr>
            <th scope="col" class="num">
              #
            </th>
            <th scope="col">Entry, and what the refusing gate saw</th>
            <th scope="col" class="num">
              Similarity
            </th>
            <th scope="col" class="num">
              Fresh
            </th>
            {GATES.map((gate) => (
              <th key={gate} scope="col" class="gate-name">
                {gate}
              </th>
            ))}
            <th scope="col">Decision</th>
            <th scope="col" class="num">
              As of
            </th>
          </tr>
        </thead>
        <tbody>
          {found.candidates.map((candidate, i) => (
            <Row
              key={candidate.entry}
              candidate={candidate}
              n={i + 1}
              found={found}
              open={open === candidate.entry}
              onToggle={() => setOpen(open === candidate.entry ? null : candidate.entry)}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Explained(props: { found: SearchAnswer }) {
  const { found } = props;
  return (
    <>
      <Panel
        title="Candidates"
        note={`${found.strategy}, floors ${fixed(found.tau, 2)} and ${fixed(found.tau_fresh, 2)} fresh; nothing was served or counted`}
      >
        <Verdict found={found} />
        {found.candidates.length > 0 && <Candidates found={found} />}
      </Panel>
      {found.facts && (
        <Panel title="Read of the text" note="What the fact gate holds against an entry">
          <FactList facts={found.facts} />
        </Panel>
      )}
    </>
  );
}

function Decided(props: { answer: Answer }) {
  return (
    <Panel
      title="Answer"
      note="Counted, and on record"
      aside={<a href={path("decisions", props.answer.id)}>Show among the decisions</a>}
    >
      <AnswerView answer={props.answer} />
    </Panel>
  );
}

export function Try() {
  const live = useLive();
  const [form, setForm] = useState(kept.form);
  const [result, setResult] = useState<Result>(kept.result);
  const [busy, setBusy] = useState<string | null>(null);
  const shown = useRef<HTMLDivElement>(null);
  kept.form = form;
  kept.result = result;
  const set = (part: Partial<Form>) => setForm({ ...form, ...part });
  const bytes = bytesOf(form.text);
  const good = form.text.trim() !== "" && bytes <= TEXT_BYTES_MAX;
  const ask = async (how: "explain" | "decide") => {
    if (!good || busy) return;
    setBusy(how);
    setResult(await asked(form, how));
    setBusy(null);
  };
  const keys = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    void ask(event.ctrlKey || event.metaKey ? "decide" : "explain");
  };
  return (
    <>
      <div class="view-head">
        <h1>Try a text</h1>
      </div>
      <form class="panel try" onSubmit={(event) => (event.preventDefault(), void ask("explain"))}>
        <label class="hidden" for="text">
          Text
        </label>
        <textarea
          id="text"
          rows={3}
          value={form.text}
          placeholder="A headline or a question, as a caller would send it"
          onInput={(event) => set({ text: event.currentTarget.value })}
          onKeyDown={keys}
          aria-describedby="text-bytes"
        />
        <div class="try-options">
          <label>
            Strategy
            <select value={form.strategy} onChange={(event) => set({ strategy: event.currentTarget.value })}>
              {(live.strategies ?? []).map((one) => (
                <option key={one.name} value={one.default ? "" : one.name}>
                  {one.name}
                </option>
              ))}
            </select>
          </label>
          <label>
            Tags
            <input
              value={form.tags}
              placeholder="ETH, rates"
              onInput={(event) => set({ tags: event.currentTarget.value })}
              autocomplete="off"
            />
          </label>
          <label>
            Candidates
            <input
              type="number"
              min={1}
              max={100}
              value={form.limit}
              onInput={(event) => set({ limit: Math.max(1, Math.min(100, Number(event.currentTarget.value) || 10)) })}
            />
          </label>
          <span id="text-bytes" class={`num bytes ${bytes > TEXT_BYTES_MAX ? "wrong" : "muted"}`}>
            {count(bytes)} of {count(TEXT_BYTES_MAX)} bytes
          </span>
          <button type="submit" class="primary" disabled={!good || busy !== null} title="Enter">
            {busy === "explain" ? "Searching…" : "Explain"}
          </button>
          <button
            type="button"
            disabled={!good || busy !== null}
            onClick={() => ask("decide")}
            title="Ctrl Enter: ask for a real decision"
          >
            {busy === "decide" ? "Deciding…" : "Decide"}
          </button>
        </div>
      </form>
      <div ref={shown} aria-live="polite" class="stack">
        {result.error && <Failure error={result.error} />}
        {result.search && <Explained found={result.search} />}
        {result.answer && <Decided answer={result.answer} />}
        {!result.error && !result.search && !result.answer && (
          <Empty title="Which remembered decision would answer this?">
            <b>Explain</b> looks without serving or counting anything. <b>Decide</b> asks for a real decision, which is counted
            and kept on record.
          </Empty>
        )}
      </div>
    </>
  );
}
