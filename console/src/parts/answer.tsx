/** One whole answer: what was decided, why, and how long each step took. */

import { cosine, fixed, millis, percent, span } from "../format";
import type { Answer, Decision } from "../wire";
import { ConfidenceMark, DecisionMark, GateRow, Id, OutcomeMark, PathMark } from "./basics";

const STEPS = ["exact", "embed", "context", "compose", "search", "gates", "slow", "engine"];

export function Timing(props: { timing: Record<string, number> }) {
  const total = props.timing.total ?? 0;
  const steps = STEPS.map((step) => [step, props.timing[step] ?? 0] as const).filter(([, us]) => us > 0);
  const told = steps.reduce((so, [, us]) => so + us, 0);
  const whole = Math.max(total, told, 1);
  let from = 0;
  return (
    <div class="timing">
      <svg width="100%" height="8" viewBox="0 0 1000 8" preserveAspectRatio="none" aria-hidden="true">
        <rect class="track" width="1000" height="8" />
        {steps.map(([step, us]) => {
          const [x, width] = [(from / whole) * 1000, (us / whole) * 1000];
          from += us;
          return <rect key={step} class={`step step-${step}`} x={x} width={width} height="8" />;
        })}
      </svg>
      <ul>
        {steps.map(([step, us]) => (
          <li key={step}>
            <span class={`swatch step-${step}`} aria-hidden="true" />
            {step} <span class="num">{millis(us / 1e6)}</span>
          </li>
        ))}
        <li class="sum">
          total <span class="num">{millis(total / 1e6)}</span> ms
        </li>
      </ul>
    </div>
  );
}

export function DecisionBody(props: { decision: Decision }) {
  const { decision } = props;
  const agents = decision.agents ?? [];
  return (
    <div class="decision-body">
      {decision.reasoning && <p class="reasoning">{decision.reasoning}</p>}
      {agents.length > 0 && (
        <table class="data">
          <thead>
            <tr>
              <th scope="col">Agent</th>
              <th scope="col">Said</th>
              <th scope="col">By</th>
              <th scope="col" class="num">
                ms
              </th>
              <th scope="col">Why</th>
            </tr>
          </thead>
          <tbody>
            {agents.map((agent) => (
              <tr key={agent.name}>
                <th scope="row">{agent.name}</th>
                <td>
                  {agent.outcome === "ok" ? (
                    <DecisionMark decision={{ kind: "trade", signal: agent.signal as 1, conviction: agent.conviction }} />
                  ) : (
                    agent.outcome
                  )}
                </td>
                <td>{agent.source}</td>
                <td class="num">{fixed(agent.latency_ms)}</td>
                <td>{agent.reasoning}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {decision.kind !== "trade" && <pre class="json">{JSON.stringify(decision, null, 2)}</pre>}
    </div>
  );
}

function MatchPart(props: { match: NonNullable<Answer["match"]> }) {
  const { match } = props;
  return (
    <>
      <h3>Served from</h3>
      <dl class="pairs">
        <div>
          <dt>Entry</dt>
          <dd>
            <Id id={match.entry} />
          </dd>
        </div>
        <div>
          <dt>Similarity</dt>
          <dd class="num">
            {cosine(match.similarity)} <span class="muted">≥ {cosine(match.tau)}</span>
          </dd>
        </div>
        <div>
          <dt>Fresh</dt>
          <dd class="num">
            {cosine(match.fresh_similarity)} <span class="muted">≥ {cosine(match.tau_fresh)}</span>
          </dd>
        </div>
        <div>
          <dt>Age</dt>
          <dd class="num">{span(Math.round(match.age_ms / 1_000))}</dd>
        </div>
        {match.right_at_least !== undefined && (
          <div>
            <dt>Right at least</dt>
            <dd class="num">{percent(match.right_at_least)}</dd>
          </div>
        )}
      </dl>
      <GateRow verdicts={match.gates} />
    </>
  );
}

function RefusedPart(props: { refused: Answer["refused"] }) {
  return (
    <>
      <h3>Refused on the way</h3>
      <table class="data">
        <thead>
          <tr>
            <th scope="col">Entry</th>
            <th scope="col" class="num">
              Similarity
            </th>
            <th scope="col" class="num">
              Fresh
            </th>
            <th scope="col">Gate</th>
            <th scope="col">It saw</th>
          </tr>
        </thead>
        <tbody>
          {props.refused.map((one) => (
            <tr key={one.entry}>
              <td>
                <Id id={one.entry} />
              </td>
              <td class="num">{cosine(one.similarity)}</td>
              <td class="num">{cosine(one.fresh_similarity)}</td>
              <td>{one.gate}</td>
              <td>{one.saw}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

export function AnswerView(props: { answer: Answer }) {
  const { answer } = props;
  return (
    <div class="answer">
      <p class="answer-head">
        <OutcomeMark outcome={answer.outcome} />
        <PathMark path={answer.path} outcome={answer.outcome} />
        <DecisionMark decision={answer.decision} />
        {answer.decision && (
          <span>
            <ConfidenceMark confidence={answer.confidence} /> <span class="muted">confidence</span>
          </span>
        )}
      </p>
      {answer.reason && <p class="reason">{answer.reason}</p>}
      {answer.exact_only && <p class="reason">Exact hits only: {answer.exact_only}</p>}
      {answer.decision && <DecisionBody decision={answer.decision} />}
      <h3>Time</h3>
      <Timing timing={answer.timing_us} />
      {answer.match && <MatchPart match={answer.match} />}
      {answer.refused.length > 0 && <RefusedPart refused={answer.refused} />}
    </div>
  );
}
