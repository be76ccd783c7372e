/** What was read of a text, in words, and two readings side by side. */

import type { Facts } from "../wire";

interface Quantity {
  value: number;
  unit: string;
  bound?: string;
  of?: string;
}
interface Event {
  axis: string;
  pole: number;
  of?: string;
}
interface Role {
  subject: string[];
  verb: string;
  object: string[];
}

const POLES: Record<string, string> = { "1": "+", "0": "=", "-1": "−" };
const join = (...parts: (string | undefined | false)[]) => parts.filter(Boolean).join(" ");

const WORDED: Record<string, (value: never) => string> = {
  entities: (entity: { id: string }) => entity.id,
  quantities: (q: Quantity) => join(q.bound?.replace("-", " "), String(q.value), q.unit, q.of && `(${q.of})`),
  events: (event: Event) => join(`${event.axis}${POLES[event.pole] ?? ""}`, event.of && `(${event.of})`),
  roles: (role: Role) => join(role.subject.join(", "), "→", role.verb, "→", role.object.join(", ")),
};

/** What is not a fact of its own: bookkeeping, and the words as they were read. */
const LEFT_OUT = new Set(["version", "content", "unread", "words"]);

/** The facts of one field, each in words. */
export function worded(facts: Facts | undefined, field: string): string[] {
  const value = facts?.[field];
  if (value == null) return [];
  if (!Array.isArray(value)) return [JSON.stringify(value)];
  const inWords = WORDED[field];
  return value.map((one) => (inWords ? inWords(one as never) : typeof one === "string" ? one : JSON.stringify(one)));
}

export function fieldsOf(...all: (Facts | undefined)[]): string[] {
  return [...new Set(all.flatMap((facts) => Object.keys(facts ?? {})))].filter((field) => !LEFT_OUT.has(field));
}

function Chips(props: { items: string[]; besides?: string[] }) {
  if (props.items.length === 0) return <span class="muted">nothing</span>;
  return (
    <ul class="chips">
      {props.items.map((item) => (
        <li key={item} class={props.besides && !props.besides.includes(item) ? "differs" : ""}>
          {item}
        </li>
      ))}
    </ul>
  );
}

export function FactList(props: { facts: Facts }) {
  const fields = fieldsOf(props.facts);
  if (fields.length === 0) return <p class="muted">Nothing was read that could be held against an entry.</p>;
  return (
    <dl class="fact-list">
      {fields.map((field) => (
        <div key={field}>
          <dt>{field}</dt>
          <dd>
            <Chips items={worded(props.facts, field)} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** Two readings, what one of them alone has marked. */
export function FactPairs(props: { asked: Facts; remembered: Facts }) {
  return (
    <table class="data fact-pairs">
      <thead>
        <tr>
          <th scope="col">Read of</th>
          <th scope="col">this text</th>
          <th scope="col">the entry</th>
        </tr>
      </thead>
      <tbody>
        {fieldsOf(props.asked, props.remembered).map((field) => {
          const [here, there] = [worded(props.asked, field), worded(props.remembered, field)];
          return (
            <tr key={field}>
              <th scope="row">{field}</th>
              <td>
                <Chips items={here} besides={there} />
              </td>
              <td>
                <Chips items={there} besides={here} />
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
