/** The one way to the service: every request of the page goes through `api`. */

import type { Answer, DecisionPage, Ready, SearchAnswer, Strategy, WholeDecision, FeedbackAnswer, Verdict } from "./wire";

const TOKEN = "instinct.token";
const WITHIN_MS = 8_000;

/** What the service answered instead of what was asked for (RFC 9457), or that it didn't answer. */
export class ApiError extends Error {
  constructor(
    /** The HTTP status; 0 where there was no answer at all. */
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly fields: { pointer: string; detail: string }[] = [],
  ) {
    super(detail || title);
  }
}

/** The bearer token of this tab. It leaves with the tab, and is never written anywhere else. */
export const token = {
  get: (): string | null => sessionStorage.getItem(TOKEN),
  set: (value: string) => sessionStorage.setItem(TOKEN, value),
  clear: () => sessionStorage.removeItem(TOKEN),
};

let whenRefused: () => void = () => {};

/** Says who is told that the service asks for a token. */
export function onUnauthorised(told: () => void) {
  whenRefused = told;
}

/** Asks the service; `also` is a status that is an answer like 200. */
export async function api(
  path: string,
  init: { method?: string; body?: unknown; within?: number; also?: number } = {},
): Promise<Response> {
  const headers = new Headers();
  const bearer = token.get();
  if (bearer) headers.set("Authorization", `Bearer ${bearer}`);
  if (init.body !== undefined) headers.set("Content-Type", "application/json");
  let response: Response;
  try {
    response = await fetch(path, {
      method: init.method ?? (init.body === undefined ? "GET" : "POST"),
      headers,
      body: init.body === undefined ? undefined : JSON.stringify(init.body),
      signal: AbortSignal.timeout(init.within ?? WITHIN_MS),
      cache: "no-store",
      credentials: "omit",
    });
  } catch (error) {
    const late = error instanceof DOMException && error.name === "TimeoutError";
    throw new ApiError(0, "The service doesn't answer", late ? "It took too long." : "The connection failed.");
  }
  if (response.status === 401) whenRefused();
  if (!response.ok && response.status !== init.also) throw await problem(response);
  return response;
}

async function problem(response: Response): Promise<ApiError> {
  const title = response.status === 401 ? "Sign in first" : `HTTP ${response.status}`;
  try {
    const said = await response.json();
    return new ApiError(response.status, said.title ?? title, said.detail ?? "", said.errors ?? []);
  } catch {
    return new ApiError(response.status, title, "");
  }
}

async function json<T>(path: string, body?: unknown, within?: number): Promise<T> {
  return (await api(path, { body, within })).json();
}

export const service = {
  metrics: async () => (await api("/metrics")).text(),
  strategies: () => json<Strategy[]>("/v1/strategies"),
  decisions: (limit: number) => json<DecisionPage>(`/v1/decisions?limit=${limit}`),
  decision: (id: string) => json<WholeDecision>(`/v1/decisions/${encodeURIComponent(id)}`),
  search: (body: object) => json<SearchAnswer>("/v1/entries/search", body, 20_000),
  decide: (body: object) => json<Answer>("/v1/decide", body, 130_000),
  feedback: (body: { decision_id: string; verdict: Verdict; note?: string; expected?: object }) =>
    json<FeedbackAnswer>("/v1/feedback", body, 20_000),
  /** Not ready is an answer too. */
  ready: async () => (await api("/health/ready", { also: 503 })).json() as Promise<Ready>,
};
