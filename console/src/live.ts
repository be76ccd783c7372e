/** What the page knows of the service: asked for again and again while somebody looks, and kept for five minutes. */

import { useEffect, useState } from "preact/hooks";
import { ApiError, onUnauthorised, service } from "./api";
import { type Reading, read, sum } from "./prometheus";
import type { Ready, Recent, Strategy } from "./wire";

/** Milliseconds from one reading to the next, and how many readings are kept: five minutes of them. */
export const EVERY_MS = 2_000;
const KEPT = 150;
/** What changes slowly is asked for every so many readings. */
const SLOWLY = 5;
/** While the service is away it is asked less and less often, up to so many milliseconds apart. */
const AWAY_MS_MAX = 15_000;
/** As many of the latest decisions as one request may ask for. */
const RECENT = 200;

export interface Sample {
  at: number;
  reading: Reading;
}

type Part = "metrics" | "decisions" | "strategies" | "ready";

export interface Live {
  samples: Sample[];
  recent: Recent[] | null;
  strategies: Strategy[] | null;
  ready: Ready | null;
  /** What each part was answered with instead, for parts that the caller may not read. */
  refused: Partial<Record<Part, ApiError>>;
  /** Since when the service doesn't answer. */
  awaySince: number | null;
  /** When it is asked next. */
  nextAt: number;
  paused: boolean;
  signIn: boolean;
}

const live: Live = {
  samples: [],
  recent: null,
  strategies: null,
  ready: null,
  refused: {},
  awaySince: null,
  nextAt: 0,
  paused: false,
  signIn: false,
};

const watchers = new Set<() => void>();
let timer: number | undefined;
let round = 0;
let failures = 0;
let answered = -1;
let busy = false;

function tell() {
  for (const watcher of watchers) watcher();
}

/** The state, and a new look whenever it changes. */
export function useLive(): Live {
  const [, look] = useState(0);
  useEffect(() => {
    const watcher = () => look((n) => n + 1);
    watchers.add(watcher);
    return () => void watchers.delete(watcher);
  }, []);
  return live;
}

async function ask<T>(part: Part, from: () => Promise<T>, take: (value: T) => void) {
  try {
    take(await from());
    delete live.refused[part];
  } catch (error) {
    // A part that the caller may not read is left out; a service that doesn't answer is another matter.
    if (!(error instanceof ApiError) || error.status === 0 || error.status >= 500) throw error;
    live.refused[part] = error;
  }
}

function takeMetrics(text: string) {
  const now = Date.now();
  // A reading that was asked for in between takes the place of the one just before it: rates over a moment say nothing.
  const [before, last] = live.samples.slice(-2);
  if (before && last && (now - last.at < EVERY_MS / 2 || last.at - before.at < EVERY_MS / 2)) live.samples.pop();
  live.samples.push({ at: now, reading: read(text) });
  if (live.samples.length > KEPT) live.samples.shift();
}

/** Decisions are asked for again only where the counters say that there are others. */
async function askDecisions(always: boolean) {
  const reading = live.samples.at(-1)?.reading;
  const now = (sum(reading, "decisions_total") ?? 0) + (sum(reading, "judgements_total") ?? 0);
  if (!always && live.recent && reading && now === answered) return;
  await ask(
    "decisions",
    () => service.decisions(RECENT),
    (page) => (live.recent = page.decisions),
  );
  answered = now;
}

async function once() {
  const slowly = round % SLOWLY === 0;
  round += 1;
  await ask("metrics", service.metrics, takeMetrics);
  const asked = [askDecisions(slowly)];
  if (slowly) {
    asked.push(ask("strategies", service.strategies, (all) => (live.strategies = all)));
    asked.push(ask("ready", service.ready, (ready) => (live.ready = ready)));
  }
  await Promise.all(asked);
}

async function poll() {
  clearTimeout(timer);
  if (busy || live.paused || live.signIn || document.hidden) return;
  busy = true;
  try {
    await once();
    failures = 0;
    live.awaySince = null;
  } catch {
    if (live.awaySince === null) live.awaySince = Date.now();
    failures += 1;
    // What comes back may be another run of the service, with other strategies.
    round = 0;
  }
  busy = false;
  const wait = Math.min(EVERY_MS * 2 ** Math.max(0, failures - 1), AWAY_MS_MAX);
  live.nextAt = Date.now() + wait;
  timer = window.setTimeout(poll, wait);
  tell();
}

/** Asks at once, and for everything. */
export function refresh() {
  round = 0;
  void poll();
}

export function setPaused(paused: boolean) {
  live.paused = paused;
  tell();
  if (!paused) refresh();
}

/** Asks for a token, or lets the page go on with the one that it has now. */
export function setSignIn(wanted: boolean) {
  live.signIn = wanted;
  tell();
  if (!wanted) refresh();
}

/** Begins to ask. */
export function watch() {
  onUnauthorised(() => {
    live.signIn = true;
    tell();
  });
  document.addEventListener("visibilitychange", () => void poll());
  void poll();
}

/** Which stretch of time the figures tell of. */
export type Stretch = "1m" | "5m" | "start";

/** The readings that begin and end a stretch; since the start there is none that begins it. */
export interface Window {
  from?: Reading;
  to?: Reading;
}

export function stretch(samples: Sample[], of: Stretch): Window {
  const last = samples.at(-1);
  if (!last || of === "start") return { to: last?.reading };
  const since = last.at - (of === "1m" ? 60_000 : 300_000);
  const first = samples.find((sample) => sample.at >= since - EVERY_MS / 2);
  return { from: (first ?? last).reading, to: last.reading };
}
