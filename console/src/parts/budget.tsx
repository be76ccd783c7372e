/** How it stands with an error budget. */

import { count, moment, percent } from "../format";
import type { BudgetState } from "../wire";

const STATES: Record<string, [string, string]> = {
  open: ["open", "near hits are served"],
  exact_only: ["exact only", "the budget is spent or not proven: only exact hits are served"],
};

export function BudgetMark(props: { state: BudgetState }) {
  const name = props.state.state.replace("-", "_");
  const [word, meaning] = STATES[name] ?? [props.state.state, ""];
  return (
    <span class={`state state-${name === "open" ? "good" : "bad"}`} title={meaning}>
      {word}
    </span>
  );
}

/** The share of wrong reuses with its interval, beside the share that is tolerated. */
export function BudgetScale(props: { state: BudgetState }) {
  const { spent, error_budget: tolerated } = props.state;
  const most = Math.max(tolerated * 3, Math.min(spent.n > 0 ? spent.high : 0, tolerated * 6));
  const place = (share: number) => Math.min(1, share / most) * 200;
  return (
    <svg class="budget-scale" width="100%" height="14" viewBox="0 0 200 14" preserveAspectRatio="none" aria-hidden="true">
      <rect class="track" y="5" width="200" height="4" />
      <rect class="tolerated" y="5" width={place(tolerated)} height="4" />
      {spent.n > 0 && (
        <rect class="interval" x={place(spent.low)} y="3" width={Math.max(1, place(spent.high) - place(spent.low))} height="8" />
      )}
      {spent.rate !== null && <rect class="rate" x={Math.max(0, place(spent.rate) - 1)} y="0" width="2" height="14" />}
      <rect class="limit" x={place(tolerated) - 0.75} y="0" width="1.5" height="14" />
    </svg>
  );
}

export function BudgetRow(props: { name: string; state: BudgetState }) {
  const { state } = props;
  const { spent, samples } = state;
  return (
    <tr>
      <th scope="row">
        <a href={`#/strategies/${encodeURIComponent(props.name)}`}>{props.name}</a>
      </th>
      <td>
        <BudgetMark state={state} />
      </td>
      <td class="num">{percent(state.error_budget)}</td>
      <td class="num">{spent.n > 0 ? percent(spent.rate, 2) : "–"}</td>
      <td class="num muted">{spent.n > 0 ? `${percent(spent.low, 2)} to ${percent(spent.high, 2)}` : "nothing sampled"}</td>
      <td class="scale-cell">
        <BudgetScale state={state} />
      </td>
      {(["shadow", "feedback", "engine"] as const).map((source) => (
        <td key={source} class="num" title={`${samples[source].wrong} wrong of ${samples[source].n}`}>
          {samples[source].wrong > 0 && <span class="wrong">{count(samples[source].wrong)} / </span>}
          {count(samples[source].n)}
        </td>
      ))}
      <td class="why" title={`since ${moment(state.since)}`}>
        {state.why}
      </td>
    </tr>
  );
}

export function BudgetTable(props: { rows: { name: string; state: BudgetState }[] }) {
  return (
    <div class="scroll">
      <table class="data">
        <thead>
          <tr>
            <th scope="col">Strategy</th>
            <th scope="col">Near hits</th>
            <th scope="col" class="num">
              Tolerated
            </th>
            <th scope="col" class="num">
              Wrong
            </th>
            <th scope="col" class="num">
              95 % interval
            </th>
            <th scope="col">
              <span class="hidden">Wrong beside tolerated</span>
            </th>
            <th scope="col" class="num" title="Hits decided again after they were served">
              Shadow
            </th>
            <th scope="col" class="num" title="Verdicts of callers">
              Feedback
            </th>
            <th scope="col" class="num" title="Near misses that an engine then decided">
              Engine
            </th>
            <th scope="col">Why</th>
          </tr>
        </thead>
        <tbody>
          {props.rows.map((row) => (
            <BudgetRow key={row.name} {...row} />
          ))}
        </tbody>
      </table>
    </div>
  );
}
