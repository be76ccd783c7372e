/** Saying that a decision was right or wrong, and what came of it. */

import { useState } from "preact/hooks";
import { ApiError, service } from "../api";
import { count, moment } from "../format";
import type { FeedbackAnswer, Verdict } from "../wire";
import { Dialog, Failure, Id } from "./basics";

type Signal = "" | "1" | "0" | "-1";

function Consequences(props: { told: FeedbackAnswer; onClose: () => void }) {
  const { told } = props;
  const others = told.served.filter((one) => one.decision_id !== told.decision_id);
  return (
    <>
      <p>
        {told.verdict === "right" && "It counts for the strategy's error budget."}
        {told.verdict === "wrong" &&
          told.quarantined &&
          "Its entry serves no more, and its question is closed to entries that would answer the same."}
        {told.verdict === "wrong" &&
          !told.quarantined &&
          "It counts against the strategy. No entry was closed: there was none, or it is gone."}
        {told.remembered && " What should have been decided is remembered."}
      </p>
      {told.entry && (
        <p>
          Entry <Id id={told.entry} />
        </p>
      )}
      {others.length > 0 && (
        <>
          <h3>
            {count(told.served_count - 1)} other {told.served_count === 2 ? "decision was" : "decisions were"} served from it
          </h3>
          <table class="data">
            <tbody>
              {others.slice(0, 20).map((one) => (
                <tr key={one.decision_id}>
                  <td class="num muted">{moment(one.at)}</td>
                  <td>{one.text ?? "–"}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </>
      )}
      <div class="buttons">
        <button type="button" class="primary" onClick={props.onClose}>
          Close
        </button>
      </div>
    </>
  );
}

/** A verdict that is about to be given, and on what. */
export interface Judging {
  id: string;
  text: string;
  verdict: Verdict;
  trade: boolean;
}

export function VerdictDialog(props: { judging: Judging; onClose: () => void }) {
  const { judging } = props;
  const wrong = judging.verdict === "wrong";
  const [note, setNote] = useState("");
  const [signal, setSignal] = useState<Signal>("");
  const [conviction, setConviction] = useState("0.5");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const [told, setTold] = useState<FeedbackAnswer | null>(null);
  const send = async () => {
    setBusy(true);
    setError(null);
    const expected =
      wrong && signal !== "" ? { kind: "trade", signal: Number(signal), conviction: Number(conviction) } : undefined;
    try {
      setTold(
        await service.feedback({ decision_id: judging.id, verdict: judging.verdict, note: note.trim() || undefined, expected }),
      );
    } catch (failed) {
      setError(failed instanceof ApiError ? failed : new ApiError(0, "The answer can't be read", String(failed)));
    }
    setBusy(false);
  };
  if (told) {
    return (
      <Dialog title={`Reported ${told.verdict}`} onClose={props.onClose}>
        <Consequences told={told} onClose={props.onClose} />
      </Dialog>
    );
  }
  return (
    <Dialog title={wrong ? "Report this decision as wrong?" : "Report this decision as right?"} onClose={props.onClose}>
      <form onSubmit={(event) => (event.preventDefault(), void send())}>
        <blockquote>{judging.text}</blockquote>
        <p class="muted">
          {wrong
            ? "The entry that it was served from will serve no more, for anybody of this tenant. That can't be taken back here."
            : "It becomes a sample of the strategy's error budget."}
        </p>
        {wrong && judging.trade && (
          <div class="form-row">
            <label>
              It should have been
              <select value={signal} onChange={(event) => setSignal(event.currentTarget.value as Signal)}>
                <option value="">not known</option>
                <option value="1">up</option>
                <option value="0">flat</option>
                <option value="-1">down</option>
              </select>
            </label>
            {signal !== "" && (
              <label>
                Conviction
                <input
                  type="number"
                  min="0"
                  max="1"
                  step="0.05"
                  value={conviction}
                  onInput={(event) => setConviction(event.currentTarget.value)}
                />
              </label>
            )}
          </div>
        )}
        <label>
          Note
          <input
            value={note}
            maxLength={4000}
            onInput={(event) => setNote(event.currentTarget.value)}
            placeholder="why, for the record"
            autocomplete="off"
          />
        </label>
        {error && <Failure error={error} />}
        <div class="buttons">
          <button type="button" onClick={props.onClose}>
            Cancel
          </button>
          <button type="submit" class={wrong ? "danger" : "primary"} disabled={busy}>
            {busy ? "Reporting…" : `Report ${judging.verdict}`}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
