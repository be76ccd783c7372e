/** The frame of the page: header, keys, what is said above every view, and the view. */

import { useEffect, useState } from "preact/hooks";
import { token } from "./api";
import { clock, count } from "./format";
import { type Live, refresh, setPaused, setSignIn, useLive } from "./live";
import { Dialog, Failure } from "./parts/basics";
import { labels } from "./prometheus";
import { go, path, useRoute, type View, VIEWS } from "./route";
import { setTheme, type Theme, theme } from "./theme";
import { Decisions } from "./views/decisions";
import { Overview } from "./views/overview";
import { Strategies } from "./views/strategies";
import { Try } from "./views/try";

const NAMES: Record<View, string> = { overview: "Overview", try: "Try a text", decisions: "Decisions", strategies: "Strategies" };
const KEYS_OFF = "instinct.keys-off";

function State(props: { live: Live }) {
  const { live } = props;
  if (live.awaySince !== null) return <span class="state state-bad">away</span>;
  if (live.paused) return <span class="state">paused</span>;
  if (!live.ready) return <span class="state">connecting</span>;
  return live.ready.status === "ready" ? (
    <span class="state state-good">ready</span>
  ) : (
    <span class="state state-bad">not ready</span>
  );
}

function ThemeChoice() {
  const [chosen, setChosen] = useState(theme());
  return (
    <label class="inline">
      <span class="hidden">Theme</span>
      <select
        class="quiet"
        value={chosen}
        onChange={(event) => {
          const to = event.currentTarget.value as Theme;
          setTheme(to);
          setChosen(to);
        }}
      >
        <option value="system">System</option>
        <option value="light">Light</option>
        <option value="dark">Dark</option>
      </select>
    </label>
  );
}

function Header(props: { live: Live; view: View; onHelp: () => void }) {
  const { live } = props;
  const build = [...(live.samples.at(-1)?.reading.get("instinct_build_info")?.keys() ?? [])][0];
  return (
    <header class="top">
      <a class="brand" href="#/overview">
        <img src="/console/icon.svg" alt="" width="20" height="20" /> Instinct
        {build && <span class="muted version">{labels(build).version}</span>}
      </a>
      <nav aria-label="Views">
        {VIEWS.map((view) => (
          <a key={view} href={path(view)} aria-current={view === props.view ? "page" : undefined}>
            {NAMES[view]}
          </a>
        ))}
      </nav>
      <div class="tools">
        <State live={live} />
        <button type="button" class="quiet" aria-pressed={live.paused} onClick={() => setPaused(!live.paused)}>
          {live.paused ? "Go on" : "Pause"}
        </button>
        <ThemeChoice />
        {token.get() && (
          <button type="button" class="quiet" onClick={() => (token.clear(), setSignIn(true))}>
            Sign out
          </button>
        )}
        <a class="quiet" href="/docs/">
          API
        </a>
        <button type="button" class="quiet" onClick={props.onHelp} aria-label="Keys" title="Keys">
          ?
        </button>
      </div>
    </header>
  );
}

/** What is to be said above every view. */
function Said(props: { live: Live }) {
  const { live } = props;
  const [, look] = useState(0);
  const away = live.awaySince !== null;
  useEffect(() => {
    if (!away) return;
    const timer = setInterval(() => look((n) => n + 1), 1_000);
    return () => clearInterval(timer);
  }, [away]);
  const late = live.ready?.parts.strategies?.filter((one) => !one.ready) ?? [];
  return (
    <div aria-live="polite">
      {live.awaySince !== null && (
        <div class="banner banner-bad" role="alert">
          <span>
            <strong>The service doesn't answer</strong> since {clock(live.awaySince)}. What is shown is from before. It is asked
            again in {count(Math.max(0, Math.ceil((live.nextAt - Date.now()) / 1_000)))} s.
          </span>
          <button type="button" onClick={refresh}>
            Ask now
          </button>
        </div>
      )}
      {live.ready && live.ready.status !== "ready" && (
        <div class="banner banner-bad">
          <strong>Not ready.</strong> {live.ready.parts.store?.error ?? "The service is about to stop."}
        </div>
      )}
      {late.map((one) => (
        <div key={one.name} class="banner">
          Strategy <strong>{one.name}</strong> can't decide: {one.reason}
        </div>
      ))}
      {live.refused.metrics && <Failure error={live.refused.metrics} />}
    </div>
  );
}

function SignIn() {
  const [value, setValue] = useState("");
  const known = token.get() !== null;
  return (
    <main class="sign-in">
      <form
        class="panel"
        onSubmit={(event) => {
          event.preventDefault();
          if (value.trim()) token.set(value.trim());
          setSignIn(false);
        }}
      >
        <h1>Sign in</h1>
        <p class="muted">
          {known ? "The service refused this tab's token." : "The service asks for a token."} It is kept in this tab alone, until
          the tab closes.
        </p>
        <label>
          Token or API key
          <input
            type="password"
            autoFocus
            autocomplete="off"
            spellcheck={false}
            value={value}
            onInput={(event) => setValue(event.currentTarget.value)}
          />
        </label>
        <div class="buttons">
          <button type="submit" class="primary" disabled={value.trim() === ""}>
            Sign in
          </button>
        </div>
      </form>
    </main>
  );
}

const HELP: [string, string][] = [
  ["/", "try a text"],
  ["1 2 3 4", "overview, try, decisions, strategies"],
  ["j k", "next and previous decision"],
  ["w", "report the chosen decision as wrong"],
  ["p", "pause and go on"],
  ["Enter", "explain the text; with Ctrl, decide"],
  ["Esc", "close what is open"],
  ["?", "this"],
];

function Help(props: { onClose: () => void }) {
  const [off, setOff] = useState(localStorage.getItem(KEYS_OFF) !== null);
  return (
    <Dialog title="Keys" onClose={props.onClose}>
      <dl class="keys">
        {HELP.map(([keys, does]) => (
          <div key={keys}>
            <dt>
              {keys.split(" ").map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <label class="check">
        <input
          type="checkbox"
          checked={!off}
          onChange={(event) => {
            const on = event.currentTarget.checked;
            if (on) localStorage.removeItem(KEYS_OFF);
            else localStorage.setItem(KEYS_OFF, "1");
            setOff(!on);
          }}
        />
        Keys of one letter are on
      </label>
      <div class="buttons">
        <button type="button" onClick={props.onClose}>
          Close
        </button>
      </div>
    </Dialog>
  );
}

/** Moves among the decisions that are listed, and keeps the focus on the one that is chosen. */
function step(by: 1 | -1, of: string | null) {
  const links = [...document.querySelectorAll<HTMLAnchorElement>("[data-row]")];
  const at = links.findIndex((link) => link.dataset.row === of);
  const next = links[at < 0 ? 0 : Math.max(0, Math.min(links.length - 1, at + by))];
  if (!next) return;
  go("decisions", next.dataset.row, true);
  next.focus();
}

function writing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

function useKeys(live: Live, help: () => void) {
  const route = useRoute();
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      if (event.key === "Escape") {
        if (writing(event.target)) (event.target as HTMLElement).blur();
        else if (route.view === "decisions" && route.of) go("decisions");
        return;
      }
      if (writing(event.target) || localStorage.getItem(KEYS_OFF) !== null || live.signIn) return;
      const view = VIEWS[Number(event.key) - 1];
      if (view) go(view);
      else if (event.key === "/") {
        go("try");
        // The view is drawn once this event is over.
        setTimeout(() => document.getElementById("text")?.focus(), 50);
      } else if (event.key === "j" || event.key === "k") step(event.key === "j" ? 1 : -1, route.of);
      else if (event.key === "w" && route.view === "decisions")
        document.querySelector<HTMLButtonElement>("tr.open button.small")?.click();
      else if (event.key === "p") setPaused(!live.paused);
      else if (event.key === "?") help();
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, [route.view, route.of]);
}

export function App() {
  const live = useLive();
  const route = useRoute();
  const [help, setHelp] = useState(false);
  useKeys(live, () => setHelp(true));
  useEffect(() => {
    document.title = `${NAMES[route.view]} · Instinct`;
  }, [route.view]);
  if (live.signIn) return <SignIn />;
  return (
    <>
      <a
        class="skip"
        href="#content"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById("content")?.focus();
        }}
      >
        Skip to the content
      </a>
      <Header live={live} view={route.view} onHelp={() => setHelp(true)} />
      <main id="content" tabIndex={-1} class={live.awaySince !== null ? "stale" : ""}>
        <Said live={live} />
        {route.view === "overview" && <Overview />}
        {route.view === "try" && <Try />}
        {route.view === "decisions" && <Decisions of={route.of} />}
        {route.view === "strategies" && <Strategies of={route.of} />}
      </main>
      {help && <Help onClose={() => setHelp(false)} />}
    </>
  );
}
