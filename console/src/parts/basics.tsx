/** The small parts that every view is made of. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { ApiError } from "../api";
import { cosine, fixed, shortId } from "../format";
import type { Decision, Gate, GateVerdict, Outcome, Path } from "../wire";
import { GATES } from "../wire";

export function Panel(props: {
  title: string;
  note?: ComponentChildren;
  aside?: ComponentChildren;
  class?: string;
  children: ComponentChildren;
}) {
  return (
    <section class={`panel ${props.class ?? ""}`} aria-label={props.title}>
      <header class="panel-head">
        <h2>{props.title}</h2>
        {props.note && <p class="muted">{props.note}</p>}
        {props.aside && <div class="aside">{props.aside}</div>}
      </header>
      {props.children}
    </section>
  );
}

/** What stands where there is nothing to show. */
export function Empty(props: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{props.title}</p>
      {props.children && <p>{props.children}</p>}
    </div>
  );
}

export function Failure(props: { error: ApiError }) {
  const { error } = props;
  return (
    <div class="failure" role="alert">
      <strong>{error.title}</strong>
      {error.detail && <span> {error.detail}</span>}
      {error.fields.length > 1 && (
        <ul>
          {error.fields.map((field) => (
            <li key={field.pointer}>
              <code>{field.pointer}</code> {field.detail}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** One of a few, chosen by pointer or arrow keys. */
export function Choice<T extends string>(props: {
  label: string;
  value: T;
  options: [T, string][];
  onChange: (value: T) => void;
}) {
  return (
    <fieldset class="choice">
      <legend class="hidden">{props.label}</legend>
      {props.options.map(([value, text]) => (
        <label key={value}>
          <input
            type="radio"
            name={props.label}
            value={value}
            checked={value === props.value}
            onChange={() => props.onChange(value)}
          />
          <span>{text}</span>
        </label>
      ))}
    </fieldset>
  );
}

export function PathMark(props: { path: Path; outcome?: Outcome }) {
  const none = props.outcome && props.outcome !== "decided";
  return <span class={`mark path-${none ? "none" : props.path}`}>{props.path}</span>;
}

export function OutcomeMark(props: { outcome: Outcome }) {
  return <span class={`outcome outcome-${props.outcome}`}>{props.outcome}</span>;
}

export function ConfidenceMark(props: { confidence: string }) {
  return <span class={`confidence confidence-${props.confidence.toLowerCase()}`}>{props.confidence.toLowerCase()}</span>;
}

const SIGNALS = { "1": ["▲", "up"], "0": ["●", "flat"], "-1": ["▼", "down"] } as const;

/** A decision in a cell: which way, and how sure. */
export function DecisionMark(props: { decision: Decision | null }) {
  const { decision } = props;
  if (!decision) return <span class="muted">–</span>;
  if (decision.signal == null) return <span class="decision">{decision.kind}</span>;
  const [sign, word] = SIGNALS[`${decision.signal}`];
  return (
    <span class={`decision signal-${word}`}>
      <span aria-hidden="true">{sign}</span> {word} <span class="num">{fixed(decision.conviction, 2)}</span>
    </span>
  );
}

/** A score with its floor: the bar ends at the score, the line stands at the floor. */
export function Score(props: { value: number; floor: number }) {
  const place = (value: number) => Math.max(0, Math.min(1, value)) * 56;
  return (
    <span class={`score ${props.value < props.floor ? "below" : ""}`} title={`floor ${cosine(props.floor)}`}>
      <svg width="56" height="8" aria-hidden="true">
        <rect class="track" width="56" height="4" y="2" rx="2" />
        <rect class="fill" width={place(props.value)} height="4" y="2" rx="2" />
        <rect class="floor" width="1.5" height="8" x={place(props.floor) - 0.75} />
      </svg>
      <span class="num">{cosine(props.value)}</span>
    </span>
  );
}

const SAID = { passed: "✓", refused: "✕", unseen: "·" } as const;

/** What one gate said of a candidate. */
export function GateCell(props: { gate: Gate; verdicts: GateVerdict[] }) {
  const found = props.verdicts.find((verdict) => verdict.gate === props.gate);
  const said = found ? (found.passed ? "passed" : "refused") : "unseen";
  return (
    <td class={`gate gate-${said}`} title={`${props.gate}: ${said === "unseen" ? "did not run" : said}`}>
      <span aria-hidden="true">{SAID[said]}</span>
      <span class="hidden">{said === "unseen" ? "did not run" : said}</span>
    </td>
  );
}

export function GateRow(props: { verdicts: GateVerdict[] }) {
  return (
    <ul class="gate-row">
      {GATES.filter((gate) => props.verdicts.some((verdict) => verdict.gate === gate)).map((gate) => {
        const passed = props.verdicts.some((verdict) => verdict.gate === gate && verdict.passed);
        return (
          <li key={gate} class={passed ? "gate-passed" : "gate-refused"}>
            <span aria-hidden="true">{passed ? "✓" : "✕"}</span> {gate}
            <span class="hidden">{passed ? " passed" : " refused"}</span>
          </li>
        );
      })}
    </ul>
  );
}

/** An id, short; the whole of it under the pointer and in the clipboard. */
export function Id(props: { id: string; whole?: boolean }) {
  return (
    <code class="id" title={props.id}>
      {props.whole ? props.id : shortId(props.id)}
    </code>
  );
}

/** A share as a bar that fills a cell. */
export function Bar(props: { share: number; tone?: string }) {
  return (
    <svg
      class={`bar ${props.tone ?? ""}`}
      width="100%"
      height="6"
      preserveAspectRatio="none"
      viewBox="0 0 100 6"
      aria-hidden="true"
    >
      <rect class="track" width="100" height="6" />
      <rect class="fill" width={Math.max(0, Math.min(1, props.share)) * 100} height="6" />
    </svg>
  );
}

/** A dialog of the browser's own: it keeps the focus, Escape closes it, and the focus goes back where it was. */
export function Dialog(props: { title: string; onClose: () => void; children: ComponentChildren; class?: string }) {
  const at = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = at.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={at}
      class={props.class}
      aria-label={props.title}
      onClose={props.onClose}
      onClick={(event) => event.target === at.current && at.current?.close()}
    >
      <div class="dialog-body">
        <h2>{props.title}</h2>
        {props.children}
      </div>
    </dialog>
  );
}
