/** One decision with its whole record. */

import { useEffect, useState } from "preact/hooks";
import { ApiError, service } from "../api";
import { clock, day } from "../format";
import { go } from "../route";
import type { Recent, WholeDecision } from "../wire";
import { AnswerView } from "./answer";
import { Failure, Id, Panel } from "./basics";
import type { Judging } from "./verdict";

export function Whole(props: { id: string; recent: Recent | undefined; onJudge: (judging: Judging) => void }) {
  const [found, setFound] = useState<WholeDecision | ApiError | null>(null);
  const [raw, setRaw] = useState(false);
  const { recent } = props;
  const outcome = recent?.outcome;
  useEffect(() => {
    let here = true;
    setFound((before) => (before instanceof ApiError || before?.id !== props.id ? null : before));
    const take = (what: WholeDecision | ApiError) => here && setFound(what);
    service
      .decision(props.id)
      .then(take, (error) =>
        take(error instanceof ApiError ? error : new ApiError(0, "The record can't be read", String(error))),
      );
    return () => void (here = false);
  }, [props.id, outcome]);
  const close = (
    <button type="button" class="small" onClick={() => go("decisions")} title="Escape">
      Close
    </button>
  );
  if (found === null)
    return (
      <Panel title="Decision" aside={close} class="whole">
        <p class="muted">Reading the record…</p>
      </Panel>
    );
  if (found instanceof ApiError)
    return (
      <Panel title="Decision" aside={close} class="whole">
        <Failure error={found} />
      </Panel>
    );
  const { audit, ...answer } = found;
  const trade = found.decision?.kind === "trade";
  return (
    <Panel title="Decision" note={`${day(audit.at)} ${clock(audit.at)}`} aside={close} class="whole">
      <blockquote>{audit.request.text}</blockquote>
      {found.decision && (
        <p class="verdict-buttons">
          {recent?.right != null ? (
            <span class={`said said-${recent.right ? "right" : "wrong"}`}>reported {recent.right ? "right" : "wrong"}</span>
          ) : (
            (["wrong", "right"] as const).map((verdict) => (
              <button
                key={verdict}
                type="button"
                class="small"
                onClick={() => props.onJudge({ id: found.id, text: audit.request.text, verdict, trade })}
              >
                This was {verdict}
              </button>
            ))
          )}
        </p>
      )}
      <AnswerView answer={answer} />
      <h3>Record</h3>
      <dl class="pairs">
        <div>
          <dt>Id</dt>
          <dd>
            <Id id={found.id} whole />
          </dd>
        </div>
        <div>
          <dt>Trace</dt>
          <dd>
            <Id id={found.trace_id} whole />
          </dd>
        </div>
        <div>
          <dt>Strategy</dt>
          <dd>
            {found.strategy}, version {found.strategy_version}
          </dd>
        </div>
        <div>
          <dt>Tenant</dt>
          <dd>{audit.tenant}</dd>
        </div>
        {audit.request.tags && (
          <div>
            <dt>Tags</dt>
            <dd>{audit.request.tags.join(", ")}</dd>
          </div>
        )}
      </dl>
      <button type="button" class="small" aria-expanded={raw} onClick={() => setRaw(!raw)}>
        {raw ? "Hide" : "Show"} JSON
      </button>
      {raw && <pre class="json">{JSON.stringify(found, null, 2)}</pre>}
    </Panel>
  );
}
